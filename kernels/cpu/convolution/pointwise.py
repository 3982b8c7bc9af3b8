"""Convolution by a window of one cell: a single matrix product, without patches. Any strides.

Under a 1×1 window an output sees one cell of the image, so the cells are their own patches (`im2col.py`):

    forward             y  = x · W          (cells, c)·(c, k)
    kernel gradient     dW = xᵀ · dy        (c, cells)·(cells, k)
    input gradient      dx = dy · Wᵀ        (cells, k)·(k, c), 0 in the cells that strides skip

Half of ResNet's arithmetic is of this kind, and nearly all of MobileNet's. A thread takes a block of MC rows of the
result with all their columns, and adds KC terms at a time to it (`matmul.py` explains the names). What it needs of the
left factor for that is packed once, into a core's second-level cache, and it is there that strides pick their cells;
the right factor is in panels of whole register tiles. x is transposed while it is packed for xᵀ, since rows are the
faster product. Of a single small image there is but one block, which would leave threads without work: it goes by the
blocks of `dense.py`, to the same bits.
"""

from math import ceil, prod
from typing import Any

import numpy as np
from numba import get_thread_id, prange

from ...window import Pair, Window
from .. import dense
from ..compile import helper, vector_jit
from ..epilogue import Epilogue, for_bias
from ..matmul import MAX_MR, PANEL, finish, multiply, multiply_last
from ..memory import empty, launch, thread_buffers, zeros
from ..packing import clear_run, copy_run, pack, pack_transposed
from ..parallel import threads_here
from ..vectors import LANES, in_registers, transposed

# A block is at most MC rows of the result, and all its columns; KC terms at a time are added to it. Each number is the
# same sum in the same order whatever the block.
MC = 256
KC = 128

# Columns of dy that are packed into panels at a time: to read a few of each row would cost a page's address each time.
NC = 256 // PANEL * PANEL

# Numbers of a thread's packed parts of x and of dy.
PACKED_A, PACKED_B = (MC + MAX_MR) * KC, KC * NC

# A kernel's gradient is summed in up to PARTS parts of the cells, of MIN_PART_CELLS or more: there must be blocks for
# all threads, but a part costs as much memory as the gradient. They are added in order, whatever the number of threads.
PARTS = 16
MIN_PART_CELLS = 2048


