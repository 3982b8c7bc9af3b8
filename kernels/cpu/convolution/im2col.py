"""Two-dimensional convolution as matrix products of blocks that stay in cache: any window, any groups.

An output position sees kh·kw·c cells of the image. Written side by side (im2col; Chellapilla, Puri & Simard 2006, "High
performance convolutional neural networks for document processing") they make one row of a matrix `patches`, and

    forward             y  = patches · W            W = w as (kh·kw·c, k)
    kernel gradient     dW = patchesᵀ · dy
    input gradient      dpatches = dy · Wᵀ, each cell added back to where it came from (col2im)

The output's rows, those of all images counted through, are cut into blocks whose patches fill CACHE_BYTES: each is
built, used and forgotten by one thread, with one-threaded BLAS. The whole batch's patches, kh·kw times the images,
never exist.
"""

from typing import Any

import numpy as np
from numba import prange

from ...window import Pair, Window
from ..compile import helper, parallel_jit
from ..epilogue import Epilogue, finished_number
from ..memory import empty, zeros
from ..parallel import single_threaded_blas

# Bytes of one block's patches. With the block's outputs and W they share a core's second-level cache, 512 KiB and up.
CACHE_BYTES = 256 * 1024

# Kernel gradients are summed in this many parts, a fixed number of blocks each, and the parts added in order: the bits
# do not depend on the number of threads. Fewer where the parts would take more than PARTS_BYTES together.
PARTS = 16
PARTS_BYTES = 64 * 1024 * 1024


def conv2d(x: np.ndarray, w: np.ndarray, epilogue: Epilogue, window: Window, groups: int) -> np.ndarray:
    """Return x ∗ w (n,oh,ow,k), finished by the epilogue, of images `x` (n,h,w,c), kernel `w` (kh,kw,c/groups,k)."""
    n, h, width, _ = x.shape
    k = w.shape[3]
    y = empty((n, *window.output(h, width), k), x.dtype)
    with single_threaded_blas():
        _forward(x, _grouped(w, groups), epilogue, y, _geometry(window, h, width), _block_rows(w, y))
    return y


def conv2d_backward_input(dy: np.ndarray, w: np.ndarray, window: Window, groups: int, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k); `image` is (h, w). One thread owns an image's gradient."""
    dx = zeros((len(dy), *image, w.shape[2] * groups), dy.dtype)
    transposed = np.ascontiguousarray(_grouped(w, groups).transpose(0, 2, 1))
    with single_threaded_blas():
        _backward_input(dy, transposed, dx, _geometry(window, *image), min(_block_rows(w, dy), dy.shape[1]))
    return dx


