"""Slopes: of an operation that works element by element, ∂y/∂input for each cell of y, found by its own backward."""

from copy import copy
from typing import Any

import numpy as np

from ..functions.activation import LeakyRelu, Relu, Sigmoid, Tanh
from ..functions.arithmetic import AddRelu, _Binary
from ..functions.cross_entropy import SigmoidCrossEntropy
from ..functions.dropout import Dropout
from ..functions.elementwise import Absolute, Cast, Clip, Exp, Log, Negative, Sqrt, ToDevice
from ..functions.noise import GaussianNoise, SpatialDropout2D
from ..functions.normalization import ScaleShift
from ..functions.rectifier import Prelu, Rectifier
from ..functions.smooth import Elu, Gelu, Selu, Silu, Softplus, Softsign
from ..tensor import Function

# Cell i of the result depends on cell i of each input alone, where an input that is smaller is broadcast.
ELEMENTWISE: tuple[type[Function], ...] = (
    *(Relu, LeakyRelu, Rectifier, Prelu, Sigmoid, Tanh, Elu, Selu, Gelu, Silu, Softplus, Softsign),
    *(_Binary, AddRelu, ScaleShift, Dropout, SpatialDropout2D, GaussianNoise, SigmoidCrossEntropy),
    *(Negative, Exp, Log, Sqrt, Absolute, Clip, Cast, ToDevice),
)


def is_elementwise(function: Function) -> bool:
    """Return whether an operation works element by element."""
    return isinstance(function, ELEMENTWISE)


def slopes(function: Function, inputs: list[np.ndarray], output: np.ndarray) -> list[np.ndarray]:
    """Return ∂y/∂input for each input, of the shape of y: what `backward` makes of ones.

    Inputs that are broadcast are repeated before, so that nothing is summed.
    """
    own = copy(function)
    own.needs = (True,) * len(inputs)
    if any(x.shape != output.shape for x in inputs):
        if isinstance(function, ScaleShift):
            return _of_scale_shift(function, inputs, output)
        if isinstance(function, Prelu):
            return _of_prelu(function, inputs)
        own.forward(*(np.array(np.broadcast_to(x, output.shape), order="C") for x in inputs))
    return [np.asarray(slope) for slope in own.backward(np.ones_like(output))]


def _of_scale_shift(function: Any, inputs: list[np.ndarray], output: np.ndarray) -> list[np.ndarray]:
    """Return the slopes of (x − mean)·scale + shift, whose kernel takes one scale and one shift for each channel."""
    x, scale, _ = inputs
    own = copy(function)
    own.needs = (True, False, False)
    open_ = (own.backward(np.ones_like(output))[0] != 0) | (scale == 0)
    found = (np.broadcast_to(scale, output.shape), x - function.mean, np.ones_like(output))
    return [np.where(open_, slope, 0).astype(output.dtype) for slope in found]


def _of_prelu(function: Prelu, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Return the slopes of the rectifier with learnt slopes, which all samples share: those of one after the other."""
    x, alpha = inputs
    own = copy(function)
    found = []
    for sample in x:
        own.forward(sample[None], np.ascontiguousarray(np.broadcast_to(alpha, sample.shape)))
        dx, dalpha = own.backward(np.ones_like(sample[None]))
        found.append((dx[0], dalpha))
    return [np.stack(slope) for slope in zip(*found, strict=True)]
