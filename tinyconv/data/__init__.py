"""Data: where batches come from. `Dataset` is the protocol; arrays are one dataset."""

from .arrays import ArrayDataset
from .dataset import Batch, Dataset
from .pydataset import PyDataset

__all__ = ["ArrayDataset", "Batch", "Dataset", "PyDataset"]
