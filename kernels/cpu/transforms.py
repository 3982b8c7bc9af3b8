"""Winograd's transforms for F(4×4, 3×3): three matrices, three sandwiches, and their transposes.

A short convolution is a product of polynomials, and a product of polynomials may be taken at points: evaluate both
factors, multiply point by point, interpolate (Toom & Cook; Winograd 1980, "Arithmetic complexity of computations").
Transposed, this gives the four outputs y of a kernel of three taps g on six cells d with six products, not twelve:

    y = Aᵀ [ (G g) ⊙ (Bᵀ d) ]

with, for the points a = 0, ±3/4, ±3/2 and ∞,

    A   6×4, the rows 1, a, a², a³              ∞: 0, 0, 0, 1
    G   6×3, the rows (1, a, a²) / Π (a − a')   ∞: 0, 0, 1            over all other finite points a'
    Bᵀ  6×6, the coefficients of Π (x − a')     ∞: those of Π (x − a') over all finite points

In two dimensions each matrix acts on columns, then on rows: y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A. Lavin & Gray 2016, "Fast
algorithms for convolutional neural networks", CVPR, take the points 0, ±1, ±2; those here halve the rounding error
(their choice: Barabasz et al. 2020, "Error analysis and improving the accuracy of Winograd convolution", ACM TOMS
46(4)) and leave the constants of A and B exact in binary.

The map from d to y is linear, so its gradient is the same three matrices, transposed: what arrives at y goes by A to
the points, and by B back to the cells. Each function below does LANES channels of one tile at once.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .pooled import largest, spread
from .vectors import in_registers, where, wide

POINTS = (0, 3 / 4, -3 / 4, 3 / 2, -3 / 2)


def _others(a: float) -> list[float]:
    return [point for point in POINTS if point != a]


A = np.array([[a**r for r in range(4)] for a in POINTS] + [[0, 0, 0, 1]])
G = np.array([np.array([1, a, a * a]) / np.prod([a - other for other in _others(a)]) for a in POINTS] + [[0, 0, 1]])
BT = np.array([[*np.poly(_others(a))[::-1], 0] for a in POINTS] + [np.poly(POINTS)[::-1]])


@in_registers
def image_to_points(x, x0, row, cell, v, v0, plane):
    """v = Bᵀ x B: a tile of 6×6 cells, rows and cells of x at the distances given, to 36 values `plane` apart."""
    _write(v, v0, plane, _sandwich(_to_points, BT, _read(x, x0, row, cell, 6)))


@in_registers
def points_to_image(v, v0, plane, x, x0, row, cell):
    """x += B v Bᵀ: the transpose of `image_to_points`."""
    values = _sandwich(_from_points, BT.T, _read(v, v0, plane * 6, plane, 6))
    for i, j in np.ndindex(6, 6):
        at = x0 + row * i + cell * j
        x[at] = x[at] + values[i][j]


@in_registers
def points_to_output(m, m0, plane, b, b0, floor, y, y0, row, cell):
    """y = max(Aᵀ m A + b, floor): 36 values `plane` apart to a tile of 4×4 outputs. NaN stays NaN."""
    values = _sandwich(_from_points, A.T, _read(m, m0, plane * 6, plane, 6))
    bias = b[b0]
    for i, j in np.ndindex(4, 4):
        value = values[i][j] + bias
        y[y0 + row * i + cell * j] = where(value <= floor, floor, value)


@in_registers
def points_to_pooled(m, m0, plane, b, b0, floor, y, places, y0, row, cell):
    """The same, of whose squares of 2×2 outputs only the largest are kept, in y, and where they were, in `places`."""
    values = _sandwich(_from_points, A.T, _read(m, m0, plane * 6, plane, 6))
    bias = b[b0]
    for i, j in np.ndindex(2, 2):
        square = [values[2 * i + p][2 * j + q] + bias for p, q in np.ndindex(2, 2)]
        at = y0 + row * i + cell * j
        y[at], places[at] = largest([where(value <= floor, floor, value) for value in square], floor)


@in_registers
def output_to_points(dy, dy0, row, cell, m, m0, plane, sums, s0):
    """m = A dy Aᵀ: the transpose of `points_to_output`; the bias's gradient, Σ dy, is added to `sums` in double."""
    _gradient_to_points(_read(dy, dy0, row, cell, 4), m, m0, plane, sums, s0)


