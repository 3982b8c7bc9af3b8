"""A recipe from several seeds, tinyconv and live Keras in turns: `python -m benchmarks.seeds RECIPE --json FILE`.

Where a network ends is partly chance. So each engine trains it once from every seed, one process a training, and what
is compared are the means, with their spread. The file is written after every training; given again with the same
settings, what it has is kept and what it lacks is trained, so that a long comparison may be broken off. `python -m
benchmarks.reproduction` makes the tables of the documents from such files.

Exit code 0 when the means agree within two standard errors, 1 when not, 2 for bad arguments, 130 after Ctrl-C.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from rich.console import Console
from rich.table import Table

from tinyconv.recipes import BY_NAME
from tinyconv.recipes.options import PARSERS

from . import arguments, curves, machine, report
from .processes import ROOT, WorkerError, environment

ENGINES = ("tinyconv", "keras")
OPTIONS = ("epochs", "limit", "variant", "augment")  # of a recipe's, which may be changed here
Runs = list[dict[str, Any]]


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over n trainings, None with a single one."""

    mean: float
    deviation: float | None
    n: int


def spread(runs: Runs, engine: str) -> Spread | None:
    """Return how an engine's accuracies lie, in percent; None if it has no runs."""
    values = [100 * run["accuracy"] for run in runs if run["engine"] == engine]
    if not values:
        return None
    return Spread(mean(values), stdev(values) if len(values) > 1 else None, len(values))


def standard_errors(runs: Runs) -> float | None:
    """Return how many standard errors the engines' means lie apart; None if that cannot be said."""
    one, other = (spread(runs, engine) for engine in ENGINES)
    if one is None or other is None or one.deviation is None or other.deviation is None:
        return None
    error = sqrt(one.deviation**2 / one.n + other.deviation**2 / other.n)
    if error == 0:
        return 0.0 if one.mean == other.mean else inf
    return abs(one.mean - other.mean) / error


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.seeds", description=(__doc__ or "").split("\n")[0])
    made.add_argument("recipe", choices=list(BY_NAME), metavar="RECIPE", help="one of python -m tinyconv.train --list")
    made.add_argument("--seeds", type=arguments.at_least_one, default=5, metavar="N", help="seeds 0 to N - 1 (5)")
    made.add_argument("--epochs", type=PARSERS["epochs"], metavar="N", help="epochs (the recipe's)")
    made.add_argument("--limit", type=PARSERS["limit"], metavar="N", help="train on N images (all)")
    made.add_argument("--data", type=PARSERS["data"], metavar="DIR", help="folder of photographs")
    made.add_argument("--variant", metavar="NAME", help="which of a document's networks")
    made.add_argument("--augment", action="store_const", const=True, help="vary the training images at random")
    made.add_argument("--same-weights", action="store_true", help="Keras starts from tinyconv's initial weights")
    cores = len(machine.usable_cores())
    made.add_argument("--threads", type=arguments.threads, default=cores, help=f"for each engine (all {cores} cores)")
    made.add_argument("--json", type=arguments.new_file(".json"), metavar="FILE", required=True, help="kept there")
    made.add_argument("--plot", type=arguments.new_file(".png"), metavar="FILE", help="draw all curves there")
    return made


def train(request: dict[str, Any], threads: int) -> dict[str, Any]:
    """Return the outcome of one training, in a process of its own; WorkerError with what it said if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.seed_run"],
        cwd=ROOT,
        env=environment(threads),
        input=json.dumps(request),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it wrote nothing"]
        raise WorkerError(f"{request['engine']} ended with code {done.returncode}: {said[-1]}")
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def kept(path: Path, settings: dict[str, Any]) -> Runs:
    """Return the runs that a file already has; raises WorkerError if they were made with other settings."""
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["settings"] != settings:
        raise WorkerError(f"{path} holds runs with other settings, {found['settings']}: give another file")
    runs: Runs = found["runs"]
    return runs


def compared(settings: dict[str, Any], data: str | None, seeds: int, path: Path, console: Console) -> Runs:
    """Train what the file lacks, seed by seed and engine by engine in turns, and return all runs.

    `data`, a folder of photographs, is no setting: it may lie anywhere.
    """
    runs = kept(path, settings)
    options = {name: settings[name] for name in OPTIONS if settings[name] is not None}
    if data is not None:
        options["data"] = data
    for seed in range(seeds):
        for engine in ENGINES:
            if any((run["seed"], run["engine"]) == (seed, engine) for run in runs):
                continue
            request = {"engine": engine, "recipe": settings["recipe"], "same_weights": settings["same_weights"]}
            outcome = train({**request, "options": {**options, "seed": seed}}, settings["threads"])
            runs.append({"engine": engine, "seed": seed, **outcome})
            report.write_json(path, {**report.heading("seeds"), "settings": settings, "runs": runs})
            console.print(f"seed {seed}, {engine}: {100 * outcome['accuracy']:.2f} % in {outcome['seconds']:.0f} s")
    return runs


def table(recipe: str, runs: Runs) -> Table:
    """One row an engine."""
    made = Table(title=f"{recipe}: accuracy at the end, over seeds", title_justify="left")
    for heading in ("engine", "mean", "standard deviation", "seeds", "seconds a training"):
        made.add_column(heading, justify="left" if heading == "engine" else "right")
    for engine in ENGINES:
        found = spread(runs, engine)
        if found is not None:
            seconds = mean(run["seconds"] for run in runs if run["engine"] == engine)
            deviation = "–" if found.deviation is None else f"{found.deviation:.2f} %"
            made.add_row(engine, f"{found.mean:.2f} %", deviation, str(found.n), f"{seconds:.1f}")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module for its exit codes."""
    commands = parser()
    given = commands.parse_args(argv)
    recipe = BY_NAME[given.recipe]
    settings = {
        "recipe": recipe.name,
        **{name: getattr(given, name) for name in OPTIONS},
        "epochs": given.epochs or recipe.epochs,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "same_weights": given.same_weights,
        "threads": given.threads,
    }
    console = Console() if sys.stdout.isatty() else Console(width=100)
    try:
        runs = compared(settings, given.data, given.seeds, given.json, console)
    except WorkerError as error:
        commands.exit(2, f"benchmarks.seeds: {error}\n")
    except KeyboardInterrupt:
        console.print(f"Interrupted: {given.json} has what was trained; the same command goes on.")
        return 130
    console.print(table(recipe.name, runs))
    if given.plot:
        curves.draw(recipe.name, runs, given.plot)
    apart = standard_errors(runs)
    if apart is None:
        return 0
    console.print(f"The means lie {apart:.1f} standard errors apart.")
    return int(apart > 2)


if __name__ == "__main__":
    sys.exit(main())
