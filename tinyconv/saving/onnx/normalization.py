"""Normalizations as nodes of ONNX."""

import numpy as np

from ...layers.scaling import EPSILON
from ...layers.unit_normalization import LEAST
from .graph import Value
from .operators import Call


def batch_normalization(call: Call) -> Value:
    """Add a normalization by the moving averages."""
    layer, graph = call.layer, call.graph
    channels = layer.moving_mean.shape
    if len(call.shapes[0]) not in (2, 4):
        scale, shift = map(call.constant, layer.scale_and_shift().numpy())
        return call.output(call.node("Add", [call.node("Mul", [call.plain(), scale]), shift]))
    scale = call.constant(np.ones(channels)) if layer.gamma is None else graph.weight(layer.gamma)
    shift = call.constant(np.zeros(channels)) if layer.beta is None else graph.weight(layer.beta)
    first = len(call.shapes[0]) == 4
    averages = [graph.weight(layer.moving_mean), graph.weight(layer.moving_variance)]
    x = call.images() if first else call.plain()
    return call.output(call.node("BatchNormalization", [x, scale, shift, *averages], epsilon=layer.epsilon), first)


def layer_normalization(call: Call) -> Value:
    """Add a normalization of each sample's last axes."""
    layer, graph = call.layer, call.graph
    inputs = [call.plain(), call.constant(np.ones(layer.lengths)) if layer.gamma is None else graph.weight(layer.gamma)]
    inputs += [] if layer.beta is None else [graph.weight(layer.beta)]
    return call.output(call.node("LayerNormalization", inputs, axis=-len(layer.axes), epsilon=layer.epsilon))


def normalization(call: Call) -> Value:
    """In the input's order: the places that have a mean of their own may be any axes."""
    layer, x = call.layer, call.plain()
    mean, variance = (np.asarray(each.numpy()).reshape(layer.places) for each in (layer.mean, layer.variance))
    deviation = np.maximum(np.sqrt(variance), EPSILON)
    if layer.invert:
        return call.output(call.node("Add", [call.node("Mul", [x, call.constant(deviation)]), call.constant(mean)]))
    return call.output(call.node("Mul", [call.node("Sub", [x, call.constant(mean)]), call.constant(1 / deviation)]))


def group_normalization(call: Call) -> Value:
    """Normalize with channels first, where each group lies in one piece."""
    layer, graph, rank = call.layer, call.graph, len(call.shapes[0])
    first = rank == 4
    x = call.images() if first else call.plain()
    if rank not in (2, 4):
        x = call.node("Transpose", [x], perm=[0, rank - 1, *range(1, rank - 1)])
    one, zero = call.constant(np.ones(layer.groups)), call.constant(np.zeros(layer.groups))
    rows = call.node("Reshape", [x, call.integers(0, layer.groups, -1)])
    rows = call.node("InstanceNormalization", [rows, one, zero], epsilon=layer.epsilon)
    y = call.node("Reshape", [rows, call.node("Shape", [x])])
    for operator, weight in (("Mul", layer.gamma), ("Add", layer.beta)):
        if weight is not None:
            y = call.node(operator, [y, graph.weight(weight, None, (-1, *(1,) * (rank - 2)))])
    if rank not in (2, 4):
        y = call.node("Transpose", [y], perm=[0, *range(2, rank), 1])
    return call.output(y, first)


def unit_normalization(call: Call) -> Value:
    """Divide by the norm, in whatever order the input is."""
    (x, first), rank = call.either(), len(call.shapes[0])
    axes = [(0, 2, 3, 1)[axis % rank] if first else axis % rank for axis in call.layer.axes]
    norm = call.node("Max", [call.node("ReduceL2", [x], axes=axes, keepdims=1), call.constant(LEAST)])
    return call.output(call.node("Div", [x, norm]), first)


def rms_normalization(call: Call) -> Value:
    """Divide by the root of the mean square of the last axes."""
    layer, x = call.layer, call.plain()
    axes = list(range(-len(layer.axes), 0))
    square = call.node("ReduceMean", [call.node("Mul", [x, x])], axes=axes, keepdims=1)
    root = call.node("Sqrt", [call.node("Add", [square, call.constant(layer.epsilon)])])
    return call.output(call.node("Mul", [call.node("Div", [x, root]), call.graph.weight(layer.scale)]))
