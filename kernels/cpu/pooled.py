"""Max pooling of 2×2 squares while their values are in registers: what a convolution's pass does if pooling follows.

Of four values the largest remains, with its place: 0 … 3 in row-major order, or SHUT where the square lets no gradient
through. So much is all that the way back needs: a quarter of the numbers, and a sixteenth of the bytes beside them.
"""

from collections.abc import Sequence
from typing import Any

from ..window import SHUT
from .vectors import equal, in_registers, is_nan, where


def largest(values: Sequence[Any], floor: Any) -> tuple[Any, Any]:
    """Return the largest of four vectors, and its place; with a `floor` of 0, SHUT where it is not above it.

    A floor of −∞ shuts nothing. Among equals the first wins; NaN counts as the largest. For compiled vector code.
    """
    best, place = values[0], None
    for number, value in enumerate(values[1:], start=1):
        stays = (value <= best) | is_nan(best)
        best = where(stays, best, value)
        place = where(stays, 0 if place is None else place, number)
    return best, where((best > floor) | (floor <= -1), place, SHUT)


def spread(dy: Any, place: Any) -> list[Any]:
    """Return the gradients of the four values: dy at its place, else 0; nothing of a square that is SHUT."""
    return [where(equal(place, number), dy, 0) for number in range(4)]


@in_registers
def keep_largest(x, x0, row, cell, floor, y, place, at):
    """y[at], place[at] = the largest of 2×2 cells of x, rows and cells at the distances given."""
    y[at], place[at] = largest([x[x0 + row * i + cell * j] for i in range(2) for j in range(2)], floor)
