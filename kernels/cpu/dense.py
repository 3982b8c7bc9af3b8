"""The fully connected layer: matrix products in blocks that stay in cache. Formulas: `kernels/reference/dense.py`.

BLAS would serve as well alone; but its threads keep spinning for milliseconds after each product and take the cores
away from the kernels that follow, which then took twice as long.
"""

from functools import lru_cache
from math import ceil, inf
from threading import local

import numba
import numpy as np
from numba import get_thread_id, prange

from .compile import vector_jit
from .memory import empty, thread_buffers
from .packing import pack, pack_transposed
from .product import PANEL, ROWS, multiply, multiply_transposed
from .vectors import LANES, in_registers, where

# Blocks of c, at most TALL×WIDE, stay in a core's second-level cache while DEPTH terms at a time are added to them. The
# part of b for that is copied to panels of columns that pieces of `product.py` fill and the first-level cache holds.
# Each number of c is the same sum in the same order whatever the block it is in.
TALL = 256
WIDE = 256
DEPTH = 128

# Blocks are as wide as pairs of vectors: one vector by itself has not enough sums to keep a core busy.
PAIR = 2 * LANES


def dense(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, relu: bool = False) -> np.ndarray:
    """Return y (…,k) = x·w + b for `x` (…,m), `w` (m,k) and `b` (k,) or None; with `relu`, max(y, 0)."""
    y = _product(x.reshape(-1, x.shape[-1]), w, b, relu)
    return y.reshape(*x.shape[:-1], w.shape[1])


def dense_backward_input(dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return dx (…,m) = dy·wᵀ from `dy` (…,k) and `w` (m,k)."""
    dx = _product(dy.reshape(-1, dy.shape[-1]), w.T, None)
    return dx.reshape(*dy.shape[:-1], w.shape[0])


def dense_backward_kernel(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dw (m,k) = xᵀ·dy, summed over all leading axes of `dy` (…,k) and `x` (…,m)."""
    return _product(x.reshape(-1, x.shape[-1]).T, dy.reshape(-1, dy.shape[-1]), None)


def dense_backward_bias(dy: np.ndarray) -> np.ndarray:
    """Return db (k,), the sum of `dy` (…,k) over all its leading axes, in double."""
    return np.add.reduce(dy.reshape(-1, dy.shape[-1]), axis=0, dtype=np.float64).astype(dy.dtype)


def _product(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None, relu: bool = False) -> np.ndarray:
    """Return a·b + bias, rectified if `relu`; `a` or `b` may be the transpose of a C-contiguous matrix."""
    rows, depth = a.shape
    columns = b.shape[1]
    c = empty((rows, columns), a.dtype)
    threads = numba.get_num_threads()
    bias = np.zeros(columns, a.dtype) if bias is None else bias
    a_steps, b_steps = (tuple(step // a.itemsize for step in array.strides) for array in (a, b))
    most, room = _blocks(rows, columns, threads), _kept.room(threads, a.dtype)
    least = a.dtype.type(0 if relu else -inf)
    _blocked(_flat(a), a_steps, _flat(b), b_steps, bias, least, c.reshape(-1), (rows, columns, depth), most, room)
    return c


@lru_cache(1024)
def _blocks(rows: int, columns: int, threads: int) -> tuple[int, int]:
    """Return the rows and the columns of the blocks that c is filled in."""
    rows, columns = max(rows, 1), max(columns, 1)  # as if there were one where there are none
    across, down = ceil(columns / WIDE), ceil(rows / TALL)
    while across * down % threads:  # else a thread would wait for another's last block
        across, down = (across + 1, down) if columns > rows else (across, down + 1)
    return ceil(rows / down / ROWS) * ROWS, ceil(columns / across / PAIR) * PAIR


class _Kept(local):
    """The room that this thread of Python had for its last product: asking anew took a quarter of a small one."""

    last: tuple[int, np.dtype, np.ndarray] | None = None

    def room(self, threads: int, dtype: np.dtype) -> np.ndarray:
        """Return room for the parts of a, b and c of each thread of the kernel."""
        if self.last is None or self.last[:2] != (threads, dtype):
            self.last = threads, dtype, thread_buffers((TALL + ROWS) * (DEPTH + WIDE) + DEPTH * PANEL, dtype)
        return self.last[2]


_kept = _Kept()


def _flat(matrix: np.ndarray) -> np.ndarray:
    """Return the numbers of a matrix, or of the transpose of one, as they lie in memory."""
    return (matrix if matrix.flags.c_contiguous else matrix.T).reshape(-1)


@in_registers
def _finish(sums, i, bias, j, least, c, at):
    """c[at …] = max(sums[i …] + bias[j …], least); NaN stays NaN."""
    y = sums[i] + bias[j]
    c[at] = where(y <= least, least, y)


@vector_jit
def _blocked(
    a: np.ndarray,
    a_steps: tuple[int, int],
    b: np.ndarray,
    b_steps: tuple[int, int],
    bias: np.ndarray,
    least: np.floating,
    c: np.ndarray,
    sizes: tuple[int, int, int],
    most: tuple[int, int],
    room: np.ndarray,
) -> None:
    """Fill c (rows, columns), flat, in blocks of `most` rows and columns.

    `a_steps` and `b_steps` are the distances of rows and of columns.
    """
    rows, columns, depth = sizes
    tall, widest = most
    across = (columns + widest - 1) // widest
    for block in prange((rows + tall - 1) // tall * across):
        i0, j0 = block // across * tall, block % across * widest
        high, wide = min(tall, rows - i0), min(widest, columns - j0)
        row = (wide + LANES - 1) // LANES * LANES
        part_a, rest = room[get_thread_id(), : (TALL + ROWS) * DEPTH], room[get_thread_id(), (TALL + ROWS) * DEPTH :]
        part_b, part_c = rest[: DEPTH * PANEL], rest[DEPTH * PANEL :]
        for d0 in range(0, max(depth, 1), DEPTH):  # once even without terms: their sum is 0
            deep = min(DEPTH, depth - d0)
            if a_steps[1] == 1:
                pack(a, i0 * a_steps[0] + d0, a_steps[0], high, deep, part_a, 0, DEPTH)
            else:
                pack(a, i0 + d0 * a_steps[1], a_steps[1], deep, high, part_a, 0, high + ROWS)
            j = 0
            while j < row:
                panel = min(PANEL, row - j)
                if row - j == PANEL + LANES:  # one vector alone would be slow
                    panel -= PAIR
                some = min(panel, wide - j)
                if b_steps[1] == 1:
                    pack(b, d0 * b_steps[0] + j0 + j, b_steps[0], deep, some, part_b, 0, panel)
                else:
                    pack_transposed(b, (j0 + j) * b_steps[1] + d0, b_steps[1], some, deep, part_b, 0, panel)
                shape = high, panel, deep
                if a_steps[1] == 1:
                    multiply(part_a, 0, DEPTH, part_b, 0, panel, part_c, j, row, shape, float(d0))
                else:
                    multiply_transposed(part_a, 0, high + ROWS, part_b, 0, panel, part_c, j, row, shape, float(d0))
                j += panel
        whole = wide // LANES * LANES
        for i in range(high):
            for j in range(0, whole, LANES):
                _finish(part_c, i * row + j, bias, j0 + j, least, c, (i0 + i) * columns + j0 + j)
            for j in range(whole, wide):
                y = part_c[i * row + j] + bias[j0 + j]
                c[(i0 + i) * columns + j0 + j] = least if y <= least else y
