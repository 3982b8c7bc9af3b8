"""Winograd's convolution of few tiles, as one image has: the threads share out the channels of the outputs.

What it costs then is the kernel: transformed, it has four times as many numbers as there are weights, and each serves
few tiles. `fused.py`, where threads share out tiles, has one thread write what the others read, from one core's cache
to the next; `nonfused.py` takes it through memory. Here a thread transforms the part of the kernel that belongs to its
channels, a block at a time, uses it while it is in its cache, and forgets it. All need all tiles' cells, transformed:
where these are few, each thread transforms them for itself, which is faster than to fetch them from another core.

The products are summed in the same order as there: the bits are the same. Arguments are flat arrays, as in `tiles.py`.
"""

from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from numba import get_thread_id, prange

from ...compile import vector_jit
from ...matmul import multiply
from ...memory import empty, scratch, thread_buffers
from ...parallel import threads_here
from ...vectors import LANES
from .tiles import EDGE_TILE, distance_of_points, transform_images, write_outputs
from .transforms import filter_transform

# With more tiles than that, a transformed kernel serves long enough to be worth writing down; with fewer already where
# it is so wide that all threads share the transformed cells.
MAX_TILES = 64
MAX_TILES_WIDE = 20

# Bytes of a block's part of the transformed kernel: half of a core's second-level cache, beside the tiles.
FILTER_BYTES = 512 * 1024

# Bytes of all transformed cells up to which each thread transforms them for itself.
OWN_CELLS_BYTES = 512 * 1024

# Channels of the outputs in a block, where each thread has several: two vectors, for register tiles of 8 rows by 2.
BLOCK = 2 * LANES

# Tiles that are transformed at a time where all threads share the result.
TILES = 4


def serves(geometry: tuple[int, ...], side: int) -> bool:
    """Return whether so many tiles are few."""
    tiles, _, _, own = _block(geometry, side, threads_here())
    return 0 < tiles <= (MAX_TILES if own else MAX_TILES_WIDE)


def forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    y: np.ndarray,
    argmax: np.ndarray,
    geometry: tuple[int, ...],
    floor: Any,
    side: tuple[int, ...],
) -> None:
    """Fill y, and `argmax` if it is not empty, from the kernel w (3,3,c,k) itself."""
    threads = threads_here()
    tiles, block, depth, own = _block(geometry, len(side), threads)
    c, points = geometry[3], (len(side) + 2) ** 2
    strides = distance_of_points(tiles, c), distance_of_points(tiles, block)
    copies = threads if own else 1
    v, nonzero = empty((copies, points * strides[0]), x.dtype), empty((copies, points * tiles), np.uint8)
    workspace = thread_buffers(points * (depth * block + strides[1]), x.dtype)
    _forward(x, w, b, y, argmax, geometry, (tiles, block, depth), strides, own, v, nonzero, workspace, floor, side)


@lru_cache(1024)
def _block(geometry: tuple[int, ...], side: int, threads: int) -> tuple[int, int, int, bool]:
    """Return the number of tiles, the channels out and in of a block, and whether each thread transforms all cells."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    tiles, points = n * ceil(oh / side) * ceil(ow / side), (side + 2) ** 2
    share = ceil(k / threads / LANES) * LANES
    if points * c * share * 4 <= FILTER_BYTES and points * tiles * c * 4 <= OWN_CELLS_BYTES:
        return tiles, share, c, True
    block = min(share, BLOCK)
    return tiles, block, max(LANES, min(c, FILTER_BYTES // (points * block * 4) // LANES * LANES)), False


@vector_jit
def _forward(
    x: Any,
    w: Any,
    b: Any,
    y: Any,
    argmax: Any,
    geometry: Any,
    sizes: Any,
    strides: Any,
    own: bool,
    v: Any,
    nonzero: Any,
    workspace: Any,
    floor: Any,
    side: Any,
) -> None:
    """Fill y, and `argmax` if it is not empty, a block of channels a thread; `own` is as `_block` has it."""
    c, k = geometry[3], geometry[6]
    (tiles, block, depth), (v_stride, m_stride), points = sizes, strides, (len(side) + 2) ** 2
    for some in prange(0 if own else (tiles + TILES - 1) // TILES):
        first, tile = some * TILES, scratch(EDGE_TILE, x)
        count, cells = min(TILES, tiles - first), nonzero[0]
        transform_images(x, geometry, first, count, v[0], first * c, v_stride, cells, first * points, tile, side)
    for number in prange((k + block - 1) // block):
        k0, mine = number * block, get_thread_id() if own else 0
        channels = min(block, k - k0)
        transformed, cells, tile = v[mine], nonzero[mine], scratch(EDGE_TILE, x)
        if own:
            transform_images(x, geometry, 0, tiles, transformed, 0, v_stride, cells, 0, tile, side)
        u, m = workspace[get_thread_id()], workspace[get_thread_id()][points * depth * block :]
        for c0 in range(0, c, depth):
            terms = min(depth, c - c0)
            for row in range(terms):
                for at in range(0, channels, LANES):
                    filter_transform(w, (c0 + row) * k + k0 + at, c * k, u, row * channels + at, depth * block, side)
            for p in range(points):
                shape = tiles, channels, terms
                starts = p * v_stride + c0, p * depth * block, p * m_stride
                multiply(transformed, starts[0], c, u, starts[1], channels, m, starts[2], channels, shape, c0 > 0)
        write_outputs(m, 0, m_stride, geometry, 0, tiles, b, floor, cells, 0, y, argmax, tile, side, k0, channels)
