"""Convolution straight from its definition, for the few channels of a first layer: any window, no patches, no copies.

An output position sees its taps at fixed distances from its first cell, the `offsets`; so the definition is a matrix
product whose one factor is never written down,

    forward             y[p, k]  = Σ_t x[start(p) + offsets[t]] · w[t, k]
    kernel gradient     dw[t, k] = Σ_p x[start(p) + offsets[t]] · dy[p, k]

and its micro-kernels (`matmul.py` explains the word) hold POSITIONS positions, or some taps, by some vectors of
channels k in registers. With few taps the arrays x, y and dy pass by once and little else happens: both run at the
speed of memory. A first layer needs no input gradient. Only for float32.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import prange

from ...window import Pair, Window
from ..compile import helper, vector_jit
from ..epilogue import Epilogue, finished
from ..memory import constant, empty, launch, scratch, zeros
from ..vectors import LANES, add_outer_product, in_registers, repeat, where, wide
from .fused_pooling import max_and_argmax, unpool

# Positions of a row of outputs, or of two rows, that a forward micro-kernel holds in registers.
POSITIONS = 8 if LANES == 16 else 4

# Register tiles of a gradient, (taps, vectors of channels): 5×5 and 3×3 taps fill them without a rest.
GRADIENT_TILES = ((5, 4), (9, 2), (9, 1)) if LANES == 16 else ((5, 2), (9, 1), (9, 1))

# Gradients are summed in this many parts, of whole images each, and the parts added in order: the bits do not depend
# on the number of threads.
PARTS = 16


def supports(dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> bool:
    """Return whether this module can do it: whole vectors of filters, and rows of at least POSITIONS outputs."""
    return dtype == np.float32 and groups == 1 and shape[3] % LANES == 0 and window.output(*image)[1] >= POSITIONS


def conv2d(x: np.ndarray, w: np.ndarray, epilogue: Epilogue, window: Window) -> np.ndarray:
    """Return x ∗ w (n,oh,ow,k), finished by the epilogue, of images `x` (n,h,w,c) and the kernel `w` (kh,kw,c,k)."""
    n, h, width, _ = x.shape
    x, offsets, steps = _laid_out(x, window)
    y = empty((n, *window.output(h, width), w.shape[3]), x.dtype)
    _forward(x, offsets, steps, w.reshape(-1), epilogue, y)
    return y


def conv2d_pooled(x: np.ndarray, w: np.ndarray, epilogue: Epilogue, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest of each 2×2 square of what `conv2d` returns, and its argmax: both (n,oh/2,ow/2,k)."""
    oh, ow = window.output(*x.shape[1:3])
    y = empty((len(x), oh // 2, ow // 2, w.shape[3]), x.dtype)
    argmax = empty(y.shape, np.uint8)
    x, offsets, steps = _laid_out(x, window)
    _forward_pooled(x, offsets, steps, w.reshape(-1), epilogue, y, argmax)
    return y, argmax


def conv2d_backward(
    dy: np.ndarray, y: np.ndarray | None, argmax: np.ndarray | None, x: np.ndarray, window: Window
) -> tuple[np.ndarray, np.ndarray]:
    """Return dw (kh,kw,c,k) and db (k,) from `dy` (n,oh,ow,k).

    With `y`, the result behind a ReLU, dy counts only where y > 0. With `argmax`, what `conv2d_pooled` returned, dy is
    (n,oh/2,ow/2,k), and each number belongs to one output of a 2×2 square.
    """
    n, _, _, c = x.shape
    k = dy.shape[3]
    x, offsets, steps = _laid_out(x, window)
    taps = len(offsets)
    whole = max(-(-taps // rows) * rows for rows, _ in GRADIENT_TILES)
    offsets = np.append(offsets, [0] * (whole - taps))  # to whole register tiles; the added taps' sums are dropped
    partial = zeros((min(PARTS, n), whole, k), x.dtype)
    sums = np.zeros((len(partial), k))
    if argmax is None:
        _backward(dy, np.empty(0, dy.dtype) if y is None else y.reshape(-1), x, offsets, taps, steps, partial, sums)
    else:
        _backward_pooled(dy, argmax, x, offsets, taps, steps, partial, sums)
    dw = partial.sum(axis=0)[:taps].reshape(*window.size, c, k)
    return dw, sums.sum(axis=0).astype(x.dtype)


def _laid_out(x: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Return x with its padding (n, cells), the taps' offsets, and the distances between outputs, down and across."""
    n, h, width, c = x.shape
    if window.padding == "same":
        (top, bottom), (left, right) = window.pads(h, width)
        padded = zeros((n, top + h + bottom, left + width + right, c), x.dtype)
        launch(np.copyto, padded[:, top : top + h, left : left + width], x)
        x = padded
    row = x.shape[2] * c
    return x.reshape(n, x.shape[1] * row), _offsets(window, row, c), (window.strides[0] * row, window.strides[1] * c)


@lru_cache(1024)
def _offsets(window: Window, row: int, c: int) -> np.ndarray:
    """Return the distance of each tap of a window, and each of c channels, from the first, in rows of so many cells."""
    offsets = (
        np.arange(window.size[0])[:, None, None] * window.dilation[0] * row
        + np.arange(window.size[1])[:, None] * window.dilation[1] * c
        + np.arange(c)
    )
    return constant(offsets.reshape(-1))


def _forward_micro_kernel(vectors: int) -> Callable[..., None]:
    """Return the forward product for POSITIONS positions and `vectors` vectors of channels."""

    @in_registers
    def micro_kernel(x, x0, step, offsets, taps, w, w0, k, epilogue, k0, y, y0):
        def add(t: Any, *sums: Any) -> list[Any]:
            weights = [w[w0 + t * k + v * LANES] for v in range(vectors)]
            cells = [x.each(x0 + step * i + offsets.each(t)) for i in range(POSITIONS)]
            return add_outer_product(sums, cells, weights)

        for n, total in enumerate(repeat(taps, add, [w.zero()] * (vectors * POSITIONS))):
            v = n % vectors * LANES
            y[y0 + k * (n // vectors) + v] = finished(total, epilogue, k0 + v)

    return micro_kernel


def _pooled_micro_kernel(vectors: int) -> Callable[..., None]:
    """Return the forward product for two rows of POSITIONS / 2 positions, of whose 2×2 squares the largest is kept."""

    @in_registers
    def micro_kernel(x, x0, row, step, offsets, taps, w, w0, k, epilogue, k0, y, argmax, y0):
        positions = [x0 + row * i + step * j for j in range(POSITIONS // 2) for i in range(2)]

        def add(t: Any, *sums: Any) -> list[Any]:
            weights = [w[w0 + t * k + v * LANES] for v in range(vectors)]
            cells = [x.each(position + offsets.each(t)) for position in positions]
            return add_outer_product(sums, cells, weights)

        totals = repeat(taps, add, [w.zero()] * (vectors * POSITIONS))
        outputs = [finished(total, epilogue, k0 + n % vectors * LANES) for n, total in enumerate(totals)]
        for j, v in np.ndindex(POSITIONS // 4, vectors):
            left, right = outputs[4 * j * vectors + v :: vectors], outputs[(4 * j + 2) * vectors + v :: vectors]
            at = y0 + k * j + v * LANES
            y[at], argmax[at] = max_and_argmax([left[0], right[0], left[1], right[1]], epilogue[2])

    return micro_kernel


def _gradient_micro_kernel(rows: int, vectors: int) -> Callable[..., None]:
    """Return the gradient's product for so many taps and vectors of channels; it is added to `partial`."""

    @in_registers
    def micro_kernel(x, x0, step, offsets, t0, dy, d0, k, count, partial, p0):
        tile = [p0 + k * i + v * LANES for i in range(rows) for v in range(vectors)]
        taps = [offsets.each(t0 + i) for i in range(rows)]

        def add(p: Any, *sums: Any) -> list[Any]:
            gradients = [dy[d0 + p * k + v * LANES] for v in range(vectors)]
            cells = [x.each(x0 + p * step + tap) for tap in taps]
            return add_outer_product(sums, cells, gradients)

        for at, total in zip(tile, repeat(count, add, [partial[at] for at in tile]), strict=True):
            partial[at] = total

    return micro_kernel


def _copy_row(rectified: bool) -> Callable[..., None]:
    """Return the copy of one vector of channels of a row of dy, which adds its sum to `sums` in double.

    If `rectified`, dy counts only where y > 0.
    """

    @in_registers
    def copy(dy, y, d0, k, count, row, r0, sums, s0):
        def value(p: Any) -> Any:
            at = d0 + p * k
            passed = where(y[at] > 0, dy[at], 0) if rectified else dy[at]
            row[r0 + p * k] = passed
            return passed

        (total,) = repeat(count - 1, lambda p, total: [total + value(p + 1)], [value(0)])
        sums[s0] = sums[s0] + wide(total)

    return copy


@in_registers
def _unpool_rows(dy, argmax, d0, k, count, row, upper, lower, sums, s0):
    """Undo the pooling of `count` gradients: write each to its output in two rows of twice as many, 0 to the others.

    One vector of channels; each row's sum is added to `sums` in double.
    """

    def written(p: Any) -> list[Any]:
        values = unpool(dy[d0 + p * k], argmax[d0 + p * k])
        for value, start in zip(values, (upper, upper + k, lower, lower + k), strict=True):
            row[start + p * (k + k)] = value
        return values

    def add(p: Any, *totals: Any) -> list[Any]:
        values = written(p + 1)
        return [total + values[2 * i] + values[2 * i + 1] for i, total in enumerate(totals)]

    first = written(0)
    for total in repeat(count - 1, add, [first[0] + first[1], first[2] + first[3]]):
        sums[s0] = sums[s0] + wide(total)


_forward_wide, _forward_narrow = _forward_micro_kernel(2), _forward_micro_kernel(1)
_pooled_wide, _pooled_narrow = _pooled_micro_kernel(2), _pooled_micro_kernel(1)
_gradient_wide, _gradient_middle, _gradient_narrow = (_gradient_micro_kernel(*tile) for tile in GRADIENT_TILES)
_copy, _copy_rectified = _copy_row(False), _copy_row(True)


@vector_jit
def _forward(x: Any, offsets: Any, steps: Any, w: Any, epilogue: Any, y: Any) -> None:
    """Fill y, a row of outputs at a time; x (n, cells). The last POSITIONS positions of a row may be done twice."""
    n, oh, ow, k = y.shape
    cells = x.shape[1]
    whole = k // (2 * LANES) * 2 * LANES
    for number in prange(n * oh):
        image, i = number // oh, number % oh
        flat, out = x.reshape(-1), y.reshape(-1)
        for j in range(0, ow, POSITIONS):
            j = min(j, ow - POSITIONS)
            x0, y0 = image * cells + i * steps[0] + j * steps[1], (number * ow + j) * k
            for t in range(0, whole, 2 * LANES):
                _forward_wide(flat, x0, steps[1], offsets, len(offsets), w, t, k, epilogue, t, out, y0 + t)
            if whole < k:
                t = whole
                _forward_narrow(flat, x0, steps[1], offsets, len(offsets), w, t, k, epilogue, t, out, y0 + t)


@vector_jit
def _forward_pooled(x: Any, offsets: Any, steps: Any, w: Any, epilogue: Any, y: Any, argmax: Any) -> None:
    """Fill y and `argmax`, a row of them at a time; x (n, cells). The last POSITIONS / 4 of a row may be done twice."""
    n, oh, ow, k = y.shape
    cells = x.shape[1]
    whole = k // (2 * LANES) * 2 * LANES
    for number in prange(n * oh):
        image, i = number // oh, number % oh
        flat, out, to = x.reshape(-1), y.reshape(-1), argmax.reshape(-1)
        down, step = steps
        for j in range(0, ow, POSITIONS // 4):
            j = min(j, ow - POSITIONS // 4)
            x0, y0 = image * cells + 2 * (i * down + j * step), (number * ow + j) * k
            for t in range(0, whole, 2 * LANES):
                _pooled_wide(flat, x0, down, step, offsets, len(offsets), w, t, k, epilogue, t, out, to, y0 + t)
            if whole < k:
                t = whole
                _pooled_narrow(flat, x0, down, step, offsets, len(offsets), w, t, k, epilogue, t, out, to, y0 + t)


@helper
def _multiply(
    x: Any, x0: int, step: int, offsets: Any, taps: int, rows: Any, r0: int, k: int, count: int, to: Any, p0: int
) -> None:
    """Add Σ_p x[x0 + p·step + offsets[t]] · rows[r0 + p·k …] to to[p0 + t·k …] for every tap t; p = 0 … count − 1."""
    j = 0
    while j + GRADIENT_TILES[0][1] * LANES <= k:
        for t in range(0, taps, GRADIENT_TILES[0][0]):
            _gradient_wide(x, x0, step, offsets, t, rows, r0 + j, k, count, to, p0 + t * k + j)
        j += GRADIENT_TILES[0][1] * LANES
    while j + GRADIENT_TILES[1][1] * LANES <= k:
        for t in range(0, taps, GRADIENT_TILES[1][0]):
            _gradient_middle(x, x0, step, offsets, t, rows, r0 + j, k, count, to, p0 + t * k + j)
        j += GRADIENT_TILES[1][1] * LANES
    if j < k:
        for t in range(0, taps, GRADIENT_TILES[2][0]):
            _gradient_narrow(x, x0, step, offsets, t, rows, r0 + j, k, count, to, p0 + t * k + j)


@vector_jit
def _backward(dy: Any, y: Any, x: Any, offsets: Any, taps: int, steps: Any, partial: Any, sums: Any) -> None:
    """Add up dw in partial (parts, taps, k) and db in sums (parts, k), images in order."""
    n, oh, ow, k = dy.shape
    parts, whole, _ = partial.shape
    cells = x.shape[1]
    for part in prange(parts):
        flat, out, to, total = x.reshape(-1), dy.reshape(-1), partial.reshape(-1), sums.reshape(-1)
        row = scratch(ow * k, x)
        for number in range(part * n // parts * oh, (part + 1) * n // parts * oh):
            x0, d0 = number // oh * cells + number % oh * steps[0], number * ow * k
            for t in range(0, k, LANES):
                if len(y) > 0:
                    _copy_rectified(out, y, d0 + t, k, ow, row, t, total, part * k + t)
                else:
                    _copy(out, y, d0 + t, k, ow, row, t, total, part * k + t)
            _multiply(flat, x0, steps[1], offsets, taps, row, 0, k, ow, to, part * whole * k)


@vector_jit
def _backward_pooled(
    dy: Any, argmax: Any, x: Any, offsets: Any, taps: int, steps: Any, partial: Any, sums: Any
) -> None:
    """As `_backward`, two rows of outputs at a time, in which the pooling of dy (n, oh, ow, k) is undone first."""
    n, oh, ow, k = dy.shape
    parts, whole, _ = partial.shape
    cells = x.shape[1]
    for part in prange(parts):
        flat, out, to, total = x.reshape(-1), dy.reshape(-1), partial.reshape(-1), sums.reshape(-1)
        at = argmax.reshape(-1)
        rows = scratch(2 * 2 * ow * k, x)
        for number in range(part * n // parts * oh, (part + 1) * n // parts * oh):
            x0, d0 = number // oh * cells + number % oh * 2 * steps[0], number * ow * k
            for t in range(0, k, LANES):
                _unpool_rows(out, at, d0 + t, k, ow, rows, t, 2 * ow * k + t, total, part * k + t)
            for row in range(2):
                start, r0 = x0 + row * steps[0], row * 2 * ow * k
                _multiply(flat, start, steps[1], offsets, taps, rows, r0, k, 2 * ow, to, part * whole * k)
