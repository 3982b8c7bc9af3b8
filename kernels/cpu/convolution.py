"""Two-dimensional convolution: picks the algorithm by shape. Formulas: `kernels/reference/convolution.py`."""

import numpy as np
from numba import prange

from ..window import Pair, Window
from . import im2col, winograd
from .compile import parallel_jit

# The bias's gradient is summed in this many parts, added in order: the bits do not depend on the number of threads.
PARTS = 16


def conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, window: Window, groups: int) -> np.ndarray:
    """Return y (n,oh,ow,k) of images `x` (n,h,w,c), kernel `w` (kh,kw,c/groups,k) and bias `b` (k,) or None."""
    bias = np.zeros(w.shape[3], x.dtype) if b is None else b
    if suits_winograd(x.dtype, w.shape, window, groups, x.shape[1:3]):
        return winograd.conv2d(x, w, bias, window)
    return im2col.conv2d(x, w, bias, window, groups)


def conv2d_backward_input(dy: np.ndarray, w: np.ndarray, window: Window, groups: int, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k); `image` is (h, w)."""
    if suits_winograd(dy.dtype, w.shape, window, groups, image):
        return winograd.conv2d_backward_input(dy, w, window, image)
    return im2col.conv2d_backward_input(dy, w, window, groups, image)


def conv2d_backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window, groups: int) -> np.ndarray:
    """Return dw (kh,kw,c/groups,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c)."""
    shape = (*window.size, x.shape[3] // groups, dy.shape[3])
    if suits_winograd(x.dtype, shape, window, groups, x.shape[1:3]):
        return winograd.conv2d_backward_kernel(dy, x, window)
    return im2col.conv2d_backward_kernel(dy, x, window, groups)


def conv2d_backward_bias(dy: np.ndarray) -> np.ndarray:
    """Return db (k,) = Σ dy over n, h, w, in double."""
    partial = np.zeros((PARTS, dy.shape[3]))
    _sum_rows(dy.reshape(-1, dy.shape[3]), partial)
    return partial.sum(axis=0).astype(dy.dtype)


def suits_winograd(dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> bool:
    """Return whether Winograd's algorithm serves a kernel of `shape` (kh,kw,c/groups,k) on images of `image` = (h, w).

    It needs 3×3 at stride 1 and whole vector registers of channels. Below 8×8 outputs too much of its 4×4 tiles is
    wasted on edges.
    """
    return (
        dtype == np.float32
        and window.size == (3, 3)
        and window.strides == window.dilation == (1, 1)
        and groups == 1
        and shape[2] % winograd.LANES == shape[3] % winograd.LANES == 0
        and min(window.output(*image)) >= 8
    )


@parallel_jit
def _sum_rows(rows: np.ndarray, partial: np.ndarray) -> None:
    """Add up the rows (m,k) in partial (parts, k), one part a thread."""
    parts, k = partial.shape
    for number in prange(parts):
        for row in range(number * len(rows) // parts, (number + 1) * len(rows) // parts):
            for t in range(k):
                partial[number, t] += rows[row, t]
