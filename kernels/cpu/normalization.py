"""Batch normalization on the CPU, and a scale and shift for each channel: formulas in `reference/normalization.py`.

Everything here is bound by memory: forward reads x twice, once for its sums and once to normalize it; backward reads dy
and x twice. With a rectifier backward does not read y: it computes again, by the same instructions, where y was
between the limits.

Rows go one after the other, as they lie in memory, while the channels' constants and sums stay in cache. (Four rows at
a time, or a few channels of many rows, would load and store those less often, but read memory at half its speed.)
Channels beyond the last whole vector go one by one; where some rows together make whole vectors (of 3 channels, 8 rows
do), these are taken for one row of more channels.
"""

from math import gcd
from typing import Any

import numpy as np
from numba import prange

from ..shared import Ceiling, Needs, scale_and_shift
from .compile import jit, vector_jit
from .epilogue import limits, neutral
from .memory import empty, launch
from .vectors import LANES, in_registers, repeat, where, wide

# About how many numbers a thread takes at a time.
CHUNK_NUMBERS = 16384

# Rows shorter than this are taken together where they can be: a loop over few channels is soon over.
SHORT_ROW = 128

# Sums over rows are taken in this many parts, added in order: the bits do not depend on the number of threads. A part
# has at least so many rows, or its sums would take more memory than they.
PARTS = 16
MIN_PART_ROWS = 8


