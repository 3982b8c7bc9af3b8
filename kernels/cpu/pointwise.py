"""Convolution by a window of one cell: a single matrix product, without patches. Any strides.

Under a 1×1 window an output sees one cell of the image, so the cells are their own patches (`im2col.py`):

    forward             y  = x · W          (cells, c)·(c, k)
    kernel gradient     dW = xᵀ · dy        (c, cells)·(cells, k)
    input gradient      dx = dy · Wᵀ        (cells, k)·(k, c), 0 in the cells that strides skip

Half of ResNet's arithmetic is of this kind, and nearly all of MobileNet's. As in `dense.py`, blocks of the result stay
in a core's second-level cache while DEPTH terms at a time are added to them. What a block needs of x is copied together
first, and it is there that strides pick their cells; W is brought into panels once, as wide as a piece of `product.py`.
"""

from math import ceil
from typing import Any

import numba
import numpy as np
from numba import get_thread_id, prange

from ..window import Pair, Window
from .compile import helper, vector_jit
from .memory import empty, rooms, zeros
from .product import PANEL, ROWS, multiply, multiply_transposed
from .vectors import LANES, copy_vector, in_registers, where

# Blocks of the result are at most TALL×WIDE. Each number of it is the same sum in the same order whatever the block.
TALL = 256
WIDE = 256 // PANEL * PANEL  # whole panels
DEPTH = 128

# Numbers of a block's parts of both factors and of the result.
A, B, C = (TALL + ROWS) * DEPTH, DEPTH * PANEL, (TALL + ROWS) * WIDE

# A kernel's gradient is summed in up to this many parts of the cells, at least DEPTH each, so that there are enough
# blocks for all threads. The parts are added in order: the bits do not depend on the number of threads.
PARTS = 16


def can(dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> bool:
    """Return whether this can be: one cell, one group, and a vector register of channels on either side."""
    return window.size == (1, 1) and groups == 1 and min(shape[2:]) >= LANES


def conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray, window: Window, floor: float) -> np.ndarray:
    """Return y (n,oh,ow,k) = max(x ∗ w + b, floor) of images `x` (n,h,w,c), kernel `w` (1,1,c,k), bias `b` (k,)."""
    image = x.shape[1:3]
    y = empty((len(x), *window.output(*image), w.shape[3]), x.dtype)
    _multiply(x, w[0, 0], b, y, _geometry(window, image), True, floor)
    return y


