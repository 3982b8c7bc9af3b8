"""Labels: from class numbers to one-hot rows."""

from typing import Any

import numpy as np


def to_categorical(y: Any, num_classes: int | None = None) -> np.ndarray:
    """Return one-hot rows (..., num_classes) in float64: 1 at the label, 0 elsewhere, as `keras.utils.to_categorical`.

    `y` holds labels 0 … num_classes − 1 in any shape; a last axis of length 1 is dropped, so that (n, 1) gives
    (n, num_classes). `num_classes` is the highest label plus one if None. Raises ValueError for a label that is
    negative, not an integer or too high, naming its value and index (Keras lets −1 mean the last class and 1.7 mean 1).
    """
    given = np.asarray(y)
    if given.dtype.kind not in "biuf":
        raise ValueError(f"labels must be integers, got an array of {given.dtype}")
    if given.ndim > 1 and given.shape[-1] == 1:
        given = given[..., 0]
    if num_classes is None:
        if given.size == 0:
            raise ValueError("there are no labels to count the classes of: give num_classes")
    elif isinstance(num_classes, bool) or not isinstance(num_classes, int | np.integer) or num_classes < 1:
        raise ValueError(f"num_classes must be a positive integer, got {num_classes!r}")
    _refuse(given, (given != np.floor(given)) | np.isinf(given), "is not an integer")
    _refuse(given, given < 0, "is negative: labels count from 0")
    if num_classes is not None:
        _refuse(
            given, given >= num_classes, f"is too high for num_classes={num_classes}: labels end at num_classes - 1"
        )
    classes = int(given.max()) + 1 if num_classes is None else int(num_classes)
    labels = given.astype(np.int64)
    rows = np.zeros((labels.size, classes))
    rows[np.arange(labels.size), labels.reshape(-1)] = 1
    return rows.reshape(*labels.shape, classes)


def _refuse(given: np.ndarray, wrong: np.ndarray, why: str) -> None:
    """Raise ValueError about the first label where `wrong` is true, if there is one."""
    if wrong.any():
        index = tuple(int(axis) for axis in np.argwhere(wrong)[0])
        where = index[0] if len(index) == 1 else index
        raise ValueError(f"label {given[index]} at index {where} {why}")
