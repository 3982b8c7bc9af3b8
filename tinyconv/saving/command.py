"""What `python -m tinyconv.inspect FILE` does: it says what is in a file of Keras, and what is lacking."""

import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path

from ..commands import Parser, command, short
from .contents import Contents, contents

PROG = "python -m tinyconv.inspect"


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(PROG, "Say what is in files of Keras: layout and age, layers, shapes, what tinyconv lacks of it.")
    made.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help=".keras, .h5, .weights.h5, .safetensors, or JSON"
    )
    return made


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is in each file; return 0, or 2 if one cannot be read, or 1 if tinyconv lacks a part of one."""
    code = 0
    for path in parser().parse(arguments).files:
        try:
            found = contents(path)
        except (OSError, ValueError) as error:
            print(printable(f"{short(PROG)}: {error}"), file=sys.stderr)
            code = 2
            continue
        first, *rest = lines(found)
        print("\n".join(map(printable, [f"{path}: {first}", *rest])), flush=True)
        code = max(code, 1 if found.lacks else 0)
    return code


def printable(text: str) -> str:
    """Return a line with what a terminal might take for a command written out: names in files are anybody's."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def lines(found: Contents) -> list[str]:
    """Return the lines that say what was found."""
    text = [f"{found.kind}, written by {found.written_by}"]
    if found.model:
        text.append(f"{found.model}, " + (f"compiled: {found.compiled}" if found.compiled else "not compiled"))
    widths = [max((len(row[column]) for row in found.layers), default=0) for column in (0, 1)]
    total = 0
    for place, kind, shapes in found.layers:
        count = sum(map(prod, shapes))
        total += count
        weights = f"  {' '.join(map(str, shapes))}: {count:,}" if shapes else ""
        text.append(f"  {place:{widths[0]}}  {kind:{widths[1]}}{weights}".rstrip())
    if total:
        text.append(f"{total:,} weights, {found.bytes / 1e6:,.1f} MB in all")
    if found.optimizer:
        text.append(f"state of the optimizer: {found.optimizer} arrays")
    if found.lacks:
        text += ["tinyconv lacks:", *(f"  {each}" for each in found.lacks)]
    elif found.model:
        text.append("tinyconv can make it")
    return text
