"""Depthwise convolution on the GPU, directly: formulas and shapes in `reference/depthwise.py`.

There is no sum over channels, and so nothing for a matrix product to save. A thread makes one number: of the result, of
the images' gradient, or of one part of the kernel's gradient.
"""

import cupy

from ..shared import Ceiling, Needs
from ..window import Pair, Window
from .activation import relu_backward
from .launch import geometry, launch
from .normalization import scale_shift
from .rows import RUN, sum_rows


def depthwise_conv2d(
    x: cupy.ndarray, w: cupy.ndarray, b: cupy.ndarray | None, window: Window, relu: bool
) -> cupy.ndarray:
    """Return y (n,oh,ow,c·m) of images `x` (n,h,w,c), kernel `w` (kh,kw,c,m) and bias `b` (c·m,) or None.

    With `relu`, max(y, 0) in the same pass.
    """
    n, h, width, c = x.shape
    k = c * w.shape[3]
    y = cupy.empty((n, *window.output(h, width), k), x.dtype)
    # In place of a bias that there is not, the kernel takes another array, and is told to leave it alone.
    args = x, w, w if b is None else b, y, int(b is not None), int(relu), *geometry(window, (h, width), c), k // c
    launch("depthwise.cu", "depthwise_conv2d", x.dtype, y.size, args)
    return y


def depthwise_conv2d_scaled(
    x: cupy.ndarray, w: cupy.ndarray, scale_and_shift: cupy.ndarray, window: Window, ceiling: Ceiling
) -> cupy.ndarray:
    """Return the convolution (n,oh,ow,c·m), without a bias, scaled, moved and rectified by the rows (2,c·m)."""
    y, (scale, shift) = depthwise_conv2d(x, w, None, window, False), scale_and_shift
    return scale_shift(y, cupy.zeros_like(scale), scale, shift, ceiling)


def depthwise_conv2d_backward(
    dy: cupy.ndarray,
    x: cupy.ndarray,
    w: cupy.ndarray,
    y: cupy.ndarray | None,
    window: Window,
    needs: Needs,
) -> tuple[cupy.ndarray | None, cupy.ndarray | None, cupy.ndarray | None]:
    """Return dx, dw and db, each None unless `needs` it; `y` is the result where it was rectified, else None."""
    if y is not None:
        dy = relu_backward(dy, y)
    k = dy.shape[3]
    return (
        backward_input(dy, w, window, x.shape[1:3]) if needs[0] else None,
        backward_kernel(dy, x, window) if needs[1] else None,
        sum_rows(dy.reshape(dy.size // k, k)) if needs[2] else None,
    )


def backward_input(dy: cupy.ndarray, w: cupy.ndarray, window: Window, image: Pair) -> cupy.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,c·m) and `w` (kh,kw,c,m); `image` is (h, w)."""
    channels = w.shape[2]
    dx = cupy.empty((len(dy), *image, channels), dy.dtype)
    args = dy, w, dx, *geometry(window, image, channels), dy.shape[3] // channels
    launch("depthwise.cu", "depthwise_conv2d_backward_input", dy.dtype, dx.size, args)
    return dx


def backward_kernel(dy: cupy.ndarray, x: cupy.ndarray, window: Window) -> cupy.ndarray:
    """Return dw (kh,kw,c,m) from `dy` (n,oh,ow,c·m) and the images `x` (n,h,w,c).

    Runs of RUN positions are added up by one thread, in double, and then the runs.
    """
    _, h, width, c = x.shape
    k = dy.shape[3]
    positions = dy.size // k
    parts = cupy.empty((-(-positions // RUN), window.size[0] * window.size[1] * k), dy.dtype)
    args = dy, x, parts, *geometry(window, (h, width), c), k // c, positions, RUN
    launch("depthwise.cu", "depthwise_conv2d_backward_kernel", dy.dtype, parts.size, args)
    return sum_rows(parts).reshape(*window.size, c, k // c)
