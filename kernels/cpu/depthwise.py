"""Depthwise convolution on the CPU, straight from its definition: formulas and shapes in `reference/depthwise.py`.

There is no sum over channels, and nothing for a matrix product to save. A number takes part in kh·kw products, 9 in
MobileNet, in which time memory delivers less than one number; so all that counts is to read and write each once. In
bytes, float32, what is written being read into the cache first:

    forward             stride 1: 4 x + 8 y = 12 a number of y      stride 2: 16 x + 8 y = 24
    input gradient      stride 1: 4 dy + 8 dx = 12 a number of x    stride 2: 1 dy + 8 dx = 9
    kernel gradient     stride 1: 4 dy + 4 x = 8 a number of x      stride 2: 1 dy + 4 x = 5

A thread takes whole rows of the result; the rows that it reads are still in its cache from the row before. A vector
register holds neighbouring channels, which lie side by side, and BLOCK positions of a row are computed at once, so that
a weight that is loaded serves BLOCK products, and a cell as many as columns of windows lie on it
(`depthwise_micro_kernels.py`).
Nothing is padded: the window's rows inside the image are listed for each row of the result, and positions whose windows
hang over at the left or right are computed one at a time, as are the few behind the last block; and all of them, at a
third of the speed or less, in float64, for windows dilated across, and for widths and strides across that are rare.

With m > 1 kernels a channel the images are repeated m times first; fewer channels than a register holds are filled up.
"""

from typing import Any

import numpy as np
from numba import prange

from ..shared import Ceiling, Needs
from ..window import Pair, Window
from .activation import relu_backward
from .compile import helper, vector_jit
from .convolution import conv2d_backward_bias
from .depthwise_micro_kernels import (
    BLOCK,
    forward_block,
    forward_single,
    input_gradient_block,
    kernel_gradient_blocks,
    kernel_gradient_single,
    list_cells_seen,
    list_outputs_seeing,
    list_pairs,
)
from .epilogue import Epilogue, for_bias, for_scale
from .memory import empty, launch
from .vectors import LANES

Gradient = np.ndarray | None

# Columns of the windows, and the longest stride across, that are computed in blocks: each costs seconds to compile.
BLOCK_WIDTHS, MAX_BLOCK_STRIDE = (3, 5, 7), 2

# Vectors of channels whose weights (9 or 18 KiB for 3×3, float32) stay in the first-level cache with a block's cells.
CACHED_VECTORS = 32

# Blocks of a row that a kernel's gradient sums up in registers before it is added to memory.
BLOCKS_AT_ONCE = 4

# Kernel gradients are summed in this many parts, of whole rows each, and the parts added in order: the bits do not
# depend on the number of threads.
PARTS = 16


def depthwise_conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, window: Window, relu: bool) -> np.ndarray:
    """Return y (n,oh,ow,c·m) of images `x` (n,h,w,c), kernel `w` (kh,kw,c,m) and bias `b` (c·m,) or None.

    With `relu`, max(y, 0) in the same pass.
    """
    return _convolved(x, w, for_bias(w.shape[2] * w.shape[3], x.dtype, b, relu), window)


def depthwise_conv2d_scaled(
    x: np.ndarray, w: np.ndarray, scale_and_shift: np.ndarray, window: Window, ceiling: Ceiling
) -> np.ndarray:
    """Return the convolution (n,oh,ow,c·m), without a bias, scaled, moved and rectified in the same pass.

    Rows of `scale_and_shift` (2,c·m) are the scale and the shift; see `ceiling` in `scale_shift`.
    """
    return _convolved(x, w, for_scale(scale_and_shift, ceiling), window)