@in_registers
def rectified_to_points(dy, y, dy0, row, cell, m, m0, plane, sums, s0):
    """The same behind a ReLU of result y, which lets dy through only where y > 0."""
    values, outputs = _read(dy, dy0, row, cell, 4), _read(y, dy0, row, cell, 4)
    open_ = [[where(outputs[i][j] > 0, values[i][j], 0) for j in range(4)] for i in range(4)]
    _gradient_to_points(open_, m, m0, plane, sums, s0)


@in_registers
def pooled_to_points(dy, places, dy0, row, cell, m, m0, plane, sums, s0):
    """The transpose of `points_to_pooled`: each dy belongs to one of 2×2 outputs, or to none."""
    values = [[0] * 4 for _ in range(4)]
    for i, j in np.ndindex(2, 2):
        at = dy0 + row * i + cell * j
        for (p, q), value in zip(np.ndindex(2, 2), spread(dy[at], places[at]), strict=True):
            values[2 * i + p][2 * j + q] = value
    _gradient_to_points(values, m, m0, plane, sums, s0)


@in_registers
def kernel_to_points(w, w0, tap, u, u0, plane):
    """u = G w Gᵀ: 3×3 taps to 36 values."""
    _write(u, u0, plane, _sandwich(_to_points, G, _read(w, w0, tap * 3, tap, 3)))


@in_registers
def points_to_kernel(u, u0, plane, w, w0, tap):
    """w = Gᵀ u G: the transpose of `kernel_to_points`."""
    values = _sandwich(_from_points, G.T, _read(u, u0, plane * 6, plane, 6))
    for i, j in np.ndindex(3, 3):
        w[w0 + tap * (3 * i + j)] = values[i][j]


def _gradient_to_points(dy: Any, m: Any, m0: Any, plane: Any, sums: Any, s0: Any) -> None:
    rows = [(a + b) + (c + d) for a, b, c, d in dy]
    sums[s0] = sums[s0] + wide((rows[0] + rows[1]) + (rows[2] + rows[3]))
    _write(m, m0, plane, _sandwich(_to_points, A, dy))


def _sandwich(apply: Callable[..., Any], matrix: np.ndarray, tile: Any) -> list[Any]:
    """Return M t Mᵀ: `apply` M down the columns, then along the rows."""
    columns = [apply(matrix, column) for column in zip(*tile, strict=True)]
    return [apply(matrix, row) for row in zip(*columns, strict=True)]


def _to_points(matrix: np.ndarray, values: Sequence[Any]) -> list[Any]:
    """Return M v for M whose six rows belong to the points.

    A row is a polynomial in its point a: that of −a has the same even and the opposite odd terms, and shares both.
    """
    first, plus_a, _, plus_b, _, last = matrix
    results = [_dot(first, values)]
    for row in (plus_a, plus_b):
        even, odd = (_dot(row * (np.arange(row.size) % 2 == parity), values) for parity in (0, 1))
        results += [even + odd, even - odd]
    return [*results, _dot(last, values)]


def _from_points(matrix: np.ndarray, values: Sequence[Any]) -> list[Any]:
    """Return M v for M whose six columns belong to the points: even rows need the sums at ±a, odd rows differences."""
    v0, v1, v2, v3, v4, v5 = values
    pairs = (v0, v1 + v2, v3 + v4, v5), (v0, v1 - v2, v3 - v4, v5)
    return [_dot(row[[0, 1, 3, 5]], pairs[r % 2]) for r, row in enumerate(matrix)]


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


def _write(array: Any, start: Any, plane: Any, values: Any) -> None:
    for i, j in np.ndindex(6, 6):
        array[start + plane * (6 * i + j)] = values[i][j]
