"""Sums of whole arrays, and what keeps gradients small: formulas in `reference/arithmetic.py`."""

import cupy


def add(a: cupy.ndarray, b: cupy.ndarray, relu: bool = False) -> cupy.ndarray:
    """Return a + b, or max(a + b, 0) with `relu`, for arrays of one shape."""
    return _add_relu(a, b) if relu else a + b


def add_scaled(a: cupy.ndarray, b: cupy.ndarray, factor: cupy.ndarray) -> cupy.ndarray:
    """Return a + factor·b for arrays of one shape and an array `factor` of one element."""
    return a + b * factor


def scale(x: cupy.ndarray, factor: cupy.ndarray) -> cupy.ndarray:
    """Return factor·x for an array `factor` of one element."""
    return x * factor


def sum_squares(x: cupy.ndarray) -> cupy.ndarray:
    """Return Σ x², added up in double, as an array of no axes."""
    return (x * x).sum(dtype=cupy.float64).astype(x.dtype)


def clip(x: cupy.ndarray, limit: float) -> cupy.ndarray:
    """Return min(max(x, −limit), limit); NaN stays NaN."""
    return _clip(x, x.dtype.type(limit))


def weighted_sum_inplace(
    total: cupy.ndarray, x: cupy.ndarray, a: float, y: cupy.ndarray | None = None, b: float = 0.0
) -> None:
    """total ← a·x + b·y, or a·x, for arrays of one shape; `total` may be one of them."""
    a, b = (total.dtype.type(each) for each in (a, b))
    total[...] = a * x if y is None else a * x + b * y


# Both comparisons are false for NaN, which stays.
_clip = cupy.ElementwiseKernel(
    "T x, T limit", "T y", "y = x > limit ? limit : x < -limit ? -limit : x", "tinyconv_clip"
)


# The comparison is false for NaN, which stays.
_add_relu = cupy.ElementwiseKernel("T a, T b", "T y", "y = a + b <= 0 ? (T)0 : a + b", "tinyconv_add_relu")
