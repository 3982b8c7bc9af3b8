"""Sums of whole arrays, and what keeps gradients small: formulas in `reference/arithmetic.py`."""

from math import inf
from typing import Any

import numpy as np
from numba import prange

from .compile import elementwise, vector_jit
from .mapped import mapped
from .memory import empty
from .vectors import LANES, in_registers, repeat, wide

# Sums are taken in this many parts, added in order: the bits do not depend on the number of threads.
PARTS = 16

# In each part so many sums at once, whole vectors of them: one alone would wait for its own last addition.
SUMS = 16


def add(a: np.ndarray, b: np.ndarray, relu: bool = False) -> np.ndarray:
    """Return a + b, or max(a + b, 0) with `relu`, for arrays of one shape."""
    return mapped(_add, a, b, scalars=(a.dtype.type(0 if relu else -inf),))


def add_scaled(a: np.ndarray, b: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return a + factor·b for arrays of one shape and an array `factor` of one element."""
    return mapped(_add_scaled, a, b, factor)


def scale(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return factor·x for an array `factor` of one element."""
    return mapped(_scale, x, factor)


def sum_squares(x: np.ndarray) -> np.ndarray:
    """Return Σ x², added up in double, as an array of no axes."""
    partial = np.zeros(PARTS)
    _sum_squares(x.reshape(-1), partial)
    with np.errstate(over="ignore"):  # beyond what the dtype holds it is ∞, in silence
        return partial.sum().astype(x.dtype)


def clip(x: np.ndarray, limit: float) -> np.ndarray:
    """Return min(max(x, −limit), limit); NaN stays NaN. NumPy has vector code for it."""
    return np.clip(x, -limit, limit, out=empty(x.shape, x.dtype))


def weighted_sum_inplace(
    total: np.ndarray, x: np.ndarray, a: float, y: np.ndarray | None = None, b: float = 0.0
) -> None:
    """total ← a·x + b·y, or a·x, for arrays of one shape; `total` may be one of them."""
    _weighted_sum(total.reshape(-1), x.reshape(-1), a, None if y is None else y.reshape(-1), b)


@elementwise
def _weighted_sum(total: np.ndarray, x: np.ndarray, a: float, y: np.ndarray | None, b: float) -> None:
    number = total.dtype.type
    first, second = number(a), number(b)
    for i in prange(total.size):
        value = first * x[i]
        if y is not None:
            value += second * y[i]
        total[i] = value


@elementwise
def _add(a: np.ndarray, b: np.ndarray, total: np.ndarray, floor: float) -> None:
    for i in prange(a.size):
        value = a[i] + b[i]
        total[i] = floor if value <= floor else value  # the comparison is false for NaN, which stays


@elementwise
def _add_scaled(a: np.ndarray, b: np.ndarray, factor: np.ndarray, total: np.ndarray) -> None:
    for i in prange(a.size):
        total[i] = a[i] + b[i] * factor[0]


@elementwise
def _scale(x: np.ndarray, factor: np.ndarray, y: np.ndarray) -> None:
    for i in prange(x.size):
        y[i] = x[i] * factor[0]


@in_registers
def _add_squares(x, at, count, sums):
    """Add the squares of `count` times 16 numbers to 16 sums."""
    vectors = range(0, SUMS, LANES)

    def add(i: Any, *totals: Any) -> list[Any]:
        numbers = [wide(x[at + i * SUMS + t]) for t in vectors]
        return [number * number + total for number, total in zip(numbers, totals, strict=True)]

    for t, total in zip(vectors, repeat(count, add, [sums[t] for t in vectors]), strict=True):
        sums[t] = total


@vector_jit
def _sum_squares(x: np.ndarray, partial: np.ndarray) -> None:
    """Add up x² in `partial`, a part at a time."""
    for part in prange(PARTS):
        first, last = part * x.size // PARTS, (part + 1) * x.size // PARTS
        sums = np.zeros(SUMS)
        _add_squares(x, first, (last - first) // SUMS, sums)
        for at in range(last - (last - first) % SUMS, last):
            sums[0] += np.float64(x[at]) * np.float64(x[at])
        for total in sums:  # `sums.sum()` would need a part of Numba that imports SciPy to be loaded from disk
            partial[part] += total
