"""Smooth activations on the CPU: formulas in `reference/smooth.py`.

Numba calls one function a number, but on all threads; NumPy, on one, has vector code for the exponential alone.
"""

import math

import numpy as np
from numba import prange

from ..shared import GELU_CUBE, SELU_ALPHA, SELU_SCALE
from .activation import sigmoid
from .compile import elementwise
from .mapped import mapped

GELU_SLOPE = math.sqrt(2.0 / math.pi)
ROOT_HALF = math.sqrt(0.5)
DENSITY = 1.0 / math.sqrt(2.0 * math.pi)


def elu(x: np.ndarray, alpha: float) -> np.ndarray:
    """Return y = x where x > 0, else alpha·(eˣ − 1)."""
    return mapped(_elu, x, scalars=(1.0, alpha))


def elu_backward(dy: np.ndarray, y: np.ndarray, alpha: float) -> np.ndarray:
    """Return dx = dy where y > 0, else dy·(y + alpha)."""
    return mapped(_elu_backward, dy, y, scalars=(1.0, alpha, alpha))


def selu(x: np.ndarray) -> np.ndarray:
    """Return y = λ·x where x > 0, else λ·α·(eˣ − 1)."""
    return mapped(_elu, x, scalars=(SELU_SCALE, SELU_SCALE * SELU_ALPHA))


def selu_backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx = λ·dy where y ≥ 0, else dy·(y + λ·α)."""
    return mapped(_elu_backward, dy, y, scalars=(SELU_SCALE, SELU_SCALE, SELU_SCALE * SELU_ALPHA))


def gelu(x: np.ndarray, approximate: bool) -> np.ndarray:
    """Return y = x·Φ(x), or the approximation by tanh."""
    return mapped(_gelu, x, scalars=(approximate,))


def gelu_backward(dy: np.ndarray, x: np.ndarray, approximate: bool) -> np.ndarray:
    """Return dx = dy·(Φ(x) + x·Φ′(x))."""
    return mapped(_gelu_backward, dy, x, scalars=(approximate,))


def silu(x: np.ndarray) -> np.ndarray:
    """Return y = x·σ(x)."""
    y = sigmoid(x)
    y *= x
    return y


def silu_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dx = dy·σ(x)·(1 + x·(1 − σ(x)))."""
    dx = sigmoid(x)
    _silu_backward(dy.reshape(-1), x.reshape(-1), dx.reshape(-1))
    return dx


def softplus(x: np.ndarray) -> np.ndarray:
    """Return y = ln(1 + eˣ)."""
    return mapped(_softplus, x)


def softplus_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dx = dy·σ(x)."""
    dx = sigmoid(x)
    dx *= dy
    return dx


def softsign(x: np.ndarray) -> np.ndarray:
    """Return y = x / (1 + |x|)."""
    return mapped(_softsign, x)


def softsign_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dx = dy / (1 + |x|)²."""
    return mapped(_softsign_backward, dy, x)


@elementwise
def _elu(x: np.ndarray, y: np.ndarray, scale: float, low: float) -> None:
    number = x.dtype.type
    zero, up, down = number(0), number(scale), number(low)
    for i in prange(x.size):
        y[i] = up * x[i] if x[i] > zero else down * number(math.expm1(x[i]))


@elementwise
def _elu_backward(dy: np.ndarray, y: np.ndarray, dx: np.ndarray, scale: float, middle: float, low: float) -> None:
    number = dy.dtype.type
    zero, up, level, down = number(0), number(scale), number(middle), number(low)
    for i in prange(dy.size):
        dx[i] = dy[i] * (up if y[i] > zero else level if y[i] == zero else y[i] + down)


@elementwise
def _gelu(x: np.ndarray, y: np.ndarray, approximate: bool) -> None:
    number = x.dtype.type
    one, half, root, cube, slope = number(1), number(0.5), number(ROOT_HALF), number(GELU_CUBE), number(GELU_SLOPE)
    for i in prange(x.size):
        a = x[i]
        if approximate:
            share = half * (one + number(math.tanh(slope * (a + cube * a * a * a))))
        else:
            share = half * number(math.erfc(-root * a))
        y[i] = a * share


@elementwise
def _gelu_backward(dy: np.ndarray, x: np.ndarray, dx: np.ndarray, approximate: bool) -> None:
    number = dy.dtype.type
    one, half, root, cube, slope = number(1), number(0.5), number(ROOT_HALF), number(GELU_CUBE), number(GELU_SLOPE)
    three, height = number(3), number(DENSITY)
    for i in prange(dy.size):
        a = x[i]
        if approximate:
            t = number(math.tanh(slope * (a + cube * a * a * a)))
            share = half * (one + t)
            density = share * (one - t) * slope * (one + three * cube * a * a)
        else:
            share = half * number(math.erfc(-root * a))
            density = height * number(math.exp(-half * a * a))
        dx[i] = dy[i] * (share + a * density)


@elementwise
def _silu_backward(dy: np.ndarray, x: np.ndarray, dx: np.ndarray) -> None:
    """`dx` comes in as σ(x)."""
    one = dy.dtype.type(1)
    for i in prange(dy.size):
        dx[i] = dy[i] * dx[i] * (one + x[i] * (one - dx[i]))


@elementwise
def _softplus(x: np.ndarray, y: np.ndarray) -> None:
    number = x.dtype.type
    zero = number(0)
    for i in prange(x.size):
        over = number(math.log1p(math.exp(-abs(x[i]))))
        y[i] = x[i] + over if x[i] > zero else over


@elementwise
def _softsign(x: np.ndarray, y: np.ndarray) -> None:
    one = x.dtype.type(1)
    for i in prange(x.size):
        y[i] = x[i] / (one + abs(x[i]))


@elementwise
def _softsign_backward(dy: np.ndarray, x: np.ndarray, dx: np.ndarray) -> None:
    one = dy.dtype.type(1)
    for i in prange(dy.size):
        size = one + abs(x[i])
        dx[i] = dy[i] / (size * size)