def _convolved(x: np.ndarray, w: np.ndarray, epilogue: Epilogue, window: Window) -> np.ndarray:
    k = w.shape[2] * w.shape[3]
    scale, shift, *limits = epilogue
    x = _fill_vector(_repeated(x, w.shape[3]))
    y = empty((len(x), *window.output(*x.shape[1:3]), x.shape[3]), x.dtype)
    arrays = x.reshape(-1), _by_vector(w), (_fill_vector(scale), _fill_vector(shift), *limits), y.reshape(-1)
    block_columns = _block_columns(window, x.shape[1:3], x.dtype)
    _forward(*arrays, _geometry(window, x.shape), block_columns, *_static_sizes(window, x.dtype))
    return _first_channels(y, k)


def depthwise_conv2d_backward(
    dy: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    y: np.ndarray | None,
    window: Window,
    needs: Needs,
) -> tuple[Gradient, Gradient, Gradient]:
    """Return dx, dw and db, each None unless `needs` it; `y` is the result where it was rectified, else None."""
    if y is not None:
        dy = relu_backward(dy, y)
    filled = _fill_vector(dy)
    return (
        _backward_input(filled, w, window, x.shape) if needs[0] else None,
        _backward_kernel(filled, x, window, w.shape) if needs[1] else None,
        conv2d_backward_bias(dy) if needs[2] else None,
    )


def _backward_input(dy: np.ndarray, w: np.ndarray, window: Window, shape: tuple[int, ...]) -> np.ndarray:
    """Return dx of `shape` (n,h,w,c) from `dy` (n,oh,ow,k or more)."""
    n, h, width, c = shape
    m = w.shape[3]
    dx = empty((n, h, width, dy.shape[3]), dy.dtype)
    arrays = dy.reshape(-1), _by_vector(w), for_bias(dx.shape[3], dy.dtype, None), dx.reshape(-1)
    block_columns = _block_columns_backward(window, (h, width), dy.dtype)
    _fill_input_gradient(*arrays, _geometry(window, dx.shape), block_columns, *_static_sizes(window, dy.dtype))
    dx = _first_channels(dx, c * m)
    return dx if m == 1 else dx.reshape(n, h, width, c, m).sum(axis=-1)


def _backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window, shape: tuple[int, ...]) -> np.ndarray:
    """Return dw of `shape` (kh,kw,c,m) from `dy` (n,oh,ow,k or more) and the images `x` (n,h,w,c)."""
    taps, vectors = shape[0] * shape[1], -(-dy.shape[3] // LANES)
    x = _fill_vector(_repeated(x, shape[3]))
    parts = min(PARTS, max(1, dy.shape[0] * dy.shape[1]))
    partial = np.zeros((parts, vectors, taps, LANES), dy.dtype)
    arrays = dy.reshape(-1), x.reshape(-1), partial.reshape(-1)
    block_columns = _block_columns(window, x.shape[1:3], x.dtype)
    _sum_products(*arrays, parts, _geometry(window, x.shape), block_columns, *_static_sizes(window, x.dtype))
    sums = partial.sum(axis=0).transpose(1, 0, 2)
    dw = np.empty((taps, dy.shape[3]), dy.dtype)
    dw[:, : vectors * LANES - LANES] = sums[:, :-1].reshape(taps, -1)
    dw[:, -LANES:] = sums[:, -1]
    return _first_channels(dw, shape[2] * shape[3]).reshape(shape)


def _by_vector(w: np.ndarray) -> np.ndarray:
    """Return the kernel (kh,kw,c,m) as (vectors,kh·kw,LANES), flat; the last vector ends with the last channel."""
    w = _fill_vector(w.reshape(w.shape[0] * w.shape[1], w.shape[2] * w.shape[3]))
    rest = w.shape[1] % LANES
    vectors = w[:, : w.shape[1] - rest].reshape(len(w), -1, LANES)
    if rest:
        vectors = np.concatenate([vectors, w[:, None, -LANES:]], axis=1)
    by_vector = empty((vectors.shape[1], len(w), LANES), w.dtype)
    launch(np.copyto, by_vector, vectors.transpose(1, 0, 2))
    return by_vector.reshape(-1)


def _repeated(x: np.ndarray, multiplier: int) -> np.ndarray:
    """Return the images with each channel `multiplier` times."""
    return x if multiplier == 1 else x.repeat(multiplier, axis=3)


def _fill_vector(array: np.ndarray) -> np.ndarray:
    """Return `array` with zeros behind its last axis if that is shorter than a vector register."""
    missing = LANES - array.shape[-1]
    return array if missing <= 0 else np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, missing)])


