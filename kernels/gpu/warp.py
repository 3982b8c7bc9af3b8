"""Warps on the GPU: formulas and shapes in `reference/warp.py`.

A thread takes one number of the result; backward, one channel of one image, whose pixels collect gradients in the
results' order: no two threads add to one pixel.
"""

import cupy

from ..shared import FILL_MODES
from ..window import Pair
from .launch import launch


def warp(
    x: cupy.ndarray, maps: cupy.ndarray, size: Pair, fill_mode: str, fill_value: float, bilinear: bool
) -> cupy.ndarray:
    """Return y (n,oh,ow,c), the images seen through their maps."""
    _, h, w, c = x.shape
    y = cupy.empty((len(x), *size, c), x.dtype)
    mode = FILL_MODES.index(fill_mode), float(fill_value), int(bilinear)
    launch("warp.cu", "warp", x.dtype, y.size, (x, maps, y, h, w, c, *size, *mode))
    return y


def warp_backward(dy: cupy.ndarray, maps: cupy.ndarray, image: Pair, fill_mode: str, bilinear: bool) -> cupy.ndarray:
    """Return dx (n,h,w,c): each pixel's sum of dy times the share that it had in y."""
    n, *size, c = dy.shape
    dx = cupy.zeros((n, *image, c), dy.dtype)
    mode = FILL_MODES.index(fill_mode), int(bilinear)
    launch("warp.cu", "warp_backward", dy.dtype, n * c, (dy, maps, dx, *image, c, *size, *mode))
    return dx
