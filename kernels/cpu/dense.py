"""The fully connected layer: matrix products in blocks that stay in cache. Formulas: `kernels/reference/dense.py`.

BLAS would serve as well alone; but its threads keep spinning for milliseconds after each product and take the cores
away from the kernels that follow, which then took twice as long.
"""

from functools import lru_cache
from math import ceil, gcd
from threading import local
from typing import Any

import numpy as np
from numba import get_thread_id, prange

from . import few_rows
from .compile import common_helper, jit, vector_jit
from .epilogue import Epilogue, for_bias
from .matmul import MAX_MR, PANEL, WHOLE_ROWS, finish, multiply, multiply_last, multiply_transposed
from .memory import COMMON, empty, here, launch, thread_buffers
from .packing import add_run, clear_run, pack, pack_transposed
from .panels import LEFT_PANEL, crowds, even, fetch_ahead, left_panel_size, pack_left_panels, pack_panel, panel_width
from .parallel import threads_here
from .vectors import LANES

# Blocks of c, at most MC×NC. KC terms at a time are added to one, panel by panel of its columns: the second-level cache
# holds the part of a for that, and the first-level cache a panel of b (`panels.py`).
# Each number of c is the same sum in the same order whatever the block it is in.
MC = 256
NC = 512 if LANES == 16 else 256
KC = 128

# Blocks of fewer rows are as much wider, up to MAX_NC columns: rows of b are then read in longer stretches.
MAX_NC = 64 * LANES

# Blocks are as wide as pairs of vectors: one vector by itself has not enough sums to keep a core busy.
PAIR = 2 * LANES

# Long sums of a small result are taken in up to MAX_PARTS parts of at least MIN_PART_TERMS terms, which are added in
# order: a thread then reads a stretch of b from end to end, and each number of a and b is packed once.
MAX_PARTED = 65536  # numbers of the result
MAX_PARTS = 8
MIN_PART_TERMS = 256

# Numbers of a thread's packed parts of a and b, and of its block of c.
PACKED_A = ceil(MC / LEFT_PANEL) * (KC * LEFT_PANEL + LANES) + MAX_MR * KC
PACKED_B, BLOCK_C = KC * PANEL, MC * NC + MAX_MR * MAX_NC


def dense(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, relu: bool = False) -> np.ndarray:
    """Return y (…,k) = x·w + b for `x` (…,m), `w` (m,k) and `b` (k,) or None; with `relu`, max(y, 0)."""
    y = product(x.reshape(-1, x.shape[-1]), w, for_bias(w.shape[1], x.dtype, b, relu))
    return y.reshape(*x.shape[:-1], w.shape[1])


