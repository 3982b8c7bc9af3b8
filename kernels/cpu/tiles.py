"""Winograd's tiles: where they lie, and the transforms of those that edges cut as well as of whole ones.

The outputs of an image are cut into square tiles, row by row; each sees two cells more in either direction, which its
neighbours see too. Whole tiles go to `transforms.py` as they are. A tile that an edge cuts is copied to a small array
first, or from it after, with zeros where there is nothing.

`geometry` is n, h, w, c of the images, oh, ow, k of the outputs and the padding at the top and left; `side` is a tuple
as long as the side of a tile of outputs, 4, 3 or 2 (see `transforms.py`). All arrays are flat. Tiles are numbered
through all images; the values of tile s at point p are v[v0 + p·distance + s·c …], and m[m0 + p·distance + s·k …].
"""

from typing import Any

import numpy as np

from .compile import helper
from .pooled import keep_largest, spread
from .product import ROWS
from .transforms import (
    image_to_points,
    output_to_points,
    points_to_image,
    points_to_output,
    points_to_pooled,
    pooled_to_points,
    rectified_to_points,
)
from .vectors import LANES, add_vector, copy_vector, in_registers, where

CELLS = 6 * 6 * LANES  # numbers of the small array that the largest tile is copied to


def plane(block: int, channels: int) -> int:
    """Return the distance between points: room for `block` tiles, for the rows that `multiply` may write behind them,
    and a cache line more, lest a power of two map all points to the same few lines of a cache."""
    return (block + ROWS) * channels + LANES


