"""Winograd's tiles: where they lie, and the transforms of those that edges cut as well as of whole ones.

The outputs of an image are cut into tiles of 4×4, row by row; each sees 6×6 cells, two rows and columns of them shared
with its neighbours. Whole tiles go to `transforms.py` as they are. A tile that an edge cuts is copied to a small array
first, or from it after, with zeros where there is nothing.

`geometry` is n, h, w, c of the images, oh, ow, k of the outputs and the padding at the top and left. All arrays are
flat. Tiles are numbered through all images; the values of tile s at point p are
v[v0 + p·distance + s·c …], and m[m0 + p·distance + s·k …].
"""

from typing import Any

from ..window import SHUT
from .compile import helper
from .pooled import keep_largest
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
from .vectors import LANES


def plane(block: int, channels: int) -> int:
    """Return the distance between points: room for `block` tiles, for the rows that `multiply` may write behind them,
    and a cache line more, lest a power of two map all 36 to the same few lines of a cache."""
    return (block + ROWS) * channels + LANES


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
def fill_images(x: Any, geometry: Any, first: int, count: int, v: Any, v0: int, distance: int, tile: Any) -> None:
    """Transform the image cells of the tiles first … first + count − 1 to v (36, distance)."""
    _, h, w, c, oh, ow, _, top, left = geometry
    for s in range(count):
        image, i, j = _place(first + s, oh, ow)
        y0, x0 = i - top, j - left
        inside = _inside(y0, x0, 6, h, w)
        for c0 in range(0, c, LANES):
            if inside:
                image_to_points(x, ((image * h + y0) * w + x0) * c + c0, w * c, c, v, v0 + s * c + c0, distance)
            else:
                _cut_out(x, (h, w, c), image, y0, x0, c0, 6, tile[:0], tile)
                image_to_points(tile, 0, 6 * LANES, LANES, v, v0 + s * c + c0, distance)


@helper
def _spread_out(dy: Any, place: Any, shape: Any, image: int, y0: int, x0: int, k0: int, tile: Any) -> None:
    """Write the gradients of 4×4 outputs from (y0, x0) on, LANES channels, to the flat `tile`: each dy of a square of
    2×2 at its place, 0 elsewhere and outside of the h×w outputs."""
    h, w, k = shape
    tile[:] = 0
    for i in range(0, min(4, h - y0), 2):
        for j in range(0, min(4, w - x0), 2):
            at = ((image * h + y0 + i) // 2 * (w // 2) + (x0 + j) // 2) * k + k0
            for lane in range(LANES):
                if place[at + lane] != SHUT:
                    p, q = place[at + lane] // 2, place[at + lane] % 2
                    tile[((i + p) * 4 + j + q) * LANES + lane] = dy[at + lane]


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
) -> None:
    """Transform the output gradients of the tiles first … first + count − 1 to m (36, distance)."""
    _, _, _, _, oh, ow, k, _, _ = geometry
    for s in range(count):
        image, i, j = _place(first + s, oh, ow)
        inside = _inside(i, j, 4, oh, ow)
        for k0 in range(0, k, LANES):
            to, sum_ = m0 + s * k + k0, s0 + k0
            if inside and len(place) > 0:
                at = ((image * oh + i) // 2 * (ow // 2) + j // 2) * k + k0
                pooled_to_points(dy, place, at, ow // 2 * k, k, m, to, distance, sums, sum_)
            elif inside and len(y) > 0:
                at = ((image * oh + i) * ow + j) * k + k0
                rectified_to_points(dy, y, at, ow * k, k, m, to, distance, sums, sum_)
            else:
                if len(place) > 0:
                    _spread_out(dy, place, (oh, ow, k), image, i, j, k0, tile)
                else:
                    _cut_out(dy, (oh, ow, k), image, i, j, k0, 4, y, tile)
                output_to_points(tile, 0, 4 * LANES, LANES, m, to, distance, sums, sum_)


@helper
def add_images(v: Any, v0: int, distance: int, geometry: Any, first: int, count: int, dx: Any, tile: Any) -> None:
    """Transform v (36, distance) back to the image cells of the tiles first … first + count − 1, and add it to dx."""
    _, h, w, c, oh, ow, _, top, left = geometry
    for s in range(count):
        image, i, j = _place(first + s, oh, ow)
        if i == 0 and j == 0:
            dx[image * h * w * c : (image + 1) * h * w * c] = 0
        y0, x0 = i - top, j - left
        inside = _inside(y0, x0, 6, h, w)
        for c0 in range(0, c, LANES):
            if inside:
                points_to_image(v, v0 + s * c + c0, distance, dx, ((image * h + y0) * w + x0) * c + c0, w * c, c)
                continue
            tile[:] = 0
            points_to_image(v, v0 + s * c + c0, distance, tile, 0, 6 * LANES, LANES)
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
def _write_tile(tile: Any, k0: int, floor: Any, y: Any, place: Any, shape: Any, image: int, i: int, j: int) -> None:
    """Copy those of the 4×4 outputs in the flat `tile` that exist to y; with `place`, the largest of each square."""
    h, w, k = shape
    if len(place) == 0:
        for p in range(min(4, h - i)):
            for q in range(min(4, w - j)):
                at = ((image * h + i + p) * w + j + q) * k + k0
                for lane in range(LANES):
                    y[at + lane] = tile[(4 * p + q) * LANES + lane]
        return
    for p in range(0, min(4, h - i), 2):
        for q in range(0, min(4, w - j), 2):
            at = ((image * h + i + p) // 2 * (w // 2) + (j + q) // 2) * k + k0
            keep_largest(tile, (4 * p + q) * LANES, 4 * LANES, LANES, floor, y, place, at)


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
    y: Any,
    place: Any,
    tile: Any,
) -> None:
    """Transform m (36, distance) to the outputs of the tiles first … first + count − 1.

    An output that sees only cells that are not alive is its bias, exactly. Behind a ReLU that is common, and the
    rounding of its neighbours' values, left in its place, would open a following ReLU that the definition leaves shut.
    """
    _, h, w, _, oh, ow, k, top, left = geometry
    for s in range(count):
        image, i, j = _place(first + s, oh, ow)
        whole = _inside(i, j, 4, oh, ow) and _lit(alive, h, w, image, i - top, j - left, 6) == 36
        for k0 in range(0, k, LANES):
            if whole and len(place) > 0:
                at = ((image * oh + i) // 2 * (ow // 2) + j // 2) * k + k0
                points_to_pooled(m, m0 + s * k + k0, distance, b, k0, floor, y, place, at, ow // 2 * k, k)
                continue
            if whole:
                at = ((image * oh + i) * ow + j) * k + k0
                points_to_output(m, m0 + s * k + k0, distance, b, k0, floor, y, at, ow * k, k)
                continue
            points_to_output(m, m0 + s * k + k0, distance, b, k0, floor, tile, 0, 4 * LANES, LANES)
            for p in range(4):
                for q in range(4):
                    if _lit(alive, h, w, image, i + p - top, j + q - left, 3) == 0:
                        for lane in range(LANES):
                            bias = b[k0 + lane]
                            tile[(4 * p + q) * LANES + lane] = floor if bias <= floor else bias
            _write_tile(tile, k0, floor, y, place, (oh, ow, k), image, i, j)
