"""`python -m tinyconv.zoo`: the networks, what goes into each, and what it costs for one image."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from .. import names, zoo
from ..commands import Parser, command
from ..initializers import blank
from ..models import Model, activation_values, multiply_adds

NAMED: list[Callable[[], Model]] = [
    zoo.AlexNet,
    zoo.VGG16,
    zoo.VGG19,
    zoo.GoogLeNet,
    zoo.InceptionV3,
    zoo.Xception,
    zoo.ResNet50,
    zoo.ResNet50V2,
    zoo.MobileNet,
    zoo.MobileNetV2,
]
OWN: list[Callable[[], Model]] = [
    zoo.mnist,
    zoo.mnist_cnn5,
    zoo.mnist_fc,
    zoo.mnist_sgd,
    zoo.cifar10,
    zoo.cats_dogs,
    zoo.practicum,
    zoo.intel,
    partial(zoo.intel, normalizes_blocks=True),
    zoo.vgg16_cats_dogs,
]
COLUMNS = ("network", "input", "parameters", "trainable", "non-trainable", "FLOPs", "activations")


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and return the exit code."""
    Parser("python -m tinyconv.zoo", "List the networks and what they cost.").parse(arguments)

    from rich.console import Console
    from rich.table import Table

    table = Table(
        title="The networks of tinyconv.zoo",
        caption="For one image: FLOPs are multiply-adds × 2 of convolutions and dense layers, activations the float32 "
        "outputs of all layers. Non-trainable are the moving averages of batch normalization.",
        caption_justify="left",
    )
    for title in COLUMNS:
        table.add_column(title, justify="left" if title in COLUMNS[:2] else "right", no_wrap=True)
    for makers in (NAMED, OWN):
        for row in rows(makers):
            table.add_row(*row)
        table.add_section()
    Console(width=120).print(table)
    return 0


def rows(makers: Sequence[Callable[[], Model]]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each network."""
    for make in makers:
        names.clear_session()
        with blank():
            model = make()
        trainable = sum(weight.size for weight in model.trainable_weights)
        total = model.count_params()
        yield (
            title(make),
            "×".join(map(str, model.input_shape[1:])),
            *(f"{count:,}" for count in (total, trainable, total - trainable)),
            scaled(2 * multiply_adds(model), 1000, ("", "k", "M", "G")),
            scaled(4 * activation_values(model), 1024, ("B", "KiB", "MiB")),
        )


def title(make: Callable[[], Model]) -> str:
    """Return a network as it is written: its function, with arguments if there are any."""
    if isinstance(make, partial):
        return f"{make.func.__name__}({', '.join(make.keywords)})"
    return make.__name__


def scaled(value: float, step: int, units: Sequence[str]) -> str:
    """Return three digits of a number and the largest unit, each `step` times the one before, that it reaches."""
    power = 0
    while value >= step and power < len(units) - 1:
        value, power = value / step, power + 1
    return f"{value:.3g} {units[power]}"


if __name__ == "__main__":
    sys.exit(main())
