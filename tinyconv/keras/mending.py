"""What has rotten beside Keras, mended on request and named: Python 2, SciPy's images, modules that are gone.

Mended is what Python 3 refuses to read and what is gone from libraries. A program that Python 3 could not run, as it is
one of Python 2, divides whole numbers as Python 2 did; in any other 3/2 stays as it stands.
"""

import ast
import builtins
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from . import stand_ins
from .notebooks import Cell
from .numpy_of_then import numpy_of_then
from .own_modules import own_modules
from .python_2 import whole_range

Say = Callable[[str], None]

# Names of Python 2, and what stands for them.
NAMES: dict[str, Any] = {"xrange": whole_range, "unicode": str, "raw_input": input, "unichr": chr, "long": int}
# What Python 2 wrote in another way, line by line: what it is called, a pattern, and what comes in its place.
LINES = (
    ("print statements", r"^(\s*(?:[^#'\"]*:\s*)?)print\s+(?!\()(.+?),\s*$", r"\1print(\2, end=' ')"),
    ("print statements", r"^(\s*(?:[^#'\"]*:\s*)?)print\s+(?!\()(\S.*?)\s*$", r"\1print(\2)"),
    ("print statements", r"^(\s*)print\s*(\(.*\)\s*[%,].*?)\s*$", r"\1print(\2)"),
    ("print statements", r"^(\s*)print\s*$", r"\1print()"),
    ("except …, …", r"^(\s*except\s+[\w.()\s,]*?[\w.)])\s*,\s*(\w+)\s*:", r"\1 as \2:"),
    ("raise …, …", r"^(\s*raise\s+\w+)\s*,\s*(.+)$", r"\1(\2)"),
    ("octal numbers", r"(?<![\w.+-])0([0-7]+)(?![\w.])", r"0o\1"),
    ("<>", r"<>", "!="),
)
# What Python 3 reads, and objects cannot do any more.
METHODS: tuple[tuple[str, str, str | Callable[[re.Match[str]], str]], ...] = (
    ("print statements", r"^(\s*(?:.*:\s*)?)print\s*>>\s*([\w.]+)\s*,\s*(.*?)\s*$", r"\1print(\3, file=\2)"),
    (".next()", r"([A-Za-z_][\w.]*(?:\([^()]*\))?)\.next\(\)", r"next(\1)"),
    (".iteritems()", r"\.iter(items|values|keys)\(\)", r".\1()"),
    ("seaborn's styles", r"style\.use\((['\"])seaborn(?!-v0_8)([\w-]*)\1\)", r"style.use(\1seaborn-v0_8\2\1)"),
    (
        "cv2's windows",
        r"\bcv2\.(?:imshow|namedWindow|moveWindow|resizeWindow|destroyAllWindows|destroyWindow|waitKey)\(",
        "(lambda *_, **__: -1)(",
    ),
    ("time.clock", r"\btime\.clock\(\)", "time.perf_counter()"),
    ("time.clock", r"^(\s*from\s+time\s+import\s+(?:.*,\s*)?)clock\b", r"\1perf_counter as clock"),
    ("hist(normed=…)", r"(\.hist(?:2d)?\(.*)\bnormed\s*=", r"\1density="),
    ("names of scores", r"\b(scoring\s*=\s*['\"])(log_loss|mean_(?:squared|absolute)_error)\b", r"\1neg_\2"),
    ("as_matrix()", r"\.as_matrix\(\)", ".to_numpy()"),
    (
        "compare_ssim",
        r"\bfrom\s+skimage\.measure\s+import\s+compare_ssim(?:\s+as\s+(\w+))?",
        lambda found: f"from skimage.metrics import structural_similarity as {found[1] or 'compare_ssim'}",
    ),
    ("ANTIALIAS", r"\bImage\.ANTIALIAS\b", "Image.LANCZOS"),
    (".has_key()", r"([A-Za-z_][\w.]*)\.has_key\(([^()]+)\)", r"(\2 in \1)"),
)


_OF_PYTHON_2 = re.compile(r"^(?!\s*#).*(?<![\w.])(xrange|raw_input|unichr)\(", re.MULTILINE)


