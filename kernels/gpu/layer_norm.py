"""Layer normalization on the GPU: formulas and shapes in `reference/layer_norm.py`. A thread has a row."""

import cupy

from . import rows
from .launch import launch


def layer_norm(
    x: cupy.ndarray, gamma: cupy.ndarray | None, beta: cupy.ndarray | None, epsilon: float
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """Return (y, μ, 1/√(σ² + ε)): y like `x` (…,c), the others (…), one number for each row."""
    c = x.shape[-1]
    gamma = cupy.ones((c,), x.dtype) if gamma is None else gamma
    beta = cupy.zeros((c,), x.dtype) if beta is None else beta
    y = cupy.empty(x.shape, x.dtype)
    mean, inverse = cupy.empty(x.shape[:-1], x.dtype), cupy.empty(x.shape[:-1], x.dtype)
    args = x, gamma, beta, y, mean, inverse, float(epsilon), c
    launch("normalization.cu", "layer_norm", x.dtype, mean.size, args)
    return y, mean, inverse


def layer_norm_backward(
    dy: cupy.ndarray, x: cupy.ndarray, gamma: cupy.ndarray | None, mean: cupy.ndarray, inverse: cupy.ndarray
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """Return (dx, dγ, dβ): dx like `dy` and `x` (…,c), the others (c,)."""
    c = x.shape[-1]
    dx = cupy.empty(x.shape, x.dtype)
    args = dy, x, cupy.ones((c,), x.dtype) if gamma is None else gamma, mean, inverse, dx, c
    launch("normalization.cu", "layer_norm_backward", x.dtype, mean.size, args)
    dgamma, dbeta = rows.runs_of(x), rows.runs_of(x)
    sums = dy, x, mean, inverse, dgamma, dbeta, mean.size, c, rows.RUN
    launch("normalization.cu", "layer_norm_sums", x.dtype, dgamma.size, sums)
    return dx, rows.sum_rows(dgamma), rows.sum_rows(dbeta)
