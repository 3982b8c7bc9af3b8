"""Pooling on the GPU: formulas and shapes in `reference/pooling.py`.

A thread takes one cell: of the result forward, of the images backward. Backward is a gather, in which an image cell
collects from the windows that hold it, in a fixed order: no two threads add to one cell.
"""

import cupy

from ..window import Pair, Window
from .launch import launch


def max_pool2d(x: cupy.ndarray, window: Window) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return (y, index), the first maximum of each window in row-major order; NaN counts as the largest."""
    n, h, w, c = x.shape
    y = cupy.empty((n, *window.output(h, w), c), x.dtype)
    index = cupy.empty(y.shape, window.argmax_dtype)
    args = x, y, index, *_geometry(window, (h, w), c)
    launch("pooling.cu", f"max_pool2d_{index.dtype}", x.dtype, y.size, args)
    return y, index


def max_pool2d_backward(dy: cupy.ndarray, index: cupy.ndarray, window: Window, image: Pair) -> cupy.ndarray:
    """Return dx (n,h,w,c): each cell's sum over the windows that it won, from the first to the last."""
    dx = cupy.empty((len(dy), *image, dy.shape[3]), dy.dtype)
    args = dy, index, dx, *_geometry(window, image, dy.shape[3])
    launch("pooling.cu", f"max_pool2d_backward_{index.dtype}", dy.dtype, dx.size, args)
    return dx


def average_pool2d(x: cupy.ndarray, window: Window) -> cupy.ndarray:
    """Return y (n,oh,ow,c), the mean of each window over its cells inside the image."""
    n, h, w, c = x.shape
    y = cupy.empty((n, *window.output(h, w), c), x.dtype)
    launch("pooling.cu", "average_pool2d", x.dtype, y.size, (x, y, *_geometry(window, (h, w), c)))
    return y


def average_pool2d_backward(dy: cupy.ndarray, window: Window, image: Pair) -> cupy.ndarray:
    """Return dx (n,h,w,c): each cell's sum of the shares of the windows it is in, from the first to the last."""
    dx = cupy.empty((len(dy), *image, dy.shape[3]), dy.dtype)
    args = dy, dx, *_geometry(window, image, dy.shape[3])
    launch("pooling.cu", "average_pool2d_backward", dy.dtype, dx.size, args)
    return dx


def global_average_pool2d(x: cupy.ndarray) -> cupy.ndarray:
    """Return y (n,c), the mean of each channel over the image, summed in double by one thread."""
    n, h, w, c = x.shape
    y = cupy.empty((n, c), x.dtype)
    launch("pooling.cu", "global_average_pool2d", x.dtype, y.size, (x, y, h * w, c))
    return y


def global_average_pool2d_backward(dy: cupy.ndarray, image: Pair) -> cupy.ndarray:
    """Return dx (n,h,w,c) with dy/(h·w) in every cell."""
    h, w = image
    n, c = dy.shape
    dx = cupy.empty((n, h, w, c), dy.dtype)
    launch("pooling.cu", "global_average_pool2d_backward", dy.dtype, dx.size, (dy, dx, h * w, c))
    return dx


def _geometry(window: Window, image: Pair, channels: int) -> tuple[int, ...]:
    """Return the sizes as the kernels take them: h, w, c, oh, ow, kh, kw, strides, padding at the top and left."""
    (top, _), (left, _) = window.pads(*image)
    return (*image, channels, *window.output(*image), *window.size, *window.strides, top, left)
