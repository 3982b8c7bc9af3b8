"""Activations on the CPU: formulas and shapes in `reference/activation.py`.

The rectifiers, which follow every convolution, are Numba loops, and so is the softmax of up to 128 classes, where
NumPy's calls would take longer. The others stand at a network's end, on small arrays, or are bound by exponentials, for
which NumPy has vector code and Numba calls one function a number.
"""

import numpy as np
from numba import prange

from ..shared import MAX_FLOAT32_TERMS
from .compile import elementwise, jit
from .mapped import mapped
from .memory import empty


def relu(x: np.ndarray) -> np.ndarray:
    """Return y = max(x, 0); NaN stays NaN."""
    return mapped(_relu, x)


def relu_backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx = dy where y > 0, else 0."""
    return mapped(_relu_backward, dy, y)


def leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    """Return y = x where x > 0, else slope·x."""
    return leaky_relu_backward(x, x, slope)


def leaky_relu_backward(dy: np.ndarray, x: np.ndarray, slope: float) -> np.ndarray:
    """Return dx = dy where x > 0, else slope·dy. Forward is the same function with dy = x."""
    return mapped(_leaky_relu_backward, dy, x, scalars=(slope,))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return y = e^{min(x, 0)} / (1 + e^{−|x|}), which neither overflows nor, unlike a choice by sign, branches."""
    e = np.abs(x.reshape(-1))
    np.negative(e, out=e)
    np.exp(e, out=e)
    e += 1
    y = np.minimum(x.reshape(-1), 0)
    np.exp(y, out=y)
    y /= e
    return y.reshape(x.shape)


def sigmoid_backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx = dy · y · (1 − y)."""
    dx = np.subtract(1, y, out=empty(y.shape, y.dtype))
    dx *= y
    dx *= dy
    return dx


def tanh(x: np.ndarray) -> np.ndarray:
    """Return y = tanh x."""
    return np.tanh(x, out=empty(x.shape, x.dtype))


def tanh_backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx = dy · (1 − y²)."""
    dx = np.multiply(y, y, out=empty(y.shape, y.dtype))
    np.subtract(1, dx, out=dx)
    dx *= dy
    return dx


def softmax(x: np.ndarray) -> np.ndarray:
    """Return y (…,k), the softmax of each row of `x` (…,k). A row that holds NaN or +∞ becomes NaN."""
    if x.shape[-1] <= MAX_FLOAT32_TERMS:  # NumPy's calls would take longer than the exponentials
        y = empty(x.shape, x.dtype)
        _softmax(x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1]))
        return y
    y = shifted_columns(x)
    np.exp(y, out=y)
    y /= sum_of_classes(y)
    return np.ascontiguousarray(y.T).reshape(x.shape)


def shifted_columns(x: np.ndarray) -> np.ndarray:
    """Return the rows of `x` (…,k), each less its maximum, as the columns of an array (k,rows).

    With as few classes as usual, NumPy is two to three times faster across columns than along rows.
    """
    columns = np.array(x.reshape(-1, x.shape[-1]).T, order="C")
    with np.errstate(invalid="ignore"):  # ∞ − ∞: kernels hand NaN on in silence
        columns -= columns.max(axis=0)
    return columns


def sum_of_classes(columns: np.ndarray) -> np.ndarray:
    """Return the sums (rows,) of the columns of an array (k,rows); in double where k is so large that it shows."""
    if len(columns) <= MAX_FLOAT32_TERMS:
        return columns.sum(axis=0)
    return columns.sum(axis=0, dtype=np.float64).astype(columns.dtype)


def softmax_backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx_j = y_j · (dy_j − Σ_i dy_i·y_i)."""
    dx = dy * y
    np.subtract(dy, dx.sum(axis=-1, keepdims=True), out=dx)
    dx *= y
    return dx


@jit
def _softmax(x: np.ndarray, y: np.ndarray) -> None:
    """Fill y with the softmax of each row of x, both (rows,k), k > 0."""
    number = x.dtype.type
    for row in range(x.shape[0]):
        most, total = x[row, 0], 0.0
        for j in range(1, x.shape[1]):
            most = most if x[row, j] <= most else x[row, j]  # of NaN the total becomes NaN
        for j in range(x.shape[1]):
            y[row, j] = np.exp(x[row, j] - most)
            total += y[row, j]
        for j in range(x.shape[1]):
            y[row, j] /= number(total)


@elementwise
def _relu(x: np.ndarray, y: np.ndarray) -> None:
    zero = x.dtype.type(0)
    for i in prange(x.size):
        y[i] = zero if x[i] <= zero else x[i]  # the comparison is false for NaN, which stays


@elementwise
def _relu_backward(dy: np.ndarray, y: np.ndarray, dx: np.ndarray) -> None:
    zero = dy.dtype.type(0)
    for i in prange(dy.size):
        dx[i] = dy[i] if y[i] > zero else zero


@elementwise
def _leaky_relu_backward(dy: np.ndarray, x: np.ndarray, dx: np.ndarray, slope: float) -> None:
    zero = dy.dtype.type(0)
    factor = dy.dtype.type(slope)
    for i in prange(dy.size):
        dx[i] = dy[i] if x[i] > zero else factor * dy[i]