def _first_channels(array: np.ndarray, k: int) -> np.ndarray:
    """Undo `_fill_vector`: return the first `k` of the last axis."""
    return array if array.shape[-1] == k else np.ascontiguousarray(array[..., :k])


def _geometry(window: Window, images: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sizes as the compiled functions take them: n, h, w, c, oh, ow, then the window down and across.

    In each direction the window has four numbers: its size, stride, dilation and padding before the image.
    """
    (top, _), (left, _) = window.pads(*images[1:3])
    (kh, kw), (sh, sw), (dh, dw) = window.size, window.strides, window.dilation
    return (*images, *window.output(*images[1:3]), kh, sh, dh, top, kw, sw, dw, left)


def _block_columns(window: Window, image: Pair, dtype: np.dtype) -> Pair:
    """Return [first, last) of the output columns in blocks: whole ones, their windows inside the image."""
    left, stride = window.pads(*image)[1][0], window.strides[1]
    return _blocks(window, dtype, -(-left // stride), (image[1] + left - window.span[1]) // stride + 1)


def _block_columns_backward(window: Window, image: Pair, dtype: np.dtype) -> Pair:
    """Return [first, last) of the blocks for the input's gradient.

    Number q stands for the `stride` cells that output q is the last to see, from q·stride − left on: they are in the
    image, and so are the outputs before that see them.
    """
    left, stride = window.pads(*image)[1][0], window.strides[1]
    first = max((window.size[1] - 1) // stride, -(-left // stride))
    return _blocks(window, dtype, first, min(window.output(*image)[1], (image[1] + left) // stride))


def _blocks(window: Window, dtype: np.dtype, first: int, last: int) -> Pair:
    """Return `first` and the end of the last whole block before `last`; (0, 0) if there is none."""
    whole = (last - first) // BLOCK * BLOCK
    return (first, first + whole) if whole > 0 and _has_blocks(window, dtype) else (0, 0)


def _has_blocks(window: Window, dtype: np.dtype) -> bool:
    return (
        dtype == np.float32
        and window.size[1] in BLOCK_WIDTHS
        and window.strides[1] <= MAX_BLOCK_STRIDE
        and window.dilation[1] == 1
    )


def _static_sizes(window: Window, dtype: np.dtype) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return two tuples as long as the window is wide and as the stride across, if there are blocks of such windows."""
    return ((0,) * window.size[1], (0,) * window.strides[1]) if _has_blocks(window, dtype) else ((0,), (0,))


@vector_jit
def _forward(x: Any, w: Any, epilogue: Any, y: Any, geometry: Any, block_columns: Any, kw: Any, sw: Any) -> None:
    """Fill y, a row at a time."""
    for number in prange(geometry[0] * geometry[4]):
        _, h, width, c, oh, ow = geometry[:6]
        down, across = geometry[6:10], geometry[10:]
        first, last = block_columns
        rows, columns, taps = _tap_lists(down, across)
        count = list_cells_seen(number % oh, down, h, width * c, across[0], rows)
        x0, y0, each = number // oh * h * width * c, number * ow * c, down[0] * across[0] * LANES
        vectors = (c + LANES - 1) // LANES
        for v0 in range(0, vectors, CACHED_VECTORS):
            end = min(v0 + CACHED_VECTORS, vectors)
            for q in range(first, last, BLOCK):
                start, to = x0 + (q * across[1] - across[3]) * c, y0 + q * c
                for v in range(v0, end):
                    t = min(v * LANES, c - LANES)
                    forward_block(x, start + t, rows, count, w, v * each, c, epilogue, t, y, to + t, kw, sw)
            for q in range(ow - (last - first)):
                q = q if q < first else q + last - first
                found = list_pairs(rows, count, columns, list_cells_seen(q, across, width, c, 1, columns), taps)
                for v in range(v0, end):
                    t = min(v * LANES, c - LANES)
                    forward_single(x, x0 + t, taps, found, w, v * each, epilogue, t, y, y0 + q * c + t)


@vector_jit
def _fill_input_gradient(
    dy: Any, w: Any, epilogue: Any, dx: Any, geometry: Any, block_columns: Any, kw: Any, sw: Any
) -> None:
    """Fill dx, a row at a time; the epilogue leaves sums as they are."""
    for number in prange(geometry[0] * geometry[1]):
        _, h, width, c, oh, ow = geometry[:6]
        down, across = geometry[6:10], geometry[10:]
        first, last = block_columns
        rows, columns, taps = _tap_lists(down, across)
        count = list_outputs_seeing(number % h, down, oh, ow * c, across[0], rows)
        d0, x0, each = number // h * oh * ow * c, number * width * c, down[0] * across[0] * LANES
        vectors = (c + LANES - 1) // LANES
        done = (last - first) * across[1]
        begin = first * across[1] - across[3] if done > 0 else 0
        for v0 in range(0, vectors, CACHED_VECTORS):
            end = min(v0 + CACHED_VECTORS, vectors)
            for q in range(first, last, BLOCK):
                start, to = d0 + q * c, x0 + (q * across[1] - across[3]) * c
                for v in range(v0, end):
                    t = min(v * LANES, c - LANES)
                    input_gradient_block(dy, start + t, rows, count, w, v * each, c, dx, to + t, kw, sw)
            for q in range(width - done):
                q = q if q < begin else q + done
                found = list_pairs(rows, count, columns, list_outputs_seeing(q, across, ow, c, 1, columns), taps)
                for v in range(v0, end):
                    t = min(v * LANES, c - LANES)
                    forward_single(dy, d0 + t, taps, found, w, v * each, epilogue, t, dx, x0 + q * c + t)


@vector_jit
def _sum_products(
    dy: Any, x: Any, partial: Any, parts: int, geometry: Any, block_columns: Any, kw: Any, sw: Any
) -> None:
    """Add up dw in partial (parts,vectors,kh·kw,LANES), rows of dy in order."""
    for part in prange(parts):
        n, h, width, c, oh, ow = geometry[:6]
        down, across = geometry[6:10], geometry[10:]
        first, last = block_columns
        rows, columns, taps = _tap_lists(down, across)
        vectors, each = (c + LANES - 1) // LANES, down[0] * across[0] * LANES
        w0 = part * vectors * each
        for number in range(part * n * oh // parts, (part + 1) * n * oh // parts):
            count = list_cells_seen(number % oh, down, h, width * c, across[0], rows)
            d0, x0 = number * ow * c, number // oh * h * width * c
            for q in range(first, last, BLOCKS_AT_ONCE * BLOCK):
                blocks = min(BLOCKS_AT_ONCE, (last - q) // BLOCK)
                d, start = d0 + q * c, x0 + (q * across[1] - across[3]) * c
                for v in range(vectors):
                    t, to = min(v * LANES, c - LANES), w0 + v * each
                    kernel_gradient_blocks(dy, d + t, x, start + t, rows, count, blocks, c, partial, to, kw, sw)
            for q in range(ow - (last - first)):
                q = q if q < first else q + last - first
                found = list_pairs(rows, count, columns, list_cells_seen(q, across, width, c, 1, columns), taps)
                for v in range(vectors):
                    t = min(v * LANES, c - LANES)
                    kernel_gradient_single(dy, d0 + q * c + t, x, x0 + t, taps, found, partial, w0 + v * each)


@helper
def _tap_lists(down: Any, across: Any) -> Any:
    """Return room for the taps of a window: its rows, its columns and all, each with two places."""
    size, wide = down[0], across[0]
    return np.empty(2 * size, np.intp), np.empty(2 * wide, np.intp), np.empty(2 * size * wide, np.intp)
