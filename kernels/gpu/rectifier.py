"""Rectifiers on the GPU: formulas and shapes in `reference/rectifier.py`."""

import cupy

from .launch import launch


def rectifier(x: cupy.ndarray, slope: float, ceiling: float, threshold: float) -> cupy.ndarray:
    """Return y = min(x, ceiling) where x > threshold, else slope·(x − threshold); NaN stays NaN."""
    return _rectifier(x, *(x.dtype.type(number) for number in (slope, ceiling, threshold)))


def rectifier_backward(
    dy: cupy.ndarray, x: cupy.ndarray, slope: float, ceiling: float, threshold: float
) -> cupy.ndarray:
    """Return dx = dy where threshold < x ≤ ceiling, slope·dy where x < threshold, 0 elsewhere."""
    return _rectifier_backward(dy, x, *(dy.dtype.type(number) for number in (slope, ceiling, threshold)))


def prelu(x: cupy.ndarray, alpha: cupy.ndarray) -> cupy.ndarray:
    """Return y = x where x > 0, else alpha·x."""
    return _prelu(x, alpha)


def prelu_backward(dy: cupy.ndarray, x: cupy.ndarray, alpha: cupy.ndarray) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return (dx, dalpha); a thread adds up its column of the batch in double."""
    slopes = cupy.ascontiguousarray(cupy.broadcast_to(alpha, x.shape[1:]))
    dx, sums = cupy.empty(dy.shape, dy.dtype), cupy.empty(slopes.shape, dy.dtype)
    launch("rectifier.cu", "prelu_backward", dy.dtype, slopes.size, (dy, x, slopes, dx, sums, len(x)))
    shared = tuple(axis for axis, length in enumerate(alpha.shape) if length == 1)
    return dx, sums.astype(cupy.float64).sum(axis=shared, keepdims=True).astype(alpha.dtype)


# The second comparison is false for NaN, which stays; and −∞ times no slope would be NaN.
_rectifier = cupy.ElementwiseKernel(
    "T x, T slope, T ceiling, T threshold",
    "T y",
    """y = x > threshold ? (x < ceiling ? x : ceiling)
        : slope == 0 && x <= threshold ? (T)0 : slope * (x - threshold)""",
    "tinyconv_rectifier",
)

_rectifier_backward = cupy.ElementwiseKernel(
    "T dy, T x, T slope, T ceiling, T threshold",
    "T dx",
    "dx = x > threshold ? (x <= ceiling ? dy : (T)0) : x < threshold ? slope * dy : (T)0",
    "tinyconv_rectifier_backward",
)

_prelu = cupy.ElementwiseKernel("T x, T alpha", "T y", "y = x > 0 ? x : alpha * x", "tinyconv_prelu")
