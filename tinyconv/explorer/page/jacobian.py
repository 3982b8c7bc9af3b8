"""The local Jacobian of an operation at the recorded values, as a sparse table: who hears from a cell, how much."""

from copy import copy
from typing import Any

import numpy as np

from ...tensor import Function

ENTRIES = 1 << 16  # that a table may have; an operation with more is not shown term by term
PROBES = 1 << 22  # numbers that trying an operation may make


def table(function: Function, inputs: list[np.ndarray], output: np.ndarray) -> dict[str, np.ndarray] | None:
    """Return for each input three arrays, or None if they would be too many numbers.

    "offsets0" and "outputs0" and "slopes0" say of cell k of input 0, in row-major order, that the cells outputs0[j] of
    the result depend on it by the slopes0[j], for offsets0[k] ≤ j < offsets0[k + 1].
    """
    found = {}
    for place, x in enumerate(inputs):
        entries = _entries(function, place, x, output)
        if entries is None:
            return None
        cells, outputs, slopes = entries
        order = np.lexsort((outputs, cells))
        offsets = np.zeros(x.size + 1, np.int32)
        np.cumsum(np.bincount(cells, minlength=x.size), out=offsets[1:])
        found[f"offsets{place}"] = offsets
        found[f"outputs{place}"] = outputs[order].astype(np.int32)
        found[f"slopes{place}"] = slopes[order].astype(np.float32)
    return found


Entries = tuple[np.ndarray, np.ndarray, np.ndarray]  # numbers of cells of the input, of cells of y, and slopes


def _entries(function: Function, place: int, x: np.ndarray, y: np.ndarray) -> Entries | None:
    """Return the entries of one input that are not 0."""
    if x.size * y.size > PROBES:
        return None
    rows = [_gradient(function, place, dy, x) for dy in np.eye(y.size, dtype=y.dtype).reshape(-1, *y.shape)]
    dense = np.stack(rows).reshape(y.size, x.size)  # ∂y/∂x
    outputs, cells = np.nonzero(dense)
    return None if len(cells) > ENTRIES else (cells, outputs, dense[outputs, cells])


def _gradient(function: Function, place: int, dy: np.ndarray, x: np.ndarray) -> Any:
    """Return what a function passes on to one of its inputs."""
    own = copy(function)
    own.needs = tuple(each == place for each in range(len(function.needs)))
    dx = own.backward(dy)[place]
    return np.zeros_like(x) if dx is None else dx
