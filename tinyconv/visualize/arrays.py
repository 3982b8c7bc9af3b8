"""What the pictures accept: arrays checked at the door, images made ready to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def numbers(where: str, value: npt.ArrayLike, letters: str) -> Array:
    """The value as an array of finite real numbers with as many axes as `letters` names, such as "kh kw c k".

    Raises
    ------
    ValueError
        If it is not numeric, has other axes, is empty, or holds NaN or infinity. `where` opens the message.
    """
    array = np.asarray(value)
    axes = letters.split()
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{where} must hold real numbers, got dtype {array.dtype}")
    if array.ndim != len(axes):
        raise ValueError(
            f"{where} must have shape ({', '.join(axes)}{',' * (len(axes) == 1)}), got shape {array.shape}"
        )
    if array.size == 0:
        raise ValueError(f"{where} is empty: shape {array.shape}")
    wrong = array.size - int(np.count_nonzero(np.isfinite(array)))
    if wrong:
        raise ValueError(
            f"{where} holds {wrong:,} values of {array.size:,} that are NaN or infinite: the training diverged?"
        )
    return array


def class_numbers(where: str, value: npt.ArrayLike, classes: int | None) -> npt.NDArray[np.int64]:
    """The value as class numbers (n,), each from 0 to `classes` − 1 (None: no upper end); a column (n, 1) is flattened.

    Raises
    ------
    ValueError
        If it has other axes (one-hot rows need `.argmax(axis=1)`), fractions, or numbers out of range.
    """
    array = np.asarray(value)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        raise ValueError(
            f"{where} must be class numbers (n,), got shape {array.shape}; for one-hot rows pass .argmax(axis=1)"
        )
    whole = numbers(where, array, "n").astype(np.int64)
    if np.any(whole != array):
        raise ValueError(f"{where} must be whole class numbers, got {array[whole != array][0]}")
    if whole.min() < 0 or (classes is not None and whole.max() >= classes):
        bad = whole.min() if whole.min() < 0 else whole.max()
        needed = "0 or more" if classes is None else f"0 to {classes - 1}"
        raise ValueError(f"{where} must be class numbers from {needed}, got {bad}")
    return whole


def names_for(where: str, class_names: Sequence[str] | None, classes: int) -> list[str]:
    """The names of the classes, or their numbers where there are none.

    Raises
    ------
    ValueError
        If there are not as many names as classes.
    """
    if class_names is None:
        return [str(i) for i in range(classes)]
    if len(class_names) != classes:
        raise ValueError(f"{where}: {len(class_names)} class names for {classes} classes")
    return [str(name) for name in class_names]


def showable(where: str, images: npt.ArrayLike) -> tuple[Array, float, float]:
    """Images (n, h, w), (n, h, w, 1) or (n, h, w, 3) as matplotlib shows them, and the values of black and white.

    Gray images come back as (n, h, w), unchanged, with 0 black and 1 or 255 white, whichever the brightest pixel
    needs. RGB comes back unchanged when it is uint8 or within 0..1, divided by 255 when within 0..255. Values below 0
    or above 255 (centered inputs) put black and white at the extremes of all the images.

    Raises
    ------
    ValueError
        If the shape is none of these, or a value is not finite.
    """
    array = np.asarray(images)
    array = numbers(where, array, "n h w") if array.ndim == 3 else numbers(where, array, "n h w c")
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim == 4 and array.shape[3] != 3:
        raise ValueError(f"{where} must have 1 or 3 channels, got shape {array.shape}")
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 255:
        high = high if high > low else low + 1
    else:
        low, high = 0.0, 1.0 if high <= 1 and array.dtype.kind != "u" else 255.0
    if array.ndim == 4 and array.dtype != np.uint8 and (low, high) != (0.0, 1.0):
        array = (array.astype(np.float64) - low) / (high - low)
    return array, low, high
