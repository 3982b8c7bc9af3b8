"""Pooling on the CPU: formulas and shapes in `reference/pooling.py`.

A thread takes whole rows of the result: output rows forward, image rows backward. Backward is a gather, in which an
image row collects from the output rows whose windows reach it, in a fixed order; so windows may overlap without two
threads writing one cell. The innermost loops run over the channels, which are contiguous.
"""

import numpy as np
from numba import prange

from ..shared import MAX_FLOAT32_TERMS
from ..window import Pair, Window
from .compile import helper, parallel_jit
from .memory import empty

EXACT = 2**24  # so far, float32 counts without a gap

# Images are cut in at most so many parts, of at least so many cells, whose sums are added in order: the bits do not
# depend on the number of threads.
PARTS = 16
LEAST = 1024


def max_pool2d(x: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Return (y, index), the first maximum of each window in row-major order; NaN counts as the largest."""
    n, h, w, c = x.shape
    (top, _), (left, _) = window.pads(h, w)
    y = empty((n, *window.output(h, w), c), x.dtype)
    index = empty(y.shape, window.argmax_dtype)
    counter = np.empty(0, x.dtype if window.size[0] * window.size[1] <= EXACT else np.float64)
    _max_pool2d(x, y, index, counter, *window.size, *window.strides, top, left)
    return y, index


def max_pool2d_backward(dy: np.ndarray, index: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c): each cell's sum over the windows that it won, from the first to the last."""
    (top, _), (left, _) = window.pads(*image)
    dx = empty((len(dy), *image, dy.shape[3]), _sum_dtype(dy, *_windows_of_a_cell(window)))
    _max_pool2d_backward(dy, index, dx, *window.size, *window.strides, top, left)
    return dx.astype(dy.dtype, copy=False)


def average_pool2d(x: np.ndarray, window: Window) -> np.ndarray:
    """Return y (n,oh,ow,c), the mean of each window over its cells inside the image."""
    n, h, w, c = x.shape
    (top, _), (left, _) = window.pads(h, w)
    y = empty((n, *window.output(h, w), c), _sum_dtype(x, *window.size))
    _average_pool2d(x, y, *window.size, *window.strides, top, left)
    return y.astype(x.dtype, copy=False)


def average_pool2d_backward(dy: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c): each cell's sum of the shares of the windows it is in, from the first to the last."""
    (top, _), (left, _) = window.pads(*image)
    dx = empty((len(dy), *image, dy.shape[3]), _sum_dtype(dy, *_windows_of_a_cell(window)))
    _average_pool2d_backward(dy, dx, *window.size, *window.strides, top, left)
    return dx.astype(dy.dtype, copy=False)


def global_average_pool2d(x: np.ndarray) -> np.ndarray:
    """Return y (n,c), the mean of each channel over the image, summed in double."""
    n, h, w, c = x.shape
    sums = np.zeros((n, min(PARTS, -(-h * w // LEAST)), c))
    _sum_cells(x.reshape(n, h * w, c), sums)
    with np.errstate(invalid="ignore"):  # kernels hand NaN on in silence
        return (sums.sum(axis=1) / (h * w)).astype(x.dtype)


def global_average_pool2d_backward(dy: np.ndarray, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) with dy/(h·w) in every cell."""
    h, w = image
    n, c = dy.shape
    dx = empty((n, h, w, c), dy.dtype)
    dx[:] = (dy / (h * w))[:, None, None, :]
    return dx


def _windows_of_a_cell(window: Window) -> Pair:
    """Return how many windows, down and across, a cell is in at most."""
    (kh, kw), (sh, sw) = window.size, window.strides
    return -(-kh // sh), -(-kw // sw)


def _sum_dtype(x: np.ndarray, rows: int, columns: int) -> np.dtype:
    """Return the dtype that sums of rows×columns numbers like those of `x` are taken in."""
    return x.dtype if rows * columns <= MAX_FLOAT32_TERMS else np.dtype(np.float64)


@parallel_jit
def _sum_cells(x: np.ndarray, sums: np.ndarray) -> None:
    """Add the cells of x (n,cells,c) to sums (n,parts,c)."""
    n, cells, channels = x.shape
    parts = sums.shape[1]
    for k in prange(n * parts):
        image, part = k // parts, k % parts
        total = sums[image, part]
        for cell in range(part * cells // parts, (part + 1) * cells // parts):
            for c in range(channels):
                total[c] += x[image, cell, c]


@parallel_jit
def _max_pool2d(
    x: np.ndarray,
    y: np.ndarray,
    index: np.ndarray,
    counter: np.ndarray,
    kh: int,
    kw: int,
    sh: int,
    sw: int,
    top: int,
    left: int,
) -> None:
    n, rows, _, _ = y.shape
    for k in prange(n * rows):
        image, p = k // rows, k % rows
        _max_row(x[image], y[image, p], index[image, p], counter, p, kh, kw, sh, sw, top, left)


@helper
def _max_row(
    x: np.ndarray,
    y: np.ndarray,
    index: np.ndarray,
    counter: np.ndarray,
    p: int,
    kh: int,
    kw: int,
    sh: int,
    sw: int,
    top: int,
    left: int,
) -> None:
    """Fill row `p` of one image's `y` and `index` (ow,c) from `x` (h,w,c); the dtype of `counter` counts cells."""
    h, w, channels = x.shape
    i_first, i_last = _inside(p * sh - top, kh, h)
    winner = np.empty(channels, counter.dtype)  # as wide as the numbers compared, if it can be, to vectorise
    for q in range(y.shape[0]):
        j_first, j_last = _inside(q * sw - left, kw, w)
        best = y[q]
        cells = x[p * sh - top + i_first, q * sw - left + j_first]
        for c in range(channels):
            best[c] = cells[c]
            winner[c] = i_first * kw + j_first
        for i in range(i_first, i_last):
            for j in range(j_first + (i == i_first), j_last):
                cells = x[p * sh - top + i, q * sw - left + j]
                position = counter.dtype.type(i * kw + j)
                for c in range(channels):
                    # Larger, or NaN, unless a NaN leads already. `&` and not `and`: no branch, so it vectorises.
                    better = (not cells[c] <= best[c]) & (best[c] == best[c])
                    best[c] = cells[c] if better else best[c]
                    winner[c] = position if better else winner[c]
        for c in range(channels):
            index[q, c] = index.dtype.type(winner[c])


@parallel_jit
def _max_pool2d_backward(
    dy: np.ndarray, index: np.ndarray, dx: np.ndarray, kh: int, kw: int, sh: int, sw: int, top: int, left: int
) -> None:
    n, rows, _, _ = dx.shape
    for k in prange(n * rows):
        image, row = k // rows, k % rows
        _max_row_backward(dy[image], index[image], dx[image, row], row + top, kh, kw, sh, sw, left)


@helper
def _max_row_backward(
    dy: np.ndarray, index: np.ndarray, dx: np.ndarray, row: int, kh: int, kw: int, sh: int, sw: int, left: int
) -> None:
    """Fill one row of one image's `dx` (w,c) from `dy` and `index` (oh,ow,c); `row` counts from window 0's first."""
    w, channels = dx.shape
    zero = dx.dtype.type(0)
    for cell in range(w):
        for c in range(channels):
            dx[cell, c] = zero
    first, last = _reaching(row, kh, sh, dy.shape[0])
    for p in range(first, last):
        for q in range(dy.shape[1]):
            j_first, j_last = _inside(q * sw - left, kw, w)
            gradient, winner = dy[p, q], index[p, q]
            for j in range(j_first, j_last):
                cells = dx[q * sw - left + j]
                position = index.dtype.type((row - p * sh) * kw + j)
                for c in range(channels):
                    cells[c] += gradient[c] if winner[c] == position else zero


@parallel_jit
def _average_pool2d(x: np.ndarray, y: np.ndarray, kh: int, kw: int, sh: int, sw: int, top: int, left: int) -> None:
    n, rows, _, _ = y.shape
    for k in prange(n * rows):
        image, p = k // rows, k % rows
        _average_row(x[image], y[image, p], p, kh, kw, sh, sw, top, left)


@helper
def _average_row(x: np.ndarray, y: np.ndarray, p: int, kh: int, kw: int, sh: int, sw: int, top: int, left: int) -> None:
    """Fill row `p` of one image's `y` (ow,c) from `x` (h,w,c)."""
    h, w, channels = x.shape
    zero, one = y.dtype.type(0), y.dtype.type(1)
    i_first, i_last = _inside(p * sh - top, kh, h)
    for q in range(y.shape[0]):
        j_first, j_last = _inside(q * sw - left, kw, w)
        mean = y[q]
        for c in range(channels):
            mean[c] = zero
        for i in range(i_first, i_last):
            for j in range(j_first, j_last):
                cells = x[p * sh - top + i, q * sw - left + j]
                for c in range(channels):
                    mean[c] += cells[c]
        share = one / y.dtype.type((i_last - i_first) * (j_last - j_first))
        for c in range(channels):
            mean[c] *= share


@parallel_jit
def _average_pool2d_backward(
    dy: np.ndarray, dx: np.ndarray, kh: int, kw: int, sh: int, sw: int, top: int, left: int
) -> None:
    n, rows, _, _ = dx.shape
    for k in prange(n * rows):
        image, row = k // rows, k % rows
        _average_row_backward(dy[image], dx[image], row, kh, kw, sh, sw, top, left)


@helper
def _average_row_backward(
    dy: np.ndarray, dx: np.ndarray, row: int, kh: int, kw: int, sh: int, sw: int, top: int, left: int
) -> None:
    """Fill row `row` of one image's `dx` (h,w,c) from `dy` (oh,ow,c)."""
    h, w, channels = dx.shape
    zero, one = dx.dtype.type(0), dx.dtype.type(1)
    for cell in range(w):
        for c in range(channels):
            dx[row, cell, c] = zero
    first, last = _reaching(row + top, kh, sh, dy.shape[0])
    for p in range(first, last):
        i_first, i_last = _inside(p * sh - top, kh, h)
        for q in range(dy.shape[1]):
            j_first, j_last = _inside(q * sw - left, kw, w)
            share = one / dx.dtype.type((i_last - i_first) * (j_last - j_first))
            gradient = dy[p, q]
            for j in range(j_first, j_last):
                cells = dx[row, q * sw - left + j]
                for c in range(channels):
                    cells[c] += gradient[c] * share


@helper
def _inside(start: int, taps: int, cells: int) -> Pair:
    """Return [first, last) of the `taps` of a window from cell `start` on that lie on the `cells` cells of an axis."""
    return max(0, -start), min(taps, cells - start)


@helper
def _reaching(cell: int, taps: int, stride: int, windows: int) -> Pair:
    """Return [first, last) of the `windows` of `taps` that hold `cell`, counted from window 0's first cell."""
    return max(0, (cell - taps) // stride + 1), min(windows, cell // stride + 1)
