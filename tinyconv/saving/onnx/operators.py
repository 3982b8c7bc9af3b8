"""Layers as nodes of ONNX: for each kind of layer a function of one call, which returns its output.

The operators are those of operator set 17 (https://onnx.ai/onnx/operators).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...functions.transposed import transposed_size
from ...kernels import Window
from ...layers.graph import Shape
from ...layers.merge import LEAST
from .activations import ACTIVATIONS, clip
from .graph import Graph, Value, value


class Call(NamedTuple):
    """One call of a layer: what it is given, and the shapes of that and of its output."""

    graph: Graph
    layer: Any
    given: list[Value]
    shapes: list[Shape]
    output_shape: Shape

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        return self.graph.node(operator, inputs, self.layer.name, **attributes)

    def constant(self, values: Any) -> str:
        """Add an array; return its name."""
        return self.graph.constant(values, f"{self.layer.name}/constant")

    def integers(self, *values: int) -> str:
        """Add whole numbers; return their name."""
        return self.graph.integers(values, self.layer.name)

    def images(self) -> str:
        """Return the name of the input, images, with channels first."""
        return self.graph.first(self.given[0])

    def plain(self) -> str:
        """Return the name of the input with its axes as Keras has them."""
        return self.graph.last(self.given[0])

    def either(self) -> tuple[str, bool]:
        """Return the name of the input in the order that it is in, and whether that is channels first."""
        (name,), first = self.graph.alike(self.given)
        return name, first

    def output(self, name: str, first: bool = False) -> Value:
        """Return the output, with channels first or not."""
        return value(name, len(self.output_shape), first)

    def activated(self, name: str, first: bool) -> Value:
        """Return the output behind the layer's own activation."""
        nodes = ACTIVATIONS[self.layer.activation]
        of_channels = first and getattr(self.layer, "data_format", "channels_last") == "channels_last"
        return self.output(nodes(self.graph, name, self.layer.name, 1 if of_channels else -1), first)


def same(call: Call) -> Value:
    """Return the input: the layer does nothing outside training."""
    return call.given[0]


def _windows(window: Window, shape: Shape) -> dict[str, Any]:
    """Return the attributes of a window that slides over images of `shape`."""
    h, w = shape[1:3]
    found: dict[str, Any] = {"kernel_shape": list(window.size), "strides": list(window.strides)}
    if max(window.dilation) > 1:
        found["dilations"] = list(window.dilation)
    if window.padding == "same" and (h is None or w is None):
        return {**found, "auto_pad": "SAME_UPPER"}
    (top, bottom), (left, right) = ((0, 0), (0, 0)) if h is None or w is None else window.pads(h, w)
    return {**found, "pads": [top, left, bottom, right]}


def _convolve(call: Call, x: str, kernel: str, bias: Any, window: Window, groups: int, shape: Shape) -> str:
    inputs = [x, kernel] if bias is None else [x, kernel, call.graph.weight(bias)]
    return call.node("Conv", inputs, group=groups, **_windows(window, shape))


def conv2d(call: Call) -> Value:
    """Keras's kernels are (kh, kw, in, out), ONNX's (out, in, kh, kw)."""
    layer = call.layer
    kernel = call.graph.weight(layer.kernel, (3, 2, 0, 1))
    y = _convolve(call, call.images(), kernel, layer.bias, layer.window, layer.groups, call.shapes[0])
    return call.activated(y, True)


def _depthwise(call: Call, kernel: Any) -> str:
    """Return a kernel (kh, kw, c, m) as one of c groups, (c·m, 1, kh, kw)."""
    h, w, c, m = kernel.shape
    return call.graph.weight(kernel, (2, 3, 0, 1), (c * m, 1, h, w))


def depthwise_conv2d(call: Call) -> Value:
    """Add a convolution of each channel by itself."""
    layer, kernel = call.layer, _depthwise(call, call.layer.kernel)
    y = _convolve(call, call.images(), kernel, layer.bias, layer.window, layer.kernel.shape[2], call.shapes[0])
    return call.activated(y, True)


