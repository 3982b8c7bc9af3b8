"""Activations: functions of each number by itself, and softmax, a function of each row (the last axis).

A backward takes what the derivative is simplest in: mostly the output y, which the next operation keeps anyway
(Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.3).
"""

import numpy as np


def relu(x: np.ndarray) -> np.ndarray:
    """Return y = max(x, 0) (Nair & Hinton 2010). NaN stays NaN."""
    return np.maximum(x, 0.0)


def relu_backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx = dy where y > 0, else 0; at the kink, x = 0, the gradient is 0."""
    return np.where(y > 0.0, dy, 0.0)


def leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    """Return y = x where x > 0, else slope·x (Maas, Hannun & Ng 2013)."""
    return np.where(x > 0.0, x, slope * x)


def leaky_relu_backward(dy: np.ndarray, x: np.ndarray, slope: float) -> np.ndarray:
    """Return dx = dy where x > 0, else slope·dy."""
    return np.where(x > 0.0, dy, slope * dy)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return y = 1 / (1 + e⁻ˣ).

    For x < 0 it is written eˣ / (1 + eˣ): the exponential of a negative number cannot overflow.
    """
    e = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, e) / (1.0 + e)


def sigmoid_backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx = dy · y · (1 − y)."""
    return dy * y * (1.0 - y)


def tanh(x: np.ndarray) -> np.ndarray:
    """Return y = tanh x."""
    return np.tanh(x)


def tanh_backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx = dy · (1 − y²)."""
    return dy * (1.0 - y * y)


def softmax(x: np.ndarray) -> np.ndarray:
    """Return y (…,k) with y_j = e^{x_j} / Σ_i e^{x_i} over the last axis of `x`.

    The row's maximum is taken off first: that changes nothing but keeps the exponentials from overflowing (Goodfellow
    et al. 2016, section 4.1).
    """
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx_j = y_j · (dy_j − Σ_i dy_i·y_i), the Jacobian diag(y) − y·yᵀ times dy, on the last axis."""
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))
