"""How long until tinyconv works: `python -m benchmarks.startup`.

Each figure is the median of several new processes, with bytecode on disk, as pip leaves it: from the start of Python to
the end of the first training step of `mnist` with an empty Numba cache and with a filled one, and `import tinyconv`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from . import arguments, machine, report
from .processes import ROOT

IMPORT = "import time; start = time.perf_counter(); import tinyconv; print(time.perf_counter() - start)"


class StartupError(Exception):
    """A measured process failed: one line, with what it said."""


@dataclass(frozen=True)
class Measurement:
    """One row: what was measured, its seconds in each run, and the aim."""

    name: str
    seconds: list[float]
    aim: float

    @property
    def median(self) -> float:
        """Seconds."""
        return median(self.seconds)


def measure(runs: int) -> list[Measurement]:
    """All three figures, from `runs` processes each, after one that only leaves bytecode."""
    _run(["-c", "import tinyconv.kernels.cpu, benchmarks.engines.tinyconv"], {})
    cold, warm = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="tinyconv-numba-cache-") as cache:
            cold.append(first_step(cache))
            warm.append(first_step(cache))
    imports = [float(_run(["-c", IMPORT], {})) for _ in range(max(runs, 5))]
    return [
        Measurement("first training step, empty cache", cold, 12.0),
        Measurement("first training step, filled cache", warm, 1.2),
        Measurement("import tinyconv", imports, 0.25),
    ]


def first_step(cache: str) -> float:
    """Seconds from the start of a process, with its Numba cache in the folder `cache`, to its first finished step."""
    start = time.perf_counter()
    _run(["-m", "benchmarks.first_step"], {"NUMBA_CACHE_DIR": cache})
    return time.perf_counter() - start


def _run(arguments: Sequence[str], settings: dict[str, str]) -> str:
    """What a new Python prints."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **settings}
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise StartupError((done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1])
    return done.stdout


def table(measurements: Sequence[Measurement]) -> Table:
    """One row a figure."""
    made = Table(title="tinyconv from a standing start", title_justify="left")
    made.add_column("what")
    for heading in ("median s", "fastest – slowest", "aim s"):
        made.add_column(heading, justify="right")
    for row in measurements:
        spread = f"{min(row.seconds):.2f} – {max(row.seconds):.2f}"
        made.add_row(row.name, f"{row.median:.2f}", spread, f"{row.aim:g}")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: exit code 1 where tinyconv does not start, 2 for bad arguments, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=arguments.at_least_one, default=3, help="processes for each figure (3)")
    parser.add_argument("--json", type=arguments.new_file(".json"), metavar="FILE", help="write every figure there")
    options = parser.parse_args(argv)
    console = Console()
    try:
        with console.status("starting tinyconv again and again"):
            measurements = measure(options.runs)
    except StartupError as error:
        print(f"tinyconv did not get to its first step: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    found = machine.describe()
    console.print(f"{found['cpu']}, {found['cores']} cores, load {found.get('load', 'unknown')}")
    console.print(table(measurements))
    if options.json:
        results = [{**asdict(row), "median": row.median} for row in measurements]
        report.write_json(options.json, {**report.heading("startup"), "results": results})
    return 0


if __name__ == "__main__":
    sys.exit(main())
