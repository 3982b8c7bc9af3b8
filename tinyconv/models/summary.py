"""The table that `summary()` prints: that of Keras 2, which the tutorials show."""

from collections.abc import Iterator, Sequence
from typing import Any

from ..layers.graph import Node

# Widths of the columns of a stack of layers, and of any other graph, which has a column more: "Connected to".
STACK = (29, 26, 10)
GRAPH = (32, 21, 12, 33)
TITLES = ("Layer (type)", "Output Shape", "Param #", "Connected to")


def summary_lines(model: Any) -> list[str]:
    """Return the lines of the table: a row a layer (name and type, output shape, parameters), then the totals.

    Where the layers are no plain stack, each row also says which outputs the layer takes: layer[call][output].
    """
    nodes = getattr(model, "graph", [])
    stack = all(len(node.inputs) <= 1 for node in nodes) and _each_feeds_one(nodes)
    widths = STACK if stack else GRAPH
    rule, double = "_" * sum(widths), "=" * sum(widths)
    lines = [f'Model: "{model.name}"', rule, _row(TITLES, widths), double]
    for index, layer in enumerate(model.layers):
        if index:
            lines.append(rule)
        label, shape = f"{layer.name} ({type(layer).__name__})", str(layer.output_shape)
        sources = list(_sources(layer, nodes))
        lines.append(_row((label, shape, str(layer.count_params()), *sources[:1]), widths))
        lines += [] if stack else [_row(("", "", "", source), widths) for source in sources[1:]]
    trainable, total = (sum(w.size for w in weights) for weights in (model.trainable_weights, model.weights))
    return [
        *lines,
        double,
        f"Total params: {total:,}",
        f"Trainable params: {trainable:,}",
        f"Non-trainable params: {total - trainable:,}",
        rule,
    ]


def _each_feeds_one(nodes: Sequence[Node]) -> bool:
    fed = [symbol for node in nodes for symbol in node.inputs]
    return len(set(fed)) == len(fed) and len({node.operation for node in nodes}) == len(nodes)


def _sources(layer: Any, nodes: Sequence[Node]) -> Iterator[str]:
    """Yield where the inputs of a layer's calls in this model come from."""
    for node in nodes:
        if node.operation is layer:
            yield from (symbol.origin for symbol in node.inputs)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return one row; a cell too long for its column is cut, as Keras does."""
    return "".join(cell[: width - 1].ljust(width) for cell, width in zip(cells, widths, strict=False))
