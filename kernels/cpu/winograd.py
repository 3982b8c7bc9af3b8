"""3×3 convolution at stride 1 by a quarter of the multiplications: Winograd's F(4×4, 3×3), and its transpose.

A tile of 4×4 outputs sees 6×6 cells of the image: 144 products by definition, 36 after the transforms of
`transforms.py`, which has the derivation. With `side` 3 or 2 it is F(3×3, 3×3), 25 products for 81, for outputs that
tiles of 4×4 do not fill, or F(2×2, 3×3), 16 for 36, which rounds less.
Over many channels the products become, at each point, a matrix product over the channels. In the letters of that
page, with v = Bᵀ x B and u = G w Gᵀ,

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
from numba import get_thread_id, prange

from ..window import Pair, Window
from . import sweeps
from .compile import vector_jit
from .memory import empty, scratch, thread_buffers, zeros
from .product import ROWS, multiply, multiply_transposed
from .tiles import CELLS, add_images, fill_gradients, fill_images, plane, tiles_of, write_outputs
from .transforms import kernel_to_points, points_to_kernel
from .vectors import LANES, add_vector, copy_square

# Bytes of one block's transformed tiles, before and after the product: about a core's second-level cache.
CACHE = 1024 * 1024

# Bytes of a transformed kernel from which on it is read too often, block by block.
WIDE = 4 * 1024 * 1024

# Gradients are computed in this many parts, of whole images each. The parts of a kernel's gradient are added in order,
# so the bits do not depend on the number of threads. Fewer where they would take more than PARTS_BYTES together, or
# have less than PART_TILES tiles each: to add them up must not take longer than to compute them.
PARTS = 16
PARTS_BYTES = 64 * 1024 * 1024
PART_TILES = 256

SIDE = 4  # of a tile of outputs

# Arrays that are not given, or not wanted.
NONE, NO_PLACE = np.empty(0, np.float32), np.empty(0, np.uint8)


def can(dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> bool:
    """Return whether this can be: 3×3 at stride 1, and whole vector registers of channels on either side."""
    return (
        dtype == np.float32
        and window.size == (3, 3)
        and window.strides == window.dilation == (1, 1)
        and groups == 1
        and shape[2] % LANES == shape[3] % LANES == 0
    )


def conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray, window: Window, floor: float, side: int = SIDE) -> np.ndarray:
    """Return y (n,oh,ow,k) = max(x ∗ w + b, floor) of images `x` (n,h,w,c), kernel `w` (3,3,c,k), bias `b` (k,)."""
    oh, ow = window.output(*x.shape[1:3])
    y = empty((len(x), oh, ow, w.shape[3]), x.dtype)
    _convolve(x, w, b, y, NO_PLACE, window, (oh, ow), floor, side)
    return y


def conv2d_pooled(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, window: Window, floor: float, side: int = SIDE
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest of each 2×2 square of what `conv2d` returns, and its place: both (n,oh/2,ow/2,k)."""
    oh, ow = window.output(*x.shape[1:3])
    y = empty((len(x), oh // 2, ow // 2, w.shape[3]), x.dtype)
    place = empty(y.shape, np.uint8)
    _convolve(x, w, b, y, place.reshape(-1), window, (oh // 2 * 2, ow // 2 * 2), floor, side)
    return y, place


def _convolve(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    y: np.ndarray,
    place: np.ndarray,
    window: Window,
    outputs: Pair,
    floor: float,
    side: int,
) -> None:
    """Fill y, and with it `place` if it is not empty, from `outputs` rows and columns of outputs."""
    n, h, width, c = x.shape
    k = w.shape[3]
    (top, _), (left, _) = window.pads(h, width)
    geometry = n, h, width, c, *outputs, k, top, left
    flat = x.reshape(-1), _transformed(w, side), b, y.reshape(-1), place, geometry
    if is_wide(c, k, side):
        sweeps.forward(*flat, x.dtype.type(floor), (0,) * side)
    else:
        block, planes = _block(c, k, side)
        room = thread_buffers((side + 2) ** 2 * sum(planes), x.dtype)
        _forward(*flat, block, planes, room, x.dtype.type(floor), (0,) * side)


def conv2d_backward(
    dy: np.ndarray,
    y: np.ndarray | None,
    place: np.ndarray | None,
    x: np.ndarray | None,
    w: np.ndarray | None,
    window: Window,
    image: Pair,
    side: int = SIDE,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray]:
    """Return dx (n,h,w,c), dw (3,3,c,k) and db (k,) from `dy` (n,oh,ow,k); `image` is (h, w).

    With `y`, the result of a convolution with a ReLU behind it, dy counts where y > 0; with `place`, each dy, now
    (n,oh/2,ow/2,k), belongs to one output of a square. Without the images `x` there is no dw, without the kernel `w`
    no dx.
    """
    n, oh, ow, k = dy.shape
    if place is not None:
        oh, ow = 2 * oh, 2 * ow
    c = w.shape[2] if w is not None else x.shape[3] if x is not None else 0
    (top, _), (left, _) = window.pads(*image)
    points, wide = (side + 2) ** 2, is_wide(c, k, side)
    tiles = n * -(-oh // side) * -(-ow // side)
    parts = min(PARTS, max(1, n), max(4, PARTS_BYTES // (points * c * k * 4)), max(4, tiles // PART_TILES))
    parts = 1 if wide else parts
    dx = dw = None
    u = partial = NONE
    if w is not None:
        dx = empty((n, *image, c), dy.dtype)
        u = _transformed(_flipped(w) if wide else np.ascontiguousarray(w.transpose(0, 1, 3, 2)), side)
    if x is not None:
        partial = (empty if wide and n else zeros)((parts * points * c * k,), dy.dtype)
    geometry = n, *image, c, oh, ow, k, top, left
    y, x_, dx_ = (NONE if array is None else array.reshape(-1) for array in (y, x, dx))
    place = NO_PLACE if place is None else place.reshape(-1)
    if wide:
        sums = sweeps.backward(dy.reshape(-1), place, y, x_, dx_, u, partial, geometry, (0,) * side)
    else:
        sums = np.zeros((parts, k))
        flat = dy.reshape(-1), place, y, x_, dx_, u, partial, sums.reshape(-1)
        block, planes = _block(c, k, side)
        _backward(*flat, geometry, parts, block, planes, thread_buffers(points * sum(planes), dy.dtype), (0,) * side)
    if x is not None:
        dw = np.empty((3, 3, c, k), dy.dtype)
        _transform_back(partial, parts, dw.reshape(-1), c, k, (0,) * side)
    return dx, dw, sums.sum(axis=0).astype(dy.dtype)


def is_wide(c: int, k: int, side: int) -> bool:
    """Return whether a kernel's transform is so large that `sweeps.py` serves better."""
    return (side + 2) ** 2 * c * k * 4 > WIDE


def _flipped(w: np.ndarray) -> np.ndarray:
    """Return the kernel (3,3,k,c) of `w` (3,3,c,k)."""
    c, k = w.shape[2:]
    flipped = empty((3, 3, k, c), w.dtype)
    _transpose(w.reshape(-1), flipped.reshape(-1), c, k)
    return flipped


def _transformed(w: np.ndarray, side: int) -> np.ndarray:
    """Return u = G w Gᵀ, flat (points,c,k), of the kernel `w` (3,3,c,k)."""
    c, k = w.shape[2:]
    u = empty(((side + 2) ** 2 * c * k,), w.dtype)
    _transform(w.reshape(-1), u, c, k, (0,) * side)
    return u


def _block(c: int, k: int, side: int) -> tuple[int, Pair]:
    """Return how many tiles make a block, and the distances between its points in v and m."""
    block = max(32, min(128, CACHE // ((side + 2) ** 2 * (c + k) * 4))) // ROWS * ROWS
    return block, (plane(block, c), plane(block, k))


@vector_jit
def _transpose(w: Any, flipped: Any, c: int, k: int) -> None:
    """Fill flipped (3,3,k,c) with w (3,3,c,k), the channels' axes exchanged; both flat."""
    for square in prange(c // LANES):
        for tap in range(9):
            for k0 in range(0, k, LANES):
                start, at = (tap * c + square * LANES) * k + k0, (tap * k + k0) * c + square * LANES
                copy_square(w, start, k, flipped, at, c)


@vector_jit
def _transform(w: Any, u: Any, c: int, k: int, side: Any) -> None:
    """Fill u (points,c,k) with the transform of w (3,3,c,k); both flat."""
    for row in prange(c):
        for at in range(row * k, (row + 1) * k, LANES):
            kernel_to_points(w, at, c * k, u, at, c * k, side)


@vector_jit
def _transform_back(partial: Any, parts: int, dw: Any, c: int, k: int, side: Any) -> None:
    """Add up the parts (parts,points,c,k), in order, in the first, and transform it back to dw (3,3,c,k); all flat."""
    points = (len(side) + 2) ** 2
    for row in prange(c):
        for at in range(row * k, (row + 1) * k, LANES):
            for part in range(1, parts):
                for p in range(points):
                    add_vector(partial, (part * points + p) * c * k + at, partial, p * c * k + at)
            points_to_kernel(partial, at, c * k, dw, at, c * k, side)


@vector_jit
def _forward(
    x: Any,
    u: Any,
    b: Any,
    y: Any,
    place: Any,
    geometry: Any,
    block: int,
    planes: Any,
    room: Any,
    floor: Any,
    side: Any,
) -> None:
    """Fill y, and `place` if it is not empty, a block of tiles a thread; all arrays flat."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    points, tiles = (len(side) + 2) ** 2, n * tiles_of(oh, ow, side)
    for number in prange((tiles + block - 1) // block):
        first = number * block
        count = min(block, tiles - first)
        v_plane, m_plane = planes
        own, tile = room[get_thread_id()], scratch(CELLS, x)
        v, m = own[: points * v_plane], own[points * v_plane :]
        alive = np.empty(points * count, np.uint8)
        fill_images(x, geometry, first, count, v, 0, v_plane, alive, 0, tile, side)
        for p in range(points):
            multiply(v, p * v_plane, c, u, p * c * k, k, m, p * m_plane, k, (count, k, c), 0.0)
        write_outputs(m, 0, m_plane, geometry, first, count, b, floor, alive, 0, y, place, tile, side)


@vector_jit
def _backward(
    dy: Any,
    place: Any,
    y: Any,
    x: Any,
    dx: Any,
    u: Any,
    partial: Any,
    sums: Any,
    geometry: Any,
    parts: int,
    block: int,
    planes: Any,
    room: Any,
    side: Any,
) -> None:
    """Fill dx and add up du in partial (parts,points,c,k) and db in sums (parts,k); an empty dx or partial stays so."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    points, tiles = (len(side) + 2) ** 2, tiles_of(oh, ow, side)
    for part in prange(parts):
        v_plane, m_plane = planes
        own, tile = room[get_thread_id()], scratch(CELLS, x)
        v, m = own[: points * v_plane], own[points * v_plane :]
        last = (part + 1) * n // parts * tiles
        for first in range(part * n // parts * tiles, last, block):
            count = min(block, last - first)
            fill_gradients(dy, place, y, geometry, first, count, m, 0, m_plane, sums, part * k, tile, side)
            if len(partial) > 0:
                fill_images(x, geometry, first, count, v, 0, v_plane, place[:0], 0, tile, side)
                for p in range(points):
                    at = (part * points + p) * c * k
                    multiply_transposed(v, p * v_plane, c, m, p * m_plane, k, partial, at, k, (c, k, count), 1.0)
            if len(dx) > 0:
                for p in range(points):
                    multiply(m, p * m_plane, k, u, p * c * k, c, v, p * v_plane, c, (count, c, k), 0.0)
                add_images(v, 0, v_plane, geometry, first, count, dx, tile, side)
