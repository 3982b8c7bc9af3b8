"""Smooth activations on the GPU: formulas in `reference/smooth.py`."""

import cupy

from ..shared import SELU_ALPHA, SELU_SCALE


def elu(x: cupy.ndarray, alpha: float) -> cupy.ndarray:
    """Return y = x where x > 0, else alpha·(eˣ − 1)."""
    return _elu(x, x.dtype.type(1), x.dtype.type(alpha))


def elu_backward(dy: cupy.ndarray, y: cupy.ndarray, alpha: float) -> cupy.ndarray:
    """Return dx = dy where y > 0, else dy·(y + alpha)."""
    return _elu_backward(dy, y, *(dy.dtype.type(number) for number in (1, alpha, alpha)))


def selu(x: cupy.ndarray) -> cupy.ndarray:
    """Return y = λ·x where x > 0, else λ·α·(eˣ − 1)."""
    return _elu(x, x.dtype.type(SELU_SCALE), x.dtype.type(SELU_SCALE * SELU_ALPHA))


def selu_backward(dy: cupy.ndarray, y: cupy.ndarray) -> cupy.ndarray:
    """Return dx = λ·dy where y ≥ 0, else dy·(y + λ·α)."""
    return _elu_backward(
        dy, y, *(dy.dtype.type(number) for number in (SELU_SCALE, SELU_SCALE, SELU_SCALE * SELU_ALPHA))
    )


def gelu(x: cupy.ndarray, approximate: bool) -> cupy.ndarray:
    """Return y = x·Φ(x), or the approximation by tanh."""
    return (_gelu_by_tanh if approximate else _gelu)(x)


def gelu_backward(dy: cupy.ndarray, x: cupy.ndarray, approximate: bool) -> cupy.ndarray:
    """Return dx = dy·(Φ(x) + x·Φ′(x))."""
    return (_gelu_by_tanh_backward if approximate else _gelu_backward)(dy, x)


def silu(x: cupy.ndarray) -> cupy.ndarray:
    """Return y = x·σ(x)."""
    return _silu(x)


def silu_backward(dy: cupy.ndarray, x: cupy.ndarray) -> cupy.ndarray:
    """Return dx = dy·σ(x)·(1 + x·(1 − σ(x)))."""
    return _silu_backward(dy, x)


def softplus(x: cupy.ndarray) -> cupy.ndarray:
    """Return y = ln(1 + eˣ)."""
    return _softplus(x)


def softplus_backward(dy: cupy.ndarray, x: cupy.ndarray) -> cupy.ndarray:
    """Return dx = dy·σ(x)."""
    return _softplus_backward(dy, x)


def softsign(x: cupy.ndarray) -> cupy.ndarray:
    """Return y = x / (1 + |x|)."""
    return _softsign(x)


def softsign_backward(dy: cupy.ndarray, x: cupy.ndarray) -> cupy.ndarray:
    """Return dx = dy / (1 + |x|)²."""
    return _softsign_backward(dy, x)


SIGMOID = "T s = (x >= 0 ? (T)1 : exp(x)) / (1 + exp(-fabs(x)));"
TANH = "T t = tanh((T)0.7978845608028654 * (x + (T)0.044715 * x * x * x));"

_elu = cupy.ElementwiseKernel("T x, T scale, T low", "T y", "y = x > 0 ? scale * x : low * expm1(x)", "tinyconv_elu")

_elu_backward = cupy.ElementwiseKernel(
    "T dy, T y, T scale, T middle, T low",
    "T dx",
    "dx = dy * (y > 0 ? scale : y == 0 ? middle : y + low)",
    "tinyconv_elu_backward",
)

_gelu = cupy.ElementwiseKernel("T x", "T y", "y = x * ((T)0.5 * erfc((T)-0.7071067811865476 * x))", "tinyconv_gelu")

_gelu_backward = cupy.ElementwiseKernel(
    "T dy, T x",
    "T dx",
    """T density = (T)0.3989422804014327 * exp((T)-0.5 * x * x);
    dx = dy * ((T)0.5 * erfc((T)-0.7071067811865476 * x) + x * density)""",
    "tinyconv_gelu_backward",
)

_gelu_by_tanh = cupy.ElementwiseKernel("T x", "T y", TANH + " y = x * ((T)0.5 * (1 + t))", "tinyconv_gelu_by_tanh")

_gelu_by_tanh_backward = cupy.ElementwiseKernel(
    "T dy, T x",
    "T dx",
    TANH
    + """
    T share = (T)0.5 * (1 + t);
    T density = share * (1 - t) * (T)0.7978845608028654 * (1 + (T)0.134145 * x * x);
    dx = dy * (share + x * density)""",
    "tinyconv_gelu_by_tanh_backward",
)

_silu = cupy.ElementwiseKernel("T x", "T y", SIGMOID + " y = x * s", "tinyconv_silu")

_silu_backward = cupy.ElementwiseKernel(
    "T dy, T x", "T dx", SIGMOID + " dx = dy * s * (1 + x * (1 - s))", "tinyconv_silu_backward"
)

_softplus = cupy.ElementwiseKernel("T x", "T y", "y = (x <= 0 ? (T)0 : x) + log1p(exp(-fabs(x)))", "tinyconv_softplus")

_softplus_backward = cupy.ElementwiseKernel("T dy, T x", "T dx", SIGMOID + " dx = dy * s", "tinyconv_softplus_backward")

_softsign = cupy.ElementwiseKernel("T x", "T y", "y = x / (1 + fabs(x))", "tinyconv_softsign")

_softsign_backward = cupy.ElementwiseKernel(
    "T dy, T x", "T dx", "dx = dy / ((1 + fabs(x)) * (1 + fabs(x)))", "tinyconv_softsign_backward"
)