def conv2d_backward_input(dy: np.ndarray, w: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k); `image` is (h, w)."""
    c = w.shape[2]
    dx = (empty if window.strides == (1, 1) else zeros)((len(dy), *image, c), dy.dtype)
    _multiply(dy, w[0, 0].T, np.zeros(c, dy.dtype), dx, _geometry(window, image), False, -np.inf)
    return dx


def conv2d_backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window) -> np.ndarray:
    """Return dw (1,1,c,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c)."""
    c, k = x.shape[3], dy.shape[3]
    cells = dy.size // k
    if cells == 0:
        return np.zeros((1, 1, c, k), x.dtype)
    blocks = ceil(c / TALL) * ceil(k / WIDE)
    parts = max(1, min(ceil(PARTS / blocks), cells // DEPTH))
    partial = empty((parts, c, k), x.dtype)
    sizes = cells, c, k, parts
    geometry, room = _geometry(window, x.shape[1:3]), rooms(A + B + C, x.dtype)
    _sum_products(x.reshape(-1), dy.reshape(-1), partial.reshape(-1), sizes, geometry, room)
    return partial.sum(axis=0).reshape(1, 1, c, k)


def _multiply(
    a: np.ndarray, w: np.ndarray, bias: np.ndarray, y: np.ndarray, geometry: Any, gathers: bool, floor: float
) -> None:
    """Fill y (…,k) with max(a·w + bias, floor); strides apply to the cells of `a` (…,c) if it `gathers`, else of y."""
    c, k = w.shape
    rows = y.size // k if gathers else a.size // c
    across, down = ceil(k / WIDE), ceil(rows / TALL)
    if across * down < numba.get_num_threads():
        down = numba.get_num_threads()
    tall = max(1, ceil(rows / down / ROWS)) * ROWS
    arrays = a.reshape(-1), _in_panels(w), bias, y.reshape(-1)
    _product(*arrays, (rows, c, k), tall, geometry, gathers, a.dtype.type(floor), rooms(A + C, a.dtype))


def _in_panels(w: np.ndarray) -> np.ndarray:
    """Return the matrix (c,k) cut into panels of PANEL columns, one after the other; the last to whole vectors."""
    c, k = w.shape
    whole = k // PANEL * PANEL
    panels = empty((c * ceil(k / LANES) * LANES,), w.dtype)
    panels[: c * whole].reshape(-1, c, PANEL)[...] = w[:, :whole].reshape(c, -1, PANEL).transpose(1, 0, 2)
    if whole < k:
        rest = panels[c * whole :].reshape(c, -1)
        rest[:, : k - whole] = w[:, whole:]
        rest[:, k - whole :] = 0
    return panels


def _geometry(window: Window, image: Pair) -> tuple[int, ...]:
    """Return the sizes of images and outputs, and the strides: h, w, oh, ow, down, across. There is never padding."""
    return (*image, *window.output(*image), *window.strides)


@in_registers
def _finish(c, i, bias, j, floor, y, at):
    total = c[i] + bias[j]
    y[at] = where(total <= floor, floor, total)


@helper
def _copy_run(source: np.ndarray, start: int, run: int, target: np.ndarray, at: int) -> None:
    """Copy `run` numbers."""
    whole = run // LANES * LANES
    for t in range(0, whole, LANES):
        copy_vector(source, start + t, target, at + t)
    for t in range(whole, run):
        target[at + t] = source[start + t]


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
def _product(
    a: Any, panels: Any, bias: Any, y: Any, sizes: Any, tall: int, geometry: Any, gathers: bool, floor: Any, room: Any
) -> None:
    """Fill y, a block at a time; sizes: rows, c, k."""
    across = (sizes[2] + WIDE - 1) // WIDE
    for block in prange((sizes[0] + tall - 1) // tall * across):
        rows, c, k = sizes
        i0, j0 = block // across * tall, block % across * WIDE
        high, wide = min(tall, rows - i0), min(WIDE, k - j0)
        row = (wide + LANES - 1) // LANES * LANES
        part_a, part_c = room[get_thread_id(), :A], room[get_thread_id(), A:]
        cells = np.empty(high, np.intp)
        _find_cells(geometry, i0, high, cells)
        for d0 in range(0, c, DEPTH):
            deep = min(DEPTH, c - d0)
            for i in range(high):
                _copy_run(a, (cells[i] if gathers else i0 + i) * c + d0, deep, part_a, i * DEPTH)
            for j in range(0, row, PANEL):
                panel = min(PANEL, row - j)
                b0 = (j0 + j) * c + d0 * panel
                multiply(part_a, 0, DEPTH, panels, b0, panel, part_c, j, row, (high, panel, deep), float(d0))
        whole = wide // LANES * LANES
        for i in range(high):
            at = (i0 + i if gathers else cells[i]) * k + j0
            for j in range(0, whole, LANES):
                _finish(part_c, i * row + j, bias, j0 + j, floor, y, at + j)
            for j in range(whole, wide):
                total = part_c[i * row + j] + bias[j0 + j]
                y[at + j] = floor if total <= floor else total


@vector_jit
def _sum_products(x: Any, dy: Any, partial: Any, sizes: Any, geometry: Any, room: Any) -> None:
    """Fill partial (parts,c,k), a block at a time; sizes: cells, c, k, parts."""
    blocks = (sizes[1] + TALL - 1) // TALL * ((sizes[2] + WIDE - 1) // WIDE)
    for number in prange(sizes[3] * blocks):
        count, c, k, parts = sizes
        across = (k + WIDE - 1) // WIDE
        part, block = number // blocks, number % blocks
        i0, j0 = block // across * TALL, block % across * WIDE
        high, wide = min(TALL, c - i0), min(WIDE, k - j0)
        row = (wide + LANES - 1) // LANES * LANES
        part_a, rest = room[get_thread_id(), :A], room[get_thread_id(), A:]
        part_b, part_c = rest[:B], rest[B:]
        cells = np.empty(DEPTH, np.intp)
        first, last = part * count // parts, (part + 1) * count // parts
        for d0 in range(first, last, DEPTH):
            deep = min(DEPTH, last - d0)
            _find_cells(geometry, d0, deep, cells)
            for d in range(deep):
                _copy_run(x, cells[d] * c + i0, high, part_a, d * (high + ROWS))
            for j in range(0, row, PANEL):
                panel, some = min(PANEL, row - j), min(PANEL, wide - j)
                for d in range(deep):
                    _copy_run(dy, (d0 + d) * k + j0 + j, some, part_b, d * panel)
                shape = high, panel, deep
                multiply_transposed(part_a, 0, high + ROWS, part_b, 0, panel, part_c, j, row, shape, float(d0 - first))
        for i in range(high):
            _copy_run(part_c, i * row, wide, partial, ((part * c) + i0 + i) * k + j0)
