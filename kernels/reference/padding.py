"""A constant around an array."""

from collections.abc import Sequence

import numpy as np


def pad(x: np.ndarray, pads: Sequence[tuple[int, int]], value: float) -> np.ndarray:
    """Return `x` with `value` in so many places before and behind it along each axis."""
    return np.pad(x, pads, constant_values=value)
