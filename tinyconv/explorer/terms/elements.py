"""Terms of what works element by element, of what only moves elements, and of all that has no rule of its own."""

from collections.abc import Callable
from copy import copy

import numpy as np

from ... import kernels
from ...functions.activation import Relu
from ...functions.arithmetic import Add, AddRelu, Subtract
from ...functions.cross_entropy import SigmoidCrossEntropy
from ...functions.dropout import Dropout
from ...functions.elementwise import Cast, Negative, ToDevice
from ...functions.layout import ToChannelsFirst
from ...functions.noise import GaussianNoise, SpatialDropout2D
from ...functions.rectifier import Rectifier
from ...functions.reduction import Mean, SumSquares, _Reduction
from ...functions.resizing import UpSample2DNearest
from ...functions.shape import Concatenate, GetItem, Pad, Reshape, Stack, Transpose
from ...tensor import Function
from ..recording import Operation, Recording
from ..replay import applied, in_precision
from ..slopes import is_elementwise, slopes
from .term import Cell, Terms, cells, made

Rule = Callable[[Recording, Operation, int, Cell], Terms]

# Every cell of y is one of the inputs', or none.
MOVING: tuple[type[Function], ...] = (
    *(Reshape, Transpose, GetItem, Concatenate, Stack, Pad),
    *(ToChannelsFirst, UpSample2DNearest),
)
# Every cell of x goes into one number of y.
REDUCTIONS: tuple[type[Function], ...] = (_Reduction, SumSquares)

# What the formula calls the slope.
FACTORS: dict[type[Function], str] = {
    **dict.fromkeys((Add, AddRelu, Subtract, Negative, Cast, ToDevice, GaussianNoise), ""),
    **dict.fromkeys((Dropout, SpatialDropout2D), "1/(1 − rate)"),
    Relu: "[y > 0]",
    SigmoidCrossEntropy: "(σ(x) − t)",
}


def rule_of(function: Function) -> Rule:
    """Return the rule for a function of no rule of its own."""
    if is_elementwise(function):
        return slope
    if isinstance(function, MOVING):
        return moved
    return reduction if isinstance(function, REDUCTIONS) else by_differences


def slope(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[cell] = dy[cell]·f′, summed over all cells that an input was broadcast to."""
    x = recording.values[operation.inputs[place]].array
    y = recording.values[operation.output].array
    axes: list[np.ndarray | int] = []
    for axis, n in enumerate(y.shape):
        own = axis - (y.ndim - x.ndim)
        stretched = own < 0 or (x.shape[own] == 1 and n != 1)
        axes.append(np.arange(n) if stretched else cell[own])
    outputs = cells(*axes)
    arrays = [recording.values[number].array for number in operation.inputs]
    factors = slopes(operation.function, arrays, y)[place][tuple(outputs.T)]
    note = ""
    if not np.any(factors):
        note = _why_shut(operation.function, float(x[cell]))
    name = FACTORS.get(type(operation.function), "f′")
    return made(recording, operation, place, cell, outputs, factors, lambda at: name, note)


def _why_shut(function: Function, x: float) -> str:
    """Say why an elementwise operation lets no gradient through at x."""
    if isinstance(function, Dropout | SpatialDropout2D):
        return "dropped: this element was set to 0 in this step"
    name = type(function).__name__
    if isinstance(function, Relu | Rectifier):
        return f"the rectifier is shut: x = {x:.6g} is {'not above 0' if x <= 0 else 'above its ceiling'}"
    return f"the slope of {name} is 0 at x = {x:.6g}"


def moved(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[cell] = Σ dy over the places where that very element came to lie."""
    numbers, start = [], 0.25  # which no padding is likely to have
    for number in operation.inputs:
        array = recording.values[number].array
        numbers.append(np.arange(start, start + array.size).reshape(array.shape))
        start += array.size
    y = np.asarray(copy(operation.function).forward(*numbers))
    outputs = np.argwhere(y == numbers[place][cell])
    note = "" if len(outputs) else "the operation leaves this element out"
    return made(recording, operation, place, cell, outputs, np.ones(len(outputs)), note=note)


def reduction(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[cell] = dy·∂y/∂x of the one number that the cell went into: 1 of a sum, 1/count of a mean, 2·x of squares."""
    x, y = (recording.values[number] for number in (operation.inputs[0], operation.output))
    function = copy(operation.function)
    function.forward(x.array)
    factor = np.asarray(function.backward(np.ones_like(y.array))[0], np.float64)[cell]
    axes = function.reduced_axes(x.array) if isinstance(function, _Reduction) else tuple(range(x.array.ndim))
    kept = y.array.ndim == x.array.ndim
    output = [0 if axis in axes else at for axis, at in enumerate(cell) if kept or axis not in axes]
    count = x.array.size // max(1, y.array.size)
    text = {Mean: f"1/{count}", SumSquares: "2·x"}.get(type(function), "")
    return made(recording, operation, place, cell, np.array([output], np.int64), [factor], lambda at: text)


def by_differences(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[cell] = Σ dy·∂y/∂x[cell], the slopes being central differences of y in float64."""
    function = in_precision(operation.function)
    arrays = [recording.values[number].array.astype(np.float64) for number in operation.inputs]
    step = 1e-6 * max(1.0, abs(float(arrays[place][cell])))
    sides = []
    for sign in (1, -1):
        changed = [array.copy() if each == place else array for each, array in enumerate(arrays)]
        changed[place][cell] += sign * step
        with kernels.backend("reference"):
            sides.append(np.asarray(applied(function, changed), np.float64))
    slopes_of_y = (sides[0] - sides[1]) / (2 * step)
    outputs = np.argwhere(slopes_of_y) if slopes_of_y.ndim else cells()
    note = "the factors ∂y/∂x are central differences"
    return made(recording, operation, place, cell, outputs, slopes_of_y[tuple(outputs.T)], lambda at: "∂y/∂x", note)
