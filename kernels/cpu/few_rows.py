"""The matrix product of a few rows, as a dense layer computes it for one image: b is read once, where it stands.

The blocks of `dense.py` copy b into panels, since many rows will use each number. For a few rows the copy takes longer
than the product, which then is as fast as memory gives b away. Each number of c is the same sum in the same order, its
products fused with it one after the other: the bits are those of `dense.py`.
"""

from math import ceil

import numpy as np
from numba import prange

from .compile import vector_jit
from .matmul import finish
from .memory import empty
from .vectors import LANES, add_outer_product, in_registers

# Up to so many rows; and from so many columns on, which fill a vector.
MAX_ROWS = 4
MIN_COLUMNS = LANES

# Terms of a sum that are added before it goes back to memory.
TERMS = 8


def product(a: np.ndarray, b: np.ndarray, bias: np.ndarray, floor: np.floating, threads: int) -> np.ndarray:
    """Return max(a·b + bias, floor) for `a` (rows, depth) and `b` (depth, columns), both C-contiguous."""
    rows, depth = a.shape
    columns = b.shape[1]
    c = empty((rows, columns), a.dtype)
    width = ceil(columns / threads / LANES) * LANES
    _fill(a.reshape(-1), b.reshape(-1), bias, floor, c.reshape(-1), (rows, columns, depth), width)
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
    bias: np.ndarray,
    floor: np.floating,
    c: np.ndarray,
    sizes: tuple[int, int, int],
    width: int,
) -> None:
    """Fill c (rows, columns) with max(a·b + bias, floor), `width` columns a thread; all arrays flat.

    The columns behind the last whole vector are computed with those before them that make them one, `last`.
    """
    rows, columns, depth = sizes
    whole = depth // TERMS * TERMS
    for block in prange((columns + width - 1) // width):
        j0, j1 = block * width, min(columns, block * width + width)
        vectors = j0 + (j1 - j0) // LANES * LANES
        last = np.zeros(rows * LANES, c.dtype)
        for i in range(rows):
            c[i * columns + j0 : i * columns + j1] = 0
        for d in range(0, whole, TERMS):
            for i in range(rows):
                for j in range(j0, vectors, LANES):
                    _add_terms(a, i * depth + d, b, d * columns + j, columns, c, i * columns + j)
                if vectors < j1:
                    _add_terms(a, i * depth + d, b, d * columns + j1 - LANES, columns, last, i * LANES)
        for d in range(whole, depth):
            for i in range(rows):
                for j in range(j0, vectors, LANES):
                    _add_term(a, i * depth + d, b, d * columns + j, c, i * columns + j)
                if vectors < j1:
                    _add_term(a, i * depth + d, b, d * columns + j1 - LANES, last, i * LANES)
        for i in range(rows):
            for j in range(vectors, j1):
                c[i * columns + j] = last[i * LANES + LANES - j1 + j]
        finish(c, j0, columns, rows, j1 - j0, bias, j0, floor, c, j0, columns)