def separable_conv2d(call: Call) -> Value:
    """Add a convolution of each channel by itself, and one across the channels."""
    layer, kernel = call.layer, _depthwise(call, call.layer.depthwise_kernel)
    y = _convolve(call, call.images(), kernel, None, layer.window, layer.depthwise_kernel.shape[2], call.shapes[0])
    kernel = call.graph.weight(layer.pointwise_kernel, (3, 2, 0, 1))
    return call.activated(_convolve(call, y, kernel, layer.bias, Window((1, 1)), 1, (None, 1, 1, None)), True)


def conv2d_transpose(call: Call) -> Value:
    """What is cut off, or added, at the edges is the same whatever the size of the images."""
    layer, window = call.layer, call.layer.window
    sides = [length or 8 * span for length, span in zip(call.shapes[0][1:3], window.span, strict=True)]
    size = transposed_size(window, (sides[0], sides[1]), layer.output_padding)
    (top, bottom), (left, right) = window.pads(*size)
    full = [(n - 1) * s + span for n, s, span in zip(sides, window.strides, window.span, strict=True)]
    more = [have - whole + cut for have, whole, cut in zip(size, full, (top + bottom, left + right), strict=True)]
    inputs = [call.images(), call.graph.weight(layer.kernel, (3, 2, 0, 1))]
    inputs += [] if layer.bias is None else [call.graph.weight(layer.bias)]
    geometry = {"kernel_shape": list(window.size), "strides": list(window.strides), "dilations": list(window.dilation)}
    y = call.node("ConvTranspose", inputs, **geometry, pads=[top, left, bottom, right], output_padding=more)
    return call.activated(y, True)


def dense(call: Call) -> Value:
    """Add a product with the kernel, of the last axis, and the bias."""
    layer, graph = call.layer, call.graph
    inputs = [call.plain(), graph.weight(layer.kernel)]
    if len(call.shapes[0]) == 2:
        y = call.node("Gemm", inputs + ([] if layer.bias is None else [graph.weight(layer.bias)]))
    else:
        y = call.node("MatMul", inputs)
        y = y if layer.bias is None else call.node("Add", [y, graph.weight(layer.bias)])
    return call.activated(y, False)


def pooling(operator: str, **attributes: Any) -> Callable[[Call], Value]:
    """Return what adds a pooling of windows."""

    def nodes(call: Call) -> Value:
        windows = _windows(call.layer.window, call.shapes[0])
        return call.output(call.node(operator, [call.images()], **windows, **attributes), True)

    return nodes


def global_pooling(operator: str) -> Callable[[Call], Value]:
    """Return what adds a pooling of all positions."""

    def nodes(call: Call) -> Value:
        keeps = bool(call.layer.keepdims)
        return call.output(call.node(operator, [call.images()], axes=[2, 3], keepdims=int(keeps)), keeps)

    return nodes


def activation(call: Call) -> Value:
    """Add an activation, in whatever order the input is."""
    return call.activated(*call.either())


def softmax(call: Call) -> Value:
    """Add a softmax over one axis or, as eˣ/Σeˣ in logarithms, over several."""
    (x, first), rank = call.either(), len(call.shapes[0])
    axes = [(0, 2, 3, 1)[axis % rank] if first else axis % rank for axis in call.layer.axes]
    if len(axes) == 1:
        return call.output(call.node("Softmax", [x], axis=axes[0]), first)
    total = call.node("ReduceLogSumExp", [x], axes=axes, keepdims=1)
    return call.output(call.node("Exp", [call.node("Sub", [x, total])]), first)


def relu(call: Call) -> Value:
    """Add a rectifier: of its arguments those that are there."""
    layer, (x, first) = call.layer, call.either()
    slope, ceiling, threshold = layer.negative_slope, layer.max_value, layer.threshold
    if not threshold and not slope:
        y = call.node("Relu", [x]) if ceiling is None else clip(call.graph, x, layer.name, 0, ceiling)
    elif not threshold and ceiling is None:
        y = call.node("LeakyRelu", [x], alpha=slope)
    else:
        edge = call.constant(threshold)
        above = x if ceiling is None else call.node("Min", [x, call.constant(ceiling)])
        below = call.node("Mul", [call.node("Sub", [x, edge]), call.constant(slope)])
        y = call.node("Where", [call.node("Greater", [x, edge]), above, below])
    return call.output(y, first)


