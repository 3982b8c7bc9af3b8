"""Max pooling of 2×2 squares while their values are in registers: what a convolution's pass does if pooling follows.

Of four values the largest remains, with its argmax: 0 … 3 in row-major order, or NO_GRADIENT where a ReLU cut it off,
and so hands no gradient on. Backward needs no more than that: a quarter of the numbers, and a
byte with each of them.
"""

from collections.abc import Sequence
from typing import Any

from ...window import NO_GRADIENT
from ..vectors import equal, in_registers, is_nan, where


def max_and_argmax(values: Sequence[Any], floor: Any) -> tuple[Any, Any]:
    """Return the largest of four vectors in each lane, and its argmax, NO_GRADIENT where a ReLU cut it off.

    A `floor` of 0 is a ReLU's: what is not above it hands no gradient on. A floor of −∞ stops none, not even of −∞
    itself. Among equals the first wins; NaN counts as the largest. For compiled vector code.
    """
    best, argmax = values[0], None
    for number, value in enumerate(values[1:], start=1):
        stays = (value <= best) | is_nan(best)
        best = where(stays, best, value)
        argmax = where(stays, 0 if argmax is None else argmax, number)
    return best, where((best > floor) | (floor <= -1), argmax, NO_GRADIENT)


def unpool(dy: Any, argmax: Any) -> list[Any]:
    """Return the gradients of the four values: dy for the one that `argmax` names, 0 for the others."""
    return [where(equal(argmax, number), dy, 0) for number in range(4)]


@in_registers
def max_of_square(x, x0, row, cell, floor, y, argmax, at):
    """y[at], argmax[at] = the largest of 2×2 cells of x, rows and cells at the distances given."""
    y[at], argmax[at] = max_and_argmax([x[x0 + row * i + cell * j] for i in range(2) for j in range(2)], floor)
