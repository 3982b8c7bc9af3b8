"""Warp: images seen through affine maps.

The result's pixel (p, q) is taken from the place (r, s) = (a·p + b·q + e, c·p + d·q + f) of the image, where `maps`
holds [[a, b, e], [c, d, f]] for each image, in the images' dtype. Places are numbered from the middle of the first
pixel. Source: Gonzalez & Woods, Digital Image Processing, 4th ed., section 2.6.
"""

import numpy as np

from ..window import Pair

OUTSIDE = -2.0  # a place whose pixel, and the next, lie outside


def warp(x: np.ndarray, maps: np.ndarray, size: Pair, fill_mode: str, fill_value: float, bilinear: bool) -> np.ndarray:
    """Return y (n,oh,ow,c), oh and ow being `size`, of images x (n,h,w,c) and maps (n,2,3).

    By the nearest pixel, halves away from 0; or bilinear, with r = i + g and s = j + k, 0 ≤ g, k < 1:

        y[p,q] = (1 − g)·((1 − k)·x[i,j] + k·x[i,j+1]) + g·((1 − k)·x[i+1,j] + k·x[i+1,j+1])

    Beyond the image abcd there is, by `fill_mode`:

        constant   kkkk|abcd|kkkk   k is `fill_value`; at the edge it mixes with the image
        cut        kkkk|abcd|kkkk   with no mixing: k at every place beyond the middle of the last pixel
        nearest    aaaa|abcd|dddd
        reflect    dcba|abcd|dcba
        wrap       abcd|abcd|abcd   and, from a second image's length on, only the edge that TensorFlow shows there
        overlap    bcdabcd          the last pixel and the first are one and the same place

    On an edge, or midway, the last bit of a place decides what shows. So e and f are added last, as in TensorFlow; and
    first in "cut" and "overlap", which are SciPy's.
    """
    y = np.zeros((len(x), *size, x.shape[3]), x.dtype)
    for i, j, share in _taps(maps, size, x.shape[1:3], fill_mode, bilinear):
        inside = _inside(i, j, x.shape[1:3])
        pixel = x[np.arange(len(x))[:, None, None], np.where(inside, i, 0), np.where(inside, j, 0)]
        y += share[..., None] * np.where(inside[..., None], pixel, x.dtype.type(fill_value))
    return y


def warp_backward(dy: np.ndarray, maps: np.ndarray, image: Pair, fill_mode: str, bilinear: bool) -> np.ndarray:
    """Return dx (n,h,w,c), h and w being `image`: each pixel's sum of dy times the share that it had in y."""
    dx = np.zeros((len(dy), *image, dy.shape[3]), dy.dtype)
    for i, j, share in _taps(maps, dy.shape[1:3], image, fill_mode, bilinear):
        n, p, q = np.nonzero(_inside(i, j, image))
        np.add.at(dx, (n, i[n, p, q], j[n, p, q]), share[n, p, q, None] * dy[n, p, q])
    return dx


def _taps(
    maps: np.ndarray, size: Pair, image: tuple[int, ...], fill_mode: str, bilinear: bool
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return the pixels (i, j) that results are made of, and their shares, each of shape (n,oh,ow)."""
    p, q = (np.arange(length).astype(maps.dtype) for length in size)
    down, across, offset = (maps[:, :, k, None, None] for k in range(3))  # (n,2,1,1)
    with np.errstate(all="ignore"):  # what is not a number is nowhere
        if fill_mode in ("cut", "overlap"):
            places = offset + down * p[:, None] + across * q  # (n,2,oh,ow)
        else:
            places = down * p[:, None] + across * q + offset
    rows, columns = (folded(places[:, axis], image[axis], fill_mode) for axis in (0, 1))
    if not bilinear:
        return [(_rounded(rows), _rounded(columns), np.ones_like(rows))]
    i, j = np.floor(rows), np.floor(columns)
    g, k = rows - i, columns - j
    i, j = i.astype(np.int64), j.astype(np.int64)
    return [
        (i, j, (1 - g) * (1 - k)),
        (i, j + 1, (1 - g) * k),
        (i + 1, j, g * (1 - k)),
        (i + 1, j + 1, g * k),
    ]


def folded(place: np.ndarray, length: int, fill_mode: str) -> np.ndarray:
    """Return the places inside the image that show at these places along an axis, OUTSIDE for `fill_value`.

    SciPy's and TensorFlow's folds, in their order of operations. What is not a number counts as outside, or as 0.
    """
    one = place.dtype.type
    last, period = one(length - 1), one(2 * length)
    with np.errstate(all="ignore"):
        if fill_mode == "constant":
            return np.where((place > -1) & (place < length), place, one(OUTSIDE))
        if fill_mode == "cut":
            return np.where((place >= 0) & (place <= last), place, one(OUTSIDE))
        if length == 1:
            return np.zeros_like(place)
        if fill_mode == "reflect":
            below = place + period * np.trunc(-place / period)
            below = np.where(below < -length, below + period, -below - 1)
            above = place - period * np.trunc(place / period)
            above = np.where(above >= length, period - above - 1, above)
            place = np.where(place < 0, below, np.where(place > last, above, place))
        elif fill_mode in ("wrap", "overlap"):
            round_trip = one(length) if fill_mode == "wrap" else last
            below = place + round_trip * (np.trunc(-place / last) + 1)
            above = place - round_trip * np.trunc(place / last)
            place = np.where(place < 0, below, np.where(place > last, above, place))
        return np.where(place >= 0, np.minimum(place, last), 0)


def _rounded(place: np.ndarray) -> np.ndarray:
    """Return the nearest whole numbers, halves away from 0."""
    below = np.floor(place)
    up = np.where(place >= 0, place - below >= 0.5, place - below > 0.5)
    return below.astype(np.int64) + up


def _inside(i: np.ndarray, j: np.ndarray, image: tuple[int, ...]) -> np.ndarray:
    return (i >= 0) & (i < image[0]) & (j >= 0) & (j < image[1])
