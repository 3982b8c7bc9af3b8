"""3×3 convolution with a quarter of the multiplications: Winograd's F(4×4, 3×3), and its transpose.

A tile of 4×4 outputs sees 6×6 cells d of the image. With the matrices below, a kernel g and one channel,

    y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A

36 products where the definition has 16·9 = 144. For many channels the product ⊙ becomes, at each of the 36 points, a
matrix product over the channels: tiles × c times c × k. Everything is linear in d and in g, so the gradients are the
same three transforms, transposed:

    input gradient      the convolution of dy with the kernel turned by 180°, channels swapped: this function again
    kernel gradient     dg = Gᵀ [ Σ_tiles (Bᵀ d B) ⊙ (A dy Aᵀ) ] G

Sources: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks", CVPR, section 4.3; on the choice of
points, Barabasz et al. 2020, "Error analysis and improving the accuracy of Winograd convolution", ACM TOMS 46(4). Only
for float32, where its error is below 1e-6 of the result's norm: whoever asks for float64 asks for exactness.

A block of tiles is transformed, multiplied and transformed back by one thread while it stays in cache, LANES channels
at a time: a vector register's worth, at constant distances that let the compiler keep the 6×6 butterflies in registers.
"""

from typing import Any

import numpy as np
from numba import prange

from ..window import Pair, Window
from .compile import LANES, helper, parallel_jit, single_threaded_blas, vector_copy
from .memory import empty

ROW = 6 * LANES

# Bytes of one block's transformed tiles, before and after the product; and of the parts that a kernel gradient is
# summed in, whose number is fixed so that the bits do not depend on the number of threads.
CACHE = 1024 * 1024
PARTS = 16
PARTS_BYTES = 64 * 1024 * 1024

# The points 0, ±A, ±B, ∞ at which the polynomials of tile and kernel are multiplied. Lavin & Gray have A = 1, B = 2;
# these halve the rounding error, and all constants below are exact in binary.
A, B = 3 / 4, 3 / 2

# Rows of G: the kernel's polynomial g₀ + g₁a + g₂a² at each point, over the products of distances to the other points.
G = np.array(
    [[1 / (A * B) ** 2, 0, 0]]
    + [np.array([1, a, a * a]) / (2 * A * A * (A * A - B * B)) for a in (A, -A)]
    + [np.array([1, b, b * b]) / (2 * B * B * (B * B - A * A)) for b in (B, -B)]
    + [[0, 0, 1]]
)

A1, A2, A3 = np.float32(A), np.float32(A**2), np.float32(A**3)
B1, B2, B3 = np.float32(B), np.float32(B**2), np.float32(B**3)
SUM, PRODUCT = np.float32(A**2 + B**2), np.float32(A**2 * B**2)


ALL_ALIVE = np.empty(0, np.uint8)


def conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray, window: Window) -> np.ndarray:
    """Return y (n,oh,ow,k) of images `x` (n,h,w,c), kernel `w` (3,3,c,k) and bias `b` (k,), at stride 1."""
    (top, _), (left, _) = window.pads(x.shape[1], x.shape[2])
    y = empty((len(x), *window.output(x.shape[1], x.shape[2]), w.shape[3]), x.dtype)
    alive = np.empty(x.size // x.shape[3], np.uint8)
    _find_alive(x.reshape(-1, x.shape[3]), alive)
    with single_threaded_blas():
        _multiply(x, _transform_kernel(w), b, y, top, left, _block(*w.shape[2:]), alive)
    return y


def conv2d_backward_input(dy: np.ndarray, w: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k); `image` is (h, w)."""
    (top, _), (left, _) = window.pads(*image)
    turned = np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2))
    dx = empty((len(dy), *image, w.shape[2]), dy.dtype)
    bias = np.zeros(w.shape[2], dy.dtype)
    with single_threaded_blas():
        _multiply(dy, _transform_kernel(turned), bias, dx, 2 - top, 2 - left, _block(*w.shape[2:]), ALL_ALIVE)
    return dx


def conv2d_backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window) -> np.ndarray:
    """Return dw (3,3,c,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c)."""
    (top, _), (left, _) = window.pads(x.shape[1], x.shape[2])
    c, k = x.shape[3], dy.shape[3]
    block = _block(c, k)
    blocks = -(-len(dy) * -(-dy.shape[1] // 4) * -(-dy.shape[2] // 4) // block)
    parts = min(PARTS, blocks, max(4, PARTS_BYTES // (36 * c * k * dy.itemsize)))
    partial = np.zeros((parts, 36, c, k), dy.dtype)
    with single_threaded_blas():
        _correlate(x, dy, partial, top, left, block)
        du = partial.sum(axis=0).reshape(6, 6, c, k)
        return np.ascontiguousarray(np.einsum("pi,qj,pqck->ijck", G, G, du, optimize=True), dy.dtype)


def _transform_kernel(w: np.ndarray) -> np.ndarray:
    """Return G g Gᵀ for every pair of channels: (3,3,c,k) → (36,c,k)."""
    u = np.einsum("pi,qj,ijck->pqck", G, G, w, optimize=True)
    return np.ascontiguousarray(u.reshape(36, *w.shape[2:]), w.dtype)


def _block(c: int, k: int) -> int:
    """Return how many tiles make a block."""
    return max(32, min(256, CACHE // (36 * (c + k) * 4)))


@vector_copy
def _copy(source: np.ndarray, start: int, target: np.ndarray, at: int) -> None:
    """Copy LANES values of one flat array, from `start` on, to `at` in another."""
    target[at : at + LANES] = source[start : start + LANES]


@helper
def _load(x: np.ndarray, shape: Any, image: int, y0: int, x0: int, c0: int, side: int, t: np.ndarray) -> None:
    """Copy side×side cells of LANES channels, from (y0, x0) on, to the tile `t`; cells outside the image are 0.

    `x` is flat, `shape` its (h, w, c): no slice is taken in a loop, as counting the references to an array that all
    threads share costs more than the copy.
    """
    h, w, c = shape
    for i in range(side):
        for j in range(side):
            if y0 + i >= 0 and y0 + i < h and x0 + j >= 0 and x0 + j < w:
                _copy(x, ((image * h + y0 + i) * w + x0 + j) * c + c0, t, i * ROW + j * LANES)
            else:
                t[i * ROW + j * LANES : i * ROW + (j + 1) * LANES] = 0


@helper
def _input_line(d0: Any, d1: Any, d2: Any, d3: Any, d4: Any, d5: Any) -> tuple[Any, ...]:
    """Return Bᵀ d: for each point the polynomial x(x² − a²)(x² − b²) without that point's factor, applied to d."""
    even_a, odd_a = d4 - B2 * d2, A1 * (d3 - B2 * d1)
    even_b, odd_b = d4 - A2 * d2, B1 * (d3 - A2 * d1)
    return (
        PRODUCT * d0 - SUM * d2 + d4,
        even_a + odd_a,
        even_a - odd_a,
        even_b + odd_b,
        even_b - odd_b,
        PRODUCT * d1 - SUM * d3 + d5,
    )


@helper
def _output_line(m0: Any, m1: Any, m2: Any, m3: Any, m4: Any, m5: Any) -> tuple[Any, ...]:
    """Return Aᵀ m: yᵣ = Σ mᵢ·aᵢʳ over the points aᵢ, for r = 0 … 3."""
    even_a, odd_a, even_b, odd_b = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return m0 + even_a + even_b, A1 * odd_a + B1 * odd_b, A2 * even_a + B2 * even_b, A3 * odd_a + B3 * odd_b + m5


@helper
def _output_line_transposed(y0: Any, y1: Any, y2: Any, y3: Any) -> tuple[Any, ...]:
    """Return A y: the polynomial y₀ + y₁a + y₂a² + y₃a³ at each point."""
    even_a, odd_a = y0 + A2 * y2, A1 * y1 + A3 * y3
    even_b, odd_b = y0 + B2 * y2, B1 * y1 + B3 * y3
    return y0, even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, y3


@helper
def _input_transform(t: np.ndarray) -> None:
    """t ← Bᵀ t B, down the columns and then along the rows."""
    for line in range(6):
        for at in range(line * LANES, (line + 1) * LANES):
            v = _input_line(t[at], t[at + ROW], t[at + 2 * ROW], t[at + 3 * ROW], t[at + 4 * ROW], t[at + 5 * ROW])
            t[at], t[at + ROW], t[at + 2 * ROW], t[at + 3 * ROW], t[at + 4 * ROW], t[at + 5 * ROW] = v
    for line in range(6):
        for at in range(line * ROW, line * ROW + LANES):
            v = _input_line(
                t[at], t[at + LANES], t[at + 2 * LANES], t[at + 3 * LANES], t[at + 4 * LANES], t[at + 5 * LANES]
            )
            t[at], t[at + LANES], t[at + 2 * LANES], t[at + 3 * LANES], t[at + 4 * LANES], t[at + 5 * LANES] = v


@helper
def _output_transform(t: np.ndarray) -> None:
    """t ← Aᵀ t A: 6×6 to 4×4, in the first four rows and columns."""
    for line in range(6):
        for at in range(line * LANES, (line + 1) * LANES):
            y = _output_line(t[at], t[at + ROW], t[at + 2 * ROW], t[at + 3 * ROW], t[at + 4 * ROW], t[at + 5 * ROW])
            t[at], t[at + ROW], t[at + 2 * ROW], t[at + 3 * ROW] = y
    for line in range(4):
        for at in range(line * ROW, line * ROW + LANES):
            y = _output_line(
                t[at], t[at + LANES], t[at + 2 * LANES], t[at + 3 * LANES], t[at + 4 * LANES], t[at + 5 * LANES]
            )
            t[at], t[at + LANES], t[at + 2 * LANES], t[at + 3 * LANES] = y


@helper
def _output_transposed(t: np.ndarray) -> None:
    """t ← A t Aᵀ: 4×4, in the first four rows and columns, to 6×6. The transpose of `_output_transform`."""
    for line in range(4):
        for at in range(line * LANES, (line + 1) * LANES):
            m = _output_line_transposed(t[at], t[at + ROW], t[at + 2 * ROW], t[at + 3 * ROW])
            t[at], t[at + ROW], t[at + 2 * ROW], t[at + 3 * ROW], t[at + 4 * ROW], t[at + 5 * ROW] = m
    for line in range(6):
        for at in range(line * ROW, line * ROW + LANES):
            m = _output_line_transposed(t[at], t[at + LANES], t[at + 2 * LANES], t[at + 3 * LANES])
            t[at], t[at + LANES], t[at + 2 * LANES], t[at + 3 * LANES], t[at + 4 * LANES], t[at + 5 * LANES] = m


@helper
def _fill_inputs(
    x: np.ndarray, shape: Any, v: np.ndarray, first: int, count: int, size: Any, top: int, left: int
) -> None:
    """Write Bᵀ d B of the tiles first … first + count − 1 to v (36, tiles, c); `size` is tiles down and across."""
    down, across = size
    tiles, c = v.shape[1:]
    flat = v.reshape(-1)
    t = np.empty(6 * ROW, x.dtype)
    for s in range(count):
        tile = first + s
        image, i, j = tile // (down * across), tile // across % down, tile % across
        for c0 in range(0, c, LANES):
            _load(x, shape, image, 4 * i - top, 4 * j - left, c0, 6, t)
            _input_transform(t)
            for p in range(36):
                _copy(t, p * LANES, flat, (p * tiles + s) * c + c0)


@helper
def _lit(alive: np.ndarray, h: int, w: int, image: int, y0: int, x0: int) -> bool:
    """Return whether one of the 3×3 cells from (y0, x0) on is alive."""
    for y in range(max(0, y0), min(h, y0 + 3)):
        for x in range(max(0, x0), min(w, x0 + 3)):
            if alive[(image * h + y) * w + x]:
                return True
    return False


@parallel_jit
def _find_alive(x: np.ndarray, alive: np.ndarray) -> None:
    """Set alive (cells,) to 1 where a cell of x (cells, c) has a value other than 0, else to 0; an eighth at a time."""
    for part in prange(8):
        for cell in range(part * len(x) // 8, (part + 1) * len(x) // 8):
            other = 0
            for t in range(x.shape[1]):
                other |= x[cell, t] != 0
            alive[cell] = other


@parallel_jit
def _multiply(
    x: np.ndarray, u: np.ndarray, b: np.ndarray, y: np.ndarray, top: int, left: int, block: int, alive: np.ndarray
) -> None:
    """Fill y, a block of tiles a thread; u (36,c,k) is the transformed kernel.

    An output that sees only cells of x that are not `alive` is its bias, exactly. Behind a ReLU that is common, and the
    rounding of its neighbours' values, left in its place, would open a following ReLU that the definition leaves shut.
    With `alive` empty, all cells count as alive.
    """
    n, oh, ow, k = y.shape
    shape = x.shape[1:]
    c = x.shape[3]
    down, across = (oh + 3) // 4, (ow + 3) // 4
    tiles = n * down * across
    images, results = x.reshape(-1), y.reshape(-1)
    for number in prange((tiles + block - 1) // block):
        first = number * block
        count = min(block, tiles - first)
        # One tile more than needed keeps the 36 planes from a distance that maps them all to the same cache lines.
        v = np.empty((36, block + 1, c), x.dtype)
        m = np.empty((36, block + 1, k), x.dtype)
        products = m.reshape(-1)
        t = np.empty(6 * ROW, x.dtype)
        lit = np.ones(16, np.bool_)
        _fill_inputs(images, shape, v, first, count, (down, across), top, left)
        for p in range(36):
            np.dot(v[p][:count], u[p], m[p][:count])
        for s in range(count):
            tile = first + s
            image, i0, j0 = tile // (down * across), tile // across % down * 4, tile % across * 4
            if len(alive):
                for p in range(16):
                    lit[p] = _lit(alive, shape[0], shape[1], image, i0 + p // 4 - top, j0 + p % 4 - left)
            for k0 in range(0, k, LANES):
                for p in range(36):
                    _copy(products, (p * (block + 1) + s) * k + k0, t, p * LANES)
                _output_transform(t)
                for i in range(min(4, oh - i0)):
                    for j in range(min(4, ow - j0)):
                        at = ((image * oh + i0 + i) * ow + j0 + j) * k + k0
                        if lit[4 * i + j]:
                            _add(t, i * ROW + j * LANES, b, k0, results, at)
                        else:
                            _copy(b, k0, results, at)


@helper
def _add(a: np.ndarray, i: int, b: np.ndarray, j: int, target: np.ndarray, at: int) -> None:
    """Write the sums of LANES values of two flat arrays to a third."""
    p, q, t = np.uint64(i), np.uint64(j), np.uint64(at)
    for lane in range(np.uint64(LANES)):
        target[t + lane] = a[p + lane] + b[q + lane]


@parallel_jit
def _correlate(x: np.ndarray, dy: np.ndarray, partial: np.ndarray, top: int, left: int, block: int) -> None:
    """Add up Σ (Bᵀ d B)ᵀ (A dy Aᵀ) in partial (parts, 36, c, k), one part a thread."""
    n, oh, ow, k = dy.shape
    shape, dy_shape = x.shape[1:], dy.shape[1:]
    c = x.shape[3]
    down, across = (oh + 3) // 4, (ow + 3) // 4
    tiles = n * down * across
    blocks = (tiles + block - 1) // block
    parts = len(partial)
    images, cotangents = x.reshape(-1), dy.reshape(-1)
    for number in prange(parts):
        v = np.empty((36, block + 1, c), x.dtype)
        m = np.empty((36, block + 1, k), x.dtype)
        flat = m.reshape(-1)
        t = np.empty(6 * ROW, x.dtype)
        product = np.empty((c, k), x.dtype)
        for at in range(number * blocks // parts, (number + 1) * blocks // parts):
            first = at * block
            count = min(block, tiles - first)
            _fill_inputs(images, shape, v, first, count, (down, across), top, left)
            for s in range(count):
                tile = first + s
                image, i, j = tile // (down * across), tile // across % down, tile % across
                for k0 in range(0, k, LANES):
                    _load(cotangents, dy_shape, image, 4 * i, 4 * j, k0, 4, t)
                    _output_transposed(t)
                    for p in range(36):
                        _copy(t, p * LANES, flat, (p * (block + 1) + s) * k + k0)
            for p in range(36):
                np.dot(v[p][:count].T, m[p][:count], product)
                partial[number, p] += product
