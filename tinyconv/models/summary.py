"""The table that `summary()` prints: that of Keras 2, which the tutorials show."""

from collections.abc import Sequence

from ..layers import Layer

WIDTH = 65
COLUMNS = (29, 26, 10)


def summary_lines(name: str, layers: Sequence[Layer]) -> list[str]:
    """Return the lines of the table: a row a layer (name and type, output shape, parameters), then the totals."""
    rule, double = "_" * WIDTH, "=" * WIDTH
    lines = [f'Model: "{name}"', rule, _row("Layer (type)", "Output Shape", "Param #"), double]
    for index, layer in enumerate(layers):
        if index:
            lines.append(rule)
        label = f"{layer.name} ({type(layer).__name__})"
        lines.append(_row(label, str(layer.output_shape), str(layer.count_params())))
    trainable = sum(weight.size for layer in layers for weight in layer.trainable_weights)
    total = sum(layer.count_params() for layer in layers)
    return [
        *lines,
        double,
        f"Total params: {total:,}",
        f"Trainable params: {trainable:,}",
        f"Non-trainable params: {total - trainable:,}",
        rule,
    ]


def _row(*cells: str) -> str:
    """Return one row; a cell too long for its column is cut, as Keras does."""
    return "".join(cell[: width - 1].ljust(width) for cell, width in zip(cells, COLUMNS, strict=True))
