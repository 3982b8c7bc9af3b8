"""How a training step of tinyconv grows with the batch, and shrinks with threads: `python -m benchmarks.scaling`.

Each number of threads has a process of its own, with as many cores. Batches of a quarter to twice the document's take
turns, so that what disturbs the machine disturbs them alike.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from statistics import median

from rich.console import Console
from rich.table import Table

from . import arguments, machine
from .contest import PAUSE_SECONDS, SLOT_SECONDS
from .inputs import prepare
from .models import Model
from .networks import MODELS
from .processes import Worker
from .report import milliseconds

PARTS = (0.25, 0.5, 1, 2)


def measure(model: Model, rounds: int) -> dict[tuple[int, int], float]:
    """Return the milliseconds of a training step for each (batch, threads), the median of the rounds."""
    batches = [max(1, round(part * model.batch)) for part in PARTS]
    counts = sorted({1, len(machine.usable_cores())})
    places = [(batch, threads) for threads in counts for batch in batches]
    times: dict[tuple[int, int], list[float]] = {place: [] for place in places}
    with ExitStack() as stack:
        workers, steps = {}, {}
        for batch, threads in places:
            worker = workers[batch, threads] = stack.enter_context(Worker(threads))
            worker.call("build", "tinyconv", replace(model, batch=batch), prepare(model, batch), threads)
            steps[batch, threads] = worker.call("calibrate", "train", SLOT_SECONDS)
        for number in range(rounds):
            for place, worker in workers.items():
                time.sleep(PAUSE_SECONDS)
                times[place].append(worker.call("run", "train", number * (steps[place] + 1), steps[place]))
    return {place: median(found) for place, found in times.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 for bad arguments, or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=(__doc__ or "").split("\n")[0])
    defaults = [MODELS["mnist"], MODELS["practicum"], MODELS["intel"]]
    parser.add_argument("--models", nargs="+", type=arguments.model, default=defaults, metavar="NAME")
    parser.add_argument("--rounds", type=arguments.at_least_one, default=5, help="turns of each batch (5)")
    options = parser.parse_args(argv)
    console = Console() if sys.stdout.isatty() else Console(width=100)
    try:
        for model in options.models:
            console.print(table(model, measure(model, options.rounds)))
    except KeyboardInterrupt:
        console.print("Interrupted: the workers were ended.")
        return 130
    return 0


def table(model: Model, found: dict[tuple[int, int], float]) -> Table:
    """Return one row a batch."""
    counts = sorted({threads for _, threads in found})
    made = Table(title=f"{model.name}: a training step", title_justify="left")
    made.add_column("batch", justify="right")
    for threads in counts:
        for what in ("ms", "ms an image"):
            made.add_column(f"{what},\n{threads} thread{'s' * (threads > 1)}", justify="right")
    if len(counts) > 1:
        made.add_column(f"times as fast\nby {counts[-1]} threads", justify="right")
    for batch in sorted({batch for batch, _ in found}):
        row = [str(batch)]
        for threads in counts:
            row += [milliseconds(found[batch, threads]), f"{found[batch, threads] / batch:.3g}"]
        if len(counts) > 1:
            row.append(f"{found[batch, counts[0]] / found[batch, counts[-1]]:.2f}")
        made.add_row(*row)
    return made


if __name__ == "__main__":
    sys.exit(main())
