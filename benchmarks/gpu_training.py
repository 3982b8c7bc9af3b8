"""A training step of each network on the GPU: tinyconv's, and PyTorch's, eager and compiled, in turns.

All in float32 without TF32, batches copied to the GPU as they are needed.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from tinyconv.data import Dataset

from . import inputs
from .engines import tinyconv as our_engine
from .models import Model

TOLERANCE = 1e-3  # of the first loss, relative: float32 by different algorithms

Run = Callable[[int], float]


class Repeated(Dataset):
    """The same few batches, again and again."""

    def __init__(self, batches: Sequence[Any], count: int) -> None:
        self.batches, self.count = batches, count

    def __len__(self) -> int:
        return self.count

    def epoch(self, number: int) -> Iterator[Any]:
        """Yield them in turns."""
        return (self.batches[index % len(self.batches)] for index in range(self.count))


def ours(model: Model, given: inputs.Inputs) -> Run:
    """Return what trains on a number of batches, and returns their mean loss, by tinyconv on the GPU."""
    engine = our_engine.Engine(model, given, 1)
    engine.model.to("gpu")
    return lambda count: engine.model.fit(Repeated(engine.batches, count), verbose=0).history["loss"][-1]


def pytorch(model: Model, given: inputs.Inputs, channels_last: bool, compiled: bool) -> Run:
    """Return the same by PyTorch; raises ImportError without PyTorch, RuntimeError or AssertionError without CUDA."""
    import torch

    from .engines.pytorch import Engine

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    engine = Engine(model, given, 1, channels_last)
    engine.network.to("cuda").train()
    network = torch.compile(engine.network) if compiled else engine.network
    batches = [(x.pin_memory(), y.pin_memory()) for x, y in engine.batches]

    def run(count: int) -> float:
        total = torch.zeros((), device="cuda")
        for index in range(count):
            x, y = (part.to("cuda", non_blocking=True) for part in batches[index % len(batches)])
            engine.optimizer.zero_grad(set_to_none=True)
            loss = engine.loss(network(x), y)
            loss.backward()
            engine.optimizer.step()
            total += loss.detach()
        return float(total) / count

    return run


ENGINES: dict[str, Callable[[Model, inputs.Inputs], Run]] = {
    "tinyconv": ours,
    "PyTorch": lambda model, given: pytorch(model, given, False, False),
    "PyTorch channels_last": lambda model, given: pytorch(model, given, True, False),
    "PyTorch compiled": lambda model, given: pytorch(model, given, True, True),
}
EAGER = tuple(name for name in ENGINES if name != "PyTorch compiled")  # to compile takes half a minute a network
COMPILED = ("tinyconv", "PyTorch compiled")


def race(
    model: Model, batch: int, rounds: int, seconds: float, console: Console, engines: Sequence[str]
) -> dict[str, Any]:
    """Return the milliseconds a step of each engine, one figure a round; those that are absent are named."""
    given = inputs.prepare(model, batch)
    runs: dict[str, Run] = {}
    absent: dict[str, str] = {}
    first: dict[str, float] = {}
    for name in engines:
        try:
            run = ENGINES[name](model, given)
            first[name] = run(1)
        except (ImportError, RuntimeError, AssertionError) as error:
            if name == "tinyconv":
                raise
            absent[name] = str(error).split("\n")[0]
        else:
            runs[name] = run
    counts = {name: max(1, round(seconds / _duration(run, 3) * 3)) for name, run in runs.items()}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(_duration(run, counts[name]) / counts[name] * 1e3)
    for name, reason in absent.items():
        console.print(f"{model.name}: {name} is absent: {reason}", markup=False)
    return {"model": model.name, "batch": batch, "milliseconds": taken, "absent": absent, "first_loss": first}


def _duration(run: Run, count: int) -> float:
    """Return the seconds that training on `count` batches takes."""
    start = time.perf_counter()
    run(count)
    return time.perf_counter() - start


def disagreements(found: Sequence[dict[str, Any]], dropout: Callable[[str], bool]) -> list[str]:
    """Return a line for each engine whose first loss is not tinyconv's, on networks without dropout."""
    lines = []
    for entry in found:
        for name, loss in entry["first_loss"].items():
            own = entry["first_loss"]["tinyconv"]
            if not dropout(entry["model"]) and abs(loss - own) > TOLERANCE * abs(own):
                lines.append(f"{entry['model']}: first loss {loss} of {name}, {own} of tinyconv")
    return lines


def table(found: Sequence[dict[str, Any]]) -> Table:
    """Return one row a network: each engine's median, and PyTorch eager's over ours."""
    made = Table(title="One training step on the GPU, milliseconds", title_justify="left")
    for heading in ("model (batch)", *ENGINES, "fastest eager / tinyconv"):
        made.add_column(heading, justify="right")
    for entry in found:
        medians = {name: median(values) for name, values in entry["milliseconds"].items()}
        eager = [medians[name] for name in ("PyTorch", "PyTorch channels_last") if name in medians]
        ratio = f"{min(eager) / medians['tinyconv']:.2f}" if eager else "–"
        cells = [f"{medians[name]:.2f}" if name in medians else "–" for name in ENGINES]
        made.add_row(f"{entry['model']} ({entry['batch']})", *cells, ratio)
    return made


def draw(found: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a PNG of the milliseconds a step: one group of bars a network, on a logarithmic axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.6 + 0.8 * len(found)), layout="constrained")
    panel = figure.subplots()
    height = 0.8 / len(ENGINES)
    for place, name in enumerate(ENGINES):
        rows = [row for row, entry in enumerate(found) if name in entry["milliseconds"]]
        values = [median(found[row]["milliseconds"][name]) for row in rows]
        if rows:
            bars = panel.barh([row + height * (place - 1.5) for row in rows], values, 0.9 * height, label=name)
            panel.bar_label(bars, [f"{value:.3g} ms" for value in values], padding=3, fontsize=7)
    panel.set_xscale("log")
    panel.margins(x=0.15)
    panel.set_yticks(range(len(found)), [f"{entry['model']} ({entry['batch']})" for entry in found])
    panel.invert_yaxis()
    panel.set_title("One training step on the GPU, milliseconds", loc="left")
    figure.legend(loc="outside lower center", ncols=len(ENGINES), frameon=False)
    figure.savefig(path, dpi=150)
