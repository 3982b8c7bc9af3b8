"""Resampling: images of another size, whose rows are weighted sums of a few rows, their taps, and so their columns.

A method is a function from (output length, input length) to the taps: indices (length, k) and weights (length, k).
Output pixel i lies at (i + ½)·scale − ½ of the input, scale = input / output length.
Source: the kernels of `tf.image.resize`; Keys 1981, "Cubic convolution interpolation for digital image processing";
Mitchell and Netravali 1988, "Reconstruction filters in computer graphics".
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .. import kernels
from ..arguments import flag, known, pair
from ..tensor import Formula, Function, Tensor, as_tensor

Box = tuple[int, int, int, int]  # top, left, height, width
Taps = tuple[np.ndarray, np.ndarray]  # indices and weights, (output length, k) each


class Resize(Function):
    """Images in another size; W are the weights of the rows, V those of the columns."""

    formula = Formula(
        "y[n,p,q,c] = Σ W[p,i]·V[q,j]·x[n,i,j,c] over i, j",
        "dx[n,i,j,c] = Σ W[p,i]·V[q,j]·dy[n,p,q,c] over p, q",
    )

    def __init__(self, rows: Taps, columns: Taps) -> None:
        self.rows, self.columns = rows, columns

    def forward(self, x: Any) -> Any:
        self.image = x.shape[1:3]
        return weighted(weighted(x, self.rows, 1), self.columns, 2)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        (n, oh, _, c), (h, w) = dy.shape, self.image
        dx = np.matmul(_matrix(self.columns, w, dy).T, dy)  # (n,oh,w,c)
        dx = np.matmul(_matrix(self.rows, h, dy).T, dx.reshape(n, oh, w * c))
        return (dx.reshape(n, h, w, c),)


def weighted(x: Any, taps: Taps, axis: int) -> Any:
    """Return the weighted sums of x along an axis, 1 or 2, in the order of the taps."""
    indices, weights = (kernels.move(part, kernels.device(x)) for part in taps)
    before = (slice(None),) * axis
    if weights.shape[1] == 1:
        return x[(*before, indices[:, 0])]
    weights = weights.astype(x.dtype).reshape(-1, weights.shape[1], *(1,) * (3 - axis))
    total = x[(*before, indices[:, 0])] * weights[:, 0]
    for tap in range(1, weights.shape[1]):
        total += x[(*before, indices[:, tap])] * weights[:, tap]
    return total


def _matrix(taps: Taps, length: int, like: Any) -> Any:
    """Return the weights as a matrix (output length, input length), on the device of `like`."""
    indices, weights = taps
    matrix = np.zeros((len(indices), length), like.dtype)
    np.add.at(matrix, (np.arange(len(indices))[:, None], indices), weights)
    return kernels.move(matrix, kernels.device(like))


def resize(x: Any, size: tuple[int, int], interpolation: str = "bilinear", antialias: bool = False) -> Tensor:
    """Return images x (n,h,w,c) in another size (height, width), by one of METHODS: TensorFlow's. See `Resize`.

    With `antialias` an image that becomes smaller is made of all of its pixels, not of those near a place alone.
    """
    x, size = as_tensor(x), pair("size", size)
    if x.ndim != 4 or 0 in x.shape[1:3]:
        raise ValueError(f"resize takes images (n, h, w, c) of at least one pixel, got shape {x.shape}")
    method = (ANTIALIASED if flag("antialias", antialias) else METHODS)[known("interpolation", interpolation, METHODS)]
    return Resize(*(method(new, old) for new, old in zip(size, x.shape[1:3], strict=True)))(x)


def middle(h: int, w: int, height: int, width: int) -> Box:
    """Return the largest part in the middle of an image of h×w that has the shape of height×width."""
    high, wide = max(min(h, share(w, height, width)), 1), max(min(w, share(h, width, height)), 1)
    return (h - high) // 2, (w - wide) // 2, high, wide


def share(length: int, part: int, whole: int) -> int:
    """Return ⌊length·part/whole⌋, in single precision as Keras's on TensorFlow."""
    return int(np.float32(length * part) / np.float32(whole))


def _places(new: int, old: int) -> np.ndarray:
    """Return where the output's pixels lie in the input, in pixels from the middle of the first: (new,) float32."""
    return (np.arange(new, dtype=np.float32) + np.float32(0.5)) * (np.float32(old) / np.float32(new)) - np.float32(0.5)


def _nearest(new: int, old: int) -> Taps:
    """The pixel that the place lies in."""
    places = np.floor((np.arange(new, dtype=np.float32) + np.float32(0.5)) * (np.float32(old) / np.float32(new)))
    return np.minimum(places.astype(np.intp), old - 1)[:, None], np.ones((new, 1), np.float32)


