"""What the page needs to know of an operation to write its sums with their numbers: its kind, settings and arrays.

The kinds are those that the page's own code knows; whatever else is a table of slopes, see `jacobian.py`, or `opaque`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...functions.activation import Softmax
from ...functions.convolution import Conv2D
from ...functions.cross_entropy import SigmoidCrossEntropy, SoftmaxCrossEntropy, SparseSoftmaxCrossEntropy
from ...functions.dense import Dense
from ...functions.depthwise import DepthwiseConv2D
from ...functions.dropout import Dropout
from ...functions.normalization import BatchNorm
from ...functions.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from ...functions.rectifier import Rectifier
from ...functions.shape import Concatenate, Reshape
from ...functions.transposed import Conv2DTranspose
from ...kernels import Window
from ...tensor import Function
from ..slopes import is_elementwise, slopes
from .jacobian import table

Arrays = dict[str, np.ndarray]
LARGEST = float(np.finfo(np.float32).max)  # for ∞, which JSON does not know


class Description(NamedTuple):
    """An operation's kind, the settings of the kind, and arrays beside its inputs and its output.

    `like_output` names the arrays that have a number for each cell of the output, or for each channel of it.
    """

    kind: str
    settings: dict[str, Any]
    arrays: Arrays
    like_output: tuple[str, ...] = ()


def describe(function: Function, inputs: list[np.ndarray], output: np.ndarray) -> Description:
    """Describe an operation that was recorded, given the arrays of its inputs and of its output."""
    if getattr(function, "relu", False):  # two operations in one
        return Description("opaque", {}, {})
    if type(function) in BY_TYPE:
        return BY_TYPE[type(function)](function, inputs, output)
    if is_elementwise(function):
        found = {f"slope{place}": compact(slope) for place, slope in enumerate(slopes(function, inputs, output))}
        return Description("elementwise", _arguments(function), found, tuple(found))
    jacobian = table(function, inputs, output)
    return Description("opaque", {}, {}) if jacobian is None else Description("jacobian", {}, jacobian)


def _arguments(function: Function) -> dict[str, float]:
    """Return the numbers that an elementwise function was made with, by their names."""
    if isinstance(function, Rectifier):
        named = dict(zip(("slope", "ceiling", "threshold"), function.settings, strict=True))
    else:
        named = {name: value for name, value in vars(function).items() if isinstance(value, bool | int | float)}
    return {name: min(max(float(value), -LARGEST), LARGEST) for name, value in named.items()}


def compact(slope: np.ndarray) -> np.ndarray:
    """Return slopes that are all 0 or 1 as bytes, others as they are."""
    zeros_and_ones = np.logical_or(slope == 0, slope == 1).all()
    return slope.astype(np.uint8) if zeros_and_ones else slope


def window_of(window: Window, image: tuple[int, ...]) -> dict[str, Any]:
    """Return the settings of a window that slides over images of a height and width."""
    top, left = (before for before, _ in window.pads(*image))
    return {"strides": list(window.strides), "dilation": list(window.dilation), "pads": [top, left]}


def _convolution(function: Any, inputs: list[np.ndarray], output: np.ndarray) -> Description:
    settings = window_of(function.window, inputs[0].shape[1:3])
    return Description("convolution", {**settings, "groups": function.groups}, {})


def _depthwise(function: Any, inputs: list[np.ndarray], output: np.ndarray) -> Description:
    settings = window_of(function.window, inputs[0].shape[1:3])
    return Description("depthwise", {**settings, "multiplier": inputs[1].shape[3]}, {})


def _transposed(function: Any, inputs: list[np.ndarray], output: np.ndarray) -> Description:
    return Description("transposed", window_of(function.window, output.shape[1:3]), {})


def _pooling(kind: str) -> Callable[..., Description]:
    def described(function: Any, inputs: list[np.ndarray], output: np.ndarray) -> Description:
        settings = window_of(function.window, inputs[0].shape[1:3])
        return Description(kind, {"size": list(function.window.size), **settings}, {})

    return described


def _plain(kind: str) -> Callable[..., Description]:
    return lambda function, inputs, output: Description(kind, {}, {})


def _dropout(function: Any, inputs: list[np.ndarray], output: np.ndarray) -> Description:
    arrays = {"keep": function.keep, "slope0": compact(slopes(function, inputs, output)[0])}
    return Description("dropout", {"rate": function.rate}, arrays, tuple(arrays))


def _batch_normalization(function: Any, inputs: list[np.ndarray], output: np.ndarray) -> Description:
    settings = {name: getattr(function, name) for name in ("scaled", "centered", "epsilon", "ceiling")}
    if function.ceiling is not None:
        settings["ceiling"] = min(function.ceiling, LARGEST)
    arrays = {"mean": function.mean, "inverse": function.inverse}
    return Description("batch_normalization", settings, arrays, tuple(arrays))


def _concatenate(function: Any, inputs: list[np.ndarray], output: np.ndarray) -> Description:
    axis = function.axis % output.ndim
    return Description("concatenate", {"axis": axis, "starts": [0, *function.ends[:-1]]}, {})


def _with_targets(kind: str, name: str) -> Callable[..., Description]:
    return lambda function, inputs, output: Description(kind, {}, {name: np.asarray(getattr(function, name))})


BY_TYPE: dict[type[Function], Callable[..., Description]] = {
    Conv2D: _convolution,
    DepthwiseConv2D: _depthwise,
    Conv2DTranspose: _transposed,
    MaxPool2D: _pooling("max_pooling"),
    AveragePool2D: _pooling("average_pooling"),
    GlobalAveragePool2D: _plain("global_average"),
    Dense: _plain("dense"),
    Reshape: _plain("reshape"),
    Dropout: _dropout,
    BatchNorm: _batch_normalization,
    Softmax: _plain("softmax"),
    SoftmaxCrossEntropy: _with_targets("softmax_cross_entropy", "targets"),
    SparseSoftmaxCrossEntropy: _with_targets("sparse_softmax_cross_entropy", "labels"),
    SigmoidCrossEntropy: _with_targets("sigmoid_cross_entropy", "targets"),
    Concatenate: _concatenate,
}
