"""3×3 convolution at stride 1 by a quarter of the multiplications: Winograd's F(4×4, 3×3), and its transpose.

A tile of 4×4 outputs sees 6×6 cells of the image: 144 products by definition, 36 after the transforms of
`transforms.py`, which has the derivation. Over many channels the products become, at each of the 36 points, a matrix
product over the channels. In the letters of that page, with v = Bᵀ x B and u = G w Gᵀ,

    forward             m = v · u               (tiles, c)·(c, k)       y = Aᵀ m A + b
    kernel gradient     du = vᵀ · (A dy Aᵀ)     (c, tiles)·(tiles, k)   dw = Gᵀ du G
    input gradient      dv = (A dy Aᵀ) · uᵀ     (tiles, k)·(k, c)       dx = Σ_tiles B dv Bᵀ

so that both gradients share one transform of dy. Only for float32, where the error is 1e-6 of the result's norm, in a
kernel's gradient up to 3e-6: whoever asks for float64 asks for exactness.

One thread takes a block of tiles through all steps while it stays in cache. No slice of an array that all threads
share is taken inside a loop: counting the references to it would cost more than the work.
"""

from typing import Any

import numpy as np
from numba import prange

from ..window import Pair, Window
from .compile import helper, vector_jit
from .memory import empty, zeros
from .product import ROWS, multiply
from .transforms import (
    image_to_points,
    kernel_to_points,
    output_to_points,
    points_to_image,
    points_to_kernel,
    points_to_output,
    rectified_to_points,
)
from .vectors import LANES, in_registers

# Bytes of one block's transformed tiles, before and after the product: half a core's second-level cache.
CACHE = 512 * 1024

# Gradients are computed in this many parts, of whole images each. The parts of a kernel's gradient are added in order,
# so the bits do not depend on the number of threads. Fewer where they would take more than PARTS_BYTES together.
PARTS = 16
PARTS_BYTES = 64 * 1024 * 1024

NONE = np.empty(0, np.float32)  # an array that is not given, or not wanted


def conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray, window: Window, floor: float) -> np.ndarray:
    """Return y (n,oh,ow,k) = max(x ∗ w + b, floor) of images `x` (n,h,w,c), kernel `w` (3,3,c,k), bias `b` (k,)."""
    n, h, width, c = x.shape
    k = w.shape[3]
    (top, _), (left, _) = window.pads(h, width)
    oh, ow = window.output(h, width)
    y = empty((n, oh, ow, k), x.dtype)
    alive = np.empty(n * h * width, np.uint8)
    _find_alive(x.reshape(-1), alive, c)
    geometry = n, h, width, c, oh, ow, k, top, left
    _forward(x.reshape(-1), _transformed(w), b, y.reshape(-1), geometry, _block(c, k), alive, x.dtype.type(floor))
    return y


