"""Resampling on the CPU: the formula in `reference/resampling.py`.

One thread does it, the one that calls: a loader's threads have an image each.
"""

import numpy as np

from .compile import jit
from .memory import empty


def resize_bilinear(
    x: np.ndarray, rows: np.ndarray, down: np.ndarray, columns: np.ndarray, across: np.ndarray
) -> np.ndarray:
    """Return y (oh,ow,c) of one image x (h,w,c), each row and column between two of its own."""
    c = x.shape[2]
    numbers = (columns[..., None] * c + np.arange(c)).reshape(2, -1)  # their places in a row of x
    y = empty((rows.shape[1], columns.shape[1], c), down.dtype)
    lines = np.ascontiguousarray(x).reshape(len(x), -1)
    # Numba looks for the end's side of indices that may be negative: these are not.
    unsigned = rows.astype(np.uintp), numbers.astype(np.uintp)
    _resize_bilinear(lines, unsigned[0], down, *unsigned[1], across.repeat(c), y.reshape(len(y), -1))
    return y


@jit
def _resize_bilinear(
    x: np.ndarray,
    rows: np.ndarray,
    down: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    across: np.ndarray,
    y: np.ndarray,
) -> None:
    number = y.dtype.type
    for p in range(y.shape[0]):
        above, below, share, line = x[rows[0, p]], x[rows[1, p]], down[p], y[p]
        for q in range(line.shape[0]):
            i, j, k = left[q], right[q], across[q]
            first, second = number(above[i]), number(below[i])
            first = (number(above[j]) - first) * k + first
            second = (number(below[j]) - second) * k + second
            line[q] = (second - first) * share + first
