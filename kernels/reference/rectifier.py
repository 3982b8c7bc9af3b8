"""Rectifiers beyond max(x, 0): with a threshold, a ceiling, and a slope below, fixed or learnt."""

import numpy as np


def rectifier(x: np.ndarray, slope: float, ceiling: float, threshold: float) -> np.ndarray:
    """Return y = min(x, ceiling) where x > threshold, else slope·(x − threshold). NaN stays NaN.

    `ceiling` may be infinite. A ceiling of 6 and no slope make the ReLU6 of Krizhevsky 2010, section 1; a threshold and
    no slope the thresholded ReLU of Konda, Memisevic & Krueger 2015.
    """
    below = slope * (x - threshold) if slope else np.where(np.isnan(x), x, 0.0)
    return np.where(x > threshold, np.minimum(x, ceiling), below).astype(x.dtype)


def rectifier_backward(dy: np.ndarray, x: np.ndarray, slope: float, ceiling: float, threshold: float) -> np.ndarray:
    """Return dx = dy where threshold < x ≤ ceiling, slope·dy where x < threshold, 0 elsewhere.

    So Keras has it at the kinks: see `docs/kinks.md`.
    """
    return np.where((x > threshold) & (x <= ceiling), dy, np.where(x < threshold, slope * dy, 0.0)).astype(dy.dtype)


def prelu(x: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return y = x where x > 0, else alpha·x (He, Zhang, Ren & Sun 2015, "Delving deep into rectifiers").

    x is (n,…), `alpha` has the shape of one of its samples, with 1 for axes that share their slopes.
    """
    return np.where(x > 0.0, x, alpha * x)


def prelu_backward(dy: np.ndarray, x: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (dx, dalpha): dx = dy where x > 0, alpha·dy where x < 0, 0 at 0.

    dalpha = Σ dy·x over all x ≤ 0 that share the slope, taken in double.
    """
    shared = tuple(axis + 1 for axis, length in enumerate(alpha.shape) if length == 1)
    product = np.where(x > 0.0, 0.0, np.multiply(dy, x, dtype=np.float64))
    dalpha = product.sum(axis=(0, *shared)).reshape(alpha.shape).astype(alpha.dtype)
    return np.where(x > 0.0, dy, np.where(x < 0.0, alpha * dy, 0.0)), dalpha
