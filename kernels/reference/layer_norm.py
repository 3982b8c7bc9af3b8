"""Layer normalization (Ba, Kiros & Hinton 2016, "Layer normalization", equation 3).

The formulas are batch normalization's (`normalization.py`) with every row's own μ and σ², taken over its c channels; γ
and β still belong to the channels:

    μ[i] = Σ_k x[i,k] / c        σ²[i] = Σ_k (x[i,k] − μ[i])² / c
    x̂[i,k] = (x[i,k] − μ[i]) / √(σ²[i] + ε)        y[i,k] = γ[k]·x̂[i,k] + β[k]
"""

import numpy as np

from .normalization import sum_of_rows


def layer_norm(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (y, μ, 1/√(σ² + ε)): y like `x` (…,c), the others (…), one number for each row.

    `gamma` and `beta` are (c,), or None for 1 and 0. The sums are taken in double.
    """
    mean = x.mean(axis=-1, dtype=np.float64)
    variance = np.square(x - mean[..., None]).mean(axis=-1)
    inverse = 1.0 / np.sqrt(variance + epsilon)
    mean, inverse = mean.astype(x.dtype), inverse.astype(x.dtype)
    y = (x - mean[..., None]) * inverse[..., None]
    if gamma is not None:
        y = y * gamma
    return y if beta is None else y + beta, mean, inverse


def layer_norm_backward(
    dy: np.ndarray, x: np.ndarray, gamma: np.ndarray | None, mean: np.ndarray, inverse: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (dx, dγ, dβ): dx like `dy` and `x` (…,c), the others (c,).

    With g = γ·dy, dx = (g − mean g − x̂·mean(g·x̂)) / √(σ² + ε), the means being over the row.
    """
    normalized = (x - mean[..., None]) * inverse[..., None]
    g = dy if gamma is None else dy * gamma
    product = (g * normalized).mean(axis=-1, keepdims=True)
    dx = (g - g.mean(axis=-1, keepdims=True) - normalized * product) * inverse[..., None]
    return dx, sum_of_rows(dy * normalized), sum_of_rows(dy)
