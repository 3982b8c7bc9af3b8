"""`python -m tinyconv.functions`: prints every operation with its formulas, as the Markdown of `docs/operations.md`."""

import sys
from collections.abc import Sequence

from ..commands import Parser, command
from ..tensor import Formula, Function

HEAD = """# Operations

What every operation of `tinyconv.functions` computes, forward and backward. y is the result, dy the gradient of the
loss with respect to it; x, a, b, w are inputs and dx, da, db, dw their gradients. A sum Σ runs over what the left-hand
side does not name, [condition] is 1 or 0, and where an input was broadcast its gradient is summed over the axes that
were stretched. σ is the logistic function, Φ the normal distribution's. This page is printed by
`python -m tinyconv.functions`, from the operations' attribute `formula`.

| operation | forward | backward |
|---|---|---|"""


def formulas() -> dict[str, Formula]:
    """Return the formula of every operation of the engine by its name, in alphabetical order."""
    found, classes = {}, [Function]
    while classes:
        kind = classes.pop()
        classes += kind.__subclasses__()
        if kind.formula is not None and kind.__module__.startswith(str(__package__)):
            found[kind.__name__] = kind.formula
    return dict(sorted(found.items()))


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Print the page and return the exit code."""
    Parser("python -m tinyconv.functions", "List every operation with its formulas, as Markdown.").parse(arguments)
    print(HEAD)
    for name, formula in formulas().items():
        print("|", " | ".join([f"`{name}`", *(_cell(each) for each in (formula.forward, formula.backward))]), "|")
    return 0


def _cell(formula: str) -> str:
    """Return a formula as it stands in a table's cell, where a bar would end it."""
    return f"<code>{formula.replace('|', '&#124;').replace('*', '&#42;')}</code>"


if __name__ == "__main__":
    sys.exit(main())
