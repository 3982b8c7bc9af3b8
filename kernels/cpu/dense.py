"""The fully connected layer: BLAS, each thread with rows of its own. Formulas: `kernels/reference/dense.py`.

BLAS could spread a product over threads by itself, but its threads keep spinning for milliseconds after each product
and take the cores away from the kernels that follow: on two cores those took twice as long.
"""

from collections.abc import Callable

import numpy as np
from numba import prange

from .compile import parallel_jit, single_threaded_blas
from .memory import empty

# Rows of one part of a product, at most: enough to make up for reading the other matrix anew. The parts do not depend
# on the number of threads, so neither do the bits.
ROWS = 128

# Up to this many multiplications, waking the other threads takes longer than the work they would save.
SMALL = 2**23


def dense(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """Return y (…,k) = x·w + b for `x` (…,m), `w` (m,k) and `b` (k,) or None."""
    y = empty((*x.shape[:-1], w.shape[1]), x.dtype)
    _run(_product, x.reshape(-1, x.shape[-1]), w, y.reshape(-1, w.shape[1]))
    if b is not None:
        y += b
    return y


def dense_backward_input(dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return dx (…,m) = dy·wᵀ from `dy` (…,k) and `w` (m,k)."""
    dx = empty((*dy.shape[:-1], w.shape[0]), dy.dtype)
    _run(_product, dy.reshape(-1, dy.shape[-1]), w.T, dx.reshape(-1, w.shape[0]))
    return dx


def dense_backward_kernel(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dw (m,k) = xᵀ·dy, summed over all leading axes of `dy` (…,k) and `x` (…,m)."""
    dw = empty((x.shape[-1], dy.shape[-1]), dy.dtype)
    _run(_product_transposed, x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1]), dw)
    return dw


def dense_backward_bias(dy: np.ndarray) -> np.ndarray:
    """Return db (k,), the sum of `dy` (…,k) over all its leading axes, in double."""
    return dy.reshape(-1, dy.shape[-1]).sum(axis=0, dtype=np.float64).astype(dy.dtype)


def _run(product: Callable[..., None], a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    """Fill c by `product`, its rows shared out evenly; a small product at once."""
    if 0 in a.shape or 0 in b.shape:
        c.fill(0)
        return
    if a.size * b.shape[1] <= SMALL:
        with single_threaded_blas():
            np.matmul(a.T if product is _product_transposed else a, b, out=c)
        return
    with single_threaded_blas():
        product(a, b, c, -(-len(c) // -(-len(c) // ROWS)))


@parallel_jit
def _product(a: np.ndarray, b: np.ndarray, c: np.ndarray, rows: int) -> None:
    """c = a·b, `rows` rows of c at a time."""
    for block in prange((len(c) + rows - 1) // rows):
        np.dot(a[block * rows : (block + 1) * rows], b, c[block * rows : (block + 1) * rows])


@parallel_jit
def _product_transposed(a: np.ndarray, b: np.ndarray, c: np.ndarray, rows: int) -> None:
    """c = aᵀ·b, `rows` rows of c at a time: as many columns of a, copied side by side first."""
    for block in prange((len(c) + rows - 1) // rows):
        columns = np.ascontiguousarray(a[:, block * rows : (block + 1) * rows])
        np.dot(columns.T, b, c[block * rows : (block + 1) * rows])
