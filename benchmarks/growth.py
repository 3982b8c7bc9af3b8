"""How tinyconv's time for an image grows with the batch and with the image: `python -m benchmarks.growth`.

It should not. Each point has a process of its own in each round, and the fastest counts: whatever else a machine does
makes some slower, and none faster. A point that costs more than 1.5 times as much an image (or a pixel) as the one
before it is marked as a cliff. The first points cost most, since a step has fixed costs.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import arguments, machine, report
from .inputs import prepare
from .models import Adam, Conv2D, Dense, GlobalAveragePool2D, MaxPool2D, Model
from .networks import MODELS
from .processes import Worker
from .report import Mode, milliseconds

SLOT_SECONDS = 0.3
CLIFF = 1.5
BATCHES = tuple(2**power for power in range(11))
SIDES = (28, 40, 56, 80, 112, 160, 224, 320, 448)
NAMES: dict[Mode, str] = {"train": "training step", "predict": "prediction"}
COLORS: dict[Mode, str] = {"train": "#d1495b", "predict": "#30638e"}
MODES: tuple[Mode, ...] = tuple(NAMES)
SMALL = Model(
    "small",
    (28, 28, 3),
    (
        *(Conv2D(16, 3, "same"), MaxPool2D()),
        *(Conv2D(32, 3, "same"), MaxPool2D()),
        *(Conv2D(64, 3, "same"), GlobalAveragePool2D(), Dense(10, "softmax")),
    ),
    batch=8,
    optimizer=Adam(),
)


@dataclass(frozen=True)
class Curve:
    """What grows: `models` at the places `sizes`, each with `work` to do, images or millions of pixels."""

    name: str
    title: str
    axis: str
    unit: str
    sizes: tuple[int, ...]
    models: tuple[Model, ...]

    def work(self, size: int) -> float:
        """Images of a batch, or millions of pixels."""
        return size if self.unit == "image" else SMALL.batch * size**2 / 1e6


def _by_batch(name: str) -> Curve:
    models = tuple(replace(MODELS[name], batch=n) for n in BATCHES)
    return Curve(name, f"{name}, batches of 1 to {BATCHES[-1]:,}", "batch", "image", BATCHES, models)


CURVES = {
    **{name: _by_batch(name) for name in ("mnist", "cifar10")},
    "size": Curve(
        "size",
        f"three convolutions, {SMALL.batch} images of 28×28 to 448×448",
        "side",
        "Mpixel",
        SIDES,
        tuple(replace(SMALL, input_shape=(side, side, 3)) for side in SIDES),
    ),
}


@dataclass(frozen=True)
class Point:
    """Milliseconds of one step, in the fastest process, and `each`, milliseconds an image, or a million pixels."""

    curve: str
    mode: Mode
    size: int
    milliseconds: float
    each: float


def measure(curve: Curve, rounds: int, threads: int) -> list[Point]:
    """Return the points of a curve, in training and in prediction."""
    times: dict[tuple[Mode, int], list[float]] = {(mode, size): [] for mode in MODES for size in curve.sizes}
    for _ in range(rounds):
        for size, model in zip(curve.sizes, curve.models, strict=True):
            with Worker(threads) as worker:
                worker.call("build", "tinyconv", model, prepare(model, model.batch), threads)
                for mode in MODES:
                    steps = worker.call("calibrate", mode, SLOT_SECONDS)
                    times[mode, size].append(worker.call("run", mode, 0, steps))
    return [
        Point(curve.name, mode, size, min(found), min(found) / curve.work(size))
        for (mode, size), found in times.items()
    ]


def steepness(points: Sequence[Point]) -> list[float]:
    """Return how many times the cost of the point before it each point of a curve costs; 1 for the first."""
    return [1.0, *(after.each / before.each for before, after in pairwise(points))]


def table(curve: Curve, points: Sequence[Point]) -> Table:
    """Return one row a size: what a step takes, what it takes an image or a million pixels, and which are cliffs."""
    made = Table(title=curve.title, title_justify="left")
    made.add_column(curve.axis, justify="right")
    columns = []
    for mode in MODES:
        for what in (f"{NAMES[mode]},\nms", f"ms\n/ {curve.unit}", ""):
            made.add_column(what, justify="right")
        own = [point for point in points if (point.curve, point.mode) == (curve.name, mode)]
        columns.append([(point, ratio) for point, ratio in zip(own, steepness(own), strict=True)])
    for cells in zip(*columns, strict=True):
        row = [f"{cells[0][0].size:,}"]
        for point, ratio in cells:
            row += [milliseconds(point.milliseconds), f"{point.each:.3g}", f"{ratio:.2f} ×" if ratio > CLIFF else ""]
        made.add_row(*row)
    return made


def draw(points: Sequence[Point], path: Path) -> None:
    """Write a PNG: a panel a curve, the cost of an image (or a million pixels) over the size, cliffs marked."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    curves = [curve for curve in CURVES.values() if any(point.curve == curve.name for point in points)]
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(4.4 * len(curves), 3.6), layout="constrained")
        panels = figure.subplots(1, len(curves), squeeze=False)[0]
        for panel, curve in zip(panels, curves, strict=True):
            for mode in MODES:
                own = [point for point in points if (point.curve, point.mode) == (curve.name, mode)]
                places, costs = [point.size for point in own], [point.each for point in own]
                panel.plot(places, costs, "o-", color=COLORS[mode], markersize=4, label=NAMES[mode])
                steep = [i for i, ratio in enumerate(steepness(own)) if ratio > CLIFF]
                rings = {"facecolors": "none", "edgecolors": COLORS[mode], "s": 110, "linewidths": 1.2}
                panel.scatter([places[i] for i in steep], [costs[i] for i in steep], **rings)
            panel.set_xscale("log", base=2)
            panel.set_yscale("log")
            panel.set_xticks(curve.sizes, [f"{size:,}" for size in curve.sizes], rotation=45)
            panel.set_xticks([], minor=True)
            low, high = panel.get_ylim()
            panel.set_ylim(low / 1.3, high * 1.3)
            panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            panel.yaxis.set_major_formatter("{x:g}")
            panel.yaxis.set_minor_formatter("")
            panel.grid(color="0.9", linewidth=0.6)
            panel.set_title(curve.title, loc="left", fontweight="bold", fontsize=9)
            panel.set_xlabel(curve.axis)
            panel.set_ylabel(f"ms / {curve.unit}")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(handles), frameon=False)
        figure.savefig(path, dpi=150)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 for bad arguments, or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--curves", nargs="+", choices=list(CURVES), default=list(CURVES), help="which (all)")
    parser.add_argument("--rounds", type=arguments.at_least_one, default=5, help="processes of each point (5)")
    parser.add_argument("--threads", type=arguments.threads, default=len(machine.usable_cores()), help="(all cores)")
    parser.add_argument("--json", type=arguments.new_file(".json"), metavar="FILE", help="write every figure there")
    parser.add_argument("--chart", type=arguments.new_file(".png"), metavar="FILE", help="draw the curves there")
    options = parser.parse_args(argv)
    console = Console() if sys.stdout.isatty() else Console(width=100)
    points: list[Point] = []
    try:
        for name in options.curves:
            with console.status(f"measuring {name}"):
                found = measure(CURVES[name], options.rounds, options.threads)
            console.print(table(CURVES[name], found))
            points += found
    except KeyboardInterrupt:
        console.print("Interrupted: the workers were ended.")
        return 130
    if options.json:
        results = [asdict(point) for point in points]
        report.write_json(options.json, {**report.heading("growth"), "results": results})
    if options.chart:
        draw(points, options.chart)
    return 0


if __name__ == "__main__":
    sys.exit(main())
