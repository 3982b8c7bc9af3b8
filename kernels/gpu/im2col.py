"""Convolution on the GPU as matrix products: any window, any groups.

An output position sees kh·kw·c cells of the image. Written side by side (im2col; Chellapilla, Puri & Simard 2006, "High
performance convolutional neural networks for document processing") they make one row of a matrix `patches`, and

    forward             y  = patches · W            W = w as (kh·kw·c, k)
    kernel gradient     dW = patchesᵀ · dy
    input gradient      dpatches = dy · Wᵀ, each cell collecting what came from it (col2im)

The batch is cut into blocks of images whose patches fill BYTES, all in the same memory one after the other: the whole
batch's patches, kh·kw times the images, never exist. With groups, each has matrices of its own. Under a 1×1 window that
skips nothing the images are their own patches.
"""

from collections.abc import Iterator

import cupy
import numpy as np

from ..window import Pair, Window
from .launch import geometry, launch
from .rows import finish, multiply

# Bytes of one block's patches; an image of more is a block by itself.
BYTES = 128 * 1024 * 1024


def conv2d(
    x: cupy.ndarray, w: cupy.ndarray, b: cupy.ndarray | None, window: Window, groups: int, relu: bool
) -> cupy.ndarray:
    """Return y (n,oh,ow,k) of images `x` (n,h,w,c), kernel `w` (kh,kw,c/groups,k) and bias `b` (k,) or None."""
    n, h, width, c = x.shape
    k = w.shape[3]
    y = cupy.empty((n, *window.output(h, width), k), x.dtype)
    matrices = _by_group(w, groups)
    for images, patches in _blocks(n, (h, width), c, window, groups, x.dtype):
        patches = _patches(x[images], patches, window, groups)
        if groups == 1:
            product = y[images].reshape(1, patches.shape[1], k)
        else:
            product = cupy.empty((groups, patches.shape[1], k // groups), x.dtype)
        for g in range(groups):
            multiply(patches[g], matrices[g], product[g])
        finish(product, b, relu, y[images])
    return y


def conv2d_backward_input(dy: cupy.ndarray, w: cupy.ndarray, window: Window, groups: int, image: Pair) -> cupy.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k); `image` is (h, w)."""
    n, c = len(dy), w.shape[2] * groups
    dx = cupy.empty((n, *image, c), dy.dtype)
    matrices = _by_group(w, groups)
    for images, patches in _blocks(n, image, c, window, groups, dy.dtype):
        cells = dx[images]
        if _are_patches(window, groups):
            patches = cells.reshape(patches.shape)
        rows = _by_group(dy[images], groups)
        for g in range(groups):
            multiply(rows[g], matrices[g].transpose(), patches[g])
        if not _are_patches(window, groups):
            args = patches, cells, *geometry(window, image, c), c // groups, patches.shape[1]
            launch("im2col.cu", "col2im", dy.dtype, cells.size, args)
    return dx


def conv2d_backward_kernel(dy: cupy.ndarray, x: cupy.ndarray, window: Window, groups: int) -> cupy.ndarray:
    """Return dw (kh,kw,c/groups,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c), block after block."""
    n, h, width, c = x.shape
    k = dy.shape[3]
    shape = (*window.size, c // groups, k)
    dw = cupy.zeros((groups, window.size[0] * window.size[1] * (c // groups), k // groups), dy.dtype)
    part = cupy.empty(dw.shape[1:], dy.dtype)
    for images, patches in _blocks(n, (h, width), c, window, groups, x.dtype):
        patches = _patches(x[images], patches, window, groups)
        rows = _by_group(dy[images], groups)
        for g in range(groups):
            multiply(patches[g].transpose(), rows[g], part)
            total = dw[g]
            total += part
    return cupy.ascontiguousarray(dw.transpose(1, 0, 2)).reshape(shape)


def _blocks(
    n: int, image: Pair, channels: int, window: Window, groups: int, dtype: np.dtype
) -> Iterator[tuple[slice, cupy.ndarray]]:
    """Yield blocks of the `n` images, as slices, each with room for its patches (groups,rows,kh·kw·c/groups).

    The room of the next block is the same memory; there is none where the images are their own patches.
    """
    oh, ow = window.output(*image)
    columns = window.size[0] * window.size[1] * channels
    block = max(1, min(n, BYTES // (oh * ow * columns * dtype.itemsize)))
    room = cupy.empty((block * oh * ow * columns,), dtype)
    for first in range(0, n, block):
        last = min(first + block, n)
        rows = (last - first) * oh * ow
        yield slice(first, last), room[: rows * columns].reshape(groups, rows, columns // groups)


def _are_patches(window: Window, groups: int) -> bool:
    """Return whether images (n,h,w,c) are, in their order in memory, their own patches (1,n·h·w,c)."""
    return window.size == window.strides == (1, 1) and groups == 1


def _patches(x: cupy.ndarray, room: cupy.ndarray, window: Window, groups: int) -> cupy.ndarray:
    """Return the patches (groups,rows,kh·kw·c/groups) of the images `x` (n,h,w,c), in `room`."""
    if _are_patches(window, groups):
        return x.reshape(room.shape)
    n, h, w, c = x.shape
    oh, ow = window.output(h, w)
    args = x, room, *geometry(window, (h, w), c), c // groups, room.shape[1]
    launch("im2col.cu", "im2col", x.dtype, n * oh * ow * c, args)
    return room


def _by_group(array: cupy.ndarray, groups: int) -> cupy.ndarray:
    """Return `array` (…,k) as one matrix a group: (groups,rows,k/groups)."""
    run = array.shape[-1] // groups
    rows = array.size // (groups * run)
    return cupy.ascontiguousarray(array.reshape(rows, groups, run).transpose(1, 0, 2))
