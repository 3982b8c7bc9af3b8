"""The matrix product that convolutions are made of: c = a·b, or c += a·b, on pieces small enough to stay in cache.

A few rows by two vectors of columns of c are held in registers while a and b stream by (Goto & van de Geijn 2008,
"Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), section 6); nothing is copied or packed first, so a
product of 32×32 costs no more than its multiplications. BLAS is as fast from 128×128 on, but its calls take turns
badly with kernels that share out the rest of their work themselves.
"""

from collections.abc import Callable
from typing import Any

from .compile import helper
from .vectors import LANES, in_registers, repeat, where

# Rows of one piece: with two vectors of columns, as many sums as leave room for the rest in 32 registers, or 16.
ROWS = 8 if LANES == 16 else 4


def _piece(vectors: int) -> Callable[..., None]:
    """Return the product for ROWS rows and `vectors` vectors of columns."""

    @in_registers
    def piece(a, a0, row, step, b, b0, b_row, c, c0, c_row, depth, kept):
        """c(i, j) = Σ_d a[a0 + i·row + d·step]·b[b0 + d·b_row + j], plus c(i, j) if `kept` > 0."""
        places = [c0 + c_row * i + v * LANES for i in range(ROWS) for v in range(vectors)]

        def add(d: Any, *sums: Any) -> list[Any]:
            columns = [b[b0 + d * b_row + v * LANES] for v in range(vectors)]
            factors = [a.each(a0 + row * i + d * step) for i in range(ROWS)]
            return [factors[n // vectors] * columns[n % vectors] + total for n, total in enumerate(sums)]

        sums = repeat(depth, add, [where(kept > 0, c[place], 0) for place in places])
        for place, total in zip(places, sums, strict=True):
            c[place] = total

    return piece


_wide, _narrow = _piece(2), _piece(1)


@helper
def multiply(
    a: Any,
    a0: int,
    row: int,
    step: int,
    b: Any,
    b0: int,
    b_row: int,
    c: Any,
    c0: int,
    c_row: int,
    shape: Any,
    kept: Any,
) -> None:
    """c = a·b, or c += a·b with `kept` above 0, for `shape` = (rows, columns, depth); all arrays flat.

    a(i, d) = a[a0 + i·row + d·step]: transposed or not, as the distances say. The rows of b (depth, columns) and
    c (rows, columns) are contiguous, at the distances given. Columns fill whole vectors. Rows are done ROWS at a time:
    where their number is no multiple of that, a and c must have space, of any content, behind the last.
    """
    rows, columns, depth = shape
    whole = columns // (2 * LANES) * 2 * LANES
    for j in range(0, whole, 2 * LANES):
        for i in range(0, rows, ROWS):
            _wide(a, a0 + i * row, row, step, b, b0 + j, b_row, c, c0 + i * c_row + j, c_row, depth, kept)
    if whole < columns:
        for i in range(0, rows, ROWS):
            _narrow(a, a0 + i * row, row, step, b, b0 + whole, b_row, c, c0 + i * c_row + whole, c_row, depth, kept)
