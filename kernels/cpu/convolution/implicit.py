"""Convolution as one matrix product whose left factor is never written down whole: any window, strides and dilation.

An output position sees kh·kw·c cells of the image, its *patch* (`im2col.py`). With the patches as the rows of a matrix,

    forward             y  = patches · W                W = w as (kh·kw·c, k)
    kernel gradient     dW = patchesᵀ · dy
    input gradient      dx = patches of dy · W turned   at stride 1: the same with the window turned by half a turn

A thread takes a block of MC rows of the result with all their columns, packs the part of their patches that it needs
next, up to KC terms, into a core's second-level cache, and multiplies it by panels of W (`matmul.py` explains the
names). So patches cost a copy within the cache. The algorithm is known as implicit GEMM: Chetlur et al. 2014, "cuDNN:
Efficient primitives for deep learning", section 3.

The cells under one row of the window lie side by side in the image: a *run* of kw·c numbers, which is copied at once.
"""

from functools import lru_cache
from math import ceil, prod
from typing import Any

import numpy as np
from numba import get_thread_id, prange

from ...window import Pair, Window
from ..compile import helper, vector_jit
from ..epilogue import Epilogue, for_bias
from ..matmul import MAX_MR, PANEL, multiply, multiply_last, multiply_transposed
from ..memory import constant, empty, thread_buffers
from ..packing import clear_run, copy_run
from ..vectors import LANES
from .pointwise import KC, MC, NC, block_rows, fill_panels, whole_vectors

# A kernel's gradient is summed in up to PARTS parts of the positions, of MIN_PART_POSITIONS or more, added in order.
PARTS = 16
MIN_PART_POSITIONS = 512

# Positions whose patches are packed at a time for a kernel's gradient, and numbers of a patch that are.
POSITIONS, HIGH = 128, 256

PACKED_A, PACKED_B = (MC + MAX_MR) * KC, POSITIONS * NC
PACKED_PATCHES = POSITIONS * (HIGH + MAX_MR)


# The turned window costs the positions that padding adds, and wants two vectors of channels.
MAX_ADDED = 1.25


