"""What differences say about the slope of a function of one number, t ↦ φ(t) = Σ r·f(x + t·v), at t = 0.

The step of a central difference is h = ε^(1/3)·scale, which balances its truncation error h² against rounding ε/h
(Nocedal & Wright, Numerical Optimization, 2nd ed., ch. 8.1).
"""

from collections.abc import Callable
from itertools import pairwise
from math import log

import numpy as np

EPSILON = float(np.finfo(np.float64).eps)
FINER = 8  # how much smaller the step is with which a kink is looked for
STEPS = [4.0**-k for k in range(3, 15)]  # at which the Taylor remainder is measured, largest first


class Line:
    """φ(t) along the direction `v` through the numbers in `flat`, the memory that `value` reads; `size` is that of φ.

    `flat` is as it was after each call.
    """

    def __init__(self, flat: np.ndarray, v: np.ndarray, value: Callable[[], float], size: float) -> None:
        self.flat, self.v, self.value = flat, v, value
        self.before = flat.copy()
        self.noise = 4 * EPSILON * size
        self.reach = max(1.0, float(np.abs(flat).max())) / max(1.0, float(np.abs(v).max()))

    def __call__(self, t: float) -> float:
        """Return φ(t)."""
        self.flat[...] = self.before + t * self.v
        try:
            return self.value()
        finally:
            self.flat[...] = self.before

    def slope(self, finer: float = 1.0) -> float:
        """Return the central difference (φ(h) − φ(−h)) / 2h."""
        h = self._step(finer)
        return (self(h) - self(-h)) / (2 * h)

    def kink(self, claimed: float, least: float) -> tuple[float, float] | None:
        """Return the slopes on the left and on the right of 0 if φ has a kink there or so near that it spoils `slope`.

        At a kink they differ by as much however small the step; of a smooth function they approach each other. Where
        the kink is beside 0, a smaller step does not reach it, and agrees with the slope that is `claimed`. What is
        less than `least` is no difference.
        """
        h = self._step(1.0)
        left, right = self._one_sided(h)
        finer_left, finer_right = self._one_sided(h / FINER)
        least = max(least, 32 * self.noise * FINER / h)
        jump = abs(finer_right - finer_left)
        if jump > least and jump > abs(right - left) / 2:
            return finer_left, finer_right
        beside = abs(right - left) > least and max(abs(finer_left - claimed), abs(finer_right - claimed)) <= least
        return (left, right) if beside else None

    def taylor_order(self, claimed: float) -> float | None:
        """Return the power of h as which |φ(h) − φ(0) − h·claimed| shrinks: 2, or 1 if the slope `claimed` is wrong.

        It is measured at the smallest steps at which rounding does not drown it; None if there are none, as of a linear
        function. Kinks further away than these steps do not matter. Source: Griewank & Walther 2008, ch. 1.1.
        """
        zero, floor = self(0.0), 16 * self.noise
        remainders = [abs(self(h * self.reach) - zero - h * self.reach * claimed) for h in STEPS]
        for larger, smaller in reversed(list(pairwise(remainders))):
            if larger > 16 * floor:
                return log(larger / max(smaller, floor), 4)
        return None

    def _step(self, finer: float) -> float:
        return EPSILON ** (1 / 3) * self.reach / finer

    def _one_sided(self, h: float) -> tuple[float, float]:
        """Return the slopes from −h to 0 and from 0 to h."""
        middle = self(0.0)
        return (middle - self(-h)) / h, (self(h) - middle) / h
