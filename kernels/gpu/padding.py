"""A constant around an array on the GPU."""

from collections.abc import Sequence

import cupy


def pad(x: cupy.ndarray, pads: Sequence[tuple[int, int]], value: float) -> cupy.ndarray:
    """Return `x` with `value` in so many places before and behind it along each axis."""
    sides = list(zip(pads, x.shape, strict=True))
    y = cupy.full(tuple(before + length + behind for (before, behind), length in sides), value, x.dtype)
    y[tuple(slice(before, before + length) for (before, _), length in sides)] = x
    return y
