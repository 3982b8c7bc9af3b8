"""Convolution by a window of one cell: a single matrix product, without patches. Any strides.

Under a 1×1 window an output sees one cell of the image, so the cells are their own patches (`im2col.py`):

    forward             y  = x · W          (cells, c)·(c, k)
    kernel gradient     dW = xᵀ · dy        (c, cells)·(cells, k)
    input gradient      dx = dy · Wᵀ        (cells, k)·(k, c), 0 in the cells that strides skip

Half of ResNet's arithmetic is of this kind, and nearly all of MobileNet's. A thread takes rows of the result with all
their columns, and adds DEPTH terms at a time to them. What it needs of the left factor for that is copied together
once, into a core's second-level cache, and it is there that strides pick their cells; the right factor is in panels, as
wide as pieces of `product.py` fill. xᵀ is turned while it is copied, since rows are the faster product.
"""

from math import ceil
from typing import Any

import numba
import numpy as np
from numba import get_thread_id, prange

from ..window import Pair, Window
from .compile import helper, vector_jit
from .memory import empty, thread_buffers, zeros
from .packing import copy_run, pack, pack_transposed
from .product import PANEL, ROWS, multiply
from .vectors import LANES, in_registers, transposed, where

# A block is at most TALL rows of the result, and all its columns; DEPTH terms at a time are added to it. Each number is
# the same sum in the same order whatever the block.
TALL = 256
DEPTH = 128

# Columns of dy that are copied into panels at a time: to read a few of each row would cost a page's address each time.
GROUP = 256 // PANEL * PANEL

# Numbers of a block's part of x, and of dy.
A, B = (TALL + ROWS) * DEPTH, DEPTH * GROUP

# A kernel's gradient is summed in up to PARTS parts of the cells, of SHARE cells or more: there must be blocks for all
# threads, but a part costs as much memory as the gradient. They are added in order, whatever the number of threads.
PARTS = 16
SHARE = 2048


def can(dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> bool:
    """Return whether this can be: one cell, one group, and a vector register of channels on either side."""
    return window.size == (1, 1) and groups == 1 and min(shape[2:]) >= LANES


def conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray, window: Window, floor: float) -> np.ndarray:
    """Return y (n,oh,ow,k) = max(x ∗ w + b, floor) of images `x` (n,h,w,c), kernel `w` (1,1,c,k), bias `b` (k,)."""
    image = x.shape[1:3]
    y = empty((len(x), *window.output(*image), w.shape[3]), x.dtype)
    _multiply(x, w, False, b, y, _geometry(window, image), floor)
    return y