def conv2d_backward(
    dy: np.ndarray, y: np.ndarray | None, x: np.ndarray | None, w: np.ndarray | None, window: Window, image: Pair
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray]:
    """Return dx (n,h,w,c), dw (3,3,c,k) and db (k,) from `dy` (n,oh,ow,k); `image` is (h, w).

    With `y`, the result of a convolution with a ReLU behind it, dy counts where y > 0. Without the images `x` there is
    no dw, without the kernel `w` no dx.
    """
    n, oh, ow, k = dy.shape
    c = w.shape[2] if w is not None else x.shape[3] if x is not None else 0
    (top, _), (left, _) = window.pads(*image)
    parts = min(PARTS, max(1, n), max(4, PARTS_BYTES // (36 * c * k * 4)))
    dx = dw = None
    u = partial = NONE
    if w is not None:
        dx = empty((n, *image, c), dy.dtype)
        u = _transformed(np.ascontiguousarray(w.transpose(0, 1, 3, 2)))
    if x is not None:
        partial = zeros((parts, 36, c, k), dy.dtype)
    sums = np.zeros((parts, k))
    geometry = n, *image, c, oh, ow, k, top, left
    arrays = (NONE if array is None else array.reshape(-1) for array in (dy, y, x))
    _backward(
        *arrays,
        u,
        NONE if dx is None else dx.reshape(-1),
        partial.reshape(-1),
        sums.reshape(-1),
        geometry,
        parts,
        _block(c, k),
    )
    if x is not None:
        dw = np.empty((3, 3, c, k), dy.dtype)
        _transform_back(partial.reshape(-1), parts, dw.reshape(-1), c, k)
    return dx, dw, sums.sum(axis=0).astype(dy.dtype)


def _transformed(w: np.ndarray) -> np.ndarray:
    """Return u = G w Gᵀ, flat (36,c,k), of the kernel `w` (3,3,c,k)."""
    c, k = w.shape[2:]
    u = empty((36 * c * k,), w.dtype)
    _transform(w.reshape(-1), u, c, k)
    return u


def _block(c: int, k: int) -> int:
    """Return how many tiles make a block."""
    return max(32, min(128, CACHE // (36 * (c + k) * 4))) // ROWS * ROWS


@vector_jit
def _transform(w: Any, u: Any, c: int, k: int) -> None:
    """Fill u (36,c,k) with the transform of w (3,3,c,k); both flat."""
    for row in prange(c):
        for at in range(row * k, (row + 1) * k, LANES):
            kernel_to_points(w, at, c * k, u, at, c * k)


@in_registers
def _accumulate(array, at, other):
    array[at] = array[at] + array[other]


@vector_jit
def _transform_back(partial: Any, parts: int, dw: Any, c: int, k: int) -> None:
    """Add up the parts (parts,36,c,k), in order, in the first, and transform the sum back to dw (3,3,c,k); all flat."""
    for row in prange(c):
        for at in range(row * k, (row + 1) * k, LANES):
            for part in range(1, parts):
                for p in range(36):
                    _accumulate(partial, p * c * k + at, (part * 36 + p) * c * k + at)
            points_to_kernel(partial, at, c * k, dw, at, c * k)


@vector_jit
def _find_alive(x: Any, alive: Any, c: int) -> None:
    """Set alive (cells,) to 1 where a cell of x (cells, c), flat, has a value other than 0, else to 0; in eighths."""
    cells = alive.size
    for part in prange(8):
        for cell in range(part * cells // 8, (part + 1) * cells // 8):
            alive[cell] = 0
            for at in range(cell * c, (cell + 1) * c):
                if x[at] != 0:
                    alive[cell] = 1
                    break


@helper
def _place(tile: int, oh: int, ow: int) -> tuple[int, int, int]:
    """Return the image of a tile, and its first output row and column."""
    down, across = (oh + 3) // 4, (ow + 3) // 4
    return tile // (down * across), tile // across % down * 4, tile % across * 4


@helper
def _inside(y0: int, x0: int, side: int, h: int, w: int) -> bool:
    """Return whether side×side cells from (y0, x0) on lie in an image of h×w."""
    return y0 >= 0 and x0 >= 0 and y0 + side <= h and x0 + side <= w


@helper
def _cut_out(x: Any, shape: Any, image: int, y0: int, x0: int, c0: int, side: int, rectifier: Any, tile: Any) -> None:
    """Copy side×side cells of LANES channels to the flat `tile`; cells outside the image are 0, and so are those where
    the array `rectifier`, if given, is not above 0."""
    h, w, c = shape
    for i in range(side):
        for j in range(side):
            to = (i * side + j) * LANES
            at = ((image * h + y0 + i) * w + x0 + j) * c + c0
            if not (y0 + i >= 0 and y0 + i < h and x0 + j >= 0 and x0 + j < w):
                tile[to : to + LANES] = 0
            else:
                for lane in range(LANES):
                    shut = len(rectifier) > 0 and not rectifier[at + lane] > 0
                    tile[to + lane] = 0 if shut else x[at + lane]


@helper
def _fill_images(x: Any, geometry: Any, first: int, count: int, v: Any, plane: int, tile: Any) -> None:
    """Transform the image cells of the tiles first … first + count − 1 to v (36, plane)."""
    _, h, w, c, oh, ow, _, top, left = geometry
    for s in range(count):
        image, i, j = _place(first + s, oh, ow)
        y0, x0 = i - top, j - left
        inside = _inside(y0, x0, 6, h, w)
        for c0 in range(0, c, LANES):
            if inside:
                image_to_points(x, ((image * h + y0) * w + x0) * c + c0, w * c, c, v, s * c + c0, plane)
            else:
                _cut_out(x, (h, w, c), image, y0, x0, c0, 6, tile[:0], tile)
                image_to_points(tile, 0, 6 * LANES, LANES, v, s * c + c0, plane)


@helper
def _fill_gradients(
    dy: Any, y: Any, geometry: Any, first: int, count: int, m: Any, plane: int, sums: Any, s0: int, tile: Any
) -> None:
    """Transform the output gradients of the tiles first … first + count − 1 to m (36, plane)."""
    _, _, _, _, oh, ow, k, _, _ = geometry
    for s in range(count):
        image, i, j = _place(first + s, oh, ow)
        direct = len(y) > 0 and _inside(i, j, 4, oh, ow)
        for k0 in range(0, k, LANES):
            if direct:
                at = ((image * oh + i) * ow + j) * k + k0
                rectified_to_points(dy, y, at, ow * k, k, m, s * k + k0, plane, sums, s0 + k0)
            else:
                _cut_out(dy, (oh, ow, k), image, i, j, k0, 4, y, tile)
                output_to_points(tile, 0, 4 * LANES, LANES, m, s * k + k0, plane, sums, s0 + k0)


@helper
def _add_images(v: Any, plane: int, geometry: Any, first: int, count: int, dx: Any, tile: Any) -> None:
    """Transform v (36, plane) back to the image cells of the tiles first … first + count − 1, and add it to dx."""
    _, h, w, c, oh, ow, _, top, left = geometry
    for s in range(count):
        image, i, j = _place(first + s, oh, ow)
        if i == 0 and j == 0:
            dx[image * h * w * c : (image + 1) * h * w * c] = 0
        y0, x0 = i - top, j - left
        inside = _inside(y0, x0, 6, h, w)
        for c0 in range(0, c, LANES):
            if inside:
                points_to_image(v, s * c + c0, plane, dx, ((image * h + y0) * w + x0) * c + c0, w * c, c)
                continue
            tile[:] = 0
            points_to_image(v, s * c + c0, plane, tile, 0, 6 * LANES, LANES)
            for p in range(max(0, -y0), min(6, h - y0)):
                for q in range(max(0, -x0), min(6, w - x0)):
                    at = ((image * h + y0 + p) * w + x0 + q) * c + c0
                    for lane in range(LANES):
                        dx[at + lane] += tile[(6 * p + q) * LANES + lane]


@helper
def _lit(alive: Any, h: int, w: int, image: int, y0: int, x0: int, side: int) -> int:
    """Return how many of the side×side cells from (y0, x0) on are alive; none is, outside the image."""
    count = 0
    for y in range(max(0, y0), min(h, y0 + side)):
        for x in range(max(0, x0), min(w, x0 + side)):
            count += alive[(image * h + y) * w + x]
    return count


@helper
def _write_outputs(
    m: Any, plane: int, geometry: Any, first: int, count: int, b: Any, floor: Any, alive: Any, y: Any, tile: Any
) -> None:
    """Transform m (36, plane) to the outputs of the tiles first … first + count − 1.

    An output that sees only cells that are not alive is its bias, exactly. Behind a ReLU that is common, and the
    rounding of its neighbours' values, left in its place, would open a following ReLU that the definition leaves shut.
    """
    _, h, w, _, oh, ow, k, top, left = geometry
    for s in range(count):
        image, i, j = _place(first + s, oh, ow)
        whole = _inside(i, j, 4, oh, ow) and _lit(alive, h, w, image, i - top, j - left, 6) == 36
        for k0 in range(0, k, LANES):
            if whole:
                points_to_output(m, s * k + k0, plane, b, k0, floor, y, ((image * oh + i) * ow + j) * k + k0, ow * k, k)
                continue
            points_to_output(m, s * k + k0, plane, b, k0, floor, tile, 0, 4 * LANES, LANES)
            for p in range(min(4, oh - i)):
                for q in range(min(4, ow - j)):
                    lit = _lit(alive, h, w, image, i + p - top, j + q - left, 3) > 0
                    at = ((image * oh + i + p) * ow + j + q) * k + k0
                    for lane in range(LANES):
                        bias = floor if b[k0 + lane] <= floor else b[k0 + lane]
                        y[at + lane] = tile[(4 * p + q) * LANES + lane] if lit else bias


@vector_jit
def _forward(x: Any, u: Any, b: Any, y: Any, geometry: Any, block: int, alive: Any, floor: Any) -> None:
    """Fill y, a block of tiles a thread; all arrays flat."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    tiles = n * ((oh + 3) // 4) * ((ow + 3) // 4)
    for number in prange((tiles + block - 1) // block):
        first = number * block
        count = min(block, tiles - first)
        # A few tiles more than needed keep the 36 planes from a distance that maps them all to the same cache lines.
        tall = block + ROWS
        v, m, tile = np.empty(36 * tall * c, x.dtype), np.empty(36 * tall * k, x.dtype), np.empty(36 * LANES, x.dtype)
        _fill_images(x, geometry, first, count, v, tall * c, tile)
        for p in range(36):
            multiply(v, p * tall * c, c, 1, u, p * c * k, k, m, p * tall * k, k, (count, k, c), 0.0)
        _write_outputs(m, tall * k, geometry, first, count, b, floor, alive, y, tile)


@vector_jit
def _backward(
    dy: Any, y: Any, x: Any, u: Any, dx: Any, partial: Any, sums: Any, geometry: Any, parts: int, block: int
) -> None:
    """Fill dx and add up du in partial (parts,36,c,k) and db in sums (parts,k); an empty dx or partial stays so."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    tiles = ((oh + 3) // 4) * ((ow + 3) // 4)
    for part in prange(parts):
        tall = block + ROWS
        v, m, tile = np.empty(36 * tall * c, x.dtype), np.empty(36 * tall * k, x.dtype), np.empty(36 * LANES, x.dtype)
        last = (part + 1) * n // parts * tiles
        for first in range(part * n // parts * tiles, last, block):
            count = min(block, last - first)
            _fill_gradients(dy, y, geometry, first, count, m, tall * k, sums, part * k, tile)
            if len(partial) > 0:
                _fill_images(x, geometry, first, count, v, tall * c, tile)
                for p in range(36):
                    at = (part * 36 + p) * c * k
                    multiply(v, p * tall * c, 1, c, m, p * tall * k, k, partial, at, k, (c, k, count), 1.0)
            if len(dx) > 0:
                for p in range(36):
                    multiply(m, p * tall * k, k, 1, u, p * c * k, c, v, p * tall * c, c, (count, c, k), 0.0)
                _add_images(v, tall * c, geometry, first, count, dx, tile)
