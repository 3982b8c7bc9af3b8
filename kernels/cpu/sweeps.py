"""Winograd's convolution for wide layers, in sweeps: all tiles to the points, point by point the products, and back.

Where `winograd.py` takes a block of tiles through all steps, it reads the whole transformed kernel u, and reads and
writes the whole gradient du, once a block. Over 256×256 channels these are 9 MB each, far beyond a core's caches. Here
the threads share out the points instead: each takes u, du and many tiles' values at one point, all small, and keeps
them in its cache for one large product. The price is that the tiles' values, BUFFER bytes of them, leave the cache
between the sweeps.

Arguments are flat arrays, as in `tiles.py`, which has the letters.
"""

from typing import Any

import numpy as np
from numba import prange

from ..window import Pair
from .compile import vector_jit
from .memory import empty, scratch
from .product import multiply, multiply_transposed
from .tiles import CELLS, add_images, fill_gradients, fill_images, plane, tiles_of, write_outputs

BUFFER = 32 * 1024 * 1024

# The tiles of a sweep are dealt out in this many groups. Each has its own sum of dy, and these are added in order: the
# bits do not depend on the number of threads.
GROUPS = 16


def forward(
    x: np.ndarray,
    u: np.ndarray,
    b: np.ndarray,
    y: np.ndarray,
    place: np.ndarray,
    geometry: tuple[int, ...],
    floor: Any,
    side: tuple[int, ...],
) -> None:
    """Fill y, and `place` if it is not empty."""
    v, m, planes, block, tiles = _buffers(geometry, x.dtype, len(side))
    alive = np.empty(block * (len(side) + 2) ** 2, np.uint8)
    for first in range(0, tiles, block):
        count = min(block, tiles - first)
        _images(x, v, geometry, first, count, planes, alive, side)
        _products(v, u, m, (geometry[3], geometry[6]), count, planes, side)
        _outputs(m, b, y, place, geometry, first, count, planes, alive, floor, side)


def backward(
    dy: np.ndarray,
    place: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    dx: np.ndarray,
    u: np.ndarray,
    du: np.ndarray,
    geometry: tuple[int, ...],
    side: tuple[int, ...],
) -> np.ndarray:
    """Fill dx and du, unless they are empty, and return the sums of dy, (parts, k) in double.

    u (points, k, c) is of the transposed kernel.
    """
    v, m, planes, block, tiles = _buffers(geometry, dy.dtype, len(side))
    c, k = geometry[3], geometry[6]
    sums = np.zeros((GROUPS, k))
    for first in range(0, tiles, block):
        count = min(block, tiles - first)
        _gradients(dy, place, y, m, geometry, first, count, planes, sums.reshape(-1), side)
        if du.size:
            _images(x, v, geometry, first, count, planes, NO_FLAGS, side)
            _kernel_products(v, m, du, geometry, count, planes, float(first), side)
        if dx.size:
            _products(m, u, v, (k, c), count, planes[::-1], side)
            _add(v, dx, geometry, first, count, planes, side)
    return sums


def _buffers(geometry: tuple[int, ...], dtype: np.dtype, side: int) -> tuple[np.ndarray, np.ndarray, Pair, int, int]:
    """Return room for the images' and the outputs' values at the points, the distances from point to point, for how
    many tiles that is, and how many there are."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    tiles, points = n * -(-oh // side) * -(-ow // side), (side + 2) ** 2
    block = max(1, min(tiles, BUFFER // (points * (c + k) * dtype.itemsize)))
    planes = plane(block, c), plane(block, k)
    return empty((points * planes[0],), dtype), empty((points * planes[1],), dtype), planes, block, tiles


NO_FLAGS = np.empty(0, np.uint8)


@vector_jit
def _images(x: Any, v: Any, geometry: Any, first: int, count: int, planes: Any, alive: Any, side: Any) -> None:
    """Transform the image cells of the tiles first … first + count − 1 to v."""
    c, distance = geometry[3], planes[0]
    for group in prange(GROUPS):
        start, end = group * count // GROUPS, (group + 1) * count // GROUPS
        a0, tile = start * (len(side) + 2) ** 2, scratch(CELLS, x)
        fill_images(x, geometry, first + start, end - start, v, start * c, distance, alive, a0, tile, side)


@vector_jit
def _gradients(
    dy: Any, place: Any, y: Any, m: Any, geometry: Any, first: int, count: int, planes: Any, sums: Any, side: Any
) -> None:
    """Transform the gradients of the tiles first … first + count − 1 to m, and add them to sums (GROUPS, k)."""
    k, distance = geometry[6], planes[1]
    for group in prange(GROUPS):
        start, end = group * count // GROUPS, (group + 1) * count // GROUPS
        tile = scratch(CELLS, dy)
        fill_gradients(
            dy, place, y, geometry, first + start, end - start, m, start * k, distance, sums, group * k, tile, side
        )


@vector_jit
def _products(a: Any, u: Any, b: Any, channels: Any, count: int, planes: Any, side: Any) -> None:
    """b = a · u at each point, for a of `count` tiles and u (points, *channels)."""
    c, k = channels
    a_plane, b_plane = planes
    for p in prange((len(side) + 2) ** 2):
        multiply(a, p * a_plane, c, u, p * c * k, k, b, p * b_plane, k, (count, k, c), 0.0)


@vector_jit
def _kernel_products(v: Any, m: Any, du: Any, geometry: Any, count: int, planes: Any, kept: float, side: Any) -> None:
    """du = vᵀ · m at each point, or du += with `kept` above 0."""
    c, k = geometry[3], geometry[6]
    v_plane, m_plane = planes
    for p in prange((len(side) + 2) ** 2):
        multiply_transposed(v, p * v_plane, c, m, p * m_plane, k, du, p * c * k, k, (c, k, count), kept)


@vector_jit
def _outputs(
    m: Any,
    b: Any,
    y: Any,
    place: Any,
    geometry: Any,
    first: int,
    count: int,
    planes: Any,
    alive: Any,
    floor: Any,
    side: Any,
) -> None:
    """Transform m to the outputs of the tiles first … first + count − 1."""
    k, distance = geometry[6], planes[1]
    for group in prange(GROUPS):
        start, end = group * count // GROUPS, (group + 1) * count // GROUPS
        tile = scratch(CELLS, m)
        write_outputs(
            m,
            start * k,
            distance,
            geometry,
            first + start,
            end - start,
            b,
            floor,
            alive,
            start * (len(side) + 2) ** 2,
            y,
            place,
            tile,
            side,
        )


@vector_jit
def _add(v: Any, dx: Any, geometry: Any, first: int, count: int, planes: Any, side: Any) -> None:
    """Transform v back to the cells of the tiles first … first + count − 1, and add it to dx, an image a thread."""
    _, _, _, c, oh, ow, _, _, _ = geometry
    distance, tiles = planes[0], tiles_of(oh, ow, side)
    for image in prange(first // tiles, (first + count - 1) // tiles + 1):
        start, end = max(image * tiles, first), min((image + 1) * tiles, first + count)
        add_images(v, (start - first) * c, distance, geometry, start, end - start, dx, scratch(CELLS, v), side)
