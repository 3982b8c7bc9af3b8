"""`python -m tinyconv.gradcheck`: checks every gradient of the engine in float64 and prints the worst relative errors.

Exit code 0 when all stay within the bound, 1 when one exceeds it.
"""

import sys
from collections.abc import Sequence
from typing import Any

from .. import kernels
from ..commands import Parser, command
from .check import BOUND, GradientError, gradcheck
from .checks import Check, checks


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run all checks on the chosen kernels, print the table, and return the exit code."""
    parser = Parser("python -m tinyconv.gradcheck", "Check every gradient of the engine.")
    parser.add_argument("--backend", choices=("cpu", "reference"), default="cpu", help="the kernels to check")
    options = parser.parse(arguments)

    results = []
    with kernels.backend(options.backend):
        for check in checks():
            error, contradiction = measure(check)
            results.append((check, error, contradiction))
            if not sys.stdout.isatty():  # who reads a file wants to see that something happens
                print(f"{_title(check)}: {error:.1e}{' wrong' if contradiction else ''}", flush=True)
    _print_table(results, options.backend)
    wrong = [(check, contradiction) for check, _, contradiction in results if contradiction]
    for check, contradiction in wrong:
        print(f"{_title(check)}: {contradiction}")
    worst = max(error for _, error, _ in results)
    verdict = f"{len(wrong)} of them wrong" if wrong else "all right"
    print(f"{len(results)} gradients, {verdict}: worst relative error {worst:.1e}, bound {BOUND:g}")
    return 1 if wrong else 0


def measure(check: Check) -> tuple[float, str]:
    """Return the worst relative error of a check, and what contradicts its gradient ("" if nothing does)."""
    try:
        return gradcheck(check.f, *check.inputs), ""
    except GradientError as error:
        return error.error, str(error)


def _title(check: Check) -> str:
    """Return what is checked, in a few words."""
    return f"{check.kind} {check.name}{f' ({check.case})' if check.case else ''}"


def _print_table(results: list[tuple[Check, float, str]], backend: str) -> None:
    """Print a row a check; a line between the kinds."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"Backpropagation against central differences, float64, {backend} kernels")
    columns: list[tuple[str, Any]] = [("kind", "left"), ("name", "left"), ("case", "left"), ("worst error", "right")]
    for title, side in columns:
        table.add_column(title, justify=side, no_wrap=True)
    before = ""
    for check, error, contradiction in results:
        if before and check.kind != before:
            table.add_section()
        style = "bold red" if contradiction else "green"
        shown = Text(f"{error:.1e}{'  wrong' if contradiction else ''}", style)
        table.add_row(check.kind if check.kind != before else "", check.name, check.case, shown)
        before = check.kind
    Console(width=None if sys.stdout.isatty() else 100).print(table)


if __name__ == "__main__":
    sys.exit(main())
