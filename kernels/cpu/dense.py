"""The fully connected layer: matrix products in blocks that stay in cache. Formulas: `kernels/reference/dense.py`.

BLAS would serve as well alone; but its threads keep spinning for milliseconds after each product and take the cores
away from the kernels that follow, which then took twice as long.
"""

from functools import lru_cache
from math import ceil, gcd
from threading import local

import numpy as np
from numba import get_thread_id, prange

from . import few_rows
from .compile import helper, jit, vector_jit
from .epilogue import Epilogue, for_bias
from .matmul import MAX_MR, PANEL, finish, multiply, multiply_last, multiply_transposed
from .memory import COMMON, empty, here, thread_buffers
from .packing import add_run, clear_run, copy_run, pack, pack_transposed
from .parallel import threads_here
from .vectors import LANES

# Blocks of c, at most MC×NC, stay in a core's second-level cache while KC terms at a time are added to them. The parts
# of a and b for that are packed beside them, b in panels of columns that register tiles fill and the first-level cache
# holds (`matmul.py`).
# Each number of c is the same sum in the same order whatever the block it is in.
MC = 256
NC = 256
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
PACKED_A, PACKED_B, BLOCK_C = (MC + MAX_MR) * KC, KC * MAX_NC, MC * NC + MAX_MR * MAX_NC


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
    columns = b.shape[1]
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
    sizes = rows, columns, depth, parts
    _fill(*_flat(a), *_flat(b), of_parts, partial, sizes, block, workspace, epilogue, flat)
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
    if matrix.flags.c_contiguous:
        return matrix.reshape(-1), (columns, 1)
    return matrix.T.reshape(-1), (1, rows)


@helper
def _panel(columns: int) -> int:
    """Return how many of the columns that are left are the next panel."""
    return PANEL - PAIR if columns == PANEL + LANES else min(PANEL, columns)  # one vector alone would be slow


@helper
def _pack_row(b: np.ndarray, start: int, wide: int, ldc: int, packed_b: np.ndarray, d: int, terms: int) -> None:
    """Copy row d of a block of b to its panels: whole, since it lies in one stretch of memory.

    What fills the last panel is 0: of numbers that others left there many would be subnormal, and slow.
    """
    j = 0
    while j < ldc:
        panel = _panel(ldc - j)
        copied, at = min(panel, wide - j), j * terms + d * panel
        copy_run(b, start + j, copied, packed_b, at)
        clear_run(packed_b, at + copied, panel - copied)
        j += panel


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
    epilogue: Epilogue,
    c: np.ndarray,
) -> None:
    """Fill `partial` (parts, rows, columns) with the parts of a·b, a block a thread, and c with their finished sums.

    A single part is finished, and c, itself. `sizes` are rows, columns, depth and parts; all arrays are flat; strides
    count numbers.
    """
    mc, nc = block_shape
    across = (sizes[1] + nc - 1) // nc
    blocks = (sizes[0] + mc - 1) // mc * across
    for number in prange(sizes[3] * blocks):
        rows, columns, depth, parts = sizes
        part, block = number // blocks, number % blocks
        first, last = part * depth // parts, (part + 1) * depth // parts
        i0, j0 = block // across * mc, block % across * nc
        high, wide = min(mc, rows - i0), min(nc, columns - j0)
        ldc = (wide + LANES - 1) // LANES * LANES
        packed_a, rest = workspace[get_thread_id(), :PACKED_A], workspace[get_thread_id(), PACKED_A:]
        packed_b, block_c = rest[:PACKED_B], rest[PACKED_B:]
        for d0 in range(first, max(last, first + 1), KC):  # once even without terms: their sum is 0
            terms = min(KC, last - d0)
            if a_strides[1] == 1:
                pack(a, i0 * a_strides[0] + d0, a_strides[0], high, terms, packed_a, 0, KC)
            else:
                pack(a, i0 + d0 * a_strides[1], a_strides[1], terms, high, packed_a, 0, high + MAX_MR)
                for d in range(terms):
                    clear_run(packed_a, d * (high + MAX_MR) + high, MAX_MR)  # which register tiles may reach
            if b_strides[1] == 1:
                for d in range(terms):
                    _pack_row(b, (d0 + d) * b_strides[0] + j0, wide, ldc, packed_b, d, terms)
            j = 0
            while j < ldc:
                panel, b0 = _panel(ldc - j), j * terms
                filled = min(panel, wide - j)
                if b_strides[1] > 1:
                    pack_transposed(b, (j0 + j) * b_strides[1] + d0, b_strides[1], filled, terms, packed_b, b0, panel)
                    for d in range(terms if filled < panel else 0):
                        clear_run(packed_b, b0 + d * panel + filled, panel - filled)
                shape, at = (high, panel, terms), (part * rows + i0) * columns + j0 + j
                lda = KC if a_strides[1] == 1 else high + MAX_MR
                to = j0 + j, at, columns, filled
                if a_strides[1] > 1:
                    multiply_transposed(packed_a, 0, lda, packed_b, b0, panel, block_c, j, ldc, shape, d0 > first)
                    if d0 + KC >= last:
                        finish(block_c, j, ldc, high, filled, of_parts, j0 + j, partial, at, columns)
                elif d0 + KC < last:
                    multiply(packed_a, 0, lda, packed_b, b0, panel, block_c, j, ldc, shape, d0 > first)
                else:
                    multiply_last(
                        packed_a, 0, lda, packed_b, b0, panel, block_c, j, ldc, shape, d0 > first, of_parts, partial, to
                    )
                j += panel
    height, width, _, count = sizes
    if count > 1:
        for number in range(1, count):
            add_run(partial, number * height * width, height * width, partial, 0)
        finish(partial, 0, width, height, width, epilogue, 0, c, 0, width)
