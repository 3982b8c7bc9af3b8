"""Winograd's tiles: where they lie, and the transforms of those that edges cut as well as of whole ones.

The outputs of an image are cut into square tiles, row by row; each sees two cells more in either direction, which its
neighbours see too. Whole tiles go to `transforms.py` as they are. A tile that an edge cuts is copied to a small array
first, or from it after, with zeros where there is nothing.

`geometry` is n, h, w, c of the images, oh, ow, k of the outputs and the padding at the top and left; `side` is a tuple
as long as the side of a tile of outputs, 4, 3 or 2 (see `transforms.py`). All arrays are flat. Tiles are numbered
through all images; tile s at point p has its values in v[v0 + p·stride + s·c …], and in m[m0 + p·stride + s·k …].
"""

from typing import Any

import numpy as np

from ...compile import helper
from ...epilogue import limited
from ...matmul import MAX_MR
from ...packing import add_vector, clear_vector, copy_vector
from ...vectors import LANES, in_any, in_registers, is_nonzero, repeat, where
from ..fused_pooling import max_and_argmax, max_of_square, unpool
from .transforms import (
    input_gradient_transform,
    input_transform,
    output_gradient_transform,
    output_gradient_transform_pooled,
    output_gradient_transform_relu,
    output_transform,
    output_transform_pooled,
    output_transform_pooled_where,
)

EDGE_TILE = 6 * 6 * LANES  # numbers of the small array that a tile at an edge is copied to: those of the largest

# Arrays that are not given, or not wanted.
NO_NUMBERS, NO_BYTES = np.empty(0, np.float32), np.empty(0, np.uint8)


def distance_of_points(block: int, channels: int) -> int:
    """Return the distance between a block of tiles' values at one point and at the next.

    That is space for the tiles, for the rows that `multiply` may write behind them, and a cache line more, lest a power
    of two map all points to the same few lines of a cache.
    """
    return (block + MAX_MR) * channels + LANES


