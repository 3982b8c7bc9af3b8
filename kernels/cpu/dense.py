"""The fully connected layer: BLAS, over all its threads. Formulas: `kernels/reference/dense.py`."""

import numpy as np

from .memory import empty


def dense(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """Return y (…,k) = x·w + b for `x` (…,m), `w` (m,k) and `b` (k,) or None."""
    y = np.matmul(x, w, out=empty((*x.shape[:-1], w.shape[1]), x.dtype))
    if b is not None:
        y += b
    return y


def dense_backward_input(dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return dx (…,m) = dy·wᵀ from `dy` (…,k) and `w` (m,k)."""
    return np.matmul(dy, w.T, out=empty((*dy.shape[:-1], w.shape[0]), dy.dtype))


def dense_backward_kernel(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dw (m,k) = xᵀ·dy, summed over all leading axes of `dy` (…,k) and `x` (…,m)."""
    rows = x.reshape(-1, x.shape[-1])
    return np.matmul(rows.T, dy.reshape(-1, dy.shape[-1]), out=empty((x.shape[-1], dy.shape[-1]), dy.dtype))


def dense_backward_bias(dy: np.ndarray) -> np.ndarray:
    """Return db (k,), the sum of `dy` (…,k) over all its leading axes, in double."""
    return dy.reshape(-1, dy.shape[-1]).sum(axis=0, dtype=np.float64).astype(dy.dtype)
