"""A script or a notebook of Keras's run by tinyconv, as `python SCRIPT` would run it."""

import ast
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Any

from .. import kernels
from ..offered import NotOfferedError
from ..starting import STOPPED
from .eras import Era
from .figures import figures
from .importing import era
from .mending import needs_mending
from .notebooks import Cell, Shell
from .python_2 import dividing_as_python_2
from .quick_look import Caps

OWN = Path(__file__).parent.parent  # tinyconv's files
KERNELS = Path(str(kernels.__file__)).parent


def run(
    path: Path,
    cells: Sequence[Cell],
    arguments: Sequence[str],
    chosen: Era,
    caps: Caps | None = None,
    folder: Path | None = None,
) -> int:
    """Run the program in `cells`, of the file `path`, as of an era, and return its exit code.

    What it lacks is one line, and 2; an error of its own is its own traceback, and 1; Ctrl-C is 130. Figures are saved
    in `folder`, if it is given.
    """
    files = [cell.name for cell in cells]
    try:
        with ExitStack() as stack:
            module = stack.enter_context(_as_main(path, arguments))
            if any(cell.shows or "get_ipython()" in cell.text for cell in cells):  # a script may be made of a notebook
                vars(module)["get_ipython"] = Shell
            stack.enter_context(era(chosen, caps, _not_tried(cells)))
            stack.enter_context(figures(folder))
            for cell in cells:
                _run_cell(cell, vars(module))
    except NotOfferedError as error:
        print(f"{_place(error.__traceback__, files)}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return 130
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException as error:
        lacking = _lacking(error)
        if lacking is not None:
            print(f"{_place(lacking.__traceback__ or error.__traceback__, files)}: {lacking}", file=sys.stderr)
            return 2
        print(_told(error, files), end="", file=sys.stderr)
        if needs_mending(error):
            print("tinyconv.keras: --mend mends Python 2, and stands in for modules that are gone", file=sys.stderr)
        return 1
    return 0


def _not_tried(cells: Sequence[Cell]) -> Callable[[FrameType], bool]:
    """Return whether a frame is of the program, and not at an import that the program tries: `try: import …`."""
    tried = {cell.name: _tried_lines(cell) for cell in cells}
    return lambda frame: frame.f_code.co_filename in tried and frame.f_lineno not in tried[frame.f_code.co_filename]


def _tried_lines(cell: Cell) -> set[int]:
    try:
        tree = ast.parse(cell.text)
    except SyntaxError:
        return set()
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.Try)]
    return {line for body in bodies for node in body for line in range(node.lineno, (node.end_lineno or 0) + 1)}


def _run_cell(cell: Cell, space: dict[str, Any]) -> None:
    """Run a cell; print what its last expression gives, as notebooks do, if it shows anything."""
    linecache.cache[cell.name] = (len(cell.text), None, cell.text.splitlines(keepends=True), cell.name)
    tree = ast.parse(cell.text, cell.name)
    if cell.is_python_2:
        tree = dividing_as_python_2(tree, space)
    last = tree.body.pop() if cell.shows and tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, cell.name, "exec", dont_inherit=True), space)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), cell.name, "eval", dont_inherit=True), space)
        if value is not None:
            print(repr(value))
    if cell.shows and "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].show()


@contextmanager
def _as_main(path: Path, arguments: Sequence[str]) -> Iterator[ModuleType]:
    """Have a new `__main__`, its arguments, and its folder first among those that modules come from."""
    module = ModuleType("__main__")
    module.__file__ = str(path)
    before = sys.modules["__main__"], sys.argv, list(sys.path)
    sys.modules["__main__"], sys.argv = module, [str(path), *arguments]
    sys.path.insert(0, str(path.resolve().parent))
    try:
        yield module
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:] = before


def _lacking(error: BaseException) -> BaseException | None:
    """Return what tinyconv has not, if that is why an error was raised."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, NotOfferedError):
            return seen
        seen = seen.__cause__
    return None


def _place(trace: TracebackType | None, files: Sequence[str]) -> str:
    """Return the file, or cell, and the line of the program that were reached last."""
    found = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(trace)]
    own = [f"{name}, line {number}" for name, number in found if name in files]
    return own[-1] if own else files[0]


def _told(error: BaseException, files: Sequence[str]) -> str:
    """Return an error's traceback without tinyconv's own lines, and without what these have called."""
    told = traceback.TracebackException.from_exception(error)
    told.__cause__ = told.__context__ = None
    places = [number for number, frame in enumerate(told.stack) if frame.filename in files]
    if places:
        shown = list(told.stack)[places[0] : places[-1] + 1]
        beyond = list(told.stack)[places[-1] + 1 :]
        shown += beyond if beyond and not _is_own(beyond[0].filename) else []
        told.stack = traceback.StackSummary.from_list([frame for frame in shown if not _is_own(frame.filename)])
    return "".join(told.format())


def _is_own(file: str) -> bool:
    return Path(file).is_relative_to(OWN) or Path(file).is_relative_to(KERNELS)
