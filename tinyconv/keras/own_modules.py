"""The modules beside a script: mended like the script itself."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import decode_source, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from .notebooks import Cell
from .python_2 import dividing_as_python_2


def text_beside(folder: Path, text: str) -> str:
    """Return the text of the modules in a folder that a program imports, and of those that they import."""
    found: dict[Path, str] = {}
    waiting = [text]
    while waiting:
        for name in re.findall(r"^\s*(?:from|import)\s+(\w+)", waiting.pop(), re.MULTILINE):
            path = folder / f"{name}.py"
            if path not in found and path.is_file():
                found[path] = decode_source(path.read_bytes())
                waiting.append(found[path])
    return "\n".join(found.values())


@contextmanager
def own_modules(folder: Path, mend: Callable[[Cell], Cell]) -> Iterator[None]:
    """Have the modules in a folder imported as `mend` changes them; those are forgotten afterwards."""
    finder = _Finder(folder, mend)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.found:
            sys.modules.pop(name, None)


class _Finder(MetaPathFinder):
    """Finds the modules in a folder that `mend` changes; what it leaves as it is, Python itself imports."""

    def __init__(self, folder: Path, mend: Callable[[Cell], Cell]) -> None:
        self.folder, self.mend = folder, mend
        self.found: list[str] = []

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return how to load a module that needs mending; None for any other."""
        if path is None:
            path = [str(self.folder)]
        elif not any(Path(each).resolve().is_relative_to(self.folder) for each in path):
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            return None
        cell = Cell(spec.origin, decode_source(Path(spec.origin).read_bytes()), False)
        mended = self.mend(cell)
        if mended.text == cell.text:
            return None
        self.found.append(name)
        inner = spec.submodule_search_locations
        return spec_from_file_location(name, spec.origin, loader=_Mended(mended), submodule_search_locations=inner)


class _Mended(Loader):
    """Runs a module's mended text."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return None: the module is made as any other."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run the text."""
        tree = ast.parse(self.cell.text, self.cell.name)
        if self.cell.is_python_2:
            tree = dividing_as_python_2(tree, vars(module))
        exec(compile(tree, self.cell.name, "exec", dont_inherit=True), vars(module))
