"""Winograd's convolution of few tiles, as one image has: what a thread needs of the kernel it transforms by itself.

What it costs then is the kernel: transformed, it has four times as many numbers as there are weights, and each serves
few tiles. `fused.py` has one thread write what the others read, from one core's cache to the next; `nonfused.py` takes
it through memory. Here a thread transforms the part of the kernel that belongs to its block of the outputs, uses it
while it is in its cache, and forgets it.

The threads share out the outputs' channels, or the tiles, if there are more of them. What several need, cells or
kernel, each transforms for itself, which is faster than to fetch it from another core; only where that would be much,
the transformed cells are shared, and the channels dealt out in smaller blocks.

The products are summed in the same order as there: the bits are the same. Arguments are flat arrays, as in `tiles.py`.
"""

from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from numba import get_thread_id, prange

from ...compile import vector_jit
from ...epilogue import Epilogue
from ...matmul import multiply
from ...memory import empty, scratch, thread_buffers
from ...parallel import threads_here
from ...vectors import LANES
from .tiles import EDGE_TILE, distance_of_points, tiles_per_image, transform_images, write_outputs
from .transforms import filter_transform

# With more tiles than that, a transformed kernel serves long enough to be worth writing down; with fewer already where
# it is so wide that all threads share the transformed cells.
MAX_TILES = 64
MAX_TILES_WIDE = 20

# Bytes of a block's part of the transformed kernel: half of a core's second-level cache, beside the tiles.
FILTER_BYTES = 512 * 1024

# Bytes of all transformed cells up to which each thread transforms them for itself.
OWN_CELLS_BYTES = 512 * 1024

# Channels of the outputs in a block, where the cells are shared: two vectors, for register tiles of 8 rows by 2.
BLOCK = 2 * LANES

# Tiles that are transformed at a time where all threads share the result.
TILES = 4


def serves(geometry: tuple[int, ...], side: int) -> bool:
    """Return whether so many tiles are few."""
    n, _, _, _, oh, ow, _, _, _ = geometry
    tiles = n * ceil(oh / side) * ceil(ow / side)
    own, *_ = _block(geometry, side, threads_here())
    return 0 < tiles <= (MAX_TILES if own else MAX_TILES_WIDE)


def forward(
    x: np.ndarray,
    w: np.ndarray,
    epilogue: Epilogue,
    y: np.ndarray,
    argmax: np.ndarray,
    geometry: tuple[int, ...],
    side: tuple[int, ...],
) -> None:
    """Fill y, and `argmax` if it is not empty, from the kernel w (3,3,c,k) itself."""
    threads = threads_here()
    own, *sizes = _block(geometry, len(side), threads)
    (count, block, depth), c, points = sizes, geometry[3], (len(side) + 2) ** 2
    # Distances between points of the cells, the outputs and the kernel. A power of two would map all points to the same
    # lines of a cache.
    strides = distance_of_points(count, c), distance_of_points(count, block), depth * block + LANES
    copies = threads if own else 1
    v, nonzero = empty((copies, points * strides[0]), x.dtype), empty((copies, points * count), np.uint8)
    workspace = thread_buffers(points * (strides[1] + strides[2]), x.dtype)
    _forward(x, w, epilogue, y, argmax, geometry, own, tuple(sizes), strides, v, nonzero, workspace, side)


@lru_cache(1024)
def _block(geometry: tuple[int, ...], side: int, threads: int) -> tuple[bool, int, int, int]:
    """Return whether each thread transforms its own cells, and the tiles, channels out and channels in of a block."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    tiles, points = n * ceil(oh / side) * ceil(ow / side), (side + 2) ** 2
    count, block = (ceil(tiles / threads), k) if tiles > k else (tiles, ceil(k / threads / LANES) * LANES)
    if points * c * block * 4 <= FILTER_BYTES and points * count * c * 4 <= OWN_CELLS_BYTES:
        return True, count, block, c
    block = min(ceil(k / threads / LANES) * LANES, BLOCK)
    return False, tiles, block, max(LANES, min(c, FILTER_BYTES // (points * block * 4) // LANES * LANES))


@vector_jit
def _forward(
    x: Any,
    w: Any,
    epilogue: Any,
    y: Any,
    argmax: Any,
    geometry: Any,
    own: bool,
    sizes: Any,
    strides: Any,
    v: Any,
    nonzero: Any,
    workspace: Any,
    side: Any,
) -> None:
    """Fill y, and `argmax` if it is not empty, a block a thread; `own` and `sizes` are as `_block` has them."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    (most, block, depth), (v_stride, m_stride, u_stride) = sizes, strides
    points, tiles = (len(side) + 2) ** 2, n * tiles_per_image(oh, ow, side)
    across = (k + block - 1) // block
    for some in prange(0 if own else (tiles + TILES - 1) // TILES):
        first, tile, cells = some * TILES, scratch(EDGE_TILE, x), nonzero[0]
        count = min(TILES, tiles - first)
        transform_images(x, geometry, first, count, v[0], first * c, v_stride, cells, first * points, tile, side)
    for number in prange((tiles + most - 1) // most * across):
        first, k0, mine = number // across * most, number % across * block, get_thread_id() if own else 0
        count, channels = min(most, tiles - first), min(block, k - k0)
        transformed, cells, tile = v[mine], nonzero[mine], scratch(EDGE_TILE, x)
        if own:
            transform_images(x, geometry, first, count, transformed, 0, v_stride, cells, 0, tile, side)
        u, m = workspace[get_thread_id()], workspace[get_thread_id()][points * u_stride :]
        for c0 in range(0, c, depth):
            terms = min(depth, c - c0)
            for row in range(terms):
                for at in range(0, channels, LANES):
                    filter_transform(w, (c0 + row) * k + k0 + at, c * k, u, row * channels + at, u_stride, side)
            for p in range(points):
                v0, u0, m0 = p * v_stride + c0, p * u_stride, p * m_stride
                multiply(transformed, v0, c, u, u0, channels, m, m0, channels, (count, channels, terms), c0 > 0)
        write_outputs(m, 0, m_stride, geometry, first, count, epilogue, cells, 0, y, argmax, tile, side, k0, channels)
