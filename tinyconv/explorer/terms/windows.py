"""Terms of what slides a window over an image: convolutions and poolings. Formulas: `kernels/reference/`.

Along one axis, with stride s, dilation d and `before` cells of padding, the tap i of the output cell p sees

    row = p·s + i·d − before

and a row outside the image is padding, which has no gradient.
"""

import numpy as np

from ...functions.convolution import Conv2D
from ...functions.depthwise import DepthwiseConv2D
from ...functions.pooling import AveragePool2D, MaxPool2D
from ...functions.transposed import Conv2DTranspose
from ...kernels import Window
from ..recording import Operation, Recording
from .term import Cell, Terms, cells, made, named

Pairs = tuple[np.ndarray, np.ndarray]


def _looking(window: Window, image: tuple[int, int], cell: tuple[int, int]) -> tuple[Pairs, Pairs]:
    """Return for each axis (p, i): the output cells whose window holds the image's cell, and under which tap."""
    found = []
    for axis in range(2):
        before, out = window.pads(*image)[axis][0], window.output(*image)[axis]
        taps = np.arange(window.size[axis])
        from_first = cell[axis] + before - taps * window.dilation[axis]
        p = from_first // window.strides[axis]
        inside = (from_first % window.strides[axis] == 0) & (p >= 0) & (p < out)
        found.append((p[inside], taps[inside]))
    return found[0], found[1]


def _seen(window: Window, image: tuple[int, int], tap: tuple[int, int]) -> tuple[Pairs, Pairs]:
    """Return for each axis (p, row): the output cells whose tap lies within the image, and which cell it sees there."""
    found = []
    for axis in range(2):
        p = np.arange(window.output(*image)[axis])
        row = p * window.strides[axis] + tap[axis] * window.dilation[axis] - window.pads(*image)[axis][0]
        inside = (row >= 0) & (row < image[axis])
        found.append((p[inside], row[inside]))
    return found[0], found[1]


def _image(array: np.ndarray) -> tuple[int, int]:
    return array.shape[1], array.shape[2]