@helper
def tiles_per_image(oh: int, ow: int, side: Any) -> int:
    """Return how many tiles the outputs of an image have."""
    return ((oh + len(side) - 1) // len(side)) * ((ow + len(side) - 1) // len(side))


@helper
def _origin(tile: int, oh: int, ow: int, side: Any) -> tuple[int, int, int]:
    """Return the image of a tile, and its first output row and column."""
    m = len(side)
    down, across = (oh + m - 1) // m, (ow + m - 1) // m
    return tile // (down * across), tile // across % down * m, tile % across * m


@helper
def _is_inside(y0: int, x0: int, side: int, h: int, w: int) -> bool:
    """Return whether side×side cells from (y0, x0) on lie in an image of h×w."""
    return y0 >= 0 and x0 >= 0 and y0 + side <= h and x0 + side <= w


@in_registers
def _copy_rectified(x, y, start, target, at):
    target[at] = where(y[start] > 0, x[start], 0)


@in_registers
def _copy_shift(epilogue, k0, target, at):
    target[at] = limited(epilogue[1][k0], epilogue)


@in_registers
def _write_shift_pooled(epilogue, k0, y, argmax, at, row, cell, side):
    """What `output_transform_pooled_where` writes where no output of the tile sees anything but 0."""
    best = max_and_argmax([limited(epilogue[1][k0], epilogue)] * 4, epilogue[2])
    for i, j in np.ndindex(side // 2, side // 2):
        y[at + row * i + cell * j], argmax[at + row * i + cell * j] = best


@in_registers
def _copy_unpooled(dy, argmax, start, target, at, row):
    for (i, j), value in zip(np.ndindex(2, 2), unpool(dy[start], argmax[start]), strict=True):
        target[at + row * i + j * LANES] = value


@helper
def _copy_cells(
    x: Any, shape: Any, image: int, y0: int, x0: int, c0: int, side: int, rectifier: Any, tile: Any
) -> None:
    """Copy side×side cells of LANES channels to the flat `tile`, 0 for cells outside the image.

    Also 0 where the array `rectifier`, if it is not empty, is not above 0.
    """
    h, w, c = shape
    for i in range(side):
        for j in range(side):
            to = (i * side + j) * LANES
            at = ((image * h + y0 + i) * w + x0 + j) * c + c0
            if not (y0 + i >= 0 and y0 + i < h and x0 + j >= 0 and x0 + j < w):
                clear_vector(tile, to)
            elif len(rectifier) > 0:
                _copy_rectified(x, rectifier, at, tile, to)
            else:
                copy_vector(x, at, tile, to)


@in_registers
def _mark_cell(x, cell, vectors, nonzero, at):
    """nonzero[at] = 1 if one of the numbers of so many vectors from x[cell] on is not 0, else 0."""
    (seen,) = repeat(vectors, lambda v, seen: [seen | is_nonzero(x[cell + v * LANES])], [is_nonzero(x[cell])])
    nonzero.put(at, in_any(seen))


@helper
def _mark_nonzero(x: Any, geometry: Any, image: int, y0: int, x0: int, nonzero: Any, at: int, side: int) -> None:
    """Set nonzero[at …] to 1 for each of side×side cells that is in the image with a channel that is not 0, else 0."""
    _, h, w, c, _, _, _, _, _ = geometry
    for i in range(side):
        for j in range(side):
            if y0 + i >= 0 and y0 + i < h and x0 + j >= 0 and x0 + j < w:
                _mark_cell(x, ((image * h + y0 + i) * w + x0 + j) * c, c // LANES, nonzero, at + i * side + j)
            else:
                nonzero[at + i * side + j] = 0


@helper
def transform_images(
    x: Any,
    geometry: Any,
    first: int,
    count: int,
    v: Any,
    v0: int,
    stride: int,
    nonzero: Any,
    n0: int,
    tile: Any,
    side: Any,
) -> None:
    """Transform the cells of the tiles first … first + count − 1 to v (points, stride).

    Unless `nonzero` is empty, note there, from n0 on, which cells have a channel that is not 0.
    """
    _, h, w, c, oh, ow, _, top, left = geometry
    cells = len(side) + 2
    for s in range(count):
        image, i, j = _origin(first + s, oh, ow, side)
        y0, x0 = i - top, j - left
        inside = _is_inside(y0, x0, cells, h, w)
        if len(nonzero) > 0:
            _mark_nonzero(x, geometry, image, y0, x0, nonzero, n0 + s * cells**2, cells)
        for c0 in range(0, c, LANES):
            if inside:
                input_transform(x, ((image * h + y0) * w + x0) * c + c0, w * c, c, v, v0 + s * c + c0, stride, side)
            else:
                _copy_cells(x, (h, w, c), image, y0, x0, c0, cells, tile[:0], tile)
                input_transform(tile, 0, cells * LANES, LANES, v, v0 + s * c + c0, stride, side)


@helper
def _unpool_tile(dy: Any, argmax: Any, shape: Any, image: int, y0: int, x0: int, k0: int, tile: Any, side: Any) -> None:
    """Write the gradients of a tile of outputs from (y0, x0) on, LANES channels, to the flat `tile`.

    Each dy goes to the output of its 2×2 square that `argmax` names; the others, and those outside the h×w outputs,
    have 0.
    """
    h, w, k = shape
    for cell in range(len(side) ** 2):
        clear_vector(tile, cell * LANES)
    for i in range(0, min(len(side), h - y0), 2):
        for j in range(0, min(len(side), w - x0), 2):
            at = ((image * h + y0 + i) // 2 * (w // 2) + (x0 + j) // 2) * k + k0
            _copy_unpooled(dy, argmax, at, tile, (i * len(side) + j) * LANES, len(side) * LANES)


@helper
def transform_gradients(
    dy: Any,
    argmax: Any,
    y: Any,
    geometry: Any,
    first: int,
    count: int,
    m: Any,
    m0: int,
    stride: int,
    sums: Any,
    s0: int,
    tile: Any,
    side: Any,
) -> None:
    """Transform the output gradients of the tiles first … first + count − 1 to m (points, stride)."""
    _, _, _, _, oh, ow, k, _, _ = geometry
    for s in range(count):
        image, i, j = _origin(first + s, oh, ow, side)
        inside = _is_inside(i, j, len(side), oh, ow)
        for k0 in range(0, k, LANES):
            to, sum_ = m0 + s * k + k0, s0 + k0
            if inside and len(argmax) > 0:
                at = ((image * oh + i) // 2 * (ow // 2) + j // 2) * k + k0
                output_gradient_transform_pooled(dy, argmax, at, ow // 2 * k, k, m, to, stride, sums, sum_, side)
            elif inside and len(y) > 0:
                at = ((image * oh + i) * ow + j) * k + k0
                output_gradient_transform_relu(dy, y, at, ow * k, k, m, to, stride, sums, sum_, side)
            else:
                if len(argmax) > 0:
                    _unpool_tile(dy, argmax, (oh, ow, k), image, i, j, k0, tile, side)
                else:
                    _copy_cells(dy, (oh, ow, k), image, i, j, k0, len(side), y, tile)
                output_gradient_transform(tile, 0, len(side) * LANES, LANES, m, to, stride, sums, sum_, side)


@helper
def add_input_gradients(
    v: Any, v0: int, stride: int, geometry: Any, first: int, count: int, dx: Any, tile: Any, side: Any
) -> None:
    """Transform v (points, stride) back to the cells of the tiles first … first + count − 1, and add it to dx."""
    _, h, w, c, oh, ow, _, top, left = geometry
    for s in range(count):
        image, i, j = _origin(first + s, oh, ow, side)
        if i == 0 and j == 0:
            dx[image * h * w * c : (image + 1) * h * w * c] = 0
        y0, x0 = i - top, j - left
        inside = _is_inside(y0, x0, len(side) + 2, h, w)
        for c0 in range(0, c, LANES):
            if inside:
                input_gradient_transform(
                    v, v0 + s * c + c0, stride, dx, ((image * h + y0) * w + x0) * c + c0, w * c, c, side
                )
                continue
            cells = len(side) + 2
            for cell in range(cells**2):
                clear_vector(tile, cell * LANES)
            input_gradient_transform(v, v0 + s * c + c0, stride, tile, 0, cells * LANES, LANES, side)
            for p in range(max(0, -y0), min(cells, h - y0)):
                for q in range(max(0, -x0), min(cells, w - x0)):
                    at = ((image * h + y0 + p) * w + x0 + q) * c + c0
                    add_vector(tile, (cells * p + q) * LANES, dx, at)


@helper
def _count_nonzero(nonzero: Any, at: int, row: int, side: int) -> int:
    """Return how many of side×side cells from nonzero[at] on are marked; a row has `row` cells."""
    count = 0
    for i in range(side):
        for j in range(side):
            count += nonzero[at + i * row + j]
    return count


@helper
def _write_tile(
    tile: Any, k0: int, floor: Any, y: Any, argmax: Any, shape: Any, image: int, i: int, j: int, side: Any
) -> None:
    """Copy the outputs in the flat `tile` that the image has to y; unless `argmax` is empty, each square's largest."""
    h, w, k = shape
    m = len(side)
    if len(argmax) == 0:
        for p in range(min(m, h - i)):
            for q in range(min(m, w - j)):
                at = ((image * h + i + p) * w + j + q) * k + k0
                copy_vector(tile, (m * p + q) * LANES, y, at)
        return
    for p in range(0, min(m, h - i), 2):
        for q in range(0, min(m, w - j), 2):
            at = ((image * h + i + p) // 2 * (w // 2) + (j + q) // 2) * k + k0
            max_of_square(tile, (m * p + q) * LANES, m * LANES, LANES, floor, y, argmax, at)


@helper
def write_outputs(
    m: Any,
    m0: int,
    stride: int,
    geometry: Any,
    first: int,
    count: int,
    epilogue: Any,
    nonzero: Any,
    n0: int,
    y: Any,
    argmax: Any,
    tile: Any,
    side: Any,
    k0: int,
    channels: int,
) -> None:
    """Transform m (points, stride) to the outputs of the tiles first … first + count − 1.

    m has the values of so many channels from k0 on, not of all k: those of tile s from m0 + s·channels on.

    An output that sees only zeros is its shift, exactly. Behind a ReLU that is common, and the transforms would leave
    the rounding of its neighbours' values in its place: a little more than 0, where a following ReLU of the definition
    has 0 and hands no gradient on.
    """
    _, _, _, _, oh, ow, k, _, _ = geometry
    cells = len(side) + 2
    sees_nonzero = np.empty(len(side) ** 2, np.uint8)
    for s in range(count):
        image, i, j = _origin(first + s, oh, ow, side)
        window = n0 + s * cells**2
        seen = _count_nonzero(nonzero, window, cells, cells)
        inside, whole = _is_inside(i, j, len(side), oh, ow), seen == cells**2
        if not whole:
            for p in range(len(side)):
                for q in range(len(side)):
                    sees_nonzero[len(side) * p + q] = (
                        seen > 0 and _count_nonzero(nonzero, window + p * cells + q, cells, 3) > 0
                    )
        for to in range(k0, k0 + channels, LANES):
            start = m0 + s * channels + to - k0
            if inside and len(argmax) > 0:
                at = ((image * oh + i) // 2 * (ow // 2) + j // 2) * k + to
                row = ow // 2 * k
                if whole:
                    output_transform_pooled(m, start, stride, epilogue, to, y, argmax, at, row, k, side)
                elif seen > 0:
                    output_transform_pooled_where(
                        sees_nonzero, m, start, stride, epilogue, to, y, argmax, at, row, k, side
                    )
                else:
                    _write_shift_pooled(epilogue, to, y, argmax, at, row, k, side)
                continue
            if inside and whole:
                at = ((image * oh + i) * ow + j) * k + to
                output_transform(m, start, stride, epilogue, to, y, at, ow * k, k, side)
                continue
            if seen > 0:
                output_transform(m, start, stride, epilogue, to, tile, 0, len(side) * LANES, LANES, side)
            if not whole:
                for cell in range(len(side) ** 2):
                    if sees_nonzero[cell] == 0:
                        _copy_shift(epilogue, to, tile, cell * LANES)
            _write_tile(tile, to, epilogue[2], y, argmax, (oh, ow, k), image, i, j, side)
