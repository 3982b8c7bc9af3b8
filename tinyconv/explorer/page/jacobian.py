"""The local Jacobian of an operation at the recorded values, as a sparse table: who hears from a cell, and how much.

It is found by asking the operation itself: one that only moves numbers is given the numbers of the cells, a linear one
images with a single 1, any other a gradient with a single 1, or with a 1 in each row if the rows are independent.
"""

from collections.abc import Iterator
from copy import copy
from math import prod
from typing import Any

import numpy as np

from ...functions.composed import Sparsemax
from ...functions.layout import ToChannelsFirst
from ...functions.normalization import LayerNorm
from ...functions.reduction import SumSquares, _Reduction
from ...functions.resampling import Resize
from ...functions.resizing import UpSample2DBilinear, UpSample2DNearest
from ...functions.shape import GetItem, Pad, Stack, Transpose
from ...functions.smooth import LogSoftmax
from ...functions.warp import Warp
from ...tensor import Function

ENTRIES = 1 << 16  # that a table may have; an operation with more is not shown term by term
PROBES = 1 << 22  # numbers that trying an operation may make

MOVING = (GetItem, Pad, Stack, ToChannelsFirst, Transpose, UpSample2DNearest)  # no number is changed
REDUCING = (_Reduction, SumSquares)  # each cell of the input is heard by one of the result
BY_ROWS = (LayerNorm, LogSoftmax, Sparsemax)  # each row of the first input, along the last axis, by itself
LINEAR_IMAGES = (Resize, UpSample2DBilinear, Warp)  # each channel of an image by itself, all alike

Entries = tuple[np.ndarray, np.ndarray, np.ndarray]  # numbers of cells of the input, of cells of y, and slopes
# A gradient of y, and the numbers of the cells where it is 1: equal parts of the input are heard by one each.
Probe = tuple[np.ndarray, np.ndarray]


def table(function: Function, inputs: list[np.ndarray], output: np.ndarray) -> dict[str, np.ndarray] | None:
    """Return for each input three arrays, or None if they would be too many numbers.

    "offsets0" and "outputs0" and "slopes0" say of cell k of input 0, in row-major order, that the cells outputs0[j] of
    the result depend on it by the slopes0[j], for offsets0[k] ≤ j < offsets0[k + 1].
    """
    found = {}
    for place, x in enumerate(inputs):
        entries = _entries(function, place, inputs, output)
        if entries is None:
            return None
        cells, outputs, slopes = (part.reshape(-1) for part in entries)
        order = np.lexsort((outputs, cells))
        offsets = np.zeros(x.size + 1, np.int32)
        np.cumsum(np.bincount(cells, minlength=x.size), out=offsets[1:])
        found[f"offsets{place}"] = offsets
        found[f"outputs{place}"] = outputs[order].astype(np.int32)
        found[f"slopes{place}"] = slopes[order].astype(np.float32)
    return found


def _entries(function: Function, place: int, inputs: list[np.ndarray], y: np.ndarray) -> Entries | None:
    """Return the entries of one input that are not 0, None if there are too many."""
    x = inputs[place]
    if isinstance(function, MOVING):
        return _moved(function, place, inputs) if max(x.size, y.size) <= ENTRIES else None
    if isinstance(function, REDUCING):
        return _reduced(function, x, y) if x.size <= ENTRIES else None
    if isinstance(function, BY_ROWS):
        if y.size * y.shape[-1] > PROBES:
            return None
        return _tried(function, place, x, _columns(y) if place == 0 else _rows(y))
    if isinstance(function, LINEAR_IMAGES):
        return _of_images(function, x, y)
    return _tried(function, place, x, _each(y)) if x.size * y.size <= PROBES else None


def _moved(function: Any, place: int, inputs: list[np.ndarray]) -> Entries:
    """Return where the cells of an input go to: the operation moves their numbers, from 1, beside zeros."""
    own = copy(function)
    if isinstance(own, Pad):
        own.value = 0
    numbers = [np.zeros(x.shape, np.int64) for x in inputs]
    numbers[place] = np.arange(1, inputs[place].size + 1).reshape(inputs[place].shape)
    moved = np.asarray(own.forward(*numbers)).reshape(-1)
    outputs = np.flatnonzero(moved)
    return moved[outputs] - 1, outputs, np.ones(len(outputs))