def batch_norm(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, epsilon: float, ceiling: Ceiling
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (y, μ, 1/√(σ² + ε), σ²): y like `x` (…,c), the others (c,).

    One pass adds up x − p and (x − p)² in double, p being the first row: so a mean far from 0 costs no digits.
    """
    c = x.shape[-1]
    count = max(1, x.size // c)
    pivot = x.reshape(-1, c)[:1] if x.size else np.zeros((1, c), x.dtype)
    rows, pivots = _as_long_rows(x, pivot)
    partial = partial_sums(*rows.shape)
    _sums(rows, pivots, partial)
    with np.errstate(all="ignore"):  # kernels hand NaN on in silence
        first, second = _total(partial, c) / count
        mean = pivot[0] + first
        variance = np.maximum(second - first * first, 0)
        inverse = 1 / np.sqrt(variance + epsilon)
        mean, inverse, variance = (array.astype(x.dtype) for array in (mean, inverse, variance))
        scale, shift = scale_and_shift(inverse, gamma, beta)
    return scale_shift(x, mean, scale, shift, ceiling), mean, inverse, variance


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
    """Return (dx, dγ, dβ), each None where `needs` says so."""
    dx = dgamma = dbeta = None
    with np.errstate(all="ignore"):  # as above
        scale, shift = scale_and_shift(inverse, gamma, beta)
        dscale, dshift = _gradient_sums(dy, x, mean, scale, shift, ceiling)
        if needs[0]:
            count = max(1, x.size // x.shape[-1])
            slope = np.square(inverse, dtype=np.float64) * dscale / count
            table = np.stack([mean, scale, shift, dshift / count, slope]).astype(x.dtype)
            dx = _input_gradient(dy, x, table, True, ceiling)
        if needs[1]:
            dgamma = (dscale * inverse).astype(x.dtype)
        if needs[2]:
            dbeta = dshift.astype(x.dtype)
    return dx, dgamma, dbeta


def scale_shift(x: np.ndarray, mean: np.ndarray, scale: np.ndarray, shift: np.ndarray, ceiling: Ceiling) -> np.ndarray:
    """Return y = (x − mean)·scale + shift, or min(max(y, 0), ceiling): `x` (…,c), the others (c,)."""
    y, rows = empty(x.shape, x.dtype), _long_rows(x, len(scale))
    table = empty((3, rows.shape[1]), x.dtype)
    for row, values in zip(table, (mean, scale, shift), strict=True):
        launch(np.copyto, row.reshape(-1, len(scale)), values)
    _scale_shift(rows, table, *limits(x.dtype, ceiling), y.reshape(rows.shape))
    return y


def fold_normalization(
    mean: np.ndarray,
    variance: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    bias: np.ndarray | None,
    epsilon: float,
) -> np.ndarray:
    """Return (2,c), a scale s and a shift t: y·s + t normalizes y + `bias` by known μ and σ²."""
    made = empty((2, len(mean)), mean.dtype)
    ones, zeros = neutral(len(mean), mean.dtype)
    gamma = ones if gamma is None else gamma
    beta, bias = (zeros if each is None else each for each in (beta, bias))
    _fold(mean, variance, gamma, beta, bias, float(epsilon), made)
    return made


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
    dx = dscale = dshift = None
    zero = np.zeros_like(scale)
    if needs[0]:
        if ceiling is not None:
            dx = _input_gradient(dy, x, np.stack([mean, scale, shift, zero, zero]), False, ceiling)
        else:
            dx = scale_shift(dy, zero, scale, zero, None)
    if needs[1] or needs[2]:
        with np.errstate(all="ignore"):
            sums = _gradient_sums(dy, x, mean, scale, shift, ceiling).astype(x.dtype)
        dscale, dshift = sums[0] if needs[1] else None, sums[1] if needs[2] else None
    return dx, dscale, dshift


def partial_sums(rows: int, channels: int) -> np.ndarray:
    """Return zeros (parts,2,channels): room for two sums of each channel in each part of so many rows."""
    return np.zeros((max(1, min(PARTS, rows // MIN_PART_ROWS)), 2, channels))


def _gradient_sums(
    dy: np.ndarray, x: np.ndarray, mean: np.ndarray, scale: np.ndarray, shift: np.ndarray, ceiling: Ceiling
) -> np.ndarray:
    """Return Σ dy·(x − mean) and Σ dy over the rows, (2,c) in double, dy only where 0 < y ≤ ceiling."""
    rows, table = _as_long_rows(x, np.stack([mean, scale, shift]))
    partial = partial_sums(*rows.shape)
    _backward_sums(dy.reshape(rows.shape), rows, table, *limits(x.dtype, ceiling), partial)
    return _total(partial, len(mean))


def _input_gradient(dy: np.ndarray, x: np.ndarray, table: np.ndarray, moving: bool, ceiling: Ceiling) -> np.ndarray:
    """Return dx = scale·(dy − average − slope·(x − mean)), or scale·dy where the mean is not `moving` with x.

    Rows of `table`: mean, scale, shift, average, slope.
    """
    dx = empty(x.shape, x.dtype)
    rows, table = _as_long_rows(x, table)
    arrays = dy.reshape(rows.shape), rows, table, x.dtype.type(moving)
    _backward(*arrays, *limits(x.dtype, ceiling), dx.reshape(rows.shape))
    return dx


def _as_long_rows(x: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `x` (…,c) as a matrix of long rows, and `table` (…,c) repeated to their length.

    A long row is some rows of x that whole vectors hold, if the number of rows allows.
    """
    rows = _long_rows(x, table.shape[1])
    return rows, np.tile(table, (1, rows.shape[1] // table.shape[1]))


def _long_rows(x: np.ndarray, c: int) -> np.ndarray:
    """Return `x` (…,c) as a matrix of long rows."""
    rows, repeats = x.size // c, LANES // gcd(c, LANES)
    if rows % repeats:
        repeats = 1
    while repeats * c < SHORT_ROW and rows % (2 * repeats) == 0 < rows:
        repeats *= 2
    return x.reshape(-1, repeats * c)


def _total(partial: np.ndarray, channels: int) -> np.ndarray:
    """Return the sums (2,c) of all parts."""
    return partial.sum(axis=0).reshape(2, -1, channels).sum(axis=1)


@jit
def _fold(mean: Any, variance: Any, gamma: Any, beta: Any, bias: Any, epsilon: float, made: Any) -> None:
    """Fill `made` (2,c) in double, rounded once."""
    for i in range(len(mean)):
        scale = np.float64(gamma[i]) / np.sqrt(np.float64(variance[i]) + epsilon)
        made[0, i] = scale
        made[1, i] = np.float64(beta[i]) + (np.float64(bias[i]) - np.float64(mean[i])) * scale


@in_registers
def _add_row(x, at, c, vectors, pivot, sums, s):
    """Add x − pivot and its square to the channels' sums."""

    def add(t: Any) -> list[Any]:
        channel = t * LANES
        d = wide(x[at + channel]) - wide(pivot[channel])
        sums[s + channel] = sums[s + channel] + d
        sums[s + c + channel] = d * d + sums[s + c + channel]
        return []

    repeat(vectors, add, [])


@in_registers
def _scale_shift_row(x, at, c, vectors, table, floor, top, y):
    """y = (x − mean)·scale + shift, no less than floor and no more than top."""

    def write(t: Any) -> list[Any]:
        place, (mean, scale, shift) = at + t * LANES, (table[t * LANES + c * i] for i in range(3))
        value = (x[place] - mean) * scale + shift
        value = where(value <= floor, floor, value)
        y[place] = where(value >= top, top, value)
        return []

    repeat(vectors, write, [])


def _passed(dy: Any, y: Any, floor: Any, top: Any) -> Any:
    """Return dy where floor < y ≤ top, else 0: what a rectifier lets through; all of it where there is none."""
    return where(floor <= -1, dy, where(y <= top, where(y > floor, dy, 0), 0))


@in_registers
def _add_gradient_row(dy, x, at, c, vectors, table, floor, top, sums, s):
    """Add dy·(x − mean) and dy, as far as `_passed`, to the channels' sums."""

    def add(t: Any) -> list[Any]:
        channel = t * LANES
        mean, scale, shift = (table[channel + c * i] for i in range(3))
        d = x[at + channel] - mean
        y = d * scale + shift
        passed = wide(_passed(dy[at + channel], y, floor, top))
        sums[s + channel] = passed * wide(d) + sums[s + channel]
        sums[s + c + channel] = sums[s + c + channel] + passed
        return []

    repeat(vectors, add, [])


@in_registers
def _backward_row(dy, x, at, c, vectors, table, moving, floor, top, dx):
    """dx = scale·(dy − average − slope·(x − mean)), or scale·dy unless `moving` is 1; with dy as far as `_passed`."""

    def write(t: Any) -> list[Any]:
        place, (mean, scale, shift, average, slope) = at + t * LANES, (table[t * LANES + c * i] for i in range(5))
        d = x[place] - mean
        y = d * scale + shift
        passed = _passed(dy[place], y, floor, top)
        dx[place] = where(moving <= 0, passed, passed - average - d * slope) * scale  # 0 times ∞ would be NaN
        return []

    repeat(vectors, write, [])


@vector_jit
def _sums(x: Any, pivot: Any, partial: Any) -> None:
    """Add x − pivot and (x − pivot)² of x (rows,c) to partial (parts,2,c)."""
    rows, c = x.shape
    parts, vectors = len(partial), c // LANES
    for part in prange(parts):
        flat, level, sums = x.reshape(-1), pivot.reshape(-1), partial.reshape(-1)
        s = part * 2 * c
        for row in range(part * rows // parts, (part + 1) * rows // parts):
            _add_row(flat, row * c, c, vectors, level, sums, s)
            for t in range(vectors * LANES, c):
                d = np.float64(x[row, t]) - np.float64(level[t])
                sums[s + t] += d
                sums[s + c + t] += d * d


@vector_jit
def _scale_shift(x: Any, table: Any, floor: Any, top: Any, y: Any) -> None:
    """Fill y (rows,c); rows of `table`: mean, scale, shift."""
    rows, c = x.shape
    vectors, high = c // LANES, max(1, CHUNK_NUMBERS // c)
    for chunk in prange((rows + high - 1) // high):
        flat, constants, out = x.reshape(-1), table.reshape(-1), y.reshape(-1)
        for row in range(chunk * high, min((chunk + 1) * high, rows)):
            _scale_shift_row(flat, row * c, c, vectors, constants, floor, top, out)
            for t in range(vectors * LANES, c):
                value = (x[row, t] - table[0, t]) * table[1, t] + table[2, t]
                value = floor if value <= floor else value
                y[row, t] = top if value >= top else value


@vector_jit
def _backward_sums(dy: Any, x: Any, table: Any, floor: Any, top: Any, partial: Any) -> None:
    """Add dy·(x − mean) and dy, as far as `_passed`, to partial (parts,2,c); rows of `table`: mean, scale, shift."""
    rows, c = x.shape
    parts, vectors, zero = len(partial), c // LANES, dy.dtype.type(0)
    for part in prange(parts):
        flat, gradient, constants, sums = x.reshape(-1), dy.reshape(-1), table.reshape(-1), partial.reshape(-1)
        s = part * 2 * c
        for row in range(part * rows // parts, (part + 1) * rows // parts):
            _add_gradient_row(gradient, flat, row * c, c, vectors, constants, floor, top, sums, s)
            for t in range(vectors * LANES, c):
                d = x[row, t] - table[0, t]
                y = d * table[1, t] + table[2, t]
                passed = dy[row, t] if floor < zero or (y > floor and y <= top) else zero
                sums[s + t] += np.float64(passed) * np.float64(d)
                sums[s + c + t] += np.float64(passed)


@vector_jit
def _backward(dy: Any, x: Any, table: Any, moving: Any, floor: Any, top: Any, dx: Any) -> None:
    """Fill dx (rows,c); rows of `table`: mean, scale, shift, average, slope."""
    rows, c = x.shape
    vectors, high, zero = c // LANES, max(1, CHUNK_NUMBERS // c), dx.dtype.type(0)
    for chunk in prange((rows + high - 1) // high):
        flat, gradient, constants, out = x.reshape(-1), dy.reshape(-1), table.reshape(-1), dx.reshape(-1)
        for row in range(chunk * high, min((chunk + 1) * high, rows)):
            _backward_row(gradient, flat, row * c, c, vectors, constants, moving, floor, top, out)
            for t in range(vectors * LANES, c):
                d = x[row, t] - table[0, t]
                y = d * table[1, t] + table[2, t]
                passed = dy[row, t] if floor < zero or (y > floor and y <= top) else zero
                moved = passed - table[3, t] - d * table[4, t]
                dx[row, t] = (moved if moving > zero else passed) * table[1, t]
