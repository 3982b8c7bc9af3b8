"""The matrix product of a few rows, as a dense layer computes it for one image: b is read once, where it stands.

The blocks of `dense.py` copy b into panels, since many rows will use each number. For a few rows the copy takes longer
than the product, which then is as fast as memory gives b away. The sums are taken in parts of b's rows: each is one
stretch of memory, which a thread reads from end to end. (Where threads shared out the columns, each would skip the
other's stretches of every row, and the processor would fetch those, too.) The parts are added in order; there are as
many on any number of threads, so that the bits are the same.
"""

import numpy as np
from numba import prange

from .compile import vector_jit
from .epilogue import Epilogue
from .matmul import finish
from .memory import empty
from .vectors import LANES, add_outer_product, in_registers

# Up to so many rows; and from so many columns on, which fill a vector.
MAX_ROWS = 8
MIN_COLUMNS = LANES

# Terms of a sum that are added before it goes back to memory.
TERMS = 8

# Up to so many parts, of at least so many terms; short sums are left to one thread.
MAX_PARTS = 8
MIN_PART_TERMS = 128


def product(a: np.ndarray, b: np.ndarray, epilogue: Epilogue) -> np.ndarray:
    """Return a·b, finished by the epilogue, for `a` (rows, depth) and `b` (depth, columns), both C-contiguous."""
    rows, depth = a.shape
    columns = b.shape[1]
    parts = max(1, min(MAX_PARTS, depth // MIN_PART_TERMS) // 4 * 4)
    c, partial = empty((rows, columns), a.dtype), empty((parts * rows * columns,), a.dtype)
    _fill(a.reshape(-1), b.reshape(-1), epilogue, c.reshape(-1), partial, (rows, columns, depth), parts)
    return c


@in_registers
def _add_terms(a, a0, b, b0, ldb, c, c0):
    """c[c0] += Σ a[a0 + t]·b[b0 + t·ldb] over TERMS terms t."""
    total = [c[c0]]
    for t in range(TERMS):
        total = add_outer_product(total, [a.each(a0 + t)], [b[b0 + t * ldb]])
    c[c0] = total[0]


@in_registers
def _add_term(a, a0, b, b0, c, c0):
    """c[c0] += a[a0]·b[b0]."""
    c[c0] = add_outer_product([c[c0]], [a.each(a0)], [b[b0]])[0]


@vector_jit
def _fill(
    a: np.ndarray,
    b: np.ndarray,
    epilogue: Epilogue,
    c: np.ndarray,
    partial: np.ndarray,
    sizes: tuple[int, int, int],
    parts: int,
) -> None:
    """Fill c (rows, columns) with a·b, finished, by sums in `partial` (parts, rows, columns); all arrays flat.

    The columns behind the last whole vector are computed with those before them that make them one, `last`.
    """
    rows, columns, depth = sizes
    for part in prange(parts):
        first, end, start = part * depth // parts, (part + 1) * depth // parts, part * rows * columns
        vectors, whole = columns // LANES * LANES, first + (end - first) // TERMS * TERMS
        last = np.zeros(rows * LANES, c.dtype)
        partial[start : start + rows * columns] = 0
        for d in range(first, whole, TERMS):
            for i in range(rows):
                for j in range(0, vectors, LANES):
                    _add_terms(a, i * depth + d, b, d * columns + j, columns, partial, start + i * columns + j)
                if vectors < columns:
                    _add_terms(a, i * depth + d, b, (d + 1) * columns - LANES, columns, last, i * LANES)
        for d in range(whole, end):
            for i in range(rows):
                for j in range(0, vectors, LANES):
                    _add_term(a, i * depth + d, b, d * columns + j, partial, start + i * columns + j)
                if vectors < columns:
                    _add_term(a, i * depth + d, b, (d + 1) * columns - LANES, last, i * LANES)
        for i in range(rows):
            for j in range(vectors, columns):
                partial[start + i * columns + j] = last[(i + 1) * LANES - columns + j]
    for part in range(1, parts):
        for i in range(rows * columns):
            partial[i] += partial[part * rows * columns + i]
    finish(partial, 0, columns, rows, columns, epilogue, 0, c, 0, columns)
