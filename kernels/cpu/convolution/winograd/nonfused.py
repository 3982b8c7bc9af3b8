"""Winograd's convolution for wide layers, not fused: all tiles to the points, the products point by point, and back.

Where `fused.py` takes a block of tiles through all steps, it reads the whole transformed kernel u, and reads and writes
the whole gradient du, once a block. Over 256×256 channels these are 9 MB each, far beyond a core's caches. Here the
threads share out the points instead: each takes u, du and many tiles' values at one point, all small, and keeps them in
its cache for one large product. The price is that the tiles' values, BUFFER_BYTES of them at a time, leave the cache
between the steps.

Arguments are flat arrays, as in `tiles.py`, which has the letters.
"""

from typing import Any

import numpy as np
from numba import prange

from ....window import Pair
from ...compile import vector_jit
from ...epilogue import Epilogue
from ...matmul import multiply, multiply_transposed
from ...memory import empty, scratch
from ...vectors import LANES
from .tiles import (
    EDGE_TILE,
    NO_BYTES,
    add_input_gradients,
    distance_of_points,
    tiles_per_image,
    transform_gradients,
    transform_images,
    write_outputs,
)

# Bytes of the tiles' values at the points, before and after the products, that are in memory at a time.
BUFFER_BYTES = 32 * 1024 * 1024

# The tiles that are taken through a step together are dealt out in this many shares. Each has its own sum of dy, and
# these are added in order: the bits do not depend on the number of threads.
SHARES = 16


def forward(
    x: np.ndarray,
    u: np.ndarray,
    epilogue: Epilogue,
    y: np.ndarray,
    argmax: np.ndarray,
    geometry: tuple[int, ...],
    side: tuple[int, ...],
) -> None:
    """Fill y, and `argmax` if it is not empty."""
    v, m, strides, block, tiles = _buffers(geometry, x.dtype, len(side))
    nonzero = empty((block * (len(side) + 2) ** 2,), np.uint8)
    for first in range(0, tiles, block):
        count = min(block, tiles - first)
        _transform_images(x, v, geometry, first, count, strides, nonzero, side)
        _products(v, u, m, (geometry[3], geometry[6]), count, strides, side)
        _transform_outputs(m, epilogue, y, argmax, geometry, first, count, strides, nonzero, side)


def parts(geometry: tuple[int, ...], side: int) -> int:
    """Return the number of parts in which a kernel's gradient is summed: the products at a point are one sum."""
    return 1


def backward(
    dy: np.ndarray,
    argmax: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    dx: np.ndarray,
    u: np.ndarray,
    du: np.ndarray,
    parts: int,
    geometry: tuple[int, ...],
    side: tuple[int, ...],
) -> np.ndarray:
    """Fill dx and du (points,c,k), unless they are empty, and return the sums of dy (SHARES,k).

    u (points,k,c) is of the kernel with its channels swapped. The sums are in double. du is in one part.
    """
    v, m, strides, block, tiles = _buffers(geometry, dy.dtype, len(side))
    c, k = geometry[3], geometry[6]
    sums = np.zeros((SHARES, k))
    for first in range(0, tiles, block):
        count = min(block, tiles - first)
        _transform_gradients(dy, argmax, y, m, geometry, first, count, strides, sums.reshape(-1), side)
        if du.size:
            _transform_images(x, v, geometry, first, count, strides, NO_BYTES, side)
            _kernel_products(v, m, du, geometry, count, strides, first > 0, side)
        if dx.size:
            _products(m, u, v, (k, c), count, strides[::-1], side)
            _add_input_gradients(v, dx, geometry, first, count, strides, side)
    return sums


