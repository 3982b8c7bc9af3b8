"""Winograd's transforms for F(m×m, 3×3), m = 2, 3, 4: three matrices, three sandwiches, and their transposes.

A short convolution is a product of polynomials, and a product of polynomials may be taken at points: evaluate both
factors, multiply point by point, interpolate (Toom & Cook; Winograd 1980, "Arithmetic complexity of computations").
Transposed, this gives the m outputs y of a kernel of three taps g on m + 2 cells d with m + 2 products, not 3·m:

    y = Aᵀ [ (G g) ⊙ (Bᵀ d) ]

with, for m + 1 points a and ∞,

    A   (m + 2)×m, the rows 1, a, a² …              ∞: 0 … 0, 1
    G   (m + 2)×3, the rows (1, a, a²) / Π (a − a') ∞: 0, 0, 1            over all other finite points a'
    Bᵀ  (m + 2)², the coefficients of Π (x − a')    ∞: those of Π (x − a') over all finite points

In two dimensions each matrix acts on columns, then on rows: y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A, 36 products for 4×4 outputs
instead of 144, 25 for 3×3 instead of 81, or 16 for 2×2 instead of 36. Lavin & Gray 2016, "Fast algorithms for
convolutional neural networks", CVPR, take the points 0, ±1 for m = 2, as here, and 0, ±1, ±2 for m = 4; those here
halve the rounding error (their choice: Barabasz et al. 2020, "Error analysis and improving the accuracy of Winograd
convolution", ACM TOMS 46(4)) and leave the constants of A and B exact in binary. All points but 0 come in pairs ±a,
whose rows of A have the same even and opposite odd terms. So have those of G and Bᵀ where 0 is a point; where it is
not, they do once the signs of both rows of −a are changed, which leaves their product as it is.

The map from d to y is linear, so its gradient is the same three matrices, transposed: what arrives at y goes by A to
the points, and by B back to the cells. Each function below does LANES channels of one tile at once, of `side` = m; in a
kernel that is a tuple of this length, for a tuple's length is known when the kernel is compiled.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .pooled import largest, spread
from .vectors import in_registers, where, wide

POINTS = {4: (0, 3 / 4, -3 / 4, 3 / 2, -3 / 2), 3: (1 / 2, -1 / 2, 5 / 4, -5 / 4), 2: (0, 1, -1)}


class Matrices(NamedTuple):
    """A, G and Bᵀ."""

    A: np.ndarray
    G: np.ndarray
    BT: np.ndarray


def _matrices(side: int) -> Matrices:
    """Return the matrices of F(side×side, 3×3)."""
    points = POINTS[side]
    others = [[other for other in points if other != a] for a in points]
    signs = [-1 if a < 0 and 0 not in points else 1 for a in points]
    return Matrices(
        np.array([[a**r for r in range(side)] for a in points] + [[0] * (side - 1) + [1]]),
        np.array(
            [
                sign * np.array([1, a, a * a]) / np.prod(np.subtract(a, rest))
                for sign, a, rest in zip(signs, points, others, strict=True)
            ]
            + [[0, 0, 1]]
        ),
        np.array(
            [[*sign * np.poly(rest)[::-1], 0] for sign, rest in zip(signs, others, strict=True)]
            + [np.poly(points)[::-1]]
        ),
    )


MATRICES = {side: _matrices(side) for side in POINTS}


@in_registers
def image_to_points(x, x0, row, cell, v, v0, plane, side):
    """v = Bᵀ x B: a tile of cells, rows and cells of x at the distances given, to values `plane` apart."""
    _write(v, v0, plane, _sandwich(_to_points, MATRICES[side].BT, _read(x, x0, row, cell, side + 2)))


@in_registers
def points_to_image(v, v0, plane, x, x0, row, cell, side):
    """x += B v Bᵀ: the transpose of `image_to_points`."""
    values = _sandwich(_from_points, MATRICES[side].BT.T, _read_points(v, v0, plane, side))
    for i, j in np.ndindex(side + 2, side + 2):
        at = x0 + row * i + cell * j
        x[at] = x[at] + values[i][j]


@in_registers
def points_to_output(m, m0, plane, b, b0, floor, y, y0, row, cell, side):
    """y = max(Aᵀ m A + b, floor): values `plane` apart to a tile of outputs. NaN stays NaN."""
    values = _sandwich(_from_points, MATRICES[side].A.T, _read_points(m, m0, plane, side))
    bias = b[b0]
    for i, j in np.ndindex(side, side):
        value = values[i][j] + bias
        y[y0 + row * i + cell * j] = where(value <= floor, floor, value)


@in_registers
def points_to_pooled(m, m0, plane, b, b0, floor, y, places, y0, row, cell, side):
    """The same, of whose squares of 2×2 outputs only the largest are kept, in y, and where they were, in `places`."""
    if side % 2:
        return  # squares of 2×2 do not fill the tile: it is never asked for
    values = _sandwich(_from_points, MATRICES[side].A.T, _read_points(m, m0, plane, side))
    bias = b[b0]
    for i, j in np.ndindex(side // 2, side // 2):
        square = [values[2 * i + p][2 * j + q] + bias for p, q in np.ndindex(2, 2)]
        at = y0 + row * i + cell * j
        y[at], places[at] = largest([where(value <= floor, floor, value) for value in square], floor)


@in_registers
def output_to_points(dy, dy0, row, cell, m, m0, plane, sums, s0, side):
    """m = A dy Aᵀ: the transpose of `points_to_output`; the bias's gradient, Σ dy, is added to `sums` in double."""
    _gradient_to_points(_read(dy, dy0, row, cell, side), m, m0, plane, sums, s0, side)


