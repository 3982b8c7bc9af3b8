"""What a model costs for one image: multiplications, and memory for what its layers compute."""

from collections.abc import Iterator
from math import prod
from typing import Any

from ..layers import Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, InputLayer, SeparableConv2D
from ..layers.graph import Node, SymbolicTensor, map_graph
from .model import Model


def multiply_adds(model: Model) -> int:
    """Return the multiplications with a kernel's number, each with its addition, of one image's way through `model`.

    Convolutions and dense layers are counted, as in the papers, taps that fall on padding among them; not biases,
    normalization, activations and pooling. Twice this is what is called the model's FLOPs.
    """
    return sum(map(_multiply_adds, _calls(model)))


def activation_values(model: Model) -> int:
    """Return how many numbers all layers together compute from one image: what training keeps, roughly."""
    return sum(prod(_lengths(symbol)) for node in _calls(model) for symbol in node.outputs)


def _calls(model: Model) -> Iterator[Node]:
    """Yield the calls of layers that make up `model`, those of models within it too, but not its inputs."""
    model.require_built()
    for node in map_graph(model.inputs, model.outputs)[0]:
        if isinstance(node.operation, Model):
            yield from _calls(node.operation)
        elif not isinstance(node.operation, InputLayer):
            yield node


def _multiply_adds(node: Node) -> int:
    """Return those of one call: each number of a kernel meets one number for each position of the output.

    Of a transposed convolution it is each position of the input; positions are all axes but the channels.
    """
    layer: Any = node.operation
    if not isinstance(layer, Conv2D | Conv2DTranspose | Dense | DepthwiseConv2D | SeparableConv2D):
        return 0
    lengths = _lengths(node.inputs[0] if isinstance(layer, Conv2DTranspose) else node.outputs[0])
    positions = prod(lengths[1:] if getattr(layer, "data_format", None) == "channels_first" else lengths[:-1])
    return positions * sum(weight.size for weight in layer.weights if weight is not layer.bias)


def _lengths(symbol: SymbolicTensor) -> list[int]:
    """Return the shape of one sample."""
    if None in symbol.shape[1:]:
        raise ValueError(
            f"the cost of images of any size is not known, {symbol} is open: give Input a height and width"
        )
    return [length for length in symbol.shape[1:] if length is not None]
