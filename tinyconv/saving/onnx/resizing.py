"""Layers that change the size of images, as nodes of ONNX.

An image of a known size is resampled by two matrix products, of its rows and of its columns, with the engine's own
weights: exact for each of its methods. Where the size is open, ONNX's operator Resize does what is the same.
"""

from typing import Any

import numpy as np

from ...functions.resampling import ANTIALIASED, METHODS, Box, middle
from .graph import Value
from .operators import Call

Size = tuple[int, int]

END = 1 << 31  # beyond any image

# ONNX's names for what Keras's are: where a pixel lies, and which is the nearest.
OPEN: dict[str, dict[str, str]] = {
    "nearest": {"mode": "nearest", "nearest_mode": "round_prefer_ceil"},
    "bilinear": {"mode": "linear"},
}


def cropping2d(call: Call) -> Value:
    """Cut images at their edges."""
    (top, bottom), (left, right) = call.layer.cropping
    ends = (-bottom or END, -right or END)
    return call.output(_slice(call, call.images(), (top, left), ends), True)


def _slice(call: Call, x: str, starts: tuple[int, int], ends: tuple[int, int]) -> str:
    return call.node("Slice", [x, call.integers(*starts), call.integers(*ends), call.integers(2, 3)])


def _cut(call: Call, x: str, box: Box) -> str:
    top, left, height, width = box
    return _slice(call, x, (top, left), (top + height, left + width))


def up_sampling2d(call: Call) -> Value:
    """Enlarge images by whole factors."""
    layer = call.layer
    if layer.interpolation not in OPEN:
        old = _known(call)
        if old is None:
            raise ValueError('enlarges images of any size, which is exported for "nearest" and "bilinear" alone')
        new = old[0] * layer.size[0], old[1] * layer.size[1]
        return call.output(_resampled(call, call.images(), old, new, layer.interpolation), True)
    how = {
        "nearest": {"coordinate_transformation_mode": "asymmetric", "mode": "nearest", "nearest_mode": "floor"},
        "bilinear": {"coordinate_transformation_mode": "half_pixel", "mode": "linear"},
    }[layer.interpolation]
    return call.output(call.node("Resize", [call.images(), "", call.constant((1, 1, *layer.size))], **how), True)


def _resampled(call: Call, x: str, old: Size, new: Size, method: str = "bilinear", antialias: bool = False) -> str:
    """Return the name of images (n, c, h, w) of the size `old` in the size `new`."""
    taps = (ANTIALIASED if antialias else METHODS)[method]
    rows, columns = (_matrix(*taps(wanted, length), length) for wanted, length in zip(new, old, strict=True))
    return call.node("MatMul", [call.node("MatMul", [call.constant(rows), x]), call.constant(columns.T)])


def _matrix(indices: np.ndarray, weights: np.ndarray, length: int) -> np.ndarray:
    """Return the weights of a method as a matrix (new length, length)."""
    matrix = np.zeros((len(indices), length), np.float32)
    np.add.at(matrix, (np.arange(len(indices))[:, None], indices), weights)
    return matrix


def _size(call: Call) -> tuple[int, int]:
    return call.layer.height, call.layer.width


def _known(call: Call) -> tuple[int, int] | None:
    """Return the height and width of the images, or None if one is open."""
    if len(call.shapes[0]) != 4:
        raise ValueError("takes single images, which is not exported")
    h, w = call.shapes[0][1:3]
    return None if h is None or w is None else (h, w)


def resizing(call: Call) -> Value:
    """Resample images to the layer's size."""
    layer, old = call.layer, _known(call)
    if old is None:
        special = layer.antialias or layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio
        if layer.interpolation not in OPEN or special:
            raise ValueError('resizes images of any size, which is exported for plain "nearest" and "bilinear" alone')
        x = call.images()
        start = call.node("Shape", [x], end=2)
        sizes = call.node("Concat", [start, call.integers(*_size(call))], axis=0)
        how: dict[str, Any] = {**OPEN[layer.interpolation], "coordinate_transformation_mode": "half_pixel"}
        return call.output(call.node("Resize", [x, "", "", sizes], **how), True)
    x = call.images()
    if layer.crop_to_aspect_ratio:
        box = middle(*old, *_size(call))
        x, old = _cut(call, x, box), box[2:]
    elif layer.pad_to_aspect_ratio:
        down, across = layer.borders(*old)
        pads = call.integers(0, 0, down, across, 0, 0, down, across)
        x, old = call.node("Pad", [x, pads, call.constant(layer.fill_value)]), (old[0] + 2 * down, old[1] + 2 * across)
    return call.output(_resampled(call, x, old, _size(call), layer.interpolation, layer.antialias), True)


def center_crop(call: Call) -> Value:
    """Cut the middle out of images, resampled where they are smaller."""
    old, (height, width) = _known(call), _size(call)
    if old is None:
        raise ValueError("crops images of any size, which is not exported")
    if old[0] >= height and old[1] >= width:
        box = (old[0] - height) // 2, (old[1] - width) // 2, height, width
        return call.output(_cut(call, call.images(), box), True)
    return middle_crop(call)


def middle_crop(call: Call) -> Value:
    """Cut out the largest part in the middle that has the layer's shape, and resample it."""
    old = _known(call)
    if old is None:
        raise ValueError("crops images of any size, which is not exported")
    box = middle(*old, *_size(call))
    return call.output(_resampled(call, _cut(call, call.images(), box), box[2:], _size(call)), True)
