"""The matrix product that convolutions and dense layers are made of: c = a·b, or c += a·b, on blocks that fit in cache.

The words are those of the papers on BLAS (Goto & van de Geijn 2008, "Anatomy of high-performance matrix
multiplication", ACM TOMS 34(3), section 6; Van Zee & van de Geijn 2015, "BLIS", ACM TOMS 41(3)):

- A *micro-kernel* computes a *register tile* of c, MR rows by NR columns that stay in registers while a and b stream
  by. NR is a number of vector registers of LANES columns each.
- `lda`, `ldb`, `ldc` are the distances, in numbers, from one row of a, b or c to the next ("leading dimension").
- MC rows and NC columns of c, and KC terms of their sums, make the *blocks* that `dense.py` and
  `convolution/pointwise.py` cut larger products into; `packing.py` copies what a block needs of a and b together.

Nothing is packed here, so a product of 32×32 costs no more than its multiplications. BLAS is as fast from 128×128 on,
but its calls take turns badly with kernels that share out the rest of their work themselves.
"""

from collections.abc import Callable
from math import lcm
from typing import Any

import numpy as np

from .compile import common_helper
from .epilogue import finished, finished_number
from .packing import clear_vector
from .vectors import LANES, add_outer_product, in_registers, repeat, where

# Register tiles, (MR, vectors in NR), the widest first. Their size is bounded by the registers, 32 or 16, and wants to
# be square: each row and each column that is loaded then serves many products. With 16 registers the last of them
# decide: 4×3 leaves one for the factor. Of two vectors, 5 rows at once are the fastest where a row's terms follow each
# other, but a transposed factor, and tiles that write to a result of exactly so many rows, have only multiples of 4.
REGISTER_TILES = ((4, 4), (8, 2), (8, 1)) if LANES == 16 else ((4, 3), (5, 2), (8, 1))
REGISTER_TILES_OF_4 = REGISTER_TILES if LANES == 16 else ((4, 3), (4, 2), (4, 1))

# Register tiles of every height fill so many rows.
WHOLE_ROWS = lcm(*(mr for mr, _ in REGISTER_TILES))

# The largest MR, and more than a micro-kernel may write behind the last row: see `multiply`.
MAX_MR = 8

# Columns of a panel of b: whole register tiles of either kind fill it, and the first-level cache holds it for some 128
# terms.
PANEL = 64 if LANES == 16 else 48


def _micro_kernel(mr: int, vectors: int, transposed: bool, finishing: bool = False) -> Callable[..., None]:
    """Return the micro-kernel for register tiles of `mr` rows and so many vectors of columns.

    If it is `finishing`, an epilogue makes of the sums what goes to y in place of c.
    """

    def added_up(a: Any, a0: Any, lda: Any, b: Any, b0: Any, ldb: Any, c: Any, tile: Any, depth: Any, kept: Any) -> Any:
        """Return Σ_d a(i, d)·b[b0 + d·ldb + j] for each place of a tile, plus what c has there if it is `kept`."""

        def add(d: Any, *sums: Any) -> list[Any]:
            row = [b[b0 + d * ldb + v * LANES] for v in range(vectors)]
            starts = [a0 + d * lda + i if transposed else a0 + lda * i + d for i in range(mr)]
            return add_outer_product(sums, [a.each(start) for start in starts], row)

        return repeat(depth, add, [where(kept > 0, c[at], 0) for at in tile])

    def places(start: Any, row: Any) -> list[Any]:
        return [start + row * i + v * LANES for i in range(mr) for v in range(vectors)]

    @in_registers
    def micro_kernel(a, a0, lda, b, b0, ldb, c, c0, ldc, depth, kept):
        """c(i, j) = Σ_d a(i, d)·b(d, j), plus c(i, j) if it is kept."""
        tile = places(c0, ldc)
        for at, total in zip(tile, added_up(a, a0, lda, b, b0, ldb, c, tile, depth, kept), strict=True):
            c[at] = total

    @in_registers
    def finishing_micro_kernel(a, a0, lda, b, b0, ldb, c, c0, ldc, depth, kept, epilogue, j0, y, y0, ldy):
        """y(i, j) = what the epilogue makes of these sums, in columns from j0 on."""
        sums = added_up(a, a0, lda, b, b0, ldb, c, places(c0, ldc), depth, kept)
        for n, (at, total) in enumerate(zip(places(y0, ldy), sums, strict=True)):
            y[at] = finished(total, epilogue, j0 + n % vectors * LANES)

    return finishing_micro_kernel if finishing else micro_kernel


@common_helper
def _clear_behind(a: np.ndarray, a0: int, lda: int, rows: int, reached: int, depth: int) -> None:
    """a(i, d) = 0 in the rows behind the last up to those that register tiles reach.

    What they make of them is passed over; but of what others left there, many numbers may be subnormal, with which a
    small product took ten times as long.
    """
    whole = depth // LANES * LANES
    for i in range(rows, reached):
        for d in range(0, whole, LANES):
            clear_vector(a, a0 + i * lda + d)
        for d in range(whole, depth):
            a[a0 + i * lda + d] = 0


