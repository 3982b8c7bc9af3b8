"""The table that `summary()` prints: that of Keras 2, which the tutorials show."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..layers.graph import Node

# Widths of the columns of a stack of layers, and of any other graph, which has a column more: "Connected to".
STACK = (29, 26, 10)
GRAPH = (32, 21, 12, 33)
TRAINABLE = 11  # the width of one more column
NESTED = "> "  # before the name of a layer within a model, once for each model
TITLES = ("Layer (type)", "Output Shape", "Param #", "Connected to")


def summary_lines(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> list[str]:
    """Return the lines of the table: a row a layer (name and type, output shape, parameters), then the totals.

    Where the layers are no plain stack, each row also says which outputs the layer takes: layer[call][output]. The
    arguments are those of `Model.summary`.
    """
    nodes = model.graph if hasattr(type(model), "operations") else []
    stack = all(len(node.inputs) <= 1 for node in nodes) and _each_feeds_one(nodes)
    widths: tuple[int, ...] = STACK if stack else GRAPH
    titles: tuple[str, ...] = TITLES[: len(widths)]
    if show_trainable:
        widths, titles = (*widths, TRAINABLE), (*titles, "Trainable")
    widths = _widths(widths, line_length, positions)
    rule, double = "_" * sum(widths), "=" * sum(widths)
    lines = [f'Model: "{model.name}"', rule, table_row(titles, widths), double]
    layers = getattr(model, "operations", model.layers)
    first, last = _range(layers, layer_range)
    rows = [row for layer in layers[first:last] for row in _nested(layer, expand_nested)]
    for index, (depth, layer) in enumerate(rows):
        if index:
            lines.append(rule)
        sources = [] if stack or depth else list(_sources(layer, nodes))
        shape = str(layer.output_shape) if layer.built else "?"
        kind = getattr(layer, "title", type(layer).__name__)
        count = str(layer.count_params()) if layer.built else "0 (unbuilt)"
        cells = [NESTED * depth + f"{layer.name} ({kind})", shape, count]
        cells += [] if stack else [sources[0] if sources else ""]
        cells += [("Y" if layer.trainable else "N") if layer.weights else "-"] if show_trainable else []
        lines.append(table_row(cells, widths))
        lines += [table_row(("", "", "", source), widths) for source in sources[1:]]
    trainable, total = (sum(w.size for w in weights) for weights in (model.trainable_weights, model.weights))
    return [
        *lines,
        double,
        f"Total params: {total:,}",
        f"Trainable params: {trainable:,}",
        f"Non-trainable params: {total - trainable:,}",
        rule,
    ]


def _widths(widths: Sequence[int], line_length: int | None, positions: Sequence[float] | None) -> tuple[int, ...]:
    """Return the columns' widths for lines of `line_length`, with their ends at `positions`: parts of it, or places."""
    if positions is None:
        length = sum(widths) if line_length is None else line_length
        ends = [sum(widths[: index + 1]) * length // sum(widths) for index in range(len(widths))]
    elif len(positions) != len(widths):
        raise ValueError(f"positions must have {len(widths)} numbers, one for each column, got {list(positions)}")
    else:
        length = sum(widths) if line_length is None else line_length
        ends = [int(place * length) if positions[-1] <= 1 else int(place) for place in positions]
    found = tuple(end - start for start, end in zip([0, *ends], ends, strict=False))
    if min(found) < 4:
        raise ValueError(f"the summary's columns would be {found} wide, each needs 4: give a larger line_length")
    return found


def _range(layers: Sequence[Any], layer_range: Sequence[str] | None) -> tuple[int, int]:
    """Return the first and one past the last of the layers whose names two patterns match, in either order."""
    if layer_range is None:
        return 0, len(layers)
    if len(layer_range) != 2 or not all(isinstance(pattern, str) for pattern in layer_range):
        raise ValueError(f"layer_range must be two names, of the first layer and of the last, got {layer_range!r}")
    found = [[index for index, layer in enumerate(layers) if re.match(pattern, layer.name)] for pattern in layer_range]
    if not all(found):
        names = ", ".join(layer.name for layer in layers)
        raise ValueError(f"layer_range {tuple(layer_range)!r} does not match layers of the model, which has {names}")
    first, last = found
    return (min(first), max(last) + 1) if min(first) <= max(last) else (min(last), max(first) + 1)


def _nested(layer: Any, expand: bool, depth: int = 0) -> Iterator[tuple[int, Any]]:
    """Yield a layer and, to `expand` models, those within, each with how deep it lies."""
    yield depth, layer
    for inner in getattr(layer, "operations", getattr(layer, "layers", ())) if expand else ():
        yield from _nested(inner, expand, depth + 1)


def _each_feeds_one(nodes: Sequence[Node]) -> bool:
    fed = [symbol for node in nodes for symbol in node.inputs]
    return len(set(fed)) == len(fed) and len({node.operation for node in nodes}) == len(nodes)


def _sources(layer: Any, nodes: Sequence[Node]) -> Iterator[str]:
    """Yield where the inputs of a layer's calls in this model come from."""
    for node in nodes:
        if node.operation is layer:
            yield from (symbol.origin for symbol in node.inputs)


def table_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return one row; a cell too long for its column is cut, as Keras does."""
    return "".join(cell[: width - 1].ljust(width) for cell, width in zip(cells, widths, strict=False))
