"""Rectifiers on the CPU: formulas and shapes in `reference/rectifier.py`."""

import numpy as np
from numba import prange

from .compile import elementwise, parallel_jit
from .mapped import mapped
from .memory import empty

COLUMNS = 512  # of a sample's numbers that one iteration owns, with the sums of their slopes' gradients


def rectifier(x: np.ndarray, slope: float, ceiling: float, threshold: float) -> np.ndarray:
    """Return y = min(x, ceiling) where x > threshold, else slope·(x − threshold); NaN stays NaN."""
    return mapped(_rectifier, x, scalars=(slope, ceiling, threshold))


def rectifier_backward(dy: np.ndarray, x: np.ndarray, slope: float, ceiling: float, threshold: float) -> np.ndarray:
    """Return dx = dy where threshold < x ≤ ceiling, slope·dy where x < threshold, 0 elsewhere."""
    return mapped(_rectifier_backward, dy, x, scalars=(slope, ceiling, threshold))


def prelu(x: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return y = x where x > 0, else alpha·x."""
    y, slopes = empty(x.shape, x.dtype), _of_one_sample(alpha, x)
    _prelu(x.reshape(-1, slopes.size), slopes, y.reshape(-1, slopes.size))
    return y


def prelu_backward(dy: np.ndarray, x: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (dx, dalpha); the sums over the batch are taken in double, a column after the other."""
    dx, slopes = empty(dy.shape, dy.dtype), _of_one_sample(alpha, x)
    sums = np.zeros(slopes.size)
    _prelu_backward(*(array.reshape(-1, slopes.size) for array in (dy, x)), slopes, dx.reshape(-1, slopes.size), sums)
    shared = tuple(axis for axis, length in enumerate(alpha.shape) if length == 1)
    return dx, sums.reshape(x.shape[1:]).sum(axis=shared, keepdims=True).astype(alpha.dtype)


def _of_one_sample(alpha: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the slopes of all numbers of a sample, as a vector."""
    return np.ascontiguousarray(np.broadcast_to(alpha, x.shape[1:])).reshape(-1)


@elementwise
def _rectifier(x: np.ndarray, y: np.ndarray, slope: float, ceiling: float, threshold: float) -> None:
    number = x.dtype.type
    zero, low, top, edge = number(0), number(slope), number(ceiling), number(threshold)
    for i in prange(x.size):
        if x[i] > edge:
            y[i] = x[i] if x[i] < top else top
        elif low == zero and x[i] <= edge:  # false for NaN; and −∞ times no slope would be NaN
            y[i] = zero
        else:
            y[i] = low * (x[i] - edge)


@elementwise
def _rectifier_backward(
    dy: np.ndarray, x: np.ndarray, dx: np.ndarray, slope: float, ceiling: float, threshold: float
) -> None:
    number = dy.dtype.type
    zero, low, top, edge = number(0), number(slope), number(ceiling), number(threshold)
    for i in prange(dy.size):
        if x[i] > edge:
            dx[i] = dy[i] if x[i] <= top else zero
        else:
            dx[i] = low * dy[i] if x[i] < edge else zero


@parallel_jit
def _prelu(x: np.ndarray, alpha: np.ndarray, y: np.ndarray) -> None:
    zero = x.dtype.type(0)
    for row in prange(x.shape[0]):
        for j in range(x.shape[1]):
            y[row, j] = x[row, j] if x[row, j] > zero else alpha[j] * x[row, j]


@parallel_jit
def _prelu_backward(dy: np.ndarray, x: np.ndarray, alpha: np.ndarray, dx: np.ndarray, sums: np.ndarray) -> None:
    zero = dy.dtype.type(0)
    for part in prange(-(-alpha.size // COLUMNS)):
        first, last = part * COLUMNS, min((part + 1) * COLUMNS, alpha.size)
        for row in range(dy.shape[0]):
            for j in range(first, last):
                positive = x[row, j] > zero
                dx[row, j] = dy[row, j] if positive else alpha[j] * dy[row, j] if x[row, j] < zero else zero
                sums[j] += 0.0 if positive else np.float64(dy[row, j]) * np.float64(x[row, j])