def by_slope(operator: str, argument: str) -> Callable[[Call], Value]:
    """Return what adds an activation whose slope is an argument of the layer."""

    def nodes(call: Call) -> Value:
        x, first = call.either()
        return call.output(call.node(operator, [x], alpha=getattr(call.layer, argument)), first)

    return nodes


def prelu(call: Call) -> Value:
    """Add a rectifier with learnt slopes."""
    (x, first), slopes = call.either(), call.layer.alpha
    return call.output(call.node("PRelu", [x, call.graph.weight(slopes, (2, 0, 1) if first else None)]), first)


def flatten(call: Call) -> Value:
    """Join all axes but the first, as Keras has them."""
    return call.output(call.node("Flatten", [call.plain()], axis=1))


def reshape(call: Call) -> Value:
    """Give each sample another shape."""
    return call.output(call.node("Reshape", [call.plain(), call.integers(0, *call.layer.target_shape)]))


def permute(call: Call) -> Value:
    """Put the axes of each sample in another order."""
    return call.output(call.node("Transpose", [call.plain()], perm=[0, *call.layer.dims]))


def of_two(operator: str) -> Callable[[Call], Value]:
    """Return what joins inputs by an operator of two, one after the other."""

    def nodes(call: Call) -> Value:
        (y, *others), first = call.graph.alike(call.given)
        for other in others:
            y = call.node(operator, [y, other])
        return call.output(y, first)

    return nodes


def of_many(operator: str) -> Callable[[Call], Value]:
    """Return what joins inputs by an operator of any number."""

    def nodes(call: Call) -> Value:
        names, first = call.graph.alike(call.given)
        return call.output(call.node(operator, names), first)

    return nodes


def concatenate(call: Call) -> Value:
    """Put the inputs one after the other along an axis."""
    names, first = call.graph.alike(call.given)
    axis = call.layer.axis % len(call.output_shape)
    return call.output(call.node("Concat", names, axis=(0, 2, 3, 1)[axis] if first else axis), first)


def dot(call: Call) -> Value:
    """Add a product of matrices (vectors, k) and (k, vectors) of each sample."""
    layer, matrices = call.layer, []
    for each, shape, axis in zip(call.given, call.shapes, layer.places(call.shapes), strict=True):
        x, rank = call.graph.last(each), len(shape)
        x = call.node("Transpose", [x], perm=[*(other for other in range(rank) if other != axis), axis])
        if layer.normalize:
            norm = call.node("ReduceL2", [x], axes=[-1], keepdims=1)
            x = call.node("Div", [x, call.node("Max", [norm, call.constant(LEAST)])])
        matrices.append(call.node("Reshape", [x, call.integers(0, -1, shape[axis])]))
    matrices[1] = call.node("Transpose", [matrices[1]], perm=[0, 2, 1])
    y = call.node("MatMul", matrices)
    lengths = [-1 if length is None else length for length in call.output_shape[1:]]
    if lengths.count(-1) > 1:
        raise ValueError("has several open lengths in its output, which is not exported")
    return call.output(call.node("Reshape", [y, call.integers(0, *lengths)]))


def zero_padding2d(call: Call) -> Value:
    """Put zeros around images."""
    (top, bottom), (left, right) = call.layer.padding
    pads = call.integers(0, 0, top, left, 0, 0, bottom, right)
    return call.output(call.node("Pad", [call.images(), pads]), True)


def rescaling(call: Call) -> Value:
    """Multiply by a scale and add an offset."""
    (x, first), layer = call.either(), call.layer
    scale, offset = (
        call.constant(np.reshape(number, (-1, 1, 1)) if first and np.ndim(number) else number)
        for number in (layer.scale, layer.offset)
    )
    return call.output(call.node("Add", [call.node("Mul", [x, scale]), offset]), first)