@contextmanager
def mended(cells: Sequence[Cell], wanted: bool, say: Say, folder: Path) -> Iterator[list[Cell]]:
    """Give a program that runs today, if wanted, and so the modules in its folder; all that is done is said."""
    if not wanted:
        yield list(cells)
        return
    found = [_mended_text(cell, say) for cell in cells]
    words = {name for cell in found for name in re.findall(r"\w+", cell.text)}
    with ExitStack() as stack:
        stack.enter_context(_built_in({name: value for name, value in NAMES.items() if name in words}, say))
        stack.enter_context(_standing_in(say))
        stack.enter_context(own_modules(folder, lambda cell: _mended_text(cell, say)))
        if any("scipy.misc" in cell.text for cell in found) and "scipy.misc" in stand_ins.GONE:
            import_module("scipy.misc")  # of which some scripts import SciPy alone
        stack.enter_context(numpy_of_then("\n".join(cell.text for cell in found), say))
        yield found


def needs_mending(error: BaseException) -> bool:
    """Return whether an error is of the kind that `--mend` may mend."""
    if isinstance(error, SyntaxError) or (type(error).__module__ == "cv2" and "not implemented" in str(error)):
        return True
    if isinstance(error, TypeError):
        return "for >>: 'builtin_function_or_method'" in str(error)
    if isinstance(error, NameError):
        return getattr(error, "name", None) in NAMES
    if isinstance(error, ModuleNotFoundError | ImportError):
        return (error.name or "") in stand_ins.MODULES or (error.name or "").partition(".")[0] in stand_ins.MODULES
    return isinstance(error, AttributeError) and getattr(error, "name", None) in (
        "next",
        "iteritems",
        "has_key",
        "misc",
        "clock",
        "as_matrix",
    )


def _mended_text(cell: Cell, say: Say) -> Cell:
    text, done = cell.text, {}
    rules = list(METHODS) + ([] if _reads(text) else list(LINES))
    if not _reads(text) and "\t" in text:
        text = text.expandtabs(8)
        done["tabs"] = 1
    lines = _without_late_globals(text, done).split("\n")
    for place, line in enumerate(lines):
        for what, pattern, replacement in rules:
            changed = re.sub(pattern, replacement, line)
            if changed != line:
                done.setdefault(what, place + 1)
                line = changed
        lines[place] = line
    for what, first in done.items():
        say(f"mended: {what} ({cell.name}, from line {first} on)")
    of_python_2 = (not _reads(cell.text) and "print statements" in done) or _OF_PYTHON_2.search(text)
    divides = bool(of_python_2) and not re.search(r"import division|six\.moves|\bxrange\s*=", text)
    if divides and "/" in text:
        say(f"mended: whole numbers are divided as in Python 2 ({cell.name})")
    return cell._replace(text="\n".join(lines), is_python_2=divides)


def _without_late_globals(text: str, done: dict[str, int]) -> str:
    """Return a text without `global` of names that are in use already, which Python 2 let pass."""
    for _ in range(len(text)):
        try:
            compile(text, "", "exec")
        except SyntaxError as error:
            if "global declaration" not in str(error) or error.lineno is None:
                break
            lines = text.split("\n")
            lines[error.lineno - 1] = re.sub(r"\bglobal\s.*", "pass", lines[error.lineno - 1])
            done.setdefault("global of names in use", error.lineno)
            text = "\n".join(lines)
        else:
            break
    return text


def _reads(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


@contextmanager
def _built_in(names: dict[str, Any], say: Say) -> Iterator[None]:
    """Have names of Python 2 for the time of the program."""
    added = [name for name in names if not hasattr(builtins, name)]
    for name in added:
        setattr(builtins, name, names[name])
        say(f"mended: {name}, of Python 2")
    try:
        yield
    finally:
        for name in added:
            delattr(builtins, name)


class _Finder(MetaPathFinder, Loader):
    """Gives the modules of `stand_ins.py` where the real ones are absent, or lack what scripts take from them."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.before: dict[str, Any] = {}
        self.asking = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return how to make a stand-in; None for a module that needs none."""
        if name not in stand_ins.MODULES or self.asking:
            return None
        if name not in stand_ins.GONE and self._is_there(name):
            return None
        return ModuleSpec(name, self, is_package=True)

    def _is_there(self, name: str) -> bool:
        self.asking = True
        try:
            return find_spec(name) is not None
        except (ImportError, ValueError):
            return False
        finally:
            self.asking = False

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make the stand-in, and say so."""
        module = ModuleType(spec.name)
        vars(module).update(stand_ins.MODULES[spec.name]())
        self.before[spec.name] = sys.modules.get(spec.name)
        self.say(f"mended: a stand-in for {spec.name}")
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: a stand-in has no code."""


@contextmanager
def _standing_in(say: Say) -> Iterator[None]:
    finder = _Finder(say)
    hidden = {name: sys.modules.pop(name) for name in stand_ins.GONE if name in sys.modules}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.before:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)
