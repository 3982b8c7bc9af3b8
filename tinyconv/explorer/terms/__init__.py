"""The terms of a gradient: which cells of dy one number of dx hears from, and by which factor.

The gradient that an operation y = f(x, …) hands to one cell of an input is, by the chain rule,

    dx[cell] = Σ dy[o] · ∂y[o]/∂x[cell]      over the cells o of y that depend on x[cell]

`terms(operation, place, cell)` lists the products of this sum, with each factor's name where it is a number of the
network itself: the weight w[0,2,1,5] in a convolution's dx, the pixel x[0,3,4,1] in its dw. Operations that have no
formula of their own here get their factors ∂y/∂x from central differences in float64, and say so.
"""

from collections.abc import Callable

from ...functions.activation import Softmax
from ...functions.convolution import Conv2D
from ...functions.cross_entropy import SoftmaxCrossEntropy, SparseSoftmaxCrossEntropy
from ...functions.dense import Dense
from ...functions.depthwise import DepthwiseConv2D
from ...functions.normalization import BatchNorm
from ...functions.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from ...functions.transposed import Conv2DTranspose
from ..recording import Operation, Recording
from . import elements, products, rows, windows
from .term import Cell, Terms

__all__ = ["Terms", "terms"]

Rule = Callable[[Recording, Operation, int, Cell], Terms]

RULES: dict[type, Rule] = {
    Conv2D: windows.convolution,
    DepthwiseConv2D: windows.depthwise,
    Conv2DTranspose: windows.transposed,
    MaxPool2D: windows.max_pooling,
    AveragePool2D: windows.average_pooling,
    GlobalAveragePool2D: windows.global_average_pooling,
    Dense: products.dense,
    BatchNorm: rows.batch_norm,
    Softmax: rows.softmax,
    SoftmaxCrossEntropy: rows.softmax_cross_entropy,
    SparseSoftmaxCrossEntropy: rows.softmax_cross_entropy,
}


def terms(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """Return the terms of the gradient that `operation` hands to one cell of its input number `place`.

    Raises IndexError when there is no such cell.
    """
    value = recording.values[operation.inputs[place]]
    if len(cell) != value.array.ndim or any(not 0 <= i < n for i, n in zip(cell, value.array.shape, strict=True)):
        raise IndexError(f"{value.name} has shape {value.array.shape}: there is no cell {list(cell)} in it")
    rule = RULES.get(type(operation.function)) or elements.rule_of(operation.function)
    return rule(recording, operation, place, cell)