def _bilinear(new: int, old: int) -> Taps:
    """The two pixels beside the place, by their distance; beyond the edge, the edge."""
    places = _places(new, old)
    before = np.floor(places)
    indices = np.stack([before, np.ceil(places)], 1).clip(0, old - 1).astype(np.intp)
    share = places - before
    return indices, np.stack([1 - share, share], 1)


def _bicubic(new: int, old: int) -> Taps:
    """Keys's cubic of a = −½ over four pixels, at 1/1024 of a pixel; those beyond the edge do not count."""
    places = _places(new, old)
    before = np.floor(places)
    share = np.rint((places - before) * 1024) / 1024
    distance = np.abs(share[:, None] - np.arange(-1, 3))
    return _inside(before[:, None] + np.arange(-1, 3), _keys(distance), old)


def _keys(x: np.ndarray) -> np.ndarray:
    """Keys's cubic of a = −½."""
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _area(new: int, old: int) -> Taps:
    """The mean over the part of the input that the output's pixel covers."""
    scale = np.float32(old) / np.float32(new)
    start = (np.arange(new, dtype=np.float32) * scale)[:, None]
    end = (np.arange(1, new + 1, dtype=np.float32) * scale)[:, None]
    first = np.floor(start)
    indices = first + np.arange(int((np.ceil(end) - first).max()), dtype=np.float32)
    covered = (np.minimum(indices + 1, end) - np.maximum(indices, start)).clip(0)
    covered = np.where((indices < start) & (indices + 1 > end), scale, covered)  # without the places' rounding
    return indices.clip(0, old - 1).astype(np.intp), (covered / scale).astype(np.float32)


def _filtered(
    radius: float, response: Callable[[np.ndarray], np.ndarray], antialias: bool = False
) -> Callable[[int, int], Taps]:
    """A filter over all pixels within `radius` of the place: `response` of the distance (≥ 0) gives the weights.

    With `antialias` a smaller output has a filter as much wider, so that all of the input counts.
    """

    def taps(new: int, old: int) -> Taps:
        scale = 1 / (np.float32(new) / np.float32(old))
        places = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
        width = max(scale, np.float32(1)) if antialias else np.float32(1)
        reach = width * np.float32(radius)
        first = np.ceil(places - reach)
        last = np.floor(places + reach)
        indices = first[:, None] + np.arange(int(2 * np.ceil(reach)) + 1)
        weights = response(np.abs(indices - places[:, None]) / width)
        return _inside(indices, np.where(indices <= last[:, None], weights, 0), old)

    return taps


def _inside(indices: np.ndarray, weights: np.ndarray, old: int) -> Taps:
    """Return taps whose weights are 0 outside the input and sum to 1 inside."""
    weights = np.where((indices >= 0) & (indices < old), weights, 0)
    weights = weights / weights.sum(1, keepdims=True)
    return indices.clip(0, old - 1).astype(np.intp), weights.astype(np.float32)


def _lanczos(radius: int, antialias: bool = False) -> Callable[[int, int], Taps]:
    return _filtered(radius, lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0), antialias)


def _mitchell(x: np.ndarray) -> np.ndarray:
    """Mitchell's and Netravali's cubic, B = C = ⅓."""
    near = (7 / 6 * x - 2) * x**2 + 8 / 9
    far = ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _kept(methods: dict[str, Callable[[int, int], Taps]]) -> dict[str, Callable[[int, int], Taps]]:
    """Return the methods with a memory of their taps: images of a camera have few sizes."""
    return {name: lru_cache(maxsize=1024)(method) for name, method in methods.items()}


METHODS: dict[str, Callable[[int, int], Taps]] = _kept(
    {
        "bilinear": _bilinear,
        "nearest": _nearest,
        "bicubic": _bicubic,
        "area": _area,
        "lanczos3": _lanczos(3),
        "lanczos5": _lanczos(5),
        "gaussian": _filtered(1.5, lambda x: np.where(x < 1.5, np.exp(-2 * x**2), 0)),  # σ = ½
        "mitchellcubic": _filtered(2, _mitchell),
    }
)
ANTIALIASED: dict[str, Callable[[int, int], Taps]] = METHODS | _kept(
    {
        "bilinear": _filtered(1, lambda x: np.maximum(1 - x, 0), True),
        "bicubic": _filtered(2, _keys, True),
        "lanczos3": _lanczos(3, True),
        "lanczos5": _lanczos(5, True),
        "gaussian": _filtered(1.5, lambda x: np.where(x < 1.5, np.exp(-2 * x**2), 0), True),
        "mitchellcubic": _filtered(2, _mitchell, True),
    }
)
