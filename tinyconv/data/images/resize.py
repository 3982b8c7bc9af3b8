"""Resizing as Keras's `image_dataset_from_directory` does: samples of the image in float32, without antialiasing.

Each output row is a weighted sum of a few input rows, its taps, and so each column. A method is a function from (output
length, input length) to the taps: indices (length, k) and weights (length, k). Output pixel i lies at (i + ½)·scale − ½
of the input, scale = input / output length.
Source: the kernels of `tf.image.resize`; Keys 1981, "Cubic convolution interpolation for digital image processing";
Mitchell and Netravali 1988, "Reconstruction filters in computer graphics".
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ...arguments import pair

Taps = tuple[np.ndarray, np.ndarray]  # indices and weights, (output length, k) each
KEEPING = ("bilinear", "nearest", "bicubic", "area")  # these leave an image of the right size as it is
ASPECTS = ("free", "crop", "pad")


def resize_image(
    image: np.ndarray, size: tuple[int, int], interpolation: str = "bilinear", aspect: str = "free"
) -> np.ndarray:
    """Return an image (h, w, c) of any numbers as float32 of `size` (h, w).

    `aspect` "free" stretches it; "crop" takes the largest part in the middle that has the shape of `size`; "pad" keeps
    the shape and fills what is left with zeros.
    """
    size = pair("size", size)
    checked(interpolation, aspect)
    if aspect == "crop":
        image = _middle(image, size)
    if aspect == "pad":
        return _padded(image, size, interpolation)
    if image.shape[:2] == size and interpolation in KEEPING:
        return image.astype(np.float32)
    rows, columns = (METHODS[interpolation](new, old) for new, old in zip(size, image.shape, strict=False))
    if rows[0].shape[1] == columns[0].shape[1] == 2:
        return _between(image, rows, columns)
    return _weighted(_weighted(image, rows, axis=0), columns, axis=1)


def checked(interpolation: str, aspect: str) -> tuple[str, str]:
    """Return both words after checking that they are known."""
    if interpolation not in METHODS:
        raise ValueError(f"interpolation must be one of {', '.join(METHODS)}, got {interpolation!r}")
    if aspect not in ASPECTS:
        raise ValueError(f"aspect must be one of {', '.join(ASPECTS)}, got {aspect!r}")
    return interpolation, aspect


def _between(image: np.ndarray, rows: Taps, columns: Taps) -> np.ndarray:
    """Return the samples between two rows and two columns each: fewer passes than two weighted sums."""
    height, _, channels = image.shape
    places = columns[0].T[..., None] * channels + np.arange(channels)  # of the numbers in a row: (2, new width, c)
    sides = places.reshape(2, -1)
    along, down = columns[1][:, 1].repeat(channels), rows[1][:, 1, None]
    numbers = image.reshape(height, -1)
    lines = []
    for row in rows[0].T:
        line = numbers.take(row, 0)
        left, right = (line.take(side, 1).astype(np.float32) for side in sides)
        right -= left
        right *= along
        left += right
        lines.append(left)
    top, bottom = lines
    bottom -= top
    bottom *= down
    top += bottom
    return top.reshape(len(rows[0]), -1, channels)


def _weighted(image: np.ndarray, taps: Taps, axis: int) -> np.ndarray:
    """Return the weighted sums of an image's rows (axis 0) or columns (axis 1), float32."""
    indices, weights = taps
    shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
    total = np.zeros((), np.float32)
    for tap in range(indices.shape[1]):
        total = total + image.take(indices[:, tap], axis) * weights[:, tap].reshape(shape)
    return total


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
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return _inside(before[:, None] + np.arange(-1, 3), np.where(distance <= 1, near, far), old)


def _area(new: int, old: int) -> Taps:
    """The mean over the part of the input that the output's pixel covers."""
    scale = np.float32(old) / np.float32(new)
    start = (np.arange(new, dtype=np.float32) * scale)[:, None]
    end = (np.arange(1, new + 1, dtype=np.float32) * scale)[:, None]
    first = np.floor(start)
    indices = first + np.arange(int((np.ceil(end) - first).max()))
    covered = (np.minimum(indices + 1, end) - np.maximum(indices, start)).clip(0)
    return indices.clip(0, old - 1).astype(np.intp), (covered / scale).astype(np.float32)


def _filtered(radius: float, response: Callable[[np.ndarray], np.ndarray]) -> Callable[[int, int], Taps]:
    """A filter over all pixels within `radius` of the place: `response` of the distance (≥ 0) gives the weights."""

    def taps(new: int, old: int) -> Taps:
        scale = 1 / (np.float32(new) / np.float32(old))
        places = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
        first = np.ceil(places - radius)
        last = np.floor(places + radius)
        indices = first[:, None] + np.arange(int(2 * np.ceil(radius)) + 1)
        weights = response(np.abs(indices - places[:, None]))
        return _inside(indices, np.where(indices <= last[:, None], weights, 0), old)

    return taps


def _inside(indices: np.ndarray, weights: np.ndarray, old: int) -> Taps:
    """Return taps whose weights are 0 outside the input and sum to 1 inside."""
    weights = np.where((indices >= 0) & (indices < old), weights, 0)
    weights = weights / weights.sum(1, keepdims=True)
    return indices.clip(0, old - 1).astype(np.intp), weights.astype(np.float32)


def _lanczos(radius: int) -> Callable[[int, int], Taps]:
    return _filtered(radius, lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0))


def _mitchell(x: np.ndarray) -> np.ndarray:
    """Mitchell's and Netravali's cubic, B = C = ⅓."""
    near = (7 / 6 * x - 2) * x**2 + 8 / 9
    far = ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
    return np.where(x < 1, near, np.where(x < 2, far, 0))


METHODS: dict[str, Callable[[int, int], Taps]] = {
    name: lru_cache(maxsize=1024)(method)  # images of a camera have few sizes
    for name, method in {
        "bilinear": _bilinear,
        "nearest": _nearest,
        "bicubic": _bicubic,
        "area": _area,
        "lanczos3": _lanczos(3),
        "lanczos5": _lanczos(5),
        "gaussian": _filtered(1.5, lambda x: np.where(x < 1.5, np.exp(-2 * x**2), 0)),  # σ = ½
        "mitchellcubic": _filtered(2, _mitchell),
    }.items()
}


def _middle(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the largest part in the middle of an image that has the shape of `size`."""
    height, width = image.shape[:2]
    crop_height = max(min(height, int(np.float32(width * size[0]) / np.float32(size[1]))), 1)
    crop_width = max(min(width, int(np.float32(height * size[1]) / np.float32(size[0]))), 1)
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    return image[top : top + crop_height, left : left + crop_width]


def _padded(image: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """Return an image resized to fit into `size`, in its own shape, in the middle of zeros."""
    old, new = np.array(image.shape[:2], np.float32), np.array(size, np.float32)
    fitting = old / (old / new).max()
    resized = resize_image(image, tuple(np.maximum(fitting, 1).astype(int).tolist()), interpolation)
    top, left = ((new - fitting) // 2).clip(0).astype(int)
    whole = np.zeros((*size, image.shape[2]), np.float32)
    whole[top : top + resized.shape[0], left : left + resized.shape[1]] = resized
    return whole