def _buffers(geometry: tuple[int, ...], dtype: np.dtype, side: int) -> tuple[np.ndarray, np.ndarray, Pair, int, int]:
    """Return memory for a round of tiles: (v, m, strides, block, tiles).

    v and m are for the images' and the outputs' values at the points, `strides` the distances from point to point in
    them. They hold `block` of the `tiles` that there are.
    """
    n, _, _, c, oh, ow, k, _, _ = geometry
    tiles, points = n * -(-oh // side) * -(-ow // side), (side + 2) ** 2
    block = max(1, min(tiles, BUFFER_BYTES // (points * (c + k) * dtype.itemsize)))
    strides = distance_of_points(block, c), distance_of_points(block, k)
    v, m = (empty((points * stride,), dtype) for stride in strides)
    return v, m, strides, block, tiles


@vector_jit
def _transform_images(
    x: Any, v: Any, geometry: Any, first: int, count: int, strides: Any, nonzero: Any, side: Any
) -> None:
    """Transform the image cells of the tiles first … first + count − 1 to v."""
    c, stride = geometry[3], strides[0]
    for share in prange(SHARES):
        start, end = share * count // SHARES, (share + 1) * count // SHARES
        n0, tile = start * (len(side) + 2) ** 2, scratch(EDGE_TILE, x)
        transform_images(x, geometry, first + start, end - start, v, start * c, stride, nonzero, n0, tile, side)


@vector_jit
def _transform_gradients(
    dy: Any, argmax: Any, y: Any, m: Any, geometry: Any, first: int, count: int, strides: Any, sums: Any, side: Any
) -> None:
    """Transform the gradients of the tiles first … first + count − 1 to m, and add them to sums (SHARES, k)."""
    k, stride = geometry[6], strides[1]
    for share in prange(SHARES):
        start, end = share * count // SHARES, (share + 1) * count // SHARES
        tile = scratch(EDGE_TILE, dy)
        transform_gradients(
            dy, argmax, y, geometry, first + start, end - start, m, start * k, stride, sums, share * k, tile, side
        )


@vector_jit
def _products(a: Any, u: Any, b: Any, channels: Any, count: int, strides: Any, side: Any) -> None:
    """b = a · u at each point, for a of `count` tiles and u (points, *channels), LANES numbers between points."""
    c, k = channels
    a_stride, b_stride = strides
    for p in prange((len(side) + 2) ** 2):
        multiply(a, p * a_stride, c, u, p * (c * k + LANES), k, b, p * b_stride, k, (count, k, c), False)


@vector_jit
def _kernel_products(
    v: Any, m: Any, du: Any, geometry: Any, count: int, strides: Any, accumulate: bool, side: Any
) -> None:
    """du = vᵀ · m at each point, or with `accumulate` du += vᵀ · m."""
    c, k = geometry[3], geometry[6]
    v_stride, m_stride = strides
    for p in prange((len(side) + 2) ** 2):
        multiply_transposed(v, p * v_stride, c, m, p * m_stride, k, du, p * c * k, k, (c, k, count), accumulate)


@vector_jit
def _transform_outputs(
    m: Any,
    epilogue: Any,
    y: Any,
    argmax: Any,
    geometry: Any,
    first: int,
    count: int,
    strides: Any,
    nonzero: Any,
    side: Any,
) -> None:
    """Transform m to the outputs of the tiles first … first + count − 1."""
    k, stride, cells = geometry[6], strides[1], (len(side) + 2) ** 2
    for share in prange(SHARES):
        start, end = share * count // SHARES, (share + 1) * count // SHARES
        tile = scratch(EDGE_TILE, m)
        m0, n0, begin, tiles = start * k, start * cells, first + start, end - start
        write_outputs(m, m0, stride, geometry, begin, tiles, epilogue, nonzero, n0, y, argmax, tile, side, 0, k)


@vector_jit
def _add_input_gradients(v: Any, dx: Any, geometry: Any, first: int, count: int, strides: Any, side: Any) -> None:
    """Transform v back to the cells of the tiles first … first + count − 1, and add it to dx, an image a thread."""
    _, _, _, c, oh, ow, _, _, _ = geometry
    stride, tiles = strides[0], tiles_per_image(oh, ow, side)
    for image in prange(first // tiles, (first + count - 1) // tiles + 1):
        start, end = max(image * tiles, first), min((image + 1) * tiles, first + count)
        add_input_gradients(
            v, (start - first) * c, stride, geometry, start, end - start, dx, scratch(EDGE_TILE, v), side
        )
