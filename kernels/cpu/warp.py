"""Warps on the CPU: formulas and shapes in `reference/warp.py`.

A thread takes whole rows of the result; backward, whole images, whose pixels collect gradients in the results' order.
A single image stays in the thread that calls: there, a loader's threads have one each.
"""

import math

import numpy as np
from numba import prange

from ..shared import FILL_MODES
from ..window import Pair
from .compile import helper, jit, parallel_jit
from .memory import empty

CONSTANT, NEAREST, REFLECT, WRAP, CUT, OVERLAP = range(len(FILL_MODES))


def warp(x: np.ndarray, maps: np.ndarray, size: Pair, fill_mode: str, fill_value: float, bilinear: bool) -> np.ndarray:
    """Return y (n,oh,ow,c), the images seen through their maps."""
    y = empty((len(x), *size, x.shape[3]), x.dtype)
    (_warp_one if len(x) == 1 else _warp)(x, maps, y, x.dtype.type(fill_value), FILL_MODES.index(fill_mode), bilinear)
    return y


def warp_backward(dy: np.ndarray, maps: np.ndarray, image: Pair, fill_mode: str, bilinear: bool) -> np.ndarray:
    """Return dx (n,h,w,c): each pixel's sum of dy times the share that it had in y."""
    dx = empty((len(dy), *image, dy.shape[3]), dy.dtype)
    _warp_backward(dy, maps, dx, FILL_MODES.index(fill_mode), bilinear)
    return dx


@parallel_jit
def _warp(x: np.ndarray, maps: np.ndarray, y: np.ndarray, fill: float, mode: int, bilinear: bool) -> None:
    n, rows, _, _ = y.shape
    for k in prange(n * rows):
        image, p = k // rows, k % rows
        _warp_row(x[image], maps[image], y[image, p], p, fill, mode, bilinear)


@jit
def _warp_one(x: np.ndarray, maps: np.ndarray, y: np.ndarray, fill: float, mode: int, bilinear: bool) -> None:
    for p in range(y.shape[1]):
        _warp_row(x[0], maps[0], y[0, p], p, fill, mode, bilinear)


@helper
def _warp_row(x: np.ndarray, places: np.ndarray, y: np.ndarray, p: int, fill: float, mode: int, bilinear: bool) -> None:
    """Fill row `p` of one image's `y` (ow,c) from `x` (h,w,c) through its map (2,3)."""
    h, w, channels = x.shape
    number = x.dtype.type
    one = number(1)
    for q in range(y.shape[0]):
        r = _folded(_place(places[0], p, q, mode), number(h), mode)
        s = _folded(_place(places[1], p, q, mode), number(w), mode)
        pixel = y[q]
        if not bilinear:
            i, j = _rounded(r), _rounded(s)
            inside = 0 <= i < h and 0 <= j < w
            for c in range(channels):
                pixel[c] = x[i, j, c] if inside else fill
            continue
        i, j = math.floor(r), math.floor(s)
        g, k = r - number(i), s - number(j)
        upper, lower, left, right = 0 <= i < h, 0 <= i + 1 < h, 0 <= j < w, 0 <= j + 1 < w
        for c in range(channels):
            above = (one - k) * (x[i, j, c] if upper and left else fill)
            above += k * (x[i, j + 1, c] if upper and right else fill)
            below = (one - k) * (x[i + 1, j, c] if lower and left else fill)
            below += k * (x[i + 1, j + 1, c] if lower and right else fill)
            pixel[c] = (one - g) * above + g * below


@parallel_jit
def _warp_backward(dy: np.ndarray, maps: np.ndarray, dx: np.ndarray, mode: int, bilinear: bool) -> None:
    for image in prange(len(dx)):
        _image_backward(dy[image], maps[image], dx[image], mode, bilinear)


@helper
def _image_backward(dy: np.ndarray, places: np.ndarray, dx: np.ndarray, mode: int, bilinear: bool) -> None:
    """Fill one image's `dx` (h,w,c) from `dy` (oh,ow,c) through its map (2,3)."""
    h, w, channels = dx.shape
    number = dx.dtype.type
    zero, one = number(0), number(1)
    for i in range(h):
        for j in range(w):
            for c in range(channels):
                dx[i, j, c] = zero
    for p in range(dy.shape[0]):
        for q in range(dy.shape[1]):
            r = _folded(_place(places[0], p, q, mode), number(h), mode)
            s = _folded(_place(places[1], p, q, mode), number(w), mode)
            if not bilinear:
                _collect(dx, _rounded(r), _rounded(s), one, dy[p, q])
                continue
            i, j = math.floor(r), math.floor(s)
            g, k = r - number(i), s - number(j)
            _collect(dx, i, j, (one - g) * (one - k), dy[p, q])
            _collect(dx, i, j + 1, (one - g) * k, dy[p, q])
            _collect(dx, i + 1, j, g * (one - k), dy[p, q])
            _collect(dx, i + 1, j + 1, g * k, dy[p, q])


@helper
def _collect(dx: np.ndarray, i: int, j: int, share: float, dy: np.ndarray) -> None:
    """Add a share of `dy` (c) to pixel (i, j) of `dx` (h,w,c), if it has one there."""
    if 0 <= i < dx.shape[0] and 0 <= j < dx.shape[1]:
        for c in range(dy.shape[0]):
            dx[i, j, c] += share * dy[c]


@helper
def _place(along: np.ndarray, p: int, q: int, mode: int) -> float:
    """Return where pixel (p, q) of the result lies along an axis of the image, in the dtype of the map's row."""
    number = along.dtype.type
    if mode in (CUT, OVERLAP):
        return along[2] + along[0] * number(p) + along[1] * number(q)
    return along[0] * number(p) + along[1] * number(q) + along[2]


@helper
def _folded(place: float, length: float, mode: int) -> float:
    """Return the place that shows there: inside the image, or −2; `place` and `length` are of one dtype, as is it."""
    zero, one = length - length, length / length
    last = length - one
    if mode == CONSTANT:
        return place if -1 < place < length else -one - one
    if mode == CUT:
        return place if 0 <= place <= last else -one - one
    if length == 1:
        return zero
    if mode == REFLECT:
        period = length + length
        if place < 0:
            place = place + period * np.trunc(-place / period)
            place = place + period if place < -length else -place - one
        elif place > last:
            place = place - period * np.trunc(place / period)
            place = period - place - one if place >= length else place
    elif mode in (WRAP, OVERLAP):
        round_trip = length if mode == WRAP else last
        if place < 0:
            place = place + round_trip * (np.trunc(-place / last) + one)
        elif place > last:
            place = place - round_trip * np.trunc(place / last)
    if not place >= 0:
        return zero
    return last if place > last else place


@helper
def _rounded(place: float) -> int:
    """Return the nearest whole number, halves away from 0."""
    below = math.floor(place)
    over = place - np.floor(place)
    up = over >= 0.5 if place >= 0 else over > 0.5
    return below + 1 if up else below
