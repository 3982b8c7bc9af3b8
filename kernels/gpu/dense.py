"""The fully connected layer on the GPU: formulas in `reference/dense.py`. All its products are cuBLAS's."""

import cupy

from .rows import finish, multiply, sum_rows


def dense(x: cupy.ndarray, w: cupy.ndarray, b: cupy.ndarray | None, relu: bool = False) -> cupy.ndarray:
    """Return y (…,k) = x·w + b for `x` (…,m), `w` (m,k) and `b` (k,) or None; with `relu`, max(y, 0)."""
    y = cupy.empty((*x.shape[:-1], w.shape[1]), x.dtype)
    product = _matrix(y)
    multiply(_matrix(x), w, product)
    finish(product.reshape(1, *product.shape), b, relu, y)
    return y


def dense_backward_input(dy: cupy.ndarray, w: cupy.ndarray) -> cupy.ndarray:
    """Return dx (…,m) = dy·wᵀ from `dy` (…,k) and `w` (m,k)."""
    dx = cupy.empty((*dy.shape[:-1], w.shape[0]), dy.dtype)
    multiply(_matrix(dy), w.transpose(), _matrix(dx))
    return dx


def dense_backward_kernel(dy: cupy.ndarray, x: cupy.ndarray) -> cupy.ndarray:
    """Return dw (m,k) = xᵀ·dy, summed over all leading axes of `dy` (…,k) and `x` (…,m)."""
    dw = cupy.empty((x.shape[-1], dy.shape[-1]), dy.dtype)
    multiply(_matrix(x).transpose(), _matrix(dy), dw)
    return dw


def dense_backward_bias(dy: cupy.ndarray) -> cupy.ndarray:
    """Return db (k,), the sum of `dy` (…,k) over all its leading axes, in double."""
    return sum_rows(_matrix(dy))


def _matrix(array: cupy.ndarray) -> cupy.ndarray:
    """Return `array` (…,k) as a matrix (rows,k), in the same memory if it is contiguous."""
    k = array.shape[-1]
    return array.reshape(array.size // k, k)
