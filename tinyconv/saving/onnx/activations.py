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


ACTIVATIONS: dict[Any, Nodes] = {
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
