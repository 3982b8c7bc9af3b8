"""Batch normalization, and a scale and a shift for each channel.

Batch normalization (Ioffe & Szegedy 2015, "Batch normalization: accelerating deep network training by reducing
internal covariate shift", algorithm 1) takes each channel k of `x` (…,c) over the n rows of the batch, which are all
positions of all images:

    μ[k] = Σ_i x[i,k] / n        σ²[k] = Σ_i (x[i,k] − μ[k])² / n
    x̂[i,k] = (x[i,k] − μ[k]) / √(σ²[k] + ε)        y[i,k] = γ[k]·x̂[i,k] + β[k]

μ and σ² depend on x, too; their part in the gradient (section 3) removes from dy what would move the mean or scale the
channel, which y does not feel:

    dβ = Σ_i dy        dγ = Σ_i dy·x̂        dx = γ/√(σ² + ε) · (dy − dβ/n − x̂·dγ/n)

With a `ceiling`, y is min(max(y, 0), ceiling), and dy counts only where 0 < y ≤ ceiling. Outside training, averages of
earlier batches stand for μ and σ² (section 3.1): what remains is a scale and a shift, whose gradient is that of an
affine map.
"""

import numpy as np

from ..shared import Ceiling, Needs, scale_and_shift


def batch_norm(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, epsilon: float, ceiling: Ceiling
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (y, μ, 1/√(σ² + ε), σ²): y like `x` (…,c), the others (c,).

    `gamma` and `beta` are (c,), or None for 1 and 0. The sums are taken in double. Of an empty batch μ and σ² are 0.
    """
    rows = x.reshape(-1, x.shape[-1])
    count = max(1, len(rows))
    mean = rows.sum(axis=0, dtype=np.float64) / count
    variance = np.square(rows - mean).sum(axis=0) / count
    inverse = 1.0 / np.sqrt(variance + epsilon)
    mean, inverse, variance = (array.astype(x.dtype) for array in (mean, inverse, variance))
    y = scale_shift(x, mean, *scale_and_shift(inverse, gamma, beta), ceiling)
    return y, mean, inverse, variance


def batch_norm_backward(
    dy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    mean: np.ndarray,
    inverse: np.ndarray,
    ceiling: Ceiling,
    needs: Needs,
) -> tuple[np.ndarray | None, ...]:
    """Return (dx, dγ, dβ), each None where `needs` says so: dx like `dy` and `x` (…,c), the others (c,)."""
    scale, shift = scale_and_shift(inverse, gamma, beta)
    dy = _passed(dy, x, mean, scale, shift, ceiling)
    normalized = (x - mean) * inverse
    dgamma, dbeta = sum_of_rows(dy * normalized), sum_of_rows(dy)
    count = max(1, x.size // x.shape[-1])
    dx = scale * (dy - dbeta / count - normalized * (dgamma / count))
    return _needed(needs, dx, dgamma, dbeta)


def scale_shift(x: np.ndarray, mean: np.ndarray, scale: np.ndarray, shift: np.ndarray, ceiling: Ceiling) -> np.ndarray:
    """Return y = (x − mean)·scale + shift, or min(max(y, 0), ceiling): `x` (…,c), the others (c,). NaN stays NaN."""
    y = (x - mean) * scale + shift
    return y if ceiling is None else np.minimum(np.maximum(y, 0.0), ceiling)


def fold_normalization(
    mean: np.ndarray,
    variance: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    bias: np.ndarray | None,
    epsilon: float,
) -> np.ndarray:
    """Return (2,c), a scale s and a shift t: y·s + t normalizes y + `bias` by known μ and σ².

        s = γ/√(σ² + ε)        t = β + (bias − μ)·s

    The arrays are (c,); without γ it is 1, without β or bias 0. Computed in double, rounded once.
    """
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance.astype(np.float64) + epsilon)
    shift = (0.0 if beta is None else beta) + ((0.0 if bias is None else bias) - mean.astype(np.float64)) * scale
    return np.stack([scale, shift]).astype(mean.dtype)


def scale_shift_backward(
    dy: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    ceiling: Ceiling,
    needs: Needs,
) -> tuple[np.ndarray | None, ...]:
    """Return (dx, dscale, dshift) = (dy·scale, Σ dy·(x − mean), Σ dy), each None where `needs` says so."""
    dy = _passed(dy, x, mean, scale, shift, ceiling)
    return _needed(needs, dy * scale, sum_of_rows(dy * (x - mean)), sum_of_rows(dy))


def _passed(
    dy: np.ndarray, x: np.ndarray, mean: np.ndarray, scale: np.ndarray, shift: np.ndarray, ceiling: Ceiling
) -> np.ndarray:
    """Return dy, or what of it a rectifier lets through."""
    if ceiling is None:
        return dy
    y = scale_shift(x, mean, scale, shift, None)
    return np.where((y > 0.0) & (y <= ceiling), dy, 0.0)


def sum_of_rows(x: np.ndarray) -> np.ndarray:
    """Return the sum (c,) of `x` (…,c) over all other axes, taken in double."""
    return x.reshape(-1, x.shape[-1]).sum(axis=0, dtype=np.float64).astype(x.dtype)


def _needed(needs: Needs, *gradients: np.ndarray) -> tuple[np.ndarray | None, ...]:
    return tuple(gradient if needed else None for gradient, needed in zip(gradients, needs, strict=True))
