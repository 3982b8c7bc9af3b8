"""The fully connected layer: BLAS, over all its threads. Formulas: `kernels/reference/dense.py`."""

import numpy as np


def dense(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """Return y (…,k) = x·w + b for `x` (…,m), `w` (m,k) and `b` (k,) or None."""
    y = np.matmul(x, w)
    if b is not None:
        y += b
    return y


def dense_backward_input(dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return dx (…,m) = dy·wᵀ from `dy` (…,k) and `w` (m,k)."""
    return np.matmul(dy, w.T)


def dense_backward_kernel(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dw (m,k) = xᵀ·dy, summed over all leading axes of `dy` (…,k) and `x` (…,m)."""
    return np.matmul(x.reshape(-1, x.shape[-1]).T, dy.reshape(-1, dy.shape[-1]))


def dense_backward_bias(dy: np.ndarray) -> np.ndarray:
    """Return db (k,), the sum of `dy` (…,k) over all its leading axes, in double."""
    return dy.reshape(-1, dy.shape[-1]).sum(axis=0, dtype=np.float64).astype(dy.dtype)