def _product(transposed: bool) -> Callable[..., None]:
    """Return the product by register tiles, of a factor a or of the transpose of one.

    Two functions, though a pair of distances would say either: where one of them is known to be 1, a row or a term is
    one address further, and the loop over terms loses a third of its instructions.
    """
    tiles = REGISTER_TILES_OF_4 if transposed else REGISTER_TILES
    wide, middle, narrow = (_micro_kernel(mr, vectors, transposed) for mr, vectors in tiles)
    (wide_mr, _), (middle_mr, _), (narrow_mr, _) = tiles
    wide_nr, middle_nr, _ = (vectors * LANES for _, vectors in tiles)

    def product(
        a: Any, a0: int, lda: int, b: Any, b0: int, ldb: int, c: Any, c0: int, ldc: int, shape: Any, accumulate: bool
    ) -> None:
        rows, columns, depth = shape
        kept = 1.0 if accumulate else 0.0
        row = 1 if transposed else lda
        if not transposed:
            most = rows - 1
            reached = most + max(wide_mr - most % wide_mr, middle_mr - most % middle_mr, narrow_mr - most % narrow_mr)
            _clear_behind(a, a0, lda, rows, reached, depth)
        j = 0
        while columns - j >= wide_nr and columns - j != wide_nr + LANES:  # one vector alone would be slow
            for i in range(0, rows, wide_mr):
                wide(a, a0 + i * row, lda, b, b0 + j, ldb, c, c0 + i * ldc + j, ldc, depth, kept)
            j += wide_nr
        while j + middle_nr <= columns:
            for i in range(0, rows, middle_mr):
                middle(a, a0 + i * row, lda, b, b0 + j, ldb, c, c0 + i * ldc + j, ldc, depth, kept)
            j += middle_nr
        if j < columns:
            for i in range(0, rows, narrow_mr):
                narrow(a, a0 + i * row, lda, b, b0 + j, ldb, c, c0 + i * ldc + j, ldc, depth, kept)

    # Each a name of its own: kernels on disk are linked by the names of their parts, with a number that another process
    # may have given to the other product.
    product.__qualname__ = "multiply_transposed" if transposed else "multiply"
    return common_helper(product)


# c = a·b, or with `accumulate` c += a·b, for `shape` = (rows, columns, depth); all arrays flat, c from c0 on and so on.
# The rows of b (depth, columns) and c (rows, columns) are contiguous, `ldb` and `ldc` apart, and fill whole vectors.
# Where the number of rows is no multiple of WHOLE_ROWS, a and c must have space, of any content, for MAX_MR rows behind
# the last; `multiply` clears that of a.
multiply = _product(False)  # a(i, d) = a[a0 + i·lda + d]
multiply_transposed = _product(True)  # a(i, d) = a[a0 + d·lda + i]


@in_registers
def _finish_vector(c, i, epilogue, j, y, at):
    y[at] = finished(c[i], epilogue, j)


@common_helper
def finish(
    c: np.ndarray,
    c0: int,
    ldc: int,
    rows: int,
    columns: int,
    epilogue: Any,
    j0: int,
    y: np.ndarray,
    y0: int,
    ldy: int,
) -> None:
    """y(i, j) = what the epilogue makes of c(i, j), so many rows and columns, the first of which is column j0.

    For all rows at once, since a call of this takes as long as a row of some 50 columns.
    """
    whole = columns // LANES * LANES
    for i in range(rows):
        for j in range(0, whole, LANES):
            _finish_vector(c, c0 + i * ldc + j, epilogue, j0 + j, y, y0 + i * ldy + j)
        for j in range(whole, columns):
            y[y0 + i * ldy + j] = finished_number(c[c0 + i * ldc + j], epilogue, j0 + j)


_finishing = _micro_kernel(*REGISTER_TILES_OF_4[0], False, True)


@common_helper
def multiply_last(
    a: Any,
    a0: int,
    lda: int,
    b: Any,
    b0: int,
    ldb: int,
    c: Any,
    c0: int,
    ldc: int,
    shape: Any,
    accumulate: bool,
    epilogue: Any,
    y: Any,
    to: Any,
) -> None:
    """Do what `multiply` does where it adds the last terms: y(i, j) is what the epilogue makes of the sums.

    For `to` = (j0, y0, ldy, filled) these are columns from j0 on, of which `filled` are wanted. c has the sums so far,
    if it is to `accumulate`; what fills no register tile of the widest goes through it.
    """
    (rows, columns, depth), (j0, y0, ldy, filled) = shape, to
    kept = 1.0 if accumulate else 0.0
    mr, nr = REGISTER_TILES_OF_4[0][0], REGISTER_TILES_OF_4[0][1] * LANES
    whole = rows // MAX_MR * MAX_MR if filled == columns and columns % nr == 0 else 0
    for j in range(0, columns if whole > 0 else 0, nr):
        for i in range(0, whole, mr):
            a1, c1, y1 = a0 + i * lda, c0 + i * ldc + j, y0 + i * ldy + j
            _finishing(a, a1, lda, b, b0 + j, ldb, c, c1, ldc, depth, kept, epilogue, j0 + j, y, y1, ldy)
    if whole < rows:
        a1, c1 = a0 + whole * lda, c0 + whole * ldc
        multiply(a, a1, lda, b, b0, ldb, c, c1, ldc, (rows - whole, columns, depth), accumulate)
        finish(c, c1, ldc, rows - whole, filled, epilogue, j0, y, y0 + whole * ldy, ldy)