@helper
def tiles_of(oh: int, ow: int, side: Any) -> int:
    """Return how many tiles the outputs of an image have."""
    return ((oh + len(side) - 1) // len(side)) * ((ow + len(side) - 1) // len(side))


@helper
def _place(tile: int, oh: int, ow: int, side: Any) -> tuple[int, int, int]:
    """Return the image of a tile, and its first output row and column."""
    m = len(side)
    down, across = (oh + m - 1) // m, (ow + m - 1) // m
    return tile // (down * across), tile // across % down * m, tile % across * m


@helper
def _inside(y0: int, x0: int, side: int, h: int, w: int) -> bool:
    """Return whether side×side cells from (y0, x0) on lie in an image of h×w."""
    return y0 >= 0 and x0 >= 0 and y0 + side <= h and x0 + side <= w


@in_registers
def _copy_rectified(x, y, start, target, at):
    target[at] = where(y[start] > 0, x[start], 0)


@in_registers
def _clear(target, at):
    target[at] = 0


@in_registers
def _copy_bias(b, b0, floor, target, at):
    target[at] = where(b[b0] <= floor, floor, b[b0])


@in_registers
def _copy_spread(dy, place, start, target, at, row):
    for (i, j), value in zip(np.ndindex(2, 2), spread(dy[start], place[start]), strict=True):
        target[at + row * i + j * LANES] = value


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
                _clear(tile, to)
            elif len(rectifier) > 0:
                _copy_rectified(x, rectifier, at, tile, to)
            else:
                copy_vector(x, at, tile, to)


@helper
def _find_alive(x: Any, geometry: Any, image: int, y0: int, x0: int, alive: Any, at: int, side: int) -> None:
    """Set alive[at …] to 1 for each of side×side cells that lies in the image and has a value other than 0, else 0."""
    _, h, w, c, _, _, _, _, _ = geometry
    for i in range(side):
        for j in range(side):
            alive[at + i * side + j] = 0
            if y0 + i >= 0 and y0 + i < h and x0 + j >= 0 and x0 + j < w:
                cell = ((image * h + y0 + i) * w + x0 + j) * c
                for channel in range(c):
                    if x[cell + channel] != 0:
                        alive[at + i * side + j] = 1
                        break


@helper
def fill_images(
    x: Any,
    geometry: Any,
    first: int,
    count: int,
    v: Any,
    v0: int,
    distance: int,
    alive: Any,
    a0: int,
    tile: Any,
    side: Any,
) -> None:
    """Transform the cells of the tiles first … first + count − 1 to v (points, distance).

    Unless `alive` is empty, note there, from a0 on, which cells are alive: not all 0.
    """
    _, h, w, c, oh, ow, _, top, left = geometry
    cells = len(side) + 2
    for s in range(count):
        image, i, j = _place(first + s, oh, ow, side)
        y0, x0 = i - top, j - left
        inside = _inside(y0, x0, cells, h, w)
        if len(alive) > 0:
            _find_alive(x, geometry, image, y0, x0, alive, a0 + s * cells**2, cells)
        for c0 in range(0, c, LANES):
            if inside:
                image_to_points(x, ((image * h + y0) * w + x0) * c + c0, w * c, c, v, v0 + s * c + c0, distance, side)
            else:
                _cut_out(x, (h, w, c), image, y0, x0, c0, cells, tile[:0], tile)
                image_to_points(tile, 0, cells * LANES, LANES, v, v0 + s * c + c0, distance, side)


@helper
def _spread_out(dy: Any, place: Any, shape: Any, image: int, y0: int, x0: int, k0: int, tile: Any, side: Any) -> None:
    """Write the gradients of a tile of outputs from (y0, x0) on, LANES channels, to the flat `tile`: each dy of a
    square of 2×2 at its place, 0 elsewhere and outside of the h×w outputs."""
    h, w, k = shape
    for cell in range(len(side) ** 2):
        _clear(tile, cell * LANES)
    for i in range(0, min(len(side), h - y0), 2):
        for j in range(0, min(len(side), w - x0), 2):
            at = ((image * h + y0 + i) // 2 * (w // 2) + (x0 + j) // 2) * k + k0
            _copy_spread(dy, place, at, tile, (i * len(side) + j) * LANES, len(side) * LANES)


@helper
def fill_gradients(
    dy: Any,
    place: Any,
    y: Any,
    geometry: Any,
    first: int,
    count: int,
    m: Any,
    m0: int,
    distance: int,
    sums: Any,
    s0: int,
    tile: Any,
    side: Any,
) -> None:
    """Transform the output gradients of the tiles first … first + count − 1 to m (points, distance)."""
    _, _, _, _, oh, ow, k, _, _ = geometry
    for s in range(count):
        image, i, j = _place(first + s, oh, ow, side)
        inside = _inside(i, j, len(side), oh, ow)
        for k0 in range(0, k, LANES):
            to, sum_ = m0 + s * k + k0, s0 + k0
            if inside and len(place) > 0:
                at = ((image * oh + i) // 2 * (ow // 2) + j // 2) * k + k0
                pooled_to_points(dy, place, at, ow // 2 * k, k, m, to, distance, sums, sum_, side)
            elif inside and len(y) > 0:
                at = ((image * oh + i) * ow + j) * k + k0
                rectified_to_points(dy, y, at, ow * k, k, m, to, distance, sums, sum_, side)
            else:
                if len(place) > 0:
                    _spread_out(dy, place, (oh, ow, k), image, i, j, k0, tile, side)
                else:
                    _cut_out(dy, (oh, ow, k), image, i, j, k0, len(side), y, tile)
                output_to_points(tile, 0, len(side) * LANES, LANES, m, to, distance, sums, sum_, side)


@helper
def add_images(
    v: Any, v0: int, distance: int, geometry: Any, first: int, count: int, dx: Any, tile: Any, side: Any
) -> None:
    """Transform v (points, distance) back to the cells of the tiles first … first + count − 1, and add it to dx."""
    _, h, w, c, oh, ow, _, top, left = geometry
    for s in range(count):
        image, i, j = _place(first + s, oh, ow, side)
        if i == 0 and j == 0:
            dx[image * h * w * c : (image + 1) * h * w * c] = 0
        y0, x0 = i - top, j - left
        inside = _inside(y0, x0, len(side) + 2, h, w)
        for c0 in range(0, c, LANES):
            if inside:
                points_to_image(v, v0 + s * c + c0, distance, dx, ((image * h + y0) * w + x0) * c + c0, w * c, c, side)
                continue
            cells = len(side) + 2
            for cell in range(cells**2):
                _clear(tile, cell * LANES)
            points_to_image(v, v0 + s * c + c0, distance, tile, 0, cells * LANES, LANES, side)
            for p in range(max(0, -y0), min(cells, h - y0)):
                for q in range(max(0, -x0), min(cells, w - x0)):
                    at = ((image * h + y0 + p) * w + x0 + q) * c + c0
                    add_vector(tile, (cells * p + q) * LANES, dx, at)


@helper
def _lit(alive: Any, at: int, row: int, side: int) -> int:
    """Return how many of side×side cells are alive: of rows of `row` cells in alive[at …]."""
    count = 0
    for i in range(side):
        for j in range(side):
            count += alive[at + i * row + j]
    return count


@helper
def _write_tile(
    tile: Any, k0: int, floor: Any, y: Any, place: Any, shape: Any, image: int, i: int, j: int, side: Any
) -> None:
    """Copy those of the outputs in the flat `tile` that exist to y; with `place`, the largest of each square."""
    h, w, k = shape
    m = len(side)
    if len(place) == 0:
        for p in range(min(m, h - i)):
            for q in range(min(m, w - j)):
                at = ((image * h + i + p) * w + j + q) * k + k0
                copy_vector(tile, (m * p + q) * LANES, y, at)
        return
    for p in range(0, min(m, h - i), 2):
        for q in range(0, min(m, w - j), 2):
            at = ((image * h + i + p) // 2 * (w // 2) + (j + q) // 2) * k + k0
            keep_largest(tile, (m * p + q) * LANES, m * LANES, LANES, floor, y, place, at)


@helper
def write_outputs(
    m: Any,
    m0: int,
    distance: int,
    geometry: Any,
    first: int,
    count: int,
    b: Any,
    floor: Any,
    alive: Any,
    a0: int,
    y: Any,
    place: Any,
    tile: Any,
    side: Any,
) -> None:
    """Transform m (points, distance) to the outputs of the tiles first … first + count − 1.

    An output that sees only cells that are not alive is its bias, exactly. Behind a ReLU that is common, and the
    rounding of its neighbours' values, left in its place, would open a following ReLU that the definition leaves shut.
    """
    _, _, _, _, oh, ow, k, _, _ = geometry
    cells = len(side) + 2
    lit = np.empty(len(side) ** 2, np.bool_)
    for s in range(count):
        image, i, j = _place(first + s, oh, ow, side)
        window = a0 + s * cells**2
        seen = _lit(alive, window, cells, cells)
        whole = seen == cells**2 and _inside(i, j, len(side), oh, ow)
        if not whole:
            for p in range(len(side)):
                for q in range(len(side)):
                    lit[len(side) * p + q] = seen > 0 and _lit(alive, window + p * cells + q, cells, 3) > 0
        for k0 in range(0, k, LANES):
            if whole and len(place) > 0:
                at = ((image * oh + i) // 2 * (ow // 2) + j // 2) * k + k0
                points_to_pooled(m, m0 + s * k + k0, distance, b, k0, floor, y, place, at, ow // 2 * k, k, side)
                continue
            if whole:
                at = ((image * oh + i) * ow + j) * k + k0
                points_to_output(m, m0 + s * k + k0, distance, b, k0, floor, y, at, ow * k, k, side)
                continue
            if seen > 0:
                points_to_output(m, m0 + s * k + k0, distance, b, k0, floor, tile, 0, len(side) * LANES, LANES, side)
            for cell in range(len(side) ** 2):
                if not lit[cell]:
                    _copy_bias(b, k0, floor, tile, cell * LANES)
            _write_tile(tile, k0, floor, y, place, (oh, ow, k), image, i, j, side)