def _reduced(function: Any, x: np.ndarray, y: np.ndarray) -> Entries:
    """Return the entries of a sum, a mean, a largest …: what backward makes of ones, and whose cell each is."""
    numbers = np.arange(y.size).reshape(y.shape)
    if isinstance(function, _Reduction):
        numbers = function.keep_axes(numbers)
    slopes = np.asarray(_gradient(function, 0, np.ones_like(y), x)).reshape(-1)
    cells = np.flatnonzero(slopes)
    return cells, np.broadcast_to(numbers, x.shape).reshape(-1)[cells], slopes[cells]


def _each(y: np.ndarray) -> Iterator[Probe]:
    """Yield for each cell of y a gradient that is 1 there alone."""
    for cell in range(y.size):
        dy = np.zeros(y.size, y.dtype)
        dy[cell] = 1
        yield dy.reshape(y.shape), np.array([cell])


def _columns(y: np.ndarray) -> Iterator[Probe]:
    """Yield for each column of y a gradient that is 1 there alone: a row of the input is heard in its own row."""
    numbers = np.arange(y.size).reshape(-1, y.shape[-1])
    for column in range(y.shape[-1]):
        dy = np.zeros(numbers.shape, y.dtype)
        dy[:, column] = 1
        yield dy.reshape(y.shape), numbers[:, column]


def _rows(y: np.ndarray) -> Iterator[Probe]:
    """Yield for each row of y a gradient that is 1 there alone: a cell of γ or β is heard in its own column."""
    numbers = np.arange(y.size).reshape(-1, y.shape[-1])
    for row in range(len(numbers)):
        dy = np.zeros(numbers.shape, y.dtype)
        dy[row] = 1
        yield dy.reshape(y.shape), numbers[row]


def _tried(function: Function, place: int, x: np.ndarray, probes: Iterator[Probe]) -> Entries | None:
    """Return the entries that the operation's backward shows, given gradients that tell the cells of y apart."""
    found: list[Entries] = []
    count = 0
    for dy, numbers in probes:
        dx = np.asarray(_gradient(function, place, dy, x)).reshape(-1)
        heard = np.flatnonzero(dx)
        count += len(heard)
        if count > ENTRIES:
            return None
        found.append((heard, np.repeat(numbers, x.size // len(numbers))[heard], dx[heard]))
    return _together(found)


def _of_images(function: Any, x: np.ndarray, y: np.ndarray) -> Entries | None:
    """Return the entries of a linear operation on images, found on images of one channel with a single 1 each."""
    (n, h, w, c), places = x.shape, prod(y.shape[1:3])
    if h * w * max(h * w, places) > PROBES:
        return None
    found: list[Entries] = []
    count = 0
    for sample in range(n):
        own = copy(function)
        if isinstance(own, Warp):
            own.maps = np.repeat(function.maps[sample : sample + 1], h * w, axis=0)
            own.fill_value = 0.0
        if sample == 0 or isinstance(own, Warp):
            responses = own.forward(np.eye(h * w, dtype=x.dtype).reshape(h * w, h, w, 1)).reshape(h * w, places)
            pixels, heard = np.nonzero(responses)
        count += len(pixels) * c
        if count > ENTRIES:
            return None
        channels = np.arange(c)
        cells = (sample * h * w + pixels)[:, None] * c + channels
        outputs = (sample * places + heard)[:, None] * c + channels
        found.append((cells, outputs, np.repeat(responses[pixels, heard][:, None], c, axis=1)))
    return _together(found)


def _together(found: list[Entries]) -> Entries:
    """Return lists of entries as one."""
    cells, outputs, slopes = (np.concatenate([each[part] for each in found]) for part in range(3))
    return cells, outputs, slopes


def _gradient(function: Function, place: int, dy: np.ndarray, x: np.ndarray) -> Any:
    """Return what a function passes on to one of its inputs."""
    own = copy(function)
    own.needs = tuple(each == place for each in range(len(function.needs)))
    dx = own.backward(dy)[place]
    return np.zeros_like(x) if dx is None else dx
