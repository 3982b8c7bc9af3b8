"""The program in a file: a script as it is, or the cells of a notebook, whose magics and shell lines are left out."""

import ast
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple


class Cell(NamedTuple):
    """A piece of a program: its name in tracebacks, its text, and whether its last expression is to be printed.

    `is_python_2` is whether it divides as Python 2: 3/2 is 1.
    """

    name: str
    text: str
    shows: bool
    is_python_2: bool = False


class Shell:
    """What `get_ipython()` gives to a notebook, or to a script made of one: magics and commands are left out."""

    def register_magic_function(self, *_: Any, **__: Any) -> None:
        """Take a magic that the notebook defines; cells that begin with it are left out."""

    def run_line_magic(self, *words: Any, **_: Any) -> None:
        """Leave a magic out, and name it."""
        _say(" ".join(map(str, words)))

    run_cell_magic = magic = system = run_line_magic

    def getoutput(self, command: str, **_: Any) -> list[str]:
        """Leave a command out, whose output is none."""
        _say(command)
        return []


KEPT = ("%%time", "%%timeit", "%%capture")


def cells(path: Path) -> list[Cell]:
    """Return the cells of a notebook, or a script as one. Raises ValueError for a file that holds no program."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix != ".ipynb":
        return [Cell(str(path), text, False)]
    try:
        book = json.loads(text)
        found = book["cells"] if "cells" in book else [cell for sheet in book["worksheets"] for cell in sheet["cells"]]
        sources = [_joined(cell.get("source", cell.get("input", ""))) for cell in found if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no notebook ({type(error).__name__}: {error})") from None
    return [Cell(f"{path}, cell {number}", _python(source), True) for number, source in enumerate(sources, 1)]


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)


def _python(source: str) -> str:
    """Return a cell's text with nothing in the place of what is not Python; a cell of another language is empty."""
    lines = source.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%"):
        if first.split()[0] not in KEPT:
            _say(f"a cell of {first.split()[0]}")
            return ""
        lines[lines.index(first)] = ""
    found = []
    continues = False
    for line in lines:
        bare = line.lstrip()
        if continues or bare.startswith(("%", "!", "?")) or (bare.endswith("?") and _is_broken(bare)):
            _say(bare)
            continues = bare.endswith("\\")
            line = line[: len(line) - len(bare)] + "pass"
        elif ("= !" in bare or "=!" in bare or "= %" in bare) and _is_broken(bare):
            _say(bare)
            line = line[: len(line) - len(bare)] + bare.partition("=")[0] + "= []"
        found.append(line)
    return "\n".join(found)


def _is_broken(line: str) -> bool:
    try:
        ast.parse(line)
    except SyntaxError:
        return True
    return False


def _say(what: str) -> None:
    print(f"left out: {what}", file=sys.stderr)