def conv2d_backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window, groups: int) -> np.ndarray:
    """Return dw (kh,kw,c/groups,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c)."""
    n, h, width, c = x.shape
    k = dy.shape[3]
    shape = (*window.size, c // groups, k)
    size = window.size[0] * window.size[1] * (c // groups)
    dw = np.empty(shape, dy.dtype)
    rows = _block_rows(dw, dy)
    blocks = -(-n * dy.shape[1] // rows)
    parts = min(PARTS, blocks, max(4, PARTS_BYTES // (size * k * dy.itemsize)))
    partial = np.zeros((parts, groups, size, k // groups), dy.dtype)
    with single_threaded_blas():
        _backward_kernel(x, dy, partial, _geometry(window, h, width), rows)
    dw[...] = partial.sum(axis=0).transpose(1, 0, 2).reshape(shape)
    return dw


def _geometry(window: Window, h: int, w: int) -> tuple[int, ...]:
    """Return the window as the compiled functions take it: kh, kw, strides, dilation, padding at the top and left."""
    (top, _), (left, _) = window.pads(h, w)
    return (*window.size, *window.strides, *window.dilation, top, left)


def _grouped(w: np.ndarray, groups: int) -> np.ndarray:
    """Return the kernel (kh,kw,c/groups,k) as one matrix a group: (groups, kh·kw·c/groups, k/groups)."""
    k = w.shape[3]
    return np.ascontiguousarray(w.reshape(-1, groups, k // groups).transpose(1, 0, 2))


def _block_rows(w: np.ndarray, y: np.ndarray) -> int:
    """Return how many output rows make a block."""
    return max(1, CACHE_BYTES // (y.shape[2] * w.shape[0] * w.shape[1] * w.shape[2] * w.itemsize))


@helper
def _im2col(
    x: np.ndarray, patches: np.ndarray, geometry: Any, first: int, last: int, oh: int, ow: int, c0: int
) -> None:
    """Write the patches of output rows first … last − 1 (of all images, counted through), channels from c0 on."""
    kh, kw, sh, sw, dh, dw, top, left = geometry
    _, h, w, channels = x.shape
    c = patches.shape[1] // (kh * kw)
    run = kw * c
    for row in range(first, last):
        image = row // oh
        up = (row % oh) * sh - top
        for i in range(kh):
            y0 = up + i * dh
            for q in range(ow):
                target = patches[(row - first) * ow + q, i * run : (i + 1) * run]
                start = q * sw - left
                if y0 < 0 or y0 >= h:
                    target[:] = 0
                elif dw == 1 and c == channels and start >= 0 and start + kw <= w:
                    # The window's cells of this row lie side by side in the image too.
                    source = x[image, y0].reshape(-1)[start * c : start * c + run]
                    for t in range(run):
                        target[t] = source[t]
                else:
                    for j in range(kw):
                        x0 = start + j * dw
                        if x0 < 0 or x0 >= w:
                            target[j * c : (j + 1) * c] = 0
                        else:
                            target[j * c : (j + 1) * c] = x[image, y0, x0, c0 : c0 + c]


@helper
def _col2im(patches: np.ndarray, dx: np.ndarray, geometry: Any, first: int, last: int, ow: int, c0: int) -> None:
    """Add the patches of output rows first … last − 1 to one image's gradient dx (h,w,c): the transpose of _im2col."""
    kh, kw, sh, sw, dh, dw, top, left = geometry
    h, w, channels = dx.shape
    c = patches.shape[1] // (kh * kw)
    run = kw * c
    for row in range(first, last):
        up = row * sh - top
        for i in range(kh):
            y0 = up + i * dh
            if y0 < 0 or y0 >= h:
                continue
            for q in range(ow):
                source = patches[(row - first) * ow + q, i * run : (i + 1) * run]
                start = q * sw - left
                if dw == 1 and c == channels and start >= 0 and start + kw <= w:
                    target = dx[y0].reshape(-1)[start * c : start * c + run]
                    for t in range(run):
                        target[t] += source[t]
                else:
                    for j in range(kw):
                        x0 = start + j * dw
                        if x0 >= 0 and x0 < w:
                            dx[y0, x0, c0 : c0 + c] += source[j * c : (j + 1) * c]


@parallel_jit
def _forward(x: np.ndarray, w: np.ndarray, epilogue: Epilogue, y: np.ndarray, geometry: Any, rows: int) -> None:
    """Fill y, block by block; w (groups, kh·kw·c, k)."""
    n, oh, ow, channels = y.shape
    groups, size, k = w.shape
    c = x.shape[3] // groups
    flat = y.reshape(n * oh * ow, channels)
    for block in prange((n * oh + rows - 1) // rows):
        first = block * rows
        last = min(first + rows, n * oh)
        positions = (last - first) * ow
        out = flat[first * ow : last * ow]
        patches = np.empty((positions, size), x.dtype)
        if groups == 1:
            _im2col(x, patches, geometry, first, last, oh, ow, 0)
            np.dot(patches, w[0], out)
        else:
            part = np.empty((len(out), k), x.dtype)
            for g in range(groups):
                _im2col(x, patches, geometry, first, last, oh, ow, g * c)
                np.dot(patches, w[g], part)
                out[:, g * k : (g + 1) * k] = part
        for p in range(len(out)):
            for t in range(channels):
                out[p, t] = finished_number(out[p, t], epilogue, t)


@parallel_jit
def _backward_input(dy: np.ndarray, w: np.ndarray, dx: np.ndarray, geometry: Any, rows: int) -> None:
    """Add up dx, one image a thread; w (groups, k, kh·kw·c) is transposed."""
    n, oh, ow, channels = dy.shape
    groups, k, size = w.shape
    c = dx.shape[3] // groups
    for image in prange(n):
        patches = np.empty((rows * ow, size), dy.dtype)
        part = np.empty((rows * ow, k), dy.dtype)
        for first in range(0, oh, rows):
            last = min(first + rows, oh)
            count = (last - first) * ow
            block = dy[image, first:last].reshape(count, channels)
            for g in range(groups):
                if groups == 1:
                    np.dot(block, w[0], patches[:count])
                else:
                    part[:count] = block[:, g * k : (g + 1) * k]
                    np.dot(part[:count], w[g], patches[:count])
                _col2im(patches, dx[image], geometry, first, last, ow, g * c)


@parallel_jit
def _backward_kernel(x: np.ndarray, dy: np.ndarray, partial: np.ndarray, geometry: Any, rows: int) -> None:
    """Add up the kernel's gradient in partial (parts, groups, kh·kw·c, k), one part a thread."""
    n, oh, ow, channels = dy.shape
    parts, groups, size, k = partial.shape
    c = x.shape[3] // groups
    flat = dy.reshape(n * oh * ow, channels)
    blocks = (n * oh + rows - 1) // rows
    for number in prange(parts):
        product = np.empty((size, k), x.dtype)
        for block in range(number * blocks // parts, (number + 1) * blocks // parts):
            first = block * rows
            last = min(first + rows, n * oh)
            positions = (last - first) * ow
            out = flat[first * ow : last * ow]
            patches = np.empty((positions, size), x.dtype)
            for g in range(groups):
                _im2col(x, patches, geometry, first, last, oh, ow, g * c)
                if groups == 1:
                    np.dot(patches.T, out, product)
                else:
                    np.dot(patches.T, np.ascontiguousarray(out[:, g * k : (g + 1) * k]), product)
                partial[number, g] += product
