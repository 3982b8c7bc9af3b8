"""The same numbers in memory that is laid out otherwise: a gradient must not depend on it."""

from collections.abc import Callable

import numpy as np


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a copy that nobody may write to."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def reversed_(array: np.ndarray) -> np.ndarray:
    """Return a copy whose last number comes first in memory: negative strides."""
    return np.flip(np.flip(array).copy())


def strided(array: np.ndarray) -> np.ndarray:
    """Return a copy with a gap, of NaN, after each number."""
    wide = np.full((*array.shape, 2), np.nan)
    wide[..., 0] = array
    return wide[..., 0]


def by_columns(array: np.ndarray) -> np.ndarray:
    """Return a copy whose first axis is the innermost."""
    return array.copy(order="F")


def broadcast(array: np.ndarray) -> np.ndarray:
    """Return the first of the array's rows as many times as there are rows, in the memory of one: a stride of zero."""
    return np.broadcast_to(array[:1].copy(), array.shape) if array.ndim else array


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "read-only": read_only,
    "reversed": reversed_,
    "strided": strided,
    "column-major": by_columns,
    "broadcast": broadcast,
}
