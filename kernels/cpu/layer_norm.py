"""Layer normalization on the CPU: formulas in `reference/layer_norm.py`.

A row at a time, which stays in cache for what is done to it: each array passes by once. Rows are dealt out to the
threads in parts, of which each has its own sums for the channels' gradients. Channels beyond the last whole vector go
one by one.
"""

from typing import Any

import numpy as np
from numba import prange

from .compile import helper, vector_jit
from .memory import empty
from .normalization import PARTS, partial_sums
from .vectors import LANES, in_registers, repeat, wide


def layer_norm(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (y, μ, 1/√(σ² + ε)): y like `x` (…,c), the others (…), one number for each row."""
    c = x.shape[-1]
    y = empty(x.shape, x.dtype)
    mean, inverse = np.empty(x.shape[:-1], x.dtype), np.empty(x.shape[:-1], x.dtype)
    learnt = np.stack([_or_all(gamma, 1, x), _or_all(beta, 0, x)])
    arrays = x.reshape(-1, c), learnt, epsilon, y.reshape(-1, c), mean.reshape(-1), inverse.reshape(-1)
    _layer_norm(*arrays, min(PARTS, mean.size))
    return y, mean, inverse


def layer_norm_backward(
    dy: np.ndarray, x: np.ndarray, gamma: np.ndarray | None, mean: np.ndarray, inverse: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (dx, dγ, dβ): dx like `dy` and `x` (…,c), the others (c,)."""
    c = x.shape[-1]
    dx = empty(x.shape, x.dtype)
    partial = partial_sums(mean.size, c)
    rows, statistics = (array.reshape(-1, c) for array in (dy, x, dx)), (mean.reshape(-1), inverse.reshape(-1))
    _layer_norm_backward(*rows, _or_all(gamma, 1, x), *statistics, partial)
    with np.errstate(all="ignore"):  # kernels hand NaN on in silence
        dgamma, dbeta = partial.sum(axis=0).astype(x.dtype)
    return dx, dgamma, dbeta


def _or_all(array: np.ndarray | None, number: float, x: np.ndarray) -> np.ndarray:
    """Return `array`, or if it is None `number` for each channel of `x`."""
    return np.full(x.shape[-1], number, x.dtype) if array is None else array


@in_registers
def _row_sums(x, at, vectors, sums):
    """Add x − x[at] and its square to the two vectors in `sums`."""
    pivot = wide(x.each(at))

    def add(t: Any, total: Any, squares: Any) -> list[Any]:
        d = wide(x[at + t * LANES]) - pivot
        return [total + d, d * d + squares]

    sums[0], sums[LANES] = repeat(vectors, add, [sums[0], sums[LANES]])


@in_registers
def _normalize(x, at, vectors, mean, inverse, learnt, c, y):
    """y = (x − mean)·inverse·γ + β, with γ and β in the two rows of `learnt`."""

    def write(t: Any) -> list[Any]:
        value = (x[at + t * LANES] - mean) * inverse
        y[at + t * LANES] = value * learnt[t * LANES] + learnt[c + t * LANES]
        return []

    repeat(vectors, write, [])


@in_registers
def _gradient_sums(dy, x, at, vectors, gamma, mean, sums):
    """Add g = dy·γ and g·(x − mean) to the two vectors in `sums`."""

    def add(t: Any, total: Any, products: Any) -> list[Any]:
        g = dy[at + t * LANES] * gamma[t * LANES]
        return [total + wide(g), wide(g) * wide(x[at + t * LANES] - mean) + products]

    sums[0], sums[LANES] = repeat(vectors, add, [sums[0], sums[LANES]])


@in_registers
def _gradients(dy, x, at, vectors, gamma, mean, inverse, average, slope, dx, learnt, s, c):
    """dx = (dy·γ − average − slope·(x − mean))·inverse; add dy·x̂ and dy to the rows of `learnt`."""

    def write(t: Any) -> list[Any]:
        place, channel = at + t * LANES, s + t * LANES
        d = x[place] - mean
        dx[place] = (dy[place] * gamma[t * LANES] - average - d * slope) * inverse
        learnt[channel] = wide(dy[place]) * wide(d * inverse) + learnt[channel]
        learnt[channel + c] = learnt[channel + c] + wide(dy[place])
        return []

    repeat(vectors, write, [])


@helper
def _sum_of_lanes(sums: Any) -> Any:
    """Return the sums of the two vectors in `sums`, and clear them."""
    first, second = 0.0, 0.0
    for lane in range(LANES):
        first += sums[lane]
        second += sums[LANES + lane]
        sums[lane] = sums[LANES + lane] = 0.0
    return first, second


@vector_jit
def _layer_norm(x: Any, learnt: Any, epsilon: float, y: Any, mean: Any, inverse: Any, parts: int) -> None:
    """Fill y (rows,c), mean and inverse (rows,)."""
    rows, c = x.shape
    vectors = c // LANES
    for part in prange(parts):
        flat, out, table = x.reshape(-1), y.reshape(-1), learnt.reshape(-1)
        sums = np.zeros(2 * LANES)
        for row in range(part * rows // parts, (part + 1) * rows // parts):
            at, pivot = row * c, np.float64(x[row, 0])
            _row_sums(flat, at, vectors, sums)
            total, squares = _sum_of_lanes(sums)
            for t in range(vectors * LANES, c):
                d = np.float64(x[row, t]) - pivot
                total += d
                squares += d * d
            total /= c
            mean[row] = pivot + total
            inverse[row] = 1 / np.sqrt(max(squares / c - total * total, 0.0) + epsilon)
            level, factor = mean[row], inverse[row]
            _normalize(flat, at, vectors, level, factor, table, c, out)
            for t in range(vectors * LANES, c):
                y[row, t] = (x[row, t] - level) * factor * table[t] + table[c + t]


@vector_jit
def _layer_norm_backward(dy: Any, x: Any, dx: Any, gamma: Any, mean: Any, inverse: Any, partial: Any) -> None:
    """Fill dx (rows,c); add dγ and dβ to partial (parts,2,c)."""
    rows, c = x.shape
    parts, vectors = len(partial), c // LANES
    for part in prange(parts):
        flat, gradient, out, learnt = x.reshape(-1), dy.reshape(-1), dx.reshape(-1), partial.reshape(-1)
        s = part * 2 * c
        sums = np.zeros(2 * LANES)
        for row in range(part * rows // parts, (part + 1) * rows // parts):
            at, level, factor = row * c, mean[row], inverse[row]
            _gradient_sums(gradient, flat, at, vectors, gamma, level, sums)
            total, products = _sum_of_lanes(sums)
            for t in range(vectors * LANES, c):
                g = np.float64(dy[row, t] * gamma[t])
                total += g
                products += g * np.float64(x[row, t] - level)
            average = x.dtype.type(total / c)
            slope = x.dtype.type(products / c * np.float64(factor) * np.float64(factor))
            _gradients(gradient, flat, at, vectors, gamma, level, factor, average, slope, out, learnt, s, c)
            for t in range(vectors * LANES, c):
                d = x[row, t] - level
                dx[row, t] = (dy[row, t] * gamma[t] - average - d * slope) * factor
                learnt[s + t] += np.float64(dy[row, t]) * np.float64(d * factor)
                learnt[s + c + t] += np.float64(dy[row, t])
