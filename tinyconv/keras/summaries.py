"""`summary()` in the layouts of the eras: Keras 1's with what each layer takes, Keras 2's, and the boxes of Keras 3."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from typing import Any

from ..layers.graph import SymbolicTensor
from ..models import Model
from ..models.summary import GRAPH, TITLES, table_row
from .eras import KERAS, Era
from .spelling import Patch

BOXES, BOXES_OF_GRAPH = (0.45, 0.80, 1.0), (0.3, 0.56, 0.74, 1.0)  # where columns end, and in how wide a table
WIDTH, WIDTH_OF_GRAPH, MARGIN = 88, 108, 4


def patches(era: Era) -> list[Patch]:
    """Return the `summary` of an era, where it is not that of tinyconv, which is Keras 2.3's."""
    if era.before(2):
        return [(Model, "summary", _printing(lines_of_keras_1))]
    if era.before(2, 2, 5):
        return [(Model, "summary", _without_the_name(Model.summary))]
    return [(Model, "summary", _printing(lines_of_keras_3))] if era.framework == KERAS and not era.old else []


def _printing(lines: Callable[..., Sequence[str]]) -> Callable[..., None]:
    def summary(
        self: Any, line_length: int | None = None, positions: Any = None, print_fn: Any = None, **_: Any
    ) -> None:
        """Print the layers, their output shapes and parameter counts, and the totals."""
        self.require_built()
        text = "\n".join(lines(self, line_length))
        (print if print_fn is None else print_fn)(text)

    return summary


def _without_the_name(summary: Callable[..., None]) -> Callable[..., None]:
    def shown(self: Any, *given: Any, print_fn: Any = None, **named: Any) -> None:
        """Print the layers, their output shapes and parameter counts, and the totals."""
        write = print if print_fn is None else print_fn
        summary(self, *given, print_fn=lambda text: write(text.partition("\n")[2]), **named)

    return shown


def lines_of_keras_1(model: Any, line_length: int | None = None) -> list[str]:
    """Return the table of Keras 1, in which each layer says what it takes."""
    widths = (GRAPH[0] + 1, GRAPH[1] + 1, GRAPH[2], GRAPH[3])
    rule, double = "_" * sum(widths), "=" * sum(widths)
    lines = [rule, table_row(TITLES, widths), double]
    for index, layer in enumerate(model.layers):
        lines += [rule] if index else []
        kind = getattr(layer, "class_name_of_old", type(layer).__name__)
        first, *more = [*(symbol.origin for symbol in _taken(layer)), ""]
        cells = [f"{layer.name} ({kind})", str(layer.output_shape), f"{layer.count_params()}", first]
        lines.append(table_row(cells, widths))
        lines += [table_row(("", "", "", origin), widths) for origin in more if origin]
    trainable, total = _counts(model)
    totals = f"Total params: {total:,}\nTrainable params: {trainable:,}\nNon-trainable params: {total - trainable:,}"
    return [*lines, double, totals, rule]


def _taken(layer: Any) -> Iterator[SymbolicTensor]:
    for node in layer.call_nodes:
        yield from node.inputs


def _counts(model: Any) -> tuple[int, int]:
    return sum(weight.size for weight in model.trainable_weights), sum(weight.size for weight in model.weights)


def lines_of_keras_3(model: Any, line_length: int | None = None) -> list[str]:
    """Return the table of Keras 3: boxes as wide as the terminal allows, and totals with their bytes."""
    from rich.console import Console
    from rich.table import Column, Table

    graph = list(getattr(model, "graph", []))
    plain = all(len(node.inputs) <= 1 for node in graph) and len({node.operation for node in graph}) == len(graph)
    plain = plain and len({symbol for node in graph for symbol in node.inputs}) == sum(
        len(node.inputs) for node in graph
    )
    usual, ends = (WIDTH, BOXES) if plain else (WIDTH_OF_GRAPH, BOXES_OF_GRAPH)
    length = line_length or min(usual, shutil.get_terminal_size().columns - MARGIN)
    places = [0, *(int(end * length) for end in ends)]
    titles, sides = TITLES[: len(ends)], ("left", "left", "right", "left")
    columns = [
        Column(title, justify=side, width=end - start)  # type: ignore[arg-type]
        for title, side, start, end in zip(titles, sides, places, places[1:], strict=False)
    ]
    table = Table(*columns, width=length, show_lines=True)
    for layer in model.layers:
        count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
        cells = [f"{layer.name} ({type(layer).__name__})", str(layer.output_shape) if layer.built else "?", count]
        origins = [symbol.origin for node in layer.call_nodes if node in graph for symbol in node.inputs]
        table.add_row(*cells, *([] if plain else [", ".join(origins) or "-"]))
    text = StringIO()
    Console(file=text, highlight=False, markup=False, width=max(length, shutil.get_terminal_size().columns)).print(
        table
    )
    return [f'Model: "{model.name}"', text.getvalue().rstrip("\n"), *_totals(model)]


def _totals(model: Any) -> Iterator[str]:
    """Yield the numbers of parameters, with what they take."""
    trainable, total = _counts(model)
    optimizer = model.optimizer
    state = sum(getattr(value, "size", 1) for _, value in optimizer.variables()) if optimizer and optimizer.built else 0
    size = 4 if model.dtype == "float32" else 8
    parts = {"Total": total + state, "Trainable": trainable, "Non-trainable": total - trainable}
    for what, count in {**parts, **({"Optimizer": state} if state else {})}.items():
        yield f" {what} params: {count:,} ({_bytes(count * size)})"


def _bytes(size: int) -> str:
    """Return a number of bytes as Keras 3 writes it."""
    value, units = float(size), ["B", "KB", "MB", "GB", "TB", "PB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.2f} {units[0]}"
