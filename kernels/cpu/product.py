"""The matrix product that convolutions are made of: c = a·b, or c += a·b, on pieces small enough to stay in cache.

A few rows by two vectors of columns of c are held in registers while a and b stream by (Goto & van de Geijn 2008,
"Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), section 6); nothing is copied or packed first, so a
product of 32×32 costs no more than its multiplications. BLAS is as fast from 128×128 on, but its calls take turns
badly with kernels that share out the rest of their work themselves.
"""

from collections.abc import Callable
from typing import Any

from .compile import common_helper
from .vectors import LANES, in_registers, repeat, where

# Rows and vectors of columns of the pieces, the widest first. What is done at once is bounded by the registers, 32 or
# 16, and wants to be square: each row and each column that is loaded then serves many products. With 16 registers the
# last of them decide: 4×3 leaves one for the factor. Of two vectors, 5 rows at once are the fastest where a row's terms
# follow each other, but a transposed factor has only multiples of 4 rows.
PIECES = ((4, 4), (8, 2), (8, 1)) if LANES == 16 else ((4, 3), (5, 2), (8, 1))
PIECES_TRANSPOSED = PIECES if LANES == 16 else ((4, 3), (4, 2), (4, 1))

# Pieces may write up to this many rows at a time, with what comes behind the last.
ROWS = 8

# Columns of b that whole pieces of either direction fill, and the first-level cache holds for some 128 terms.
PANEL = 64 if LANES == 16 else 48


def _piece(rows: int, vectors: int, transposed: bool) -> Callable[..., None]:
    """Return the product for so many rows and vectors of columns."""

    @in_registers
    def piece(a, a0, distance, b, b0, b_row, c, c0, c_row, depth, kept):
        """c(i, j) = Σ_d a(i, d)·b[b0 + d·b_row + j], plus c(i, j) if `kept` > 0."""
        places = [c0 + c_row * i + v * LANES for i in range(rows) for v in range(vectors)]

        def add(d: Any, *sums: Any) -> list[Any]:
            columns = [b[b0 + d * b_row + v * LANES] for v in range(vectors)]
            starts = [a0 + d * distance + i if transposed else a0 + distance * i + d for i in range(rows)]
            factors = [a.each(start) for start in starts]
            return [factors[n // vectors] * columns[n % vectors] + total for n, total in enumerate(sums)]

        sums = repeat(depth, add, [where(kept > 0, c[place], 0) for place in places])
        for place, total in zip(places, sums, strict=True):
            c[place] = total

    return piece


def _pieces(transposed: bool) -> Callable[..., None]:
    """Return the product, all pieces of it, of a factor a or of the transpose of one.

    Two functions, though a pair of distances would say either: where one of them is known to be 1, a row or a term is
    one address further, and the loop over terms loses a third of its instructions.
    """
    shapes = PIECES_TRANSPOSED if transposed else PIECES
    wide, middle, narrow = (_piece(rows, vectors, transposed) for rows, vectors in shapes)
    (wide_rows, _), (middle_rows, _), (narrow_rows, _) = shapes
    wide_columns, middle_columns, _ = (vectors * LANES for _, vectors in shapes)

    @common_helper
    def product(
        a: Any, a0: int, distance: int, b: Any, b0: int, b_row: int, c: Any, c0: int, c_row: int, shape: Any, kept: Any
    ) -> None:
        rows, columns, depth = shape
        row = 1 if transposed else distance
        j = 0
        while columns - j >= wide_columns and columns - j != wide_columns + LANES:  # one vector alone would be slow
            for i in range(0, rows, wide_rows):
                wide(a, a0 + i * row, distance, b, b0 + j, b_row, c, c0 + i * c_row + j, c_row, depth, kept)
            j += wide_columns
        while j + middle_columns <= columns:
            for i in range(0, rows, middle_rows):
                middle(a, a0 + i * row, distance, b, b0 + j, b_row, c, c0 + i * c_row + j, c_row, depth, kept)
            j += middle_columns
        if j < columns:
            for i in range(0, rows, narrow_rows):
                narrow(a, a0 + i * row, distance, b, b0 + j, b_row, c, c0 + i * c_row + j, c_row, depth, kept)

    return product


# c = a·b, or c += a·b with `kept` above 0, for `shape` = (rows, columns, depth); all arrays flat. The rows of b (depth,
# columns) and c (rows, columns) are contiguous, at the distances given. Columns fill whole vectors. Where the number of
# rows is no multiple of ROWS, a and c must have space, of any content, behind the last.
multiply = _pieces(False)  # a(i, d) = a[a0 + i·distance + d]
multiply_transposed = _pieces(True)  # a(i, d) = a[a0 + d·distance + i]
