"""Smooth activations: functions of each number by itself that have no kink, or none but at 0.

A backward takes the result y where the derivative is simple in it, else the argument x.
"""

from math import erfc, pi, sqrt

import numpy as np

from ..shared import GELU_CUBE, SELU_ALPHA, SELU_SCALE
from .activation import sigmoid


def elu(x: np.ndarray, alpha: float) -> np.ndarray:
    """Return y = x where x > 0, else alpha·(eˣ − 1), the exponential linear unit (Clevert et al. 2016); alpha ≥ 0."""
    return np.where(x > 0.0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def elu_backward(dy: np.ndarray, y: np.ndarray, alpha: float) -> np.ndarray:
    """Return dx = dy where y > 0, else dy·(y + alpha), as alpha·eˣ = y + alpha."""
    return np.where(y > 0.0, dy, dy * (y + alpha))


def selu(x: np.ndarray) -> np.ndarray:
    """Return y = λ·x where x > 0, else λ·α·(eˣ − 1), the scaled exponential linear unit (Klambauer et al. 2017)."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


def selu_backward(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx = λ·dy where y ≥ 0 (at the kink, x = 0, TensorFlow's choice), else dy·(y + λ·α)."""
    return np.where(y >= 0.0, SELU_SCALE * dy, dy * (y + SELU_SCALE * SELU_ALPHA))


def gelu(x: np.ndarray, approximate: bool) -> np.ndarray:
    """Return y = x·Φ(x), the Gaussian error linear unit (Hendrycks & Gimpel 2016); Φ is the normal distribution's.

    `approximate` takes σ(2u) for Φ(x), with u = √(2/π)·(x + 0.044715·x³) and the logistic function σ: section 2's
    (1 + tanh u) / 2.
    """
    return x * _normal_distribution(x, approximate)


def gelu_backward(dy: np.ndarray, x: np.ndarray, approximate: bool) -> np.ndarray:
    """Return dx = dy·(Φ(x) + x·φ(x)), φ the density e^{−x²/2}/√(2π); or for the approximation Φ′(x) in place of φ(x).

    There Φ′ = σ(2u)·(1 − σ(2u))·2u′, u′ = √(2/π)·(1 + 3·0.044715·x²).
    """
    distribution = _normal_distribution(x, approximate)
    if approximate:
        slope = 2.0 * sqrt(2.0 / pi) * (1.0 + 3.0 * GELU_CUBE * x * x)
        density = distribution * (1.0 - distribution) * slope
    else:
        density = np.exp(-0.5 * x * x) / sqrt(2.0 * pi)
    return dy * (distribution + x * density)


def _normal_distribution(x: np.ndarray, approximate: bool) -> np.ndarray:
    """Return Φ(x), or the approximation. NumPy has no error function: Python's, number by number."""
    if approximate:
        return sigmoid(2.0 * sqrt(2.0 / pi) * (x + GELU_CUBE * x * x * x))
    return 0.5 * np.vectorize(erfc, otypes=[x.dtype])(-x / sqrt(2.0))


def silu(x: np.ndarray) -> np.ndarray:
    """Return y = x·σ(x), the sigmoid linear unit, or swish (Elfwing et al. 2018; Ramachandran et al. 2017)."""
    return x * sigmoid(x)


def silu_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dx = dy·σ(x)·(1 + x·(1 − σ(x)))."""
    s = sigmoid(x)
    return dy * s * (1.0 + x * (1.0 - s))


def softplus(x: np.ndarray) -> np.ndarray:
    """Return y = ln(1 + eˣ) (Dugas et al. 2001), written so that no exponential overflows."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def softplus_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dx = dy·σ(x)."""
    return dy * sigmoid(x)


def softsign(x: np.ndarray) -> np.ndarray:
    """Return y = x / (1 + |x|) (Turian, Bergstra & Bengio 2009)."""
    return x / (1.0 + np.abs(x))


def softsign_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dx = dy / (1 + |x|)²."""
    return dy / (1.0 + np.abs(x)) ** 2