def supports(dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> bool:
    """Return whether this module can do it: a 1×1 window, one group, and a vector of channels on either side."""
    return window.size == (1, 1) and groups == 1 and min(shape[2:]) >= LANES


def conv2d(x: np.ndarray, w: np.ndarray, epilogue: Epilogue, window: Window) -> np.ndarray:
    """Return x ∗ w (n,oh,ow,k), finished by the epilogue, of images `x` (n,h,w,c) and the kernel `w` (1,1,c,k)."""
    image, k = x.shape[1:3], w.shape[3]
    shape = (len(x), *window.output(*image), k)
    if prod(shape[:3]) <= MC:
        down, across = window.strides
        cells = x
        if window.strides != (1, 1):
            cells = empty((*shape[:3], x.shape[3]), x.dtype)
            launch(np.copyto, cells, x[:, ::down, ::across])
        return dense.product(cells.reshape(-1, x.shape[3]), w.reshape(-1, k), epilogue).reshape(shape)
    y = empty(shape, x.dtype)
    _multiply(x, w, False, epilogue, y, _geometry(window, image))
    return y


def conv2d_backward_input(dy: np.ndarray, w: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k); `image` is (h, w)."""
    c = w.shape[2]
    dx = (empty if window.strides == (1, 1) else zeros)((len(dy), *image, c), dy.dtype)
    _multiply(dy, w, True, for_bias(c, dy.dtype, None), dx, _geometry(window, image))
    return dx


def conv2d_backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window) -> np.ndarray:
    """Return dw (1,1,c,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c)."""
    c, k = x.shape[3], dy.shape[3]
    cells = dy.size // k
    if cells == 0:
        return np.zeros((1, 1, c, k), x.dtype)
    parts = max(1, min(PARTS, cells // MIN_PART_CELLS))
    mc = block_rows(c, parts)
    partial = empty((parts, c, k), x.dtype)
    workspace = thread_buffers(PACKED_A + PACKED_B + _block_c(k), x.dtype)
    arrays = x.reshape(-1), dy.reshape(-1), partial.reshape(-1)
    _sum_products(*arrays, (cells, c, k, parts), mc, _geometry(window, x.shape[1:3]), workspace)
    return (partial[0] if parts == 1 else partial.sum(axis=0)).reshape(1, 1, c, k)


def _multiply(
    a: np.ndarray, w: np.ndarray, transposed_w: bool, epilogue: Epilogue, y: np.ndarray, geometry: Any
) -> None:
    """Fill y (…,k) with a·w, finished, of `a` (…,c) and `w` (c,k), or w's transpose if `transposed_w`.

    Strides apply to the cells of a, or with `transposed_w` of y.
    """
    c, k = a.shape[-1], y.shape[-1]
    rows = a.size // c if transposed_w else y.size // k
    panels = empty((c * whole_vectors(k),), w.dtype)
    fill_panels(w.reshape(-1), (1, c) if transposed_w else (k, 1), panels, (c, k))
    arrays = a.reshape(-1), panels, epilogue, y.reshape(-1)
    workspace = thread_buffers(PACKED_A + _block_c(k), a.dtype)
    scatters = transposed_w and geometry[4:] != (1, 1)
    _product(*arrays, (rows, c, k), block_rows(rows, 1), geometry, scatters, workspace)


def whole_vectors(k: int) -> int:
    """Return `k` columns rounded up to whole vectors."""
    return ceil(k / LANES) * LANES


def _block_c(k: int) -> int:
    """Return the numbers of a block of the result, k columns wide."""
    return (MC + MAX_MR) * whole_vectors(k)


def block_rows(rows: int, parts: int) -> int:
    """Return the rows of a block, so many that each of `parts` has as many blocks, and each thread."""
    threads = threads_here()
    blocks = max(1, ceil(rows / MC))
    while blocks * parts % threads:
        blocks += 1
    return max(1, ceil(rows / blocks / MAX_MR)) * MAX_MR


def _geometry(window: Window, image: Pair) -> tuple[int, ...]:
    """Return the sizes of images and outputs, and the strides: h, w, oh, ow, down, across. There is never padding."""
    return (*image, *window.output(*image), *window.strides)


@in_registers
def _transpose_square(x, cells, d, c, i, target, at):
    square = [x[cells.each(d + t) * c + i] for t in range(LANES)]
    for t, row in enumerate(transposed(square)):
        target[at + t * KC] = row


@helper
def _pack_channels(
    x: np.ndarray, cells: np.ndarray, terms: int, c: int, i0: int, high: int, target: np.ndarray
) -> None:
    """Copy `high` channels from i0 on of so many cells to rows of the target, KC apart, one a channel."""
    across, down = high // LANES * LANES, terms // LANES * LANES
    for d in range(0, down, LANES):
        for i in range(0, across, LANES):
            _transpose_square(x, cells, d, c, i0 + i, target, i * KC + d)
    for i in range(high):
        for d in range(down if i < across else 0, terms):
            target[i * KC + d] = x[cells[d] * c + i0 + i]


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
def fill_panels(w: Any, strides: Any, panels: Any, sizes: Any) -> None:
    """Cut the matrix w (c,k) into panels of PANEL columns, one after the other; the last to whole vectors, with 0.

    `strides` are the distances of its rows and of its columns; one of them is 1.
    """
    for panel in prange((sizes[1] + PANEL - 1) // PANEL):
        c, k = sizes
        j0 = panel * PANEL
        columns = min(PANEL, k - j0)
        wide = (columns + LANES - 1) // LANES * LANES
        if strides[1] == 1:
            pack(w, j0, strides[0], c, columns, panels, j0 * c, wide)
        else:
            pack_transposed(w, j0 * strides[1], strides[1], columns, c, panels, j0 * c, wide)
        for d in range(c):
            for j in range(columns, wide):
                panels[j0 * c + d * wide + j] = 0


@vector_jit
def _product(
    a: Any,
    panels: Any,
    epilogue: Any,
    y: Any,
    sizes: Any,
    mc: int,
    geometry: Any,
    scatters: bool,
    workspace: Any,
) -> None:
    """Fill y, `mc` rows at a time; sizes: rows, c, k. Strides apply to the cells of a, or if it `scatters` of y."""
    for block in prange((sizes[0] + mc - 1) // mc):
        rows, c, k = sizes
        i0 = block * mc
        high, ldc = min(mc, rows - i0), (k + LANES - 1) // LANES * LANES
        packed_a, block_c = workspace[get_thread_id(), :PACKED_A], workspace[get_thread_id(), PACKED_A:]
        cells = np.empty(high, np.intp)
        _find_cells(geometry, i0, high, cells)
        for d0 in range(0, c, KC):
            terms = min(KC, c - d0)
            for i in range(high):
                copy_run(a, (i0 + i if scatters else cells[i]) * c + d0, terms, packed_a, i * KC)
            for j in range(0, ldc, PANEL):
                panel = min(PANEL, ldc - j)
                b0 = j * c + d0 * panel
                shape = high, panel, terms
                if d0 + KC < c or scatters:
                    multiply(packed_a, 0, KC, panels, b0, panel, block_c, j, ldc, shape, d0 > 0)
                else:
                    to = j, i0 * k + j, k, min(panel, k - j)
                    multiply_last(packed_a, 0, KC, panels, b0, panel, block_c, j, ldc, shape, d0 > 0, epilogue, y, to)
        if scatters:
            for i in range(high):
                finish(block_c, i * ldc, ldc, 1, k, epilogue, 0, y, cells[i] * k, k)


@vector_jit
def _sum_products(x: Any, dy: Any, partial: Any, sizes: Any, mc: int, geometry: Any, workspace: Any) -> None:
    """Fill partial (parts,c,k), `mc` rows of a part at a time; sizes: cells, c, k, parts."""
    blocks = (sizes[1] + mc - 1) // mc
    for number in prange(sizes[3] * blocks):
        count, c, k, parts = sizes
        part, i0 = number // blocks, number % blocks * mc
        high, ldc = min(mc, c - i0), (k + LANES - 1) // LANES * LANES
        packed_a, rest = workspace[get_thread_id(), :PACKED_A], workspace[get_thread_id(), PACKED_A:]
        packed_b, block_c = rest[:PACKED_B], rest[PACKED_B:]
        cells = np.empty(KC, np.intp)
        first, last = part * count // parts, (part + 1) * count // parts
        for d0 in range(first, last, KC):
            terms = min(KC, last - d0)
            _find_cells(geometry, d0, terms, cells)
            _pack_channels(x, cells, terms, c, i0, high, packed_a)
            for j0 in range(0, ldc, NC):
                end = min(ldc, j0 + NC)
                for d in range(terms):
                    for j in range(j0, end, PANEL):
                        panel = min(PANEL, end - j)
                        copied, at = min(panel, k - j), (j - j0) * KC + d * panel
                        copy_run(dy, (d0 + d) * k + j, copied, packed_b, at)
                        clear_run(packed_b, at + copied, panel - copied)
                for j in range(j0, end, PANEL):
                    shape, b0 = (high, min(PANEL, end - j), terms), (j - j0) * KC
                    multiply(packed_a, 0, KC, packed_b, b0, shape[1], block_c, j, ldc, shape, d0 > first)
        for i in range(high):
            copy_run(block_c, i * ldc, k, partial, ((part * c) + i0 + i) * k)
