"""Data-parallel training, simulated and measured.

    python -m benchmarks.distributed --simulate           2 to 1,024 ranks on 10 and 100 Gbit/s
    python -m benchmarks.distributed --exchange           what an exchange takes here, measured and by the model
    python -m benchmarks.distributed --train              two ranks of one thread against one rank of two

The last two start mpiexec, from beside this Python.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import tinyconv as tc

from .cluster import NETWORKS, Network, Run, predicted, ring, step, tree

RANKS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# Milliseconds of a step on two cores are those of docs/benchmarks.md.
RUNS = (
    Run("mnist", 4 * 1_199_882, 0.0788),
    Run("cifar10", 4 * 477_994, 0.0561),
    Run("practicum", 4 * 9_494_561, 0.0735),
)
SIZES = (8, 64 * 1024, 2**20, 4 * 2**20, 16 * 2**20, 40_000_000)  # bytes
AIM = 0.9
TURN = 10  # steps that one rank alone, and all together, take in turn


def simulate(console: Console) -> None:
    """Print, for each run and network, what a step takes on more and more ranks."""
    for run in RUNS:
        for network in NETWORKS:
            title = (
                f"{run.name}, {run.size / 1e6:.1f} MB a step, {network.name}, latency {network.latency * 1e6:.0f} µs"
            )
            table = Table(title=title, title_justify="left")
            for name in (
                "ranks",
                "exchange, ms:\\nring",
                "\\ntree",
                "each has a batch,\\nefficiency: ring",
                "\\ntree",
                "the batch is shared,\\ntimes as fast: ring",
                "\\ntree",
            ):
                table.add_column(name.replace("\\n", "\n"), justify="right")
            for n in RANKS:
                weak = [step(run, n, network, exchange, 1.0) for exchange in (ring, tree)]
                strong = [step(run, n, network, exchange, 1 / n) for exchange in (ring, tree)]
                table.add_row(
                    f"{n:,}",
                    *(f"{1000 * exchange:.1f}" for _, exchange in weak),
                    *(f"{run.seconds / seconds:.2f}" for seconds, _ in weak),
                    *(f"{run.seconds / seconds:.1f}" for seconds, _ in strong),
                )
            console.print(table)


def exchange_here(console: Console, python: str) -> None:
    """Print what exchanges take here, beside the model whose two numbers are taken from two ranks."""
    found = {n: launch(python, n, "exchange") for n in (1, 2, 4)}
    times = {n: dict(zip(SIZES, each, strict=True)) for n, each in found.items()}
    # Of two ranks, by ring: 2·latency + S/bandwidth.
    latency = times[2][SIZES[0]] / 2
    bandwidth = SIZES[-1] / (times[2][SIZES[-1]] - times[2][SIZES[0]])
    here = Network("here", latency, bandwidth)
    title = f"Exchange, ms: measured, and by ring or tree of {latency * 1e6:.0f} µs and {bandwidth / 1e9:.2f} GB/s"
    table = Table(title=title, title_justify="left")
    table.add_column("MB", justify="right")
    for n in (1, 2, 4):
        table.add_column(f"{n} rank{'s' * (n > 1)}", justify="right")
    table.add_column("model, 2", justify="right")
    table.add_column("model, 4", justify="right")
    for size in SIZES:
        models = [min(predicted(n, size, here)) for n in (2, 4)]
        row = [*(times[n][size] for n in (1, 2, 4)), *models]
        table.add_row(f"{size / 1e6:.3f}", *(f"{1000 * seconds:.3f}" for seconds in row))
    console.print(table)


def train_here(console: Console, python: str, steps: int, names: Sequence[str]) -> bool:
    """Print the efficiency of two ranks of one thread, the median of turns; return whether it is as aimed at."""
    table = Table(title="Two ranks of one thread, and one of two", title_justify="left")
    for name in ("run", "batch", "one rank, ms", "two ranks, ms", "exchange, ms", "MB", "efficiency (quartiles)"):
        table.add_column(name, justify="left" if name == "run" else "right")
    good = True
    for run in RUNS:
        if names and run.name not in names:
            continue
        found = launch(python, 2, "train", run.name, str(steps))
        low, efficiency, high = quantiles(np.divide(found["alone"], found["together"]).tolist(), n=4)
        good = good and efficiency >= AIM
        milliseconds = (median(found["alone"]), median(found["together"]), found["exchange"])
        shown = [f"{1000 * each:.1f}" for each in milliseconds]
        table.add_row(
            run.name,
            str(found["batch"]),
            *shown,
            f"{found['bytes'] / 1e6:.1f}",
            f"{efficiency:.2f} ({low:.2f}–{high:.2f})",
        )
    console.print(table)
    return good


def launch(python: str, ranks: int, *arguments: str) -> Any:
    """Run this module as so many ranks, and return what rank 0 has found."""
    unbound = ["--bind-to", "none", "--oversubscribe"] if Path(python).with_name("ompi_info").exists() else []
    started = [str(Path(python).with_name("mpiexec")), *unbound, "-n", str(ranks)]
    own = [python, "-m", "benchmarks.distributed", "--rank", *arguments]
    done = subprocess.run([*started, *own], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(started)} ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def rank(what: str, *arguments: str) -> None:
    """Do one rank's part, and print what it has found, if it is the first."""
    ranks = tc.distributed.mpi()
    found = _exchanges(ranks) if what == "exchange" else _training(ranks, *arguments)
    if ranks.rank == 0:
        print(json.dumps(found))


