"""Activations as nodes of ONNX: functions of a graph, the name of the input, and the name of the layer."""

from collections.abc import Callable
from math import sqrt
from typing import Any

from ... import functions as F
from .graph import Graph

Nodes = Callable[[Graph, str, str, int], str]  # the last is the axis of the channels


def _one(operator: str, **attributes: Any) -> Nodes:
    return lambda graph, x, owner, axis: graph.node(operator, [x], owner, **attributes)


def _along_channels(operator: str) -> Nodes:
    return lambda graph, x, owner, axis: graph.node(operator, [x], owner, axis=axis)


def _silu(graph: Graph, x: str, owner: str, axis: int) -> str:
    return graph.node("Mul", [x, graph.node("Sigmoid", [x], owner)], owner)


def _gelu(graph: Graph, x: str, owner: str, axis: int) -> str:
    """x·(1 + erf(x/√2))/2."""
    share, half, one = (graph.constant(number, f"{owner}/number") for number in (1 / sqrt(2), 0.5, 1))
    erf = graph.node("Erf", [graph.node("Mul", [x, share], owner)], owner)
    return graph.node("Mul", [graph.node("Mul", [x, half], owner), graph.node("Add", [erf, one], owner)], owner)


def clip(graph: Graph, x: str, owner: str, low: float, high: float) -> str:
    """Return the name of min(max(x, low), high)."""
    return graph.node("Clip", [x, *(graph.constant(end, f"{owner}/number") for end in (low, high))], owner)


def _log_sigmoid(graph: Graph, x: str, owner: str, axis: int) -> str:
    return graph.node("Neg", [graph.node("Softplus", [graph.node("Neg", [x], owner)], owner)], owner)


def _mish(graph: Graph, x: str, owner: str, axis: int) -> str:
    return graph.node("Mul", [x, graph.node("Tanh", [graph.node("Softplus", [x], owner)], owner)], owner)


def _tanh_shrink(graph: Graph, x: str, owner: str, axis: int) -> str:
    return graph.node("Sub", [x, graph.node("Tanh", [x], owner)], owner)


def _squareplus(graph: Graph, x: str, owner: str, axis: int) -> str:
    """(x + √(x² + 4))/2."""
    half, four = (graph.constant(number, f"{owner}/number") for number in (0.5, 4))
    square = graph.node("Add", [graph.node("Mul", [x, x], owner), four], owner)
    return graph.node("Mul", [graph.node("Add", [x, graph.node("Sqrt", [square], owner)], owner), half], owner)


def _sparse_plus(graph: Graph, x: str, owner: str, axis: int) -> str:
    """(c + 1)²/4 + max(x − 1, 0), where c is x between −1 and 1."""
    one, quarter = (graph.constant(number, f"{owner}/number") for number in (1, 0.25))
    above = graph.node("Add", [clip(graph, x, owner, -1, 1), one], owner)
    bend = graph.node("Mul", [graph.node("Mul", [above, above], owner), quarter], owner)
    return graph.node("Add", [bend, graph.node("Relu", [graph.node("Sub", [x, one], owner)], owner)], owner)


def _sparse_sigmoid(graph: Graph, x: str, owner: str, axis: int) -> str:
    """(x + 1)/2 between 0 and 1."""
    half = graph.constant(0.5, f"{owner}/number")
    line = graph.node("Add", [graph.node("Mul", [x, half], owner), half], owner)
    return clip(graph, line, owner, 0, 1)


# Those without nodes are glu, sparsemax and threshold.
ACTIVATIONS: dict[Any, Nodes] = {
    F.celu: _one("Celu", alpha=1.0),
    F.hard_shrink: _one("Shrink", lambd=0.5, bias=0.0),
    F.hard_silu: _one("HardSwish"),
    F.hard_tanh: lambda graph, x, owner, axis: clip(graph, x, owner, -1, 1),
    F.log_sigmoid: _log_sigmoid,
    F.mish: _mish,
    F.soft_shrink: _one("Shrink", lambd=0.5, bias=0.5),
    F.sparse_plus: _sparse_plus,
    F.sparse_sigmoid: _sparse_sigmoid,
    F.squareplus: _squareplus,
    F.tanh_shrink: _tanh_shrink,
    F.elu: _one("Elu"),
    F.exponential: _one("Exp"),
    F.gelu: _gelu,
    F.hard_sigmoid: _one("HardSigmoid", alpha=1 / 6, beta=0.5),
    F.leaky_relu: _one("LeakyRelu", alpha=0.2),
    F.linear: lambda graph, x, owner, axis: x,
    F.log_softmax: _along_channels("LogSoftmax"),
    F.relu: _one("Relu"),
    F.relu6: lambda graph, x, owner, axis: clip(graph, x, owner, 0, 6),
    F.selu: _one("Selu"),
    F.sigmoid: _one("Sigmoid"),
    F.silu: _silu,
    F.softmax: _along_channels("Softmax"),
    F.softplus: _one("Softplus"),
    F.softsign: _one("Softsign"),
    F.tanh: _one("Tanh"),
}
