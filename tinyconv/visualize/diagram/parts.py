"""What a diagram of a model shows: its layers, the models within it, and what leads to what."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tinyconv.models import Functional, Model, Sequential


@dataclass(frozen=True)
class Showing:
    """What is written in the boxes; the words are those of `plot_model`."""

    shapes: bool = False
    dtype: bool = False
    layer_names: bool = False
    layer_activations: bool = False
    trainable: bool = False


@dataclass(frozen=True)
class Box:
    """A layer: its name (may be left out) and class, and rows of cells below."""

    name: str
    kind: str
    weighted: bool
    rows: list[list[str]]


@dataclass(frozen=True)
class Link:
    """Output number `output` of a part leads to input number `input` of a part; parts by number, None: the border."""

    source: int | None
    output: int
    target: int | None
    input: int


@dataclass(frozen=True)
class Group:
    """A model as the parts that it is made of: boxes, and groups for models that are expanded.

    Inputs and outputs are those of the model as a layer, and lie on the border.
    """

    name: str
    parts: list[Box | Group] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


def parts_of(model: Model, showing: Showing, expand: bool, within: bool = False) -> Group:
    """Return the layers of a model, as Keras's `model_to_dot` has them, and what leads to what, each once.

    A layer is one box however often it is called. `expand` opens the models within; a model that has no graph, because
    it is a subclass with a `call` of its own, is one box. `within` draws the lines from and to the border.
    """
    group = Group(model.name)
    if not is_open(model):
        group.parts.append(_box(model, showing))
        return group
    number: dict[Any, int] = {}
    for layer in getattr(model, "operations", model.layers):
        number[layer] = len(group.parts)
        nested = expand and is_open(layer)
        group.parts.append(parts_of(layer, showing, expand, True) if nested else _box(layer, showing))
    found: dict[Link, None] = {}

    def link(source: Any, output: int, target: Any, input_: int) -> None:
        ports = [part is not None and isinstance(group.parts[number[part]], Group) for part in (source, target)]
        output, input_ = output if source is None or ports[0] else 0, input_ if target is None or ports[1] else 0
        ends = [None if part is None else number[part] for part in (source, target)]
        found[Link(ends[0], output, ends[1], input_)] = None

    if isinstance(model, Sequential):
        stack = [None, *model.layers, None] if within else model.layers
        for source, target in pairwise(stack):
            link(source, 0, target, 0)
    elif isinstance(model, Functional):
        for node in model.graph:
            for index, symbol in enumerate(node.inputs):
                link(symbol.node.operation, symbol.index, node.operation, index)
        for index, symbol in enumerate(model.inputs if within else ()):
            link(None, index, symbol.node.operation, 0)
        for index, symbol in enumerate(model.outputs if within else ()):
            link(symbol.node.operation, symbol.index, None, index)
    group.links.extend(found)
    return group


def is_open(layer: Any) -> bool:
    """Return whether a layer is a model whose own layers can be drawn."""
    return isinstance(layer, Functional | Sequential) and bool(layer.layers)


def _box(layer: Any, showing: Showing) -> Box:
    kind = getattr(layer, "title", type(layer).__name__)
    rows: list[list[str]] = []
    if showing.layer_activations and getattr(layer, "activation", None) is not None:
        activation = layer.activation
        rows.append([f"Activation: {getattr(activation, 'name', getattr(activation, '__name__', activation))}"])
    cells = []
    if showing.shapes:
        if kind != "InputLayer":
            cells.append(f"Input shape: {_shapes(layer, 'inputs')}")
        cells.append(f"Output shape: {_shapes(layer, 'outputs')}")
    if showing.dtype:
        cells.append(f"Output dtype: {layer.dtype}")
    if showing.trainable and layer.weights:
        cells.append("Trainable" if layer.trainable else "Non-trainable")
    rows += [cells] if cells else []
    return Box(layer.name if showing.layer_names else "", kind, bool(layer.weights), rows)


def _shapes(layer: Any, ends: str) -> str:
    """Return the shapes that a layer takes or gives, "?" where they are not known or differ from call to call."""
    found = {str(_shape(node.given if ends == "inputs" else node.result)) for node in layer.call_nodes}
    if not found and isinstance(layer, Model):
        found = {str(layer.input_shape if ends == "inputs" else layer.output_shape)}
    return found.pop() if len(found) == 1 else "?"


def _shape(symbols: Any) -> Any:
    return [symbol.shape for symbol in symbols] if isinstance(symbols, list | tuple) else symbols.shape