def conv2d_backward_input(dy: np.ndarray, w: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k); `image` is (h, w)."""
    c = w.shape[2]
    dx = (empty if window.strides == (1, 1) else zeros)((len(dy), *image, c), dy.dtype)
    _multiply(dy, w, True, np.zeros(c, dy.dtype), dx, _geometry(window, image), -np.inf)
    return dx


def conv2d_backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window) -> np.ndarray:
    """Return dw (1,1,c,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c)."""
    c, k = x.shape[3], dy.shape[3]
    cells = dy.size // k
    if cells == 0:
        return np.zeros((1, 1, c, k), x.dtype)
    parts = max(1, min(PARTS, cells // SHARE))
    tall = _height(c, parts)
    partial = empty((parts, c, k), x.dtype)
    room = thread_buffers(A + B + (TALL + ROWS) * _whole(k), x.dtype)
    arrays = x.reshape(-1), dy.reshape(-1), partial.reshape(-1)
    _sum_products(*arrays, (cells, c, k, parts), tall, _geometry(window, x.shape[1:3]), room)
    return (partial[0] if parts == 1 else partial.sum(axis=0)).reshape(1, 1, c, k)


def _multiply(
    a: np.ndarray, w: np.ndarray, turned: bool, bias: np.ndarray, y: np.ndarray, geometry: Any, floor: float
) -> None:
    """Fill y (…,k) with max(a·w + bias, floor) of `a` (…,c) and `w` (c,k), or its transpose if w is `turned`.

    Strides apply to the cells of a, or, if w is turned, of y.
    """
    c, k = a.shape[-1], y.shape[-1]
    rows = a.size // c if turned else y.size // k
    panels = empty((c * _whole(k),), w.dtype)
    _fill_panels(w.reshape(-1), (1, c) if turned else (k, 1), panels, (c, k))
    arrays = a.reshape(-1), panels, bias, y.reshape(-1)
    room = thread_buffers(A + (TALL + ROWS) * _whole(k), a.dtype)
    _product(*arrays, (rows, c, k), _height(rows, 1), geometry, not turned, a.dtype.type(floor), room)


def _whole(k: int) -> int:
    """Return how many columns the vectors have that hold k."""
    return ceil(k / LANES) * LANES


def _height(rows: int, parts: int) -> int:
    """Return the rows of a block, if each of `parts` has as many blocks, and each thread."""
    threads = numba.get_num_threads()
    blocks = max(1, ceil(rows / TALL))
    while blocks * parts % threads:
        blocks += 1
    return max(1, ceil(rows / blocks / ROWS)) * ROWS


def _geometry(window: Window, image: Pair) -> tuple[int, ...]:
    """Return the sizes of images and outputs, and the strides: h, w, oh, ow, down, across. There is never padding."""
    return (*image, *window.output(*image), *window.strides)


@in_registers
def _finish(c, i, bias, j, floor, y, at):
    total = c[i] + bias[j]
    y[at] = where(total <= floor, floor, total)


@in_registers
def _turn_square(x, cells, d, c, i, target, at):
    square = [x[cells.each(d + t) * c + i] for t in range(LANES)]
    for t, row in enumerate(transposed(square)):
        target[at + t * DEPTH] = row


@helper
def _turn(x: np.ndarray, cells: np.ndarray, deep: int, c: int, i0: int, high: int, target: np.ndarray) -> None:
    """Copy `high` channels from i0 on of `deep` cells to rows of the target, DEPTH apart, one a channel."""
    across, down = high // LANES * LANES, deep // LANES * LANES
    for d in range(0, down, LANES):
        for i in range(0, across, LANES):
            _turn_square(x, cells, d, c, i0 + i, target, i * DEPTH + d)
    for i in range(high):
        for d in range(down if i < across else 0, deep):
            target[i * DEPTH + d] = x[cells[d] * c + i0 + i]


@helper
def _find_cells(geometry: Any, first: int, count: int, cells: np.ndarray) -> None:
    """Write which cell of the images each of the outputs first … first + count − 1 sees, both counted through."""
    h, w, oh, ow, down, across = geometry
    j, line = first % ow, first // ow
    i, image = line % oh, line // oh
    for number in range(count):
        cells[number] = (image * h + i * down) * w + j * across
        j += 1
        if j == ow:
            i, j = i + 1, 0
            if i == oh:
                image, i = image + 1, 0


@vector_jit
def _fill_panels(w: Any, steps: Any, panels: Any, sizes: Any) -> None:
    """Cut the matrix w (c,k) into panels of PANEL columns, one after the other; the last to whole vectors, with 0.

    `steps` are the distances of its rows and of its columns; one of them is 1.
    """
    for panel in prange((sizes[1] + PANEL - 1) // PANEL):
        c, k = sizes
        j0 = panel * PANEL
        some = min(PANEL, k - j0)
        wide = (some + LANES - 1) // LANES * LANES
        if steps[1] == 1:
            pack(w, j0, steps[0], c, some, panels, j0 * c, wide)
        else:
            pack_transposed(w, j0 * steps[1], steps[1], some, c, panels, j0 * c, wide)
        for d in range(c):
            for j in range(some, wide):
                panels[j0 * c + d * wide + j] = 0


@vector_jit
def _product(
    a: Any, panels: Any, bias: Any, y: Any, sizes: Any, tall: int, geometry: Any, gathers: bool, floor: Any, room: Any
) -> None:
    """Fill y, `tall` rows at a time; sizes: rows, c, k."""
    for block in prange((sizes[0] + tall - 1) // tall):
        rows, c, k = sizes
        i0 = block * tall
        high, row = min(tall, rows - i0), (k + LANES - 1) // LANES * LANES
        part_a, part_c = room[get_thread_id(), :A], room[get_thread_id(), A:]
        cells = np.empty(high, np.intp)
        _find_cells(geometry, i0, high, cells)
        for d0 in range(0, c, DEPTH):
            deep = min(DEPTH, c - d0)
            for i in range(high):
                copy_run(a, (cells[i] if gathers else i0 + i) * c + d0, deep, part_a, i * DEPTH)
            for j in range(0, row, PANEL):
                panel = min(PANEL, row - j)
                b0 = j * c + d0 * panel
                multiply(part_a, 0, DEPTH, panels, b0, panel, part_c, j, row, (high, panel, deep), float(d0))
        whole = k // LANES * LANES
        for i in range(high):
            at = (i0 + i if gathers else cells[i]) * k
            for j in range(0, whole, LANES):
                _finish(part_c, i * row + j, bias, j, floor, y, at + j)
            for j in range(whole, k):
                total = part_c[i * row + j] + bias[j]
                y[at + j] = floor if total <= floor else total


@vector_jit
def _sum_products(x: Any, dy: Any, partial: Any, sizes: Any, tall: int, geometry: Any, room: Any) -> None:
    """Fill partial (parts,c,k), `tall` rows of a part at a time; sizes: cells, c, k, parts."""
    blocks = (sizes[1] + tall - 1) // tall
    for number in prange(sizes[3] * blocks):
        count, c, k, parts = sizes
        part, i0 = number // blocks, number % blocks * tall
        high, row = min(tall, c - i0), (k + LANES - 1) // LANES * LANES
        part_a, rest = room[get_thread_id(), :A], room[get_thread_id(), A:]
        part_b, part_c = rest[:B], rest[B:]
        cells = np.empty(DEPTH, np.intp)
        first, last = part * count // parts, (part + 1) * count // parts
        for d0 in range(first, last, DEPTH):
            deep = min(DEPTH, last - d0)
            _find_cells(geometry, d0, deep, cells)
            _turn(x, cells, deep, c, i0, high, part_a)
            for j0 in range(0, row, GROUP):
                end = min(row, j0 + GROUP)
                for d in range(deep):
                    for j in range(j0, end, PANEL):
                        panel = min(PANEL, end - j)
                        copy_run(dy, (d0 + d) * k + j, min(panel, k - j), part_b, (j - j0) * DEPTH + d * panel)
                for j in range(j0, end, PANEL):
                    shape, b0 = (high, min(PANEL, end - j), deep), (j - j0) * DEPTH
                    multiply(part_a, 0, DEPTH, part_b, b0, shape[1], part_c, j, row, shape, float(d0 - first))
        for i in range(high):
            copy_run(part_c, i * row, k, partial, ((part * c) + i0 + i) * k)
