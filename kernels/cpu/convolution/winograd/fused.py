"""Winograd's convolution fused: one thread takes a block of tiles through all steps while it stays in cache.

`nonfused.py` has the other way, for wide layers. Arguments are flat arrays, as in `tiles.py`, which has the letters. No
slice of an array that all threads share is taken inside a loop: counting the references to it would cost more than the
work.
"""

from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from numba import get_thread_id, prange

from ....window import Pair
from ...compile import vector_jit
from ...epilogue import Epilogue
from ...matmul import MAX_MR, multiply, multiply_transposed
from ...memory import scratch, thread_buffers
from ...parallel import threads_here
from ...vectors import LANES
from .tiles import (
    EDGE_TILE,
    add_input_gradients,
    distance_of_points,
    tiles_per_image,
    transform_gradients,
    transform_images,
    write_outputs,
)

# Bytes of one block's transformed tiles, before and after the product: about a core's second-level cache.
CACHE_BYTES = 1024 * 1024

# Gradients are computed in this many parts, of whole images each. The parts of a kernel's gradient are added in order,
# so the bits do not depend on the number of threads. Fewer where they would take more than PARTS_BYTES together, or
# have less than PART_TILES tiles each: to add them up must not take longer than to compute them.
PARTS = 16
PARTS_BYTES = 64 * 1024 * 1024
PART_TILES = 256


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
    block, strides = _block(geometry, len(side), threads_here())
    workspace = thread_buffers((len(side) + 2) ** 2 * sum(strides), x.dtype)
    _forward(x, u, epilogue, y, argmax, geometry, block, strides, workspace, side)


def parts(geometry: tuple[int, ...], side: int) -> int:
    """Return the number of parts in which gradients are summed."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    tiles = n * -(-oh // side) * -(-ow // side)
    return min(PARTS, max(1, n), max(4, PARTS_BYTES // ((side + 2) ** 2 * c * k * 4)), max(4, tiles // PART_TILES))


def backward(
    dy: np.ndarray,
    argmax: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    dx: np.ndarray,
    u: np.ndarray,
    partial: np.ndarray,
    parts: int,
    geometry: tuple[int, ...],
    side: tuple[int, ...],
) -> np.ndarray:
    """Fill dx and add up du in `partial` (parts,points,c,k), unless they are empty; return the sums of dy (parts,k).

    u (points,k,c) is of the kernel with its channels swapped. The sums are in double.
    """
    sums = np.zeros((parts, geometry[6]))
    block, strides = _block(geometry, len(side), 1)
    workspace = thread_buffers((len(side) + 2) ** 2 * sum(strides), dy.dtype)
    arrays = dy, argmax, y, x, dx, u, partial, sums.reshape(-1)
    _backward(*arrays, geometry, parts, block, strides, workspace, side)
    return sums


@lru_cache(1024)
def _block(geometry: tuple[int, ...], side: int, threads: int) -> tuple[int, Pair]:
    """Return how many tiles make a block, and the distances between its points in v and m.

    A single image has fewer tiles than a block holds: then each of the threads has its share of them.
    """
    n, _, _, c, oh, ow, k, _, _ = geometry
    fitting = max(32, min(128, CACHE_BYTES // ((side + 2) ** 2 * (c + k) * 4))) // MAX_MR * MAX_MR
    share = ceil(n * ceil(oh / side) * ceil(ow / side) / threads / MAX_MR) * MAX_MR
    block = max(MAX_MR, min(fitting, share))
    return block, (distance_of_points(block, c), distance_of_points(block, k))


@vector_jit
def _forward(
    x: Any,
    u: Any,
    epilogue: Any,
    y: Any,
    argmax: Any,
    geometry: Any,
    block: int,
    strides: Any,
    workspace: Any,
    side: Any,
) -> None:
    """Fill y, and `argmax` if it is not empty, a block of tiles a thread; all arrays flat."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    points, tiles = (len(side) + 2) ** 2, n * tiles_per_image(oh, ow, side)
    for number in prange((tiles + block - 1) // block):
        first = number * block
        count = min(block, tiles - first)
        v_stride, m_stride = strides
        own, tile = workspace[get_thread_id()], scratch(EDGE_TILE, x)
        v, m = own[: points * v_stride], own[points * v_stride :]
        nonzero = np.empty(points * count, np.uint8)
        transform_images(x, geometry, first, count, v, 0, v_stride, nonzero, 0, tile, side)
        for p in range(points):
            multiply(v, p * v_stride, c, u, p * (c * k + LANES), k, m, p * m_stride, k, (count, k, c), False)
        write_outputs(m, 0, m_stride, geometry, first, count, epilogue, nonzero, 0, y, argmax, tile, side, 0, k)


@vector_jit
def _backward(
    dy: Any,
    argmax: Any,
    y: Any,
    x: Any,
    dx: Any,
    u: Any,
    partial: Any,
    sums: Any,
    geometry: Any,
    parts: int,
    block: int,
    strides: Any,
    workspace: Any,
    side: Any,
) -> None:
    """Fill dx and add up du in partial (parts,points,c,k) and db in sums (parts,k); an empty dx or partial stays so."""
    n, _, _, c, oh, ow, k, _, _ = geometry
    points, tiles = (len(side) + 2) ** 2, tiles_per_image(oh, ow, side)
    for part in prange(parts):
        v_stride, m_stride = strides
        own, tile = workspace[get_thread_id()], scratch(EDGE_TILE, x)
        v, m = own[: points * v_stride], own[points * v_stride :]
        last = (part + 1) * n // parts * tiles
        for first in range(part * n // parts * tiles, last, block):
            count = min(block, last - first)
            transform_gradients(dy, argmax, y, geometry, first, count, m, 0, m_stride, sums, part * k, tile, side)
            if len(partial) > 0:
                transform_images(x, geometry, first, count, v, 0, v_stride, argmax[:0], 0, tile, side)
                for p in range(points):
                    at = (part * points + p) * c * k
                    multiply_transposed(v, p * v_stride, c, m, p * m_stride, k, partial, at, k, (c, k, count), True)
            if len(dx) > 0:
                for p in range(points):
                    multiply(m, p * m_stride, k, u, p * (c * k + LANES), c, v, p * v_stride, c, (count, c, k), False)
                add_input_gradients(v, 0, v_stride, geometry, first, count, dx, tile, side)