def supports(dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> bool:
    """Return whether this module can do it well: one group, a vector in a window's row, half a vector of filters."""
    return groups == 1 and shape[1] * shape[2] >= LANES and shape[3] >= LANES // 2


def supports_backward_input(shape: tuple[int, ...], window: Window, image: Pair) -> bool:
    """Return whether the gradient of the input is best computed here: see `conv2d_backward_input`."""
    added = image[0] * image[1] / prod(window.output(*image))
    return window.strides == (1, 1) and shape[2] >= 2 * LANES and added <= MAX_ADDED


def conv2d(x: np.ndarray, w: np.ndarray, epilogue: Epilogue, window: Window) -> np.ndarray:
    """Return x ∗ w (n,oh,ow,k), finished by the epilogue, of images `x` (n,h,w,c) and the kernel `w` (kh,kw,c,k)."""
    image = x.shape[1:3]
    (top, _), (left, _) = window.pads(*image)
    return _convolved(x, w, epilogue, window, (top, left), window.output(*image))


def conv2d_backward_input(dy: np.ndarray, w: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k), at stride 1; `image` is (h, w).

    dx[n,r,q,c] = Σ dy[n, r + top − i·d, q + left − j·d, k]·w[i,j,c,k] is a convolution of dy by the window turned.
    """
    assert window.strides == (1, 1)
    (top, _), (left, _) = window.pads(*image)
    before = window.span[0] - 1 - top, window.span[1] - 1 - left
    turned = np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2))
    return _convolved(dy, turned, for_bias(w.shape[2], dy.dtype, None), window, before, image)


def _convolved(
    x: np.ndarray, w: np.ndarray, epilogue: Epilogue, window: Window, before: Pair, output: Pair
) -> np.ndarray:
    """Return x ∗ w, finished, of size `output`, of images with so many cells of padding above and to the left."""
    k = w.shape[3]
    y = empty((len(x), *output, k), x.dtype)
    depth = w.size // k
    panels = empty((depth * whole_vectors(k),), w.dtype)
    fill_panels(w.reshape(-1), (k, 1), panels, (depth, k))
    pieces = _pieces(window.size[0], depth // window.size[0], KC)
    geometry = _geometry(x, window, before, output)
    rows = y.size // k
    workspace = thread_buffers(PACKED_A + (MC + MAX_MR) * whole_vectors(k), x.dtype)
    arrays = x.reshape(-1), panels, epilogue, y.reshape(-1)
    _product(*arrays, (rows, depth, k), block_rows(rows, 1), geometry, pieces, workspace)
    return y


def conv2d_backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window) -> np.ndarray:
    """Return dw (kh,kw,c,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c)."""
    c, k = x.shape[3], dy.shape[3]
    shape = (*window.size, c, k)
    positions = dy.size // k
    if positions == 0:
        return np.zeros(shape, x.dtype)
    (top, _), (left, _) = window.pads(*x.shape[1:3])
    depth = window.size[0] * window.size[1] * c
    pieces = _pieces(window.size[0], depth // window.size[0], HIGH)
    parts = max(1, min(PARTS, positions // MIN_PART_POSITIONS))
    partial = empty((parts, depth, k), x.dtype)
    workspace = thread_buffers(PACKED_PATCHES + PACKED_B + (HIGH + MAX_MR) * whole_vectors(k), x.dtype)
    geometry = _geometry(x, window, (top, left), dy.shape[1:3])
    arrays = x.reshape(-1), dy.reshape(-1), partial.reshape(-1)
    _sum_products(*arrays, (positions, depth, k, parts), geometry, pieces, workspace)
    return (partial[0] if parts == 1 else partial.sum(axis=0)).reshape(shape)


@lru_cache(1024)
def _pieces(kh: int, run: int, most: int) -> np.ndarray:
    """Cut a patch into pieces of at most `most` numbers: (first row of the window, one past its last, from, to in run).

    Whole rows of the window, several of them where they fit; else parts of a row, of equal length but for rounding.
    """
    if run <= most:
        together = ceil(kh / ceil(kh / (most // run)))
        return constant(np.array([(i, min(kh, i + together), 0, run) for i in range(0, kh, together)], np.int64))
    length = ceil(run / ceil(run / most) / LANES) * LANES
    cuts = [(start, min(run, start + length)) for start in range(0, run, length)]
    return constant(np.array([(i, i + 1, *cut) for i in range(kh) for cut in cuts], np.int64))


def _geometry(x: np.ndarray, window: Window, before: Pair, output: Pair) -> tuple[int, ...]:
    """Return h, w, c, oh, ow, strides, dilation, and padding above and to the left."""
    return (*x.shape[1:], *output, *window.strides, *window.dilation, *before)


@helper
def _pack_patches(
    x: np.ndarray, geometry: Any, first: int, count: int, piece: np.ndarray, target: np.ndarray, lda: int
) -> None:
    """Write a piece of the patches of output positions first … first + count − 1 to rows of the target, lda apart."""
    h, w, c, oh, ow, sh, sw, dh, dw, top, left = geometry
    from_, to = piece[2], piece[3]
    ox, line = first % ow, first // ow
    oy, image = line % oh, line // oh
    for number in range(count):
        at = number * lda
        x0 = ox * sw - left
        for i in range(piece[0], piece[1]):
            y0 = oy * sh + i * dh - top
            if y0 < 0 or y0 >= h:
                clear_run(target, at, to - from_)
            elif dw == 1:
                start = ((image * h + y0) * w + x0) * c
                low, high = max(from_, -x0 * c), min(to, (w - x0) * c)
                if high <= low:
                    clear_run(target, at, to - from_)
                else:
                    clear_run(target, at, low - from_)
                    copy_run(x, start + low, high - low, target, at + low - from_)
                    clear_run(target, at + high - from_, to - high)
            else:
                t = from_
                while t < to:
                    j = t // c
                    end = min(to, (j + 1) * c)
                    column = x0 + j * dw
                    if column < 0 or column >= w:
                        clear_run(target, at + t - from_, end - t)
                    else:
                        cell = ((image * h + y0) * w + column) * c
                        copy_run(x, cell + t - j * c, end - t, target, at + t - from_)
                    t = end
            at += to - from_
        ox += 1
        if ox == ow:
            oy, ox = oy + 1, 0
            if oy == oh:
                image, oy = image + 1, 0


@vector_jit
def _product(
    x: Any,
    panels: Any,
    epilogue: Any,
    y: Any,
    sizes: Any,
    mc: int,
    geometry: Any,
    pieces: Any,
    workspace: Any,
) -> None:
    """Fill y, `mc` positions at a time; sizes: positions, kh·kw·c, k."""
    for block in prange((sizes[0] + mc - 1) // mc):
        rows, depth, k = sizes
        i0 = block * mc
        high, ldc = min(mc, rows - i0), (k + LANES - 1) // LANES * LANES
        packed_a, block_c = workspace[get_thread_id(), :PACKED_A], workspace[get_thread_id(), PACKED_A:]
        d0 = 0
        for number in range(len(pieces)):
            piece = pieces[number]
            terms = (piece[1] - piece[0]) * (piece[3] - piece[2])
            _pack_patches(x, geometry, i0, high, piece, packed_a, KC)
            for j in range(0, ldc, PANEL):
                panel = min(PANEL, ldc - j)
                b0 = j * depth + d0 * panel
                shape = high, panel, terms
                if d0 + terms < depth:
                    multiply(packed_a, 0, KC, panels, b0, panel, block_c, j, ldc, shape, d0 > 0)
                else:
                    to = j, i0 * k + j, k, min(panel, k - j)
                    multiply_last(packed_a, 0, KC, panels, b0, panel, block_c, j, ldc, shape, d0 > 0, epilogue, y, to)
            d0 += terms


@vector_jit
def _sum_products(x: Any, dy: Any, partial: Any, sizes: Any, geometry: Any, pieces: Any, workspace: Any) -> None:
    """Fill partial (parts, depth, k), a piece of the patches of a part at a time; sizes: positions, depth, k, parts."""
    for number in prange(sizes[3] * len(pieces)):
        positions, depth, k, parts = sizes
        part, piece = number // len(pieces), pieces[number % len(pieces)]
        run = depth // pieces[-1, 1]  # of a row of the window
        high, ldc = (piece[1] - piece[0]) * (piece[3] - piece[2]), (k + LANES - 1) // LANES * LANES
        lda = (high + MAX_MR - 1) // MAX_MR * MAX_MR
        buffers = workspace[get_thread_id()]
        packed_a, rest = buffers[:PACKED_PATCHES], buffers[PACKED_PATCHES:]
        packed_b, block_c = rest[:PACKED_B], rest[PACKED_B:]
        first, last = part * positions // parts, (part + 1) * positions // parts
        for d0 in range(first, last, POSITIONS):
            terms = min(POSITIONS, last - d0)
            _pack_patches(x, geometry, d0, terms, piece, packed_a, lda)
            for d in range(terms):
                clear_run(packed_a, d * lda + high, lda - high)
            for j0 in range(0, ldc, NC):
                end = min(ldc, j0 + NC)
                for d in range(terms):
                    for j in range(j0, end, PANEL):
                        panel, at = min(PANEL, end - j), (j - j0) * POSITIONS
                        copied = min(panel, k - j)
                        copy_run(dy, (d0 + d) * k + j, copied, packed_b, at + d * panel)
                        clear_run(packed_b, at + d * panel + copied, panel - copied)
                for j in range(j0, end, PANEL):
                    shape, b0 = (high, min(PANEL, end - j), terms), (j - j0) * POSITIONS
                    multiply_transposed(packed_a, 0, lda, packed_b, b0, shape[1], block_c, j, ldc, shape, d0 > first)
        row = piece[0] * run + piece[2]
        for i in range(high):
            copy_run(block_c, i * ldc, k, partial, (part * depth + row + i) * k)
