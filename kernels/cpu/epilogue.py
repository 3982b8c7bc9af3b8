"""The last pass over the sums of a product while they are at hand: y = min(max(c·scale + shift, 0), ceiling).

Libraries of matrix products call that an epilogue. What would each take a pass over memory of its own costs next to
nothing here: a bias, a rectifier, and outside training a whole batch normalization. NaN stays NaN.
"""

from functools import lru_cache
from math import inf
from typing import Any

import numpy as np

from ..shared import Ceiling
from .compile import helper
from .memory import constant
from .vectors import at_least, at_most

# Scale and shift of each column, (k,) both, and the limits of y, which without a rectifier are infinite.
Epilogue = tuple[np.ndarray, np.ndarray, Any, Any]


def for_bias(k: int, dtype: np.dtype, bias: np.ndarray | None, relu: bool = False) -> Epilogue:
    """Return the epilogue of `k` columns that adds a bias, if there is one, and with `relu` rectifies."""
    ones, zeros = neutral(k, dtype)
    return ones, zeros if bias is None else bias, *limits(dtype, inf if relu else None)


def for_scale(scale_and_shift: np.ndarray, ceiling: Ceiling) -> Epilogue:
    """Return the epilogue that scales and moves by the rows (2,k) and, unless the ceiling is None, rectifies.

    An infinite ceiling is a ReLU's.
    """
    return scale_and_shift[0], scale_and_shift[1], *limits(scale_and_shift.dtype, ceiling)


@lru_cache(256)
def neutral(k: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return a scale and a shift that change nothing, always the same arrays, which nobody may write to.

    The shift is −0: to add 0 would make 0 of −0.
    """
    return constant(np.ones(k, dtype)), constant(np.full(k, -0.0, dtype))


@lru_cache(64)
def limits(dtype: np.dtype, ceiling: Ceiling) -> tuple[Any, Any]:
    """Return the least and the largest y."""
    return dtype.type(-inf if ceiling is None else 0), dtype.type(inf if ceiling is None else ceiling)


def limited(value: Any, epilogue: Any) -> Any:
    """Return min(max(value, floor), top) by the limits of an epilogue. For compiled vector code."""
    return at_most(at_least(value, epilogue[2]), epilogue[3])


def finished(value: Any, epilogue: Any, at: Any) -> Any:
    """Return what an epilogue makes of sums of the columns from `at` on. For compiled vector code."""
    return limited(value * epilogue[0][at] + epilogue[1][at], epilogue)


@helper
def finished_number(value: Any, epilogue: Any, at: int) -> Any:
    """Return what an epilogue makes of one sum, of column `at`."""
    scale, shift, floor, top = epilogue
    total = value * scale[at] + shift[at]
    total = floor if total <= floor else total
    return top if total > top else total