def dense_backward_input(dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return dx (…,m) = dy·wᵀ from `dy` (…,k) and `w` (m,k)."""
    dx = product(dy.reshape(-1, dy.shape[-1]), w.T)
    return dx.reshape(*dy.shape[:-1], w.shape[0])


def dense_backward_kernel(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dw (m,k) = xᵀ·dy, summed over all leading axes of `dy` (…,k) and `x` (…,m)."""
    return product(x.reshape(-1, x.shape[-1]).T, dy.reshape(-1, dy.shape[-1]))


def dense_backward_bias(dy: np.ndarray) -> np.ndarray:
    """Return db (k,), the sum of `dy` (…,k) over all its leading axes, in double."""
    rows = dy.reshape(-1, dy.shape[-1])
    if rows.shape[1] == 1:  # which NumPy sums in pairs
        return np.add.reduce(rows, axis=0, dtype=np.float64).astype(dy.dtype)
    return _sum_of_rows(rows).astype(dy.dtype, copy=False)


@jit
def _sum_of_rows(rows: np.ndarray) -> np.ndarray:
    """Return the sum of the rows (n,k) in double, in a quarter of the time of NumPy, which converts first."""
    total = np.zeros(rows.shape[1])
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            total[j] += rows[i, j]
    return total


def product(a: np.ndarray, b: np.ndarray, epilogue: Epilogue | None = None) -> np.ndarray:
    """Return a·b, finished by the epilogue if there is one; a or b may be the transpose of a C-contiguous matrix."""
    rows, depth = a.shape
    columns, only_sums = b.shape[1], epilogue is None
    epilogue = epilogue or for_bias(columns, a.dtype, None)
    if rows <= few_rows.MAX_ROWS and columns >= few_rows.MIN_COLUMNS and _are_whole(a, b):
        return few_rows.product(a, b, epilogue)
    c, threads = empty((rows, columns), a.dtype), threads_here()
    parts, workspace = _parts(rows, columns, depth), _last_workspace.get(threads, a.dtype)
    block = _block_shape(rows, columns, threads // gcd(threads, parts))
    flat = c.reshape(-1)
    of_parts, partial = epilogue, flat
    if parts > 1:
        of_parts, partial = for_bias(columns, a.dtype, None), empty((parts * c.size,), a.dtype)
    sizes, is_sum = (rows, columns, depth, parts), parts > 1 or only_sums
    _fill(*_flat(a), *_flat(b), of_parts, partial, sizes, block, workspace, is_sum, epilogue, flat)
    return c


def _are_whole(*matrices: np.ndarray) -> bool:
    return all(matrix.flags.c_contiguous for matrix in matrices)


def _parts(rows: int, columns: int, depth: int) -> int:
    """Return in how many parts the sums are taken: a power of two, for as many threads."""
    parts = 1
    while rows * columns <= MAX_PARTED and parts < MAX_PARTS and 2 * parts * MIN_PART_TERMS <= depth:
        parts *= 2
    return parts


@lru_cache(1024)
def _block_shape(rows: int, columns: int, threads: int) -> tuple[int, int]:
    """Return the rows and the columns of the blocks that c is filled in."""
    rows, columns = max(rows, 1), max(columns, 1)  # as if there were one where there are none
    high = min(MC, ceil(rows / MAX_MR) * MAX_MR)
    across, down = ceil(columns / min(MAX_NC, MC * NC // high // PAIR * PAIR)), ceil(rows / MC)
    while across * down % threads:  # else a thread would wait for another's last block
        across, down = (across + 1, down) if columns > rows else (across, down + 1)
    return ceil(rows / down / MAX_MR) * MAX_MR, ceil(columns / across / PAIR) * PAIR


class _LastWorkspace(local):
    """The workspace that this thread of Python had for its last product; a new one costs a quarter of a small one."""

    last: tuple[int, np.dtype, np.ndarray] | None = None

    def get(self, threads: int, dtype: np.dtype) -> np.ndarray:
        """Return memory for the parts of a, b and c of each thread of the kernel."""
        if here.pool is not COMMON:  # a recording has memory of its own
            return thread_buffers(PACKED_A + PACKED_B + BLOCK_C, dtype)
        if self.last is None or self.last[:2] != (threads, dtype):
            self.last = threads, dtype, thread_buffers(PACKED_A + PACKED_B + BLOCK_C, dtype)
        return self.last[2]


_last_workspace = _LastWorkspace()


def _flat(matrix: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the numbers of a matrix, or of the transpose of one, as they lie in memory, and its strides in numbers."""
    rows, columns = matrix.shape
    if not matrix.flags.behaved:  # read-only, or not aligned, which would be another kernel
        copied = empty(matrix.shape, matrix.dtype)
        launch(np.copyto, copied, matrix)
        return copied.reshape(-1), (columns, 1)
    if matrix.flags.c_contiguous:
        return matrix.reshape(-1), (columns, 1)
    return matrix.T.reshape(-1), (1, rows)


@common_helper
def _block(number: int, sizes: tuple[int, int, int, int], shape: tuple[int, int]) -> Any:
    """Return the first row, column and term of a block, and how many it has of each; none behind the last block."""
    (rows, columns, depth, parts), (mc, nc) = sizes, shape
    across, down = (columns + nc - 1) // nc, (rows + mc - 1) // mc
    part, place = number // (across * down), number % (across * down)
    i0, j0, d0 = place // across * mc, place % across * nc, part * depth // parts
    there = 1 if part < parts else 0
    return i0, j0, d0, there * min(mc, rows - i0), there * min(nc, columns - j0), (part + 1) * depth // parts - d0


@common_helper
def _pack_panel(
    b: Any, strides: Any, d0: int, terms: int, j0: int, filled: int, packed_b: np.ndarray, panel: int
) -> None:
    """Copy so many terms of `filled` columns of b to a panel; its last vector is filled up by others of b, or by 0."""
    if strides[1] == 1:
        pack_panel(b, d0 * strides[0] + j0, strides[0], terms, filled, packed_b, 0, panel)
        return
    pack_transposed(b, j0 * strides[1] + d0, strides[1], filled, terms, packed_b, 0, panel)
    for d in range(terms if filled < panel else 0):
        clear_run(packed_b, d * panel + filled, panel - filled)


@vector_jit
def _fill(
    a: np.ndarray,
    a_strides: tuple[int, int],
    b: np.ndarray,
    b_strides: tuple[int, int],
    of_parts: Epilogue,
    partial: np.ndarray,
    sizes: tuple[int, int, int, int],
    block_shape: tuple[int, int],
    workspace: np.ndarray,
    only_sums: bool,
    epilogue: Epilogue,
    c: np.ndarray,
) -> None:
    """Fill `partial` (parts, rows, columns) with the parts of a·b, a block a thread, and c with their finished sums.

    A single part is finished, and c, itself. `sizes` are rows, columns, depth and parts; all arrays are flat; strides
    count numbers. Where parts are `only_sums`, panels that register tiles fill grow where they belong, and all others
    in the thread's own memory.
    """
    blocks = (sizes[1] + block_shape[1] - 1) // block_shape[1] * ((sizes[0] + block_shape[0] - 1) // block_shape[0])
    for index in prange(sizes[3] * blocks):
        number, rows, columns = np.intp(index), sizes[0], sizes[1]
        i0, j0, first, high, wide, depth = _block(number, sizes, block_shape)
        i1, j1, first1, high1, wide1, depth1 = _block(number + 1, sizes, block_shape)  # the next
        ldc, turned, lda = (wide + LANES - 1) // LANES * LANES, a_strides[1] > 1, a_strides[0] * a_strides[1]
        packed_a, rest = workspace[get_thread_id(), :PACKED_A], workspace[get_thread_id(), PACKED_A:]
        packed_b, block_c = rest[:PACKED_B], rest[PACKED_B:]
        read = 0 if turned or crowds(a, lda) else high // LEFT_PANEL * LEFT_PANEL
        kc, kc1 = even(depth, KC), even(depth1, KC)
        for d0 in range(0, max(depth, 1), max(kc, 1)):  # once even without terms: their sum is 0
            terms, added, ends = min(kc, depth - d0), d0 > 0, d0 + kc >= depth
            if turned:
                pack_left_panels(a, (first + d0) * lda + i0, lda, terms, high, packed_a, 0)
            else:
                pack(a, (i0 + read) * lda + first + d0, lda, high - read, terms, packed_a, 0, KC)
            # What comes after these terms: the next, or the first of the next block.
            i2, j2, d2, high2, wide2, terms2 = i0, j0, first + d0 + kc, high, wide, min(kc, depth - d0 - kc)
            if ends:
                i2, j2, d2, high2, wide2, terms2 = i1, j1, first1, high1, wide1, kc1
            j = 0
            while j < ldc:
                panel = panel_width(ldc - j)
                filled = min(panel, wide - j)
                _pack_panel(b, b_strides, first + d0, terms, j0 + j, filled, packed_b, panel)
                d3, j3, terms3, wide3 = first + d0, j0 + j + panel, terms, wide - j - panel  # the next panel of b
                if wide3 <= 0:
                    d3, j3, terms3, wide3 = d2, j2, terms2, wide2
                in_place = only_sums and filled == panel and high % (MAX_MR if turned else WHOLE_ROWS) == 0
                last, y0 = ends and not in_place, (number // blocks * rows + i0) * columns + j0 + j
                sums, at, row = block_c, j, ldc
                if in_place:
                    sums, at, row = partial, y0, columns
                groups = (high + LEFT_PANEL - 1) // LEFT_PANEL
                for group in range(groups):
                    share = j * groups + panel * group
                    fetch_ahead(a, a_strides, i2, high2, d2, terms2, share, share + panel, ldc * groups)
                    fetch_ahead(b, b_strides, d3, terms3, j3, min(PANEL, wide3), group, group + 1, groups)
                    i = group * LEFT_PANEL
                    some, c0 = min(LEFT_PANEL, high - i), at + i * row
                    shape = some, panel, terms
                    if turned:
                        a0 = group * left_panel_size(terms)
                        multiply_transposed(packed_a, a0, LEFT_PANEL, packed_b, 0, panel, sums, c0, row, shape, added)
                        continue
                    left, a0, distance = packed_a, (i - read) * KC, KC
                    if i + some <= read:
                        left, a0, distance = a, (i0 + i) * lda + first + d0, lda
                    if last:
                        to = j0 + j, y0 + i * columns, columns, filled
                        multiply_last(
                            left, a0, distance, packed_b, 0, panel, sums, c0, row, shape, added, of_parts, partial, to
                        )
                    else:
                        multiply(left, a0, distance, packed_b, 0, panel, sums, c0, row, shape, added)
                if turned and last:
                    finish(block_c, j, ldc, high, filled, of_parts, j0 + j, partial, y0, columns)
                j += panel
    height, width, _, count = sizes
    if count > 1:
        for part in range(1, count):
            add_run(partial, part * height * width, height * width, partial, 0)
        finish(partial, 0, width, height, width, epilogue, 0, c, 0, width)