def _exchanges(ranks: Any) -> list[float]:
    """Return the seconds, the median of some, of exchanges of `SIZES` bytes."""
    found = []
    for size in SIZES:
        values = np.ones(size // 4, np.float32)
        times = []
        for _ in range(20):
            ranks.barrier()
            began = time.perf_counter()
            ranks.sum_inplace(values)
            times.append(time.perf_counter() - began)
            values[...] = 1
        found.append(median(times))
    return found


class _Times(tc.callbacks.Callback):
    """The seconds of each step but the first of an epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.ended = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        now = time.perf_counter()
        if batch:
            self.seconds.append(now - self.ended)
        self.ended = now

    def mean(self) -> float:
        """Return the mean of what has been counted, and count anew."""
        mean = sum(self.seconds) / len(self.seconds)
        self.seconds.clear()
        return mean


def _training(ranks: Any, name: str, steps: str) -> dict[str, Any]:
    """Return the seconds of a step of a recipe, by rank 0 alone and by all, of each turn; and of the exchange.

    They take turns of some steps, so that both see the same of what else the machine does. It is means over a turn: a
    step of all is as long as that of the slower rank, and the median of steps would leave out one rank's slow ones.
    """
    from tinyconv.recipes import BY_NAME

    recipe = BY_NAME[name]
    share = tc.threads()
    models = {}
    for threads, communicator in ((share * ranks.size, None), (share, ranks)):
        tc.set_seed(0)
        models[threads] = recipe.build()
        models[threads].compile(
            recipe.optimizer(recipe.learning_rate), recipe.loss, recipe.metrics(), distributed=communicator
        )
    random = np.random.default_rng(0)
    n = recipe.batch_size * TURN
    x = random.random((n, *models[share].input_shape[1:]), np.float32)
    classes = models[share].output_shape[-1]
    labels = random.integers(0, max(2, classes), n)
    y = labels[:, None].astype(np.float32) if classes == 1 else np.eye(classes, dtype=np.float32)[labels]
    times = _Times()
    turns: dict[int, list[float]] = {threads: [] for threads in models}
    before = ranks.exchange_seconds, ranks.exchanges
    for turn in range(-1, max(2, int(steps) // TURN)):
        for threads, model in models.items():
            tc.set_threads(threads)
            if ranks.rank == 0 or threads == share:
                model.fit(x, y, recipe.batch_size, epochs=1, verbose=0, callbacks=[times])
                turns[threads].append(times.mean())
            _wait_asleep(ranks)
        if turn < 0:  # which compiles, and fills the pool of memory
            before = ranks.exchange_seconds, ranks.exchanges
    alone, together = (found[1:] for found in turns.values())
    return {
        "batch": recipe.batch_size,
        "alone": alone,
        "together": together,
        "exchange": (ranks.exchange_seconds - before[0]) / (ranks.exchanges - before[1]),
        "bytes": ranks.exchanged_bytes,
    }


def _wait_asleep(ranks: Any) -> None:
    """Wait for the other ranks, and leave them the cores meanwhile: MPI would look for them all the time."""
    waiting = ranks.world.Ibarrier()
    while not waiting.Test():
        time.sleep(0.005)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, 1 where an efficiency misses its aim, 2 for bad arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.distributed", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--simulate", action="store_true", help="simulate 2 to 1,024 ranks")
    parser.add_argument("--exchange", action="store_true", help="measure exchanges of 1, 2 and 4 ranks")
    parser.add_argument(
        "--train", nargs="*", metavar="RUN", help="measure training steps of 1 and 2 ranks, of these runs or all"
    )
    parser.add_argument("--steps", type=int, default=100, help="training steps to measure, of each (100)")
    parser.add_argument("--python", default=sys.executable, help="the Python with an mpiexec beside it (this one)")
    parser.add_argument("--rank", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.rank:
        rank(*options.rank)
        return 0
    if not (options.simulate or options.exchange or options.train is not None):
        parser.error("give --simulate, --exchange or --train")
    console = Console() if sys.stdout.isatty() else Console(width=120)
    if options.simulate:
        simulate(console)
    if options.exchange:
        exchange_here(console, options.python)
    return 0 if options.train is None or train_here(console, options.python, options.steps, options.train) else 1


if __name__ == "__main__":
    sys.exit(main())
