"""tinyconv against Keras on TensorFlow and PyTorch: `python -m benchmarks.training`.

First every engine proves that it computes the same thing (`agreement`); one that does not is reported and not timed.
Then each gets a process of its own with the same number of threads, and they take turns: a slot of about a second each,
round after round, so that what disturbs the machine disturbs them alike. Reported are the median of the rounds, their
middle half, and the peak resident memory of the process, which does nothing else.

Exit code 0 when every engine that is installed was timed, 1 when one failed or disagreed, 2 for bad arguments.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from rich.console import Console

from . import arguments, chart, machine, report
from .contest import Benchmark
from .networks import MODELS
from .report import Mode


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.training", description=(__doc__ or "").split("\n")[0])
    cores = len(machine.usable_cores())
    made.add_argument("--models", nargs="+", type=arguments.model, default=list(MODELS.values()), metavar="NAME")
    made.add_argument("--batch", type=arguments.at_least_one, help="images a step (the document's, where not given)")
    made.add_argument("--threads", type=arguments.threads, default=cores, help=f"for each engine (all {cores} cores)")
    made.add_argument("--rounds", type=arguments.at_least_one, default=7, help="turns of each engine (7)")
    made.add_argument(
        "--predict",
        action="store_true",
        help="time prediction too, with runtimes for deployment; of --batch 1, latencies",
    )
    made.add_argument("--json", type=arguments.new_file(".json"), metavar="FILE", help="write every figure there")
    made.add_argument("--plot", type=arguments.new_file(".png"), metavar="FILE", help="draw a chart there")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module for its exit codes. Ctrl-C ends the workers and exits with 130."""
    options = parser().parse_args(argv)
    # Tables keep their columns in a file or a pipe, where there is no width to respect.
    console = Console() if sys.stdout.isatty() else Console(width=100)
    found = machine.describe()
    console.print(f"{found['cpu']}, {options.threads} of {found['cores']} cores, {options.rounds} rounds")
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5:
        console.print(f"The machine is busy (load {found['load']}): take the figures as indications.", style="yellow")
    modes: list[Mode] = ["train", "predict"] if options.predict else ["train"]
    benchmark = Benchmark(options.models, options.batch, options.threads, options.rounds, console)
    try:
        benchmark.run(modes)
    except KeyboardInterrupt:
        console.print("Interrupted: the workers were ended and nothing was written.")
        return 130
    figures = benchmark.figures
    if ratios := report.ratios(figures):
        console.print(report.ratio_table(ratios))
    if options.json:
        settings = {"threads": options.threads, "rounds": options.rounds, "models": [m.name for m in options.models]}
        report.write_json(options.json, report.document(figures, settings))
    if options.plot and any(entry.status == "timed" for entry in figures):
        chart.draw(figures, options.plot)
    return int(any(entry.status in ("failed", "disagrees") for entry in figures))


if __name__ == "__main__":
    sys.exit(main())
