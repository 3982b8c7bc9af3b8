"""Winograd's input, filter and output transform for F(m×m, 3×3), m = 2, 3, 4, and their transposes.

F(m×m, 3×3) computes a tile of m×m outputs of a 3×3 convolution from the (m + 2)×(m + 2) cells that they see. A short
convolution is a product of polynomials, and a product of polynomials may be taken at points: evaluate both factors,
multiply point by point, interpolate (Toom & Cook; Winograd 1980, "Arithmetic complexity of computations").
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

Bᵀ d B is called the input transform, G g Gᵀ the filter transform, and Aᵀ … A the output transform. The map from d to y
is linear, so its gradient is the same three matrices, transposed: A dy Aᵀ takes the outputs' gradients to the points,
B … Bᵀ the points' back to the cells, and Gᵀ … G to the filter.

Each function below does LANES channels of one tile at once, of `side` = m; a kernel hands over a tuple of this length,
for a tuple's length is known when the kernel is compiled. A tile's value at each point lies `point_stride` numbers
behind that at the point before.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...epilogue import limited
from ...vectors import in_registers, where, wide
from ..fused_pooling import max_and_argmax, unpool

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
def input_transform(x, x0, row, cell, v, v0, point_stride, side):
    """v = Bᵀ x B of a tile of cells, whose rows and cells are so far apart in x."""
    _write(v, v0, point_stride, _sandwich(_to_points, MATRICES[side].BT, _read(x, x0, row, cell, side + 2)))


@in_registers
def input_gradient_transform(dv, v0, point_stride, dx, x0, row, cell, side):
    """dx += B dv Bᵀ: the transpose of `input_transform`."""
    values = _sandwich(_from_points, MATRICES[side].BT.T, _read_points(dv, v0, point_stride, side))
    for i, j in np.ndindex(side + 2, side + 2):
        at = x0 + row * i + cell * j
        dx[at] = dx[at] + values[i][j]


@in_registers
def output_transform(m, m0, point_stride, epilogue, k0, y, y0, row, cell, side):
    """y = Aᵀ m A, scaled, moved and rectified as the epilogue has it: a tile of outputs."""
    outputs = _outputs(m, m0, point_stride, epilogue, k0, side)
    for i, j in np.ndindex(side, side):
        y[y0 + row * i + cell * j] = limited(outputs[i][j], epilogue)


@in_registers
def output_transform_pooled(m, m0, point_stride, epilogue, k0, y, argmax, y0, row, cell, side):
    """The same, but of each square of 2×2 outputs y gets the largest alone, and `argmax` which of the four it was."""
    _pool_tile(_outputs(m, m0, point_stride, epilogue, k0, side), epilogue, y, argmax, y0, row, cell)


@in_registers
def output_transform_pooled_where(seen, m, m0, point_stride, epilogue, k0, y, argmax, y0, row, cell, side):
    """The same, with the shift alone for an output where the array of bytes `seen`, in row-major order, is 0."""
    outputs, shift = _outputs(m, m0, point_stride, epilogue, k0, side), epilogue[1][k0]
    chosen = [[where(seen.each(side * i + j), outputs[i][j], shift) for j in range(side)] for i in range(side)]
    _pool_tile(chosen, epilogue, y, argmax, y0, row, cell)


@in_registers
def output_gradient_transform(dy, dy0, row, cell, dm, m0, point_stride, sums, s0, side):
    """dm = A dy Aᵀ: the transpose of `output_transform`; the bias's gradient, Σ dy, is added to `sums` in double."""
    _gradient_to_points(_read(dy, dy0, row, cell, side), dm, m0, point_stride, sums, s0, side)


@in_registers
def output_gradient_transform_relu(dy, y, dy0, row, cell, dm, m0, point_stride, sums, s0, side):
    """The same behind a ReLU of result y, which lets dy through only where y > 0."""
    values, outputs = _read(dy, dy0, row, cell, side), _read(y, dy0, row, cell, side)
    passed = [[where(outputs[i][j] > 0, values[i][j], 0) for j in range(side)] for i in range(side)]
    _gradient_to_points(passed, dm, m0, point_stride, sums, s0, side)


@in_registers
def output_gradient_transform_pooled(dy, argmax, dy0, row, cell, dm, m0, point_stride, sums, s0, side):
    """The transpose of `output_transform_pooled`: each dy belongs to one of 2×2 outputs, or to none."""
    if side % 2:
        return
    values = [[0] * side for _ in range(side)]
    for i, j in np.ndindex(side // 2, side // 2):
        at = dy0 + row * i + cell * j
        for (p, q), value in zip(np.ndindex(2, 2), unpool(dy[at], argmax[at]), strict=True):
            values[2 * i + p][2 * j + q] = value
    _gradient_to_points(values, dm, m0, point_stride, sums, s0, side)


@in_registers
def filter_transform(w, w0, tap, u, u0, point_stride, side):
    """u = G w Gᵀ of 3×3 taps, `tap` numbers apart, to as many values as there are points."""
    _write(u, u0, point_stride, _sandwich(_to_points, MATRICES[side].G, _read(w, w0, tap * 3, tap, 3)))


@in_registers
def filter_gradient_transform(du, u0, point_stride, dw, w0, tap, side):
    """dw = Gᵀ du G: the transpose of `filter_transform`."""
    values = _sandwich(_from_points, MATRICES[side].G.T, _read_points(du, u0, point_stride, side))
    for i, j in np.ndindex(3, 3):
        dw[w0 + tap * (3 * i + j)] = values[i][j]


def _outputs(m: Any, m0: Any, point_stride: Any, epilogue: Any, k0: Any, side: int) -> list[list[Any]]:
    """Return Aᵀ m A, scaled and moved."""
    scale, shift = epilogue[0][k0], epilogue[1][k0]
    values = _sandwich(_from_points, MATRICES[side].A.T, _read_points(m, m0, point_stride, side))
    return [[value * scale + shift for value in row] for row in values]


def _pool_tile(outputs: Any, epilogue: Any, y: Any, argmax: Any, y0: Any, row: Any, cell: Any) -> None:
    """Write the largest of each 2×2 square of a tile, within the limits, and its argmax.

    Squares do not fill the tiles of odd sides, for which this is never asked.
    """
    half = len(outputs) // 2
    for i, j in np.ndindex(half, half):
        square = [limited(outputs[2 * i + p][2 * j + q], epilogue) for p, q in np.ndindex(2, 2)]
        at = y0 + row * i + cell * j
        y[at], argmax[at] = max_and_argmax(square, epilogue[2])


def _gradient_to_points(dy: Any, m: Any, m0: Any, point_stride: Any, sums: Any, s0: Any, side: int) -> None:
    sums[s0] = sums[s0] + wide(_total([_total(row) for row in dy]))
    _write(m, m0, point_stride, _sandwich(_to_points, MATRICES[side].A, dy))


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


def _read_points(array: Any, start: Any, point_stride: Any, side: int) -> list[list[Any]]:
    return _read(array, start, point_stride * (side + 2), point_stride, side + 2)


def _write(array: Any, start: Any, point_stride: Any, values: Any) -> None:
    side = len(values)
    for i, j in np.ndindex(side, side):
        array[start + point_stride * (side * i + j)] = values[i][j]
