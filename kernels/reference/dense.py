"""The fully connected layer: an affine map of the last axis.

    y[…,k] = b[k] + Σ_m x[…,m] · w[m,k]

The gradients are those of a matrix product (Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.5.6).
"""

import numpy as np

from . import activation


def dense(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, relu: bool = False) -> np.ndarray:
    """Return y (…,k) = x·w + b for `x` (…,m), `w` (m,k) and `b` (k,) or None; with `relu`, max(y, 0)."""
    y = x @ w
    if b is not None:
        y = y + b
    return activation.relu(y) if relu else y


def dense_backward_input(dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return dx (…,m) = dy·wᵀ from `dy` (…,k) and `w` (m,k)."""
    return dy @ w.T


def dense_backward_kernel(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dw (m,k) = xᵀ·dy, summed over all leading axes of `dy` (…,k) and `x` (…,m)."""
    return x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])


def dense_backward_bias(dy: np.ndarray) -> np.ndarray:
    """Return db (k,), the sum of `dy` (…,k) over all its leading axes."""
    # Summed in double, as a long float32 column would lose its last digits.
    return dy.reshape(-1, dy.shape[-1]).sum(axis=0, dtype=np.float64).astype(dy.dtype)
