"""Batch normalization on the GPU, and a scale and shift for each channel: formulas in `reference/normalization.py`.

It goes down the columns of a matrix: a thread takes a run of rows of one column, and what the runs come to is put
together in further passes.
"""

from math import inf

import cupy

from ..shared import Ceiling, Needs, scale_and_shift
from . import rows
from .launch import launch


def batch_norm(
    x: cupy.ndarray, gamma: cupy.ndarray | None, beta: cupy.ndarray | None, epsilon: float, ceiling: Ceiling
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """Return (y, μ, 1/√(σ² + ε), σ²): y like `x` (…,c), the others (c,)."""
    mean, variance = _moments(x.reshape(-1, x.shape[-1]))
    inverse = 1 / cupy.sqrt(variance + epsilon)
    return scale_shift(x, mean, *scale_and_shift(inverse, gamma, beta), ceiling), mean, inverse, variance


def batch_norm_backward(
    dy: cupy.ndarray,
    x: cupy.ndarray,
    gamma: cupy.ndarray | None,
    beta: cupy.ndarray | None,
    mean: cupy.ndarray,
    inverse: cupy.ndarray,
    ceiling: Ceiling,
    needs: Needs,
) -> tuple[cupy.ndarray | None, ...]:
    """Return (dx, dγ, dβ), each None where `needs` says so."""
    scale, shift = scale_and_shift(inverse, gamma, beta)
    dscale, dshift = _gradient_sums(dy, x, mean, scale, shift, ceiling)
    dx = None
    if needs[0]:
        count = max(1, x.size // x.shape[-1])
        average, slope = dshift / count, dscale * inverse * inverse / count
        dx = _input_gradient(dy, x, (mean, scale, shift, average, slope), True, ceiling)
    return dx, dscale * inverse if needs[1] else None, dshift if needs[2] else None


def scale_shift(
    x: cupy.ndarray, mean: cupy.ndarray, scale: cupy.ndarray, shift: cupy.ndarray, ceiling: Ceiling
) -> cupy.ndarray:
    """Return y = (x − mean)·scale + shift, or min(max(y, 0), ceiling): `x` (…,c), the others (c,)."""
    y = cupy.empty(x.shape, x.dtype)
    args = x, mean, scale, shift, y, *_limits(ceiling), x.shape[-1]
    launch("normalization.cu", "scale_shift", x.dtype, y.size, args)
    return y


def fold_normalization(
    mean: cupy.ndarray,
    variance: cupy.ndarray,
    gamma: cupy.ndarray | None,
    beta: cupy.ndarray | None,
    bias: cupy.ndarray | None,
    epsilon: float,
) -> cupy.ndarray:
    """Return (2,c), a scale s and a shift t: y·s + t normalizes y + `bias` by known μ and σ²."""
    scale = (1.0 if gamma is None else gamma) / cupy.sqrt(variance.astype(cupy.float64) + epsilon)
    shift = (0.0 if beta is None else beta) + ((0.0 if bias is None else bias) - mean.astype(cupy.float64)) * scale
    return cupy.stack([scale, shift]).astype(mean.dtype)


def scale_shift_backward(
    dy: cupy.ndarray,
    x: cupy.ndarray,
    mean: cupy.ndarray,
    scale: cupy.ndarray,
    shift: cupy.ndarray,
    ceiling: Ceiling,
    needs: Needs,
) -> tuple[cupy.ndarray | None, ...]:
    """Return (dx, dscale, dshift) = (dy·scale, Σ dy·(x − mean), Σ dy), each None where `needs` says so."""
    dx = dscale = dshift = None
    if needs[0]:
        # In place of averages that there are not, the kernel takes other arrays, and is told to leave them alone.
        dx = _input_gradient(dy, x, (mean, scale, shift, mean, mean), False, ceiling)
    if needs[1] or needs[2]:
        sums = _gradient_sums(dy, x, mean, scale, shift, ceiling)
        dscale, dshift = sums[0] if needs[1] else None, sums[1] if needs[2] else None
    return dx, dscale, dshift


def _moments(x: cupy.ndarray) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return mean and variance (k,) of the columns of `x` (rows,k); of no rows, zeros."""
    total, k = x.shape
    if total == 0:
        return cupy.zeros((k,), x.dtype), cupy.zeros((k,), x.dtype)
    mean, squares, merging, unit = x, x, False, 1
    while not merging or len(mean) > 1:
        shape = -(-len(mean) // rows.RUN), k
        merged = cupy.empty(shape, x.dtype), cupy.empty(shape, x.dtype)
        # In place of sums of squares that there are not, the kernel takes x, and is told to leave it alone.
        args = mean, squares, *merged, int(merging), len(mean), k, rows.RUN, unit, total
        launch("normalization.cu", "moments", x.dtype, merged[0].size, args)
        mean, squares = merged
        merging, unit = True, unit * rows.RUN
    return mean.reshape(k), squares.reshape(k) / total


def _gradient_sums(
    dy: cupy.ndarray, x: cupy.ndarray, mean: cupy.ndarray, scale: cupy.ndarray, shift: cupy.ndarray, ceiling: Ceiling
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return Σ dy·(x − mean) and Σ dy (c,) over the rows; a rectifier lets dy through where 0 < y ≤ ceiling."""
    c = x.shape[-1]
    dscale, dshift = rows.runs_of(x), rows.runs_of(x)
    args = dy, x, mean, scale, shift, dscale, dshift, *_limits(ceiling), x.size // c, c, rows.RUN
    launch("normalization.cu", "gradient_sums", x.dtype, dscale.size, args)
    return rows.sum_rows(dscale), rows.sum_rows(dshift)


def _input_gradient(
    dy: cupy.ndarray, x: cupy.ndarray, constants: tuple[cupy.ndarray, ...], moving: bool, ceiling: Ceiling
) -> cupy.ndarray:
    """Return dx = scale·(dy − average − slope·(x − mean)); `constants`: mean, scale, shift, average, slope."""
    dx = cupy.empty(x.shape, x.dtype)
    args = dy, x, *constants, dx, int(moving), *_limits(ceiling), x.shape[-1]
    launch("normalization.cu", "scale_shift_backward", x.dtype, dx.size, args)
    return dx


def _limits(ceiling: Ceiling) -> tuple[int, float]:
    """Return whether there is a rectifier, and its ceiling."""
    return int(ceiling is not None), inf if ceiling is None else float(ceiling)