def _bias(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """db[k] = Σ dy[n,i,j,k]: the bias is added at every position."""
    n, h, w, _ = recording.values[operation.output].array.shape
    outputs = cells(np.arange(n), np.arange(h), np.arange(w), cell[0])
    return made(recording, operation, place, cell, outputs, np.ones(len(outputs)))


def _by_weights(
    recording: Recording, operation: Operation, cell: Cell, outputs: np.ndarray, weights: np.ndarray
) -> Terms:
    """Return the terms of a pixel's gradient: dy at `outputs` times w at `weights`, both (m, axes)."""
    w = recording.values[operation.inputs[1]].array[tuple(weights.T)]
    return made(recording, operation, 0, cell, outputs, w, lambda at: named("w", weights[at]))


def _by_pixels(
    recording: Recording, operation: Operation, cell: Cell, outputs: np.ndarray, pixels: np.ndarray
) -> Terms:
    """Return the terms of a weight's gradient: dy at `outputs` times x at `pixels`, both (m, axes)."""
    x = recording.values[operation.inputs[0]].array[tuple(pixels.T)]
    return made(recording, operation, 1, cell, outputs, x, lambda at: named("x", pixels[at]))


def convolution(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[n,r,q,c] = Σ dy[n,i,j,k]·w[p,q,c,k], dw[p,q,c,k] = Σ x[n,r,q,c]·dy[n,i,j,k], db[k] = Σ dy[n,i,j,k]."""
    function = operation.function
    assert isinstance(function, Conv2D)
    if place == 2:
        return _bias(recording, operation, place, cell)
    x, w = (recording.values[number].array for number in operation.inputs[:2])
    inward, outward = w.shape[2], w.shape[3] // function.groups  # channels of a group
    if place == 0:
        sample, row, column, channel = cell
        group, c = divmod(channel, inward)
        (p, i), (q, j) = _looking(function.window, _image(x), (row, column))
        k = np.arange(group * outward, (group + 1) * outward)
        return _by_weights(recording, operation, cell, cells(sample, p, q, k), cells(i, j, c, k))
    tap, c, out = cell[:2], cell[2], cell[3]
    (p, rows), (q, columns) = _seen(function.window, _image(x), (tap[0], tap[1]))
    n = np.arange(len(x))
    pixels = cells(n, rows, columns, c + out // outward * inward)
    return _by_pixels(recording, operation, cell, cells(n, p, q, out), pixels)


def depthwise(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[n,r,q,c] = Σ dy[n,i,j,c·m + t]·w[p,q,c,t], dw[p,q,c,t] = Σ x[n,r,q,c]·dy[n,i,j,c·m + t]."""
    function = operation.function
    assert isinstance(function, DepthwiseConv2D)
    if place == 2:
        return _bias(recording, operation, place, cell)
    x, w = (recording.values[number].array for number in operation.inputs[:2])
    m = w.shape[3]
    if place == 0:
        sample, row, column, c = cell
        (p, i), (q, j) = _looking(function.window, _image(x), (row, column))
        t = np.arange(m)
        return _by_weights(recording, operation, cell, cells(sample, p, q, c * m + t), cells(i, j, c, t))
    tap, c, multiple = cell[:2], cell[2], cell[3]
    (p, rows), (q, columns) = _seen(function.window, _image(x), (tap[0], tap[1]))
    n = np.arange(len(x))
    return _by_pixels(recording, operation, cell, cells(n, p, q, c * m + multiple), cells(n, rows, columns, c))


def transposed(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[n,i,j,c] = Σ dy[n,r,q,k]·w[p,q,k,c], dw[p,q,k,c] = Σ dy[n,r,q,k]·x[n,i,j,c]: the roles of x and y change."""
    function = operation.function
    assert isinstance(function, Conv2DTranspose)
    if place == 2:
        return _bias(recording, operation, place, cell)
    x, w = (recording.values[number].array for number in operation.inputs[:2])
    window, image = function.window, function.image
    if place == 0:
        axes = []
        for axis in range(2):
            taps = np.arange(window.size[axis])
            reached = cell[1 + axis] * window.strides[axis] + taps * window.dilation[axis]
            reached -= window.pads(*image)[axis][0]
            inside = (reached >= 0) & (reached < image[axis])
            axes.append((reached[inside], taps[inside]))
        (rows, i), (columns, j) = axes
        k = np.arange(w.shape[2])
        return _by_weights(recording, operation, cell, cells(cell[0], rows, columns, k), cells(i, j, k, cell[3]))
    (p, rows), (q, columns) = _seen(window, image, (cell[0], cell[1]))
    n = np.arange(len(x))
    return _by_pixels(recording, operation, cell, cells(n, rows, columns, cell[2]), cells(n, p, q, cell[3]))


def max_pooling(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[cell] = Σ dy over the windows whose first largest cell it is."""
    function = operation.function
    assert isinstance(function, MaxPool2D)
    x = recording.values[operation.inputs[0]].array
    n, row, column, c = cell
    window = function.window
    (p, i), (q, j) = _looking(window, _image(x), (row, column))
    outputs = cells(n, p, q, c)
    taps = cells(i, j)
    winners = np.asarray(function.index)[tuple(outputs.T)].astype(np.int64)
    won = winners == taps[:, 0] * window.size[1] + taps[:, 1]
    y = recording.values[operation.output].array[tuple(outputs.T)]
    note = ""
    if not won.any():
        own = x[cell]
        tied = bool(len(y)) and own == y.max()
        note = (
            "it is in no window"
            if not len(y)
            else f"another cell is as large, and came first: {own:.6g}"
            if tied
            else f"it is not the largest of its window: {own:.6g}, the largest is {y.min():.6g}"
        )
    return made(recording, operation, place, cell, outputs, won, note=note)


def average_pooling(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[cell] = Σ dy/cells over the windows that hold it; padding is no cell."""
    function = operation.function
    assert isinstance(function, AveragePool2D)
    x = recording.values[operation.inputs[0]].array
    n, row, column, c = cell
    window = function.window
    (p, _), (q, _) = _looking(window, _image(x), (row, column))
    counts = []
    for axis, out in enumerate((p, q)):
        seen = out[:, None] * window.strides[axis] + np.arange(window.size[axis]) * window.dilation[axis]
        seen -= window.pads(*_image(x))[axis][0]
        counts.append(((seen >= 0) & (seen < _image(x)[axis])).sum(axis=1))
    sizes = np.outer(*counts).reshape(-1)
    return made(recording, operation, place, cell, cells(n, p, q, c), 1 / sizes, lambda at: f"1/{sizes[at]}")


def global_average_pooling(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[n,i,j,c] = dy[n,c]/(h·w)."""
    _, h, w, _ = recording.values[operation.inputs[0]].array.shape
    outputs = cells(cell[0], cell[3])
    return made(recording, operation, place, cell, outputs, [1 / (h * w)], lambda at: f"1/{h * w}")