@in_registers
def rectified_to_points(dy, y, dy0, row, cell, m, m0, plane, sums, s0, side):
    """The same behind a ReLU of result y, which lets dy through only where y > 0."""
    values, outputs = _read(dy, dy0, row, cell, side), _read(y, dy0, row, cell, side)
    open_ = [[where(outputs[i][j] > 0, values[i][j], 0) for j in range(side)] for i in range(side)]
    _gradient_to_points(open_, m, m0, plane, sums, s0, side)


@in_registers
def pooled_to_points(dy, places, dy0, row, cell, m, m0, plane, sums, s0, side):
    """The transpose of `points_to_pooled`: each dy belongs to one of 2×2 outputs, or to none."""
    if side % 2:
        return
    values = [[0] * side for _ in range(side)]
    for i, j in np.ndindex(side // 2, side // 2):
        at = dy0 + row * i + cell * j
        for (p, q), value in zip(np.ndindex(2, 2), spread(dy[at], places[at]), strict=True):
            values[2 * i + p][2 * j + q] = value
    _gradient_to_points(values, m, m0, plane, sums, s0, side)


@in_registers
def kernel_to_points(w, w0, tap, u, u0, plane, side):
    """u = G w Gᵀ: 3×3 taps to as many values as there are points."""
    _write(u, u0, plane, _sandwich(_to_points, MATRICES[side].G, _read(w, w0, tap * 3, tap, 3)))


@in_registers
def points_to_kernel(u, u0, plane, w, w0, tap, side):
    """w = Gᵀ u G: the transpose of `kernel_to_points`."""
    values = _sandwich(_from_points, MATRICES[side].G.T, _read_points(u, u0, plane, side))
    for i, j in np.ndindex(3, 3):
        w[w0 + tap * (3 * i + j)] = values[i][j]


def _gradient_to_points(dy: Any, m: Any, m0: Any, plane: Any, sums: Any, s0: Any, side: int) -> None:
    sums[s0] = sums[s0] + wide(_total([_total(row) for row in dy]))
    _write(m, m0, plane, _sandwich(_to_points, MATRICES[side].A, dy))


def _total(values: Sequence[Any]) -> Any:
    """Return the sum of the values, in pairs."""
    if len(values) == 1:
        return values[0]
    pairs = [a + b for a, b in zip(values[::2], values[1::2], strict=False)]
    return _total([*pairs, *values[2 * len(pairs) :]])


def _sandwich(apply: Callable[..., Any], matrix: np.ndarray, tile: Any) -> list[Any]:
    """Return M t Mᵀ: `apply` M down the columns, then along the rows."""
    columns = [apply(matrix, column) for column in zip(*tile, strict=True)]
    return [apply(matrix, row) for row in zip(*columns, strict=True)]


def _to_points(matrix: np.ndarray, values: Sequence[Any]) -> list[Any]:
    """Return M v for M whose rows belong to the points.

    A row is a polynomial in its point a: that of −a has the same even and the opposite odd terms, and shares both.
    """
    zero = 1 - len(matrix) % 2  # whether 0 is the first point
    results = [_dot(row, values) for row in matrix[:zero]]
    for row in matrix[zero:-1:2]:
        even, odd = (_dot(row * (np.arange(row.size) % 2 == parity), values) for parity in (0, 1))
        results += [even + odd, even - odd]
    return [*results, _dot(matrix[-1], values)]


def _from_points(matrix: np.ndarray, values: Sequence[Any]) -> list[Any]:
    """Return M v for M whose columns belong to the points: even rows need the sums at ±a, odd rows differences."""
    zero = 1 - len(values) % 2
    opposite = list(zip(values[zero:-1:2], values[zero + 1 : -1 : 2], strict=True))
    sums, differences = [a + b for a, b in opposite], [a - b for a, b in opposite]
    columns = [*range(zero), *range(zero, len(values) - 1, 2), -1]
    return [
        _dot(row[columns], [*values[:zero], *(differences if r % 2 else sums), values[-1]])
        for r, row in enumerate(matrix)
    ]


def _dot(row: np.ndarray, values: Sequence[Any]) -> Any:
    """Return Σ row·values without the products by 0 and 1."""
    terms = sorted(
        ((float(f), value) for f, value in zip(row, values, strict=True) if f), key=lambda term: term[0] != 1
    )
    factor, total = terms[0]
    if factor != 1:
        total = total * factor
    for factor, value in terms[1:]:
        total = total + (value if factor == 1 else value * factor)
    return total


def _read(array: Any, start: Any, row: Any, cell: Any, side: int) -> list[list[Any]]:
    return [[array[start + row * i + cell * j] for j in range(side)] for i in range(side)]


def _read_points(array: Any, start: Any, plane: Any, side: int) -> list[list[Any]]:
    return _read(array, start, plane * (side + 2), plane, side + 2)


def _write(array: Any, start: Any, plane: Any, values: Any) -> None:
    side = len(values)
    for i, j in np.ndindex(side, side):
        array[start + plane * (side * i + j)] = values[i][j]
