"""Resizing as Keras's `image_dataset_from_directory` does: samples of the image in float32, without antialiasing.

The weights are those of `functions/resampling.py`.
"""

import numpy as np

from ... import kernels
from ...arguments import known, pair
from ...functions.resampling import METHODS, Taps, middle, weighted

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
        top, left, height, width = middle(image.shape[0], image.shape[1], *size)
        image = image[top : top + height, left : left + width]
    if aspect == "pad":
        return _padded(image, size, interpolation)
    if image.shape[:2] == size and interpolation in KEEPING:
        return image.astype(np.float32)
    rows, columns = (METHODS[interpolation](new, old) for new, old in zip(size, image.shape, strict=False))
    if interpolation == "bilinear":
        return _between(image, rows, columns)
    numbers = weighted(weighted(image[None].astype(np.float32), rows, axis=1), columns, axis=2)[0]
    return np.asarray(numbers, np.float32, order="C")


def checked(interpolation: str, aspect: str) -> tuple[str, str]:
    """Return both words after checking that they are known."""
    return known("interpolation", interpolation, METHODS), known("aspect", aspect, ASPECTS)


def _between(image: np.ndarray, rows: Taps, columns: Taps) -> np.ndarray:
    """Return the samples between two rows and two columns each, by the kernel: in few steps, without Python's lock."""
    places = [part for indices, weights in (rows, columns) for part in (indices.T, weights[:, 1])]
    return np.asarray(kernels.host().resize_bilinear(image, *places))


def _padded(image: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """Return an image resized to fit into `size`, in its own shape, in the middle of zeros."""
    old, new = np.array(image.shape[:2], np.float32), np.array(size, np.float32)
    fitting = old / (old / new).max()
    resized = resize_image(image, tuple(np.maximum(fitting, 1).astype(int).tolist()), interpolation)
    top, left = ((new - fitting) // 2).clip(0).astype(int)
    whole = np.zeros((*size, image.shape[2]), np.float32)
    whole[top : top + resized.shape[0], left : left + resized.shape[1]] = resized
    return whole
