"""Two-dimensional convolution on the GPU: picks the algorithm. Formulas: `kernels/reference/convolution.py`."""

import cupy

from ..shared import Ceiling, Needs
from ..window import NO_GRADIENT, POOL_2X2, Pair, Window
from . import depthwise, im2col
from .activation import relu_backward
from .normalization import scale_shift
from .pooling import max_pool2d, max_pool2d_backward
from .rows import sum_rows


def conv2d(
    x: cupy.ndarray, w: cupy.ndarray, b: cupy.ndarray | None, window: Window, groups: int, relu: bool
) -> cupy.ndarray:
    """Return y (n,oh,ow,k) of images `x` (n,h,w,c), kernel `w` (kh,kw,c/groups,k) and bias `b` (k,) or None.

    With `relu`, max(y, 0) in the same pass.
    """
    if is_depthwise(x.shape[3], groups):
        return depthwise.depthwise_conv2d(x, by_channel(w, groups), b, window, relu)
    return im2col.conv2d(x, w, b, window, groups, relu)


def conv2d_scaled(
    x: cupy.ndarray, w: cupy.ndarray, scale_and_shift: cupy.ndarray, window: Window, groups: int, ceiling: Ceiling
) -> cupy.ndarray:
    """Return the convolution (n,oh,ow,k), without a bias, scaled, moved and rectified by the rows (2,k)."""
    y, (scale, shift) = conv2d(x, w, None, window, groups, False), scale_and_shift
    return scale_shift(y, cupy.zeros_like(scale), scale, shift, ceiling)


def conv2d_backward(
    dy: cupy.ndarray,
    x: cupy.ndarray,
    w: cupy.ndarray,
    y: cupy.ndarray | None,
    window: Window,
    groups: int,
    needs: Needs,
) -> tuple[cupy.ndarray | None, cupy.ndarray | None, cupy.ndarray | None]:
    """Return dx, dw and db, each None unless `needs` it; `y` is the result where it was rectified, else None."""
    if y is not None:
        dy = relu_backward(dy, y)
    return (
        conv2d_backward_input(dy, w, window, groups, x.shape[1:3]) if needs[0] else None,
        conv2d_backward_kernel(dy, x, window, groups) if needs[1] else None,
        conv2d_backward_bias(dy) if needs[2] else None,
    )


def conv2d_pooled(
    x: cupy.ndarray, w: cupy.ndarray, b: cupy.ndarray | None, window: Window, groups: int, relu: bool
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return (y, argmax), both (n,oh/2,ow/2,k): the largest of each 2×2 square of `conv2d`'s result, and which it was.

    `argmax` (uint8) is 0 … 3, or with `relu` NO_GRADIENT.
    """
    y, argmax = max_pool2d(conv2d(x, w, b, window, groups, relu), POOL_2X2)
    return y, (cupy.where(y > 0, argmax, NO_GRADIENT) if relu else argmax).astype(cupy.uint8)


def conv2d_pooled_backward(
    dy: cupy.ndarray,
    argmax: cupy.ndarray,
    x: cupy.ndarray,
    w: cupy.ndarray,
    window: Window,
    groups: int,
    needs: Needs,
) -> tuple[cupy.ndarray | None, cupy.ndarray | None, cupy.ndarray | None]:
    """Return dx, dw and db, each None unless `needs` it, from `dy` and `argmax`, both (n,oh/2,ow/2,k)."""
    dy = max_pool2d_backward(dy, argmax.astype(cupy.uint16), POOL_2X2, window.output(*x.shape[1:3]))
    return conv2d_backward(dy, x, w, None, window, groups, needs)


def conv2d_backward_input(dy: cupy.ndarray, w: cupy.ndarray, window: Window, groups: int, image: Pair) -> cupy.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k); `image` is (h, w)."""
    if is_depthwise(w.shape[2] * groups, groups):
        return depthwise.backward_input(dy, by_channel(w, groups), window, image)
    return im2col.conv2d_backward_input(dy, w, window, groups, image)


def conv2d_backward_kernel(dy: cupy.ndarray, x: cupy.ndarray, window: Window, groups: int) -> cupy.ndarray:
    """Return dw (kh,kw,c/groups,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c)."""
    if is_depthwise(x.shape[3], groups):
        return depthwise.backward_kernel(dy, x, window).reshape(*window.size, 1, dy.shape[3])
    return im2col.conv2d_backward_kernel(dy, x, window, groups)


def conv2d_backward_bias(dy: cupy.ndarray) -> cupy.ndarray:
    """Return db (k,) = Σ dy over n, h, w, in double."""
    k = dy.shape[3]
    return sum_rows(dy.reshape(dy.size // k, k))


def is_depthwise(channels: int, groups: int) -> bool:
    """Return whether each of several channels is a group of its own: its products would have no sum over channels."""
    return channels == groups > 1


def by_channel(w: cupy.ndarray, channels: int) -> cupy.ndarray:
    """Return the kernel (kh,kw,1,k) of a group for each channel as a depthwise one: (kh,kw,c,k/c)."""
    return w.reshape(*w.shape[:2], channels, w.shape[3] // channels)
