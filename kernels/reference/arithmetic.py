"""Sums of whole arrays, and what keeps gradients small."""

import numpy as np


def add(a: np.ndarray, b: np.ndarray, relu: bool = False) -> np.ndarray:
    """Return a + b, or max(a + b, 0) with `relu`, for arrays of one shape: also what two users of a tensor send back.

    NaN stays NaN.
    """
    return np.maximum(a + b, 0.0) if relu else a + b


def add_scaled(a: np.ndarray, b: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return a + factor·b for arrays of one shape and an array `factor` of one element: a gradient and a penalty's."""
    return a + b * factor


def scale(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return factor·x for an array `factor` of one element, such as the derivative 2·dy·x of Σ x²."""
    return x * factor


def sum_squares(x: np.ndarray) -> np.ndarray:
    """Return Σ x², added up in double, as an array of no axes."""
    with np.errstate(over="ignore"):  # beyond what the dtype holds it is ∞, in silence
        return np.square(x, dtype=np.float64).sum().astype(x.dtype)


def clip(x: np.ndarray, limit: float) -> np.ndarray:
    """Return min(max(x, −limit), limit) (Mikolov 2012, section 3.2.2, of gradients). NaN stays NaN."""
    return np.clip(x, -limit, limit)


def weighted_sum_inplace(
    total: np.ndarray, x: np.ndarray, a: float, y: np.ndarray | None = None, b: float = 0.0
) -> None:
    """total ← a·x + b·y, or a·x, for arrays of one shape; `total` may be one of them."""
    a, b = (total.dtype.type(each) for each in (a, b))
    total[...] = a * x if y is None else a * x + b * y
