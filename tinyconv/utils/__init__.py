"""What Keras keeps in `keras.utils`: images from files and folders, batches by number, bars, diagrams of models."""

from ..callbacks.progbar import Progbar
from ..data.pydataset import PyDataset, Sequence
from ..datasets import to_categorical
from ..visualize import plot_model
from .image import array_to_img, img_to_array, load_img, save_img
from .image_dataset import image_dataset_from_directory
from .splitting import split_folder

__all__ = [
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "plot_model",
    "save_img",
    "split_folder",
    "to_categorical",
]
