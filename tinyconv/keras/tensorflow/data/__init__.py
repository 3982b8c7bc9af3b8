"""`tf.data`: datasets, whose elements a script joins, changes and shuffles step by step."""

from typing import Any

from ...vocabulary import missing, public
from ..settings import setting
from .dataset import INFINITE, UNKNOWN, Dataset

AUTOTUNE = -1
INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = INFINITE, UNKNOWN
Options = setting


def cardinality(dataset: Dataset) -> Any:
    """Return the number of elements; −1 if there is no end, −2 if it is not known."""
    return dataset.cardinality()


def assert_cardinality(expected_cardinality: Any) -> Any:
    """Return what, in `apply`, gives a dataset its length."""

    def known(dataset: Dataset) -> Dataset:
        return Dataset(dataset._begin, int(expected_cardinality), dataset._rows)

    return known


class experimental:  # noqa: N801, the name that scripts know
    """`tf.data.experimental`."""

    AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = AUTOTUNE, INFINITE, UNKNOWN
    cardinality, assert_cardinality = staticmethod(cardinality), staticmethod(assert_cardinality)


__all__ = public(globals())
__getattr__ = missing(
    "tensorflow.data", globals(), {"TFRecordDataset TextLineDataset": "keep images and arrays: from_tensor_slices"}
)
