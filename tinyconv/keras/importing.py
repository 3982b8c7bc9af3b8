"""Imports of Keras's modules, which resolve to tinyconv while a script runs; what is lacking stops it with one line."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any, NoReturn

from .. import config
from ..offered import NotOfferedModuleError, NotOfferedNameError, is_import_of_a_name, raise_missing
from .eras import Era, parse
from .meanings import names_of, patches_of
from .naming import counted_as_in
from .places import inner_path, is_keras_s, place_of, version_of, why_not
from .quick_look import Caps
from .spelling import Names, patched


class Lacking:
    """What a script imports and tinyconv has not: the script stops where it is used, if it is."""

    def __init__(self, message: str, name: str) -> None:
        vars(self).update(message=message, name=name)

    def _stop(self, *_: Any, **__: Any) -> NoReturn:
        raise NotOfferedNameError(vars(self)["message"], name=vars(self)["name"])

    __call__ = __getattr__ = __mro_entries__ = __iter__ = __getitem__ = __enter__ = _stop

    def __instancecheck__(self, value: Any) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<not offered: {vars(self)['message']}>"


class View(ModuleType):
    """A module of Keras's: a name is looked up in the era's tables, then in modules of tinyconv, one by one."""

    tables: Sequence[Mapping[str, Any]] = ()
    sources: Sequence[ModuleType] = ()
    why: str | None = None  # the message, of a module that tinyconv has not
    defers: Callable[[FrameType], bool] = staticmethod(lambda caller: False)

    def __getattr__(self, name: str) -> Any:
        for table in self.tables:
            if name in table:
                vars(self)[name] = table[name]
                return table[name]
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if place_of(f"{self.__name__}.{name}") is not None:
            return import_module(f"{self.__name__}.{name}")
        for source in self.sources:
            if name in vars(source) or name in getattr(source, "__all__", ()):
                vars(self)[name] = getattr(source, name)  # a script's loops ask for it again and again
                return vars(self)[name]
        caller = sys._getframe(1)
        try:
            if self.why is None:
                return getattr(self.sources[0], name)
            message = self.why
        except (AttributeError, ImportError) as error:
            message = str(error)
        if self.defers(caller) and is_import_of_a_name(caller):
            return Lacking(message, name)
        raise_missing(message, name, self.__name__, caller)

    @property
    def __all__(self) -> list[str]:
        return [name for name in dir(self) if not name.startswith("_")]

    def __dir__(self) -> list[str]:
        own = {name for source in self.sources for name in getattr(source, "__all__", ())}
        return sorted(name for name in own.union(*self.tables) if not name.startswith("_"))


class Finder(MetaPathFinder, Loader):
    """Finds the modules of `places.py`, and refuses others under the same roots."""

    def __init__(self, era: Era, names: Names, defers: Callable[[FrameType], bool]) -> None:
        self.era, self.names, self.defers = era, names, defers

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return how to load a module of Keras's; None for any other. Raises ModuleNotFoundError for one that lacks."""
        if not is_keras_s(name):
            return None
        if place_of(name) is None and not self._is_deferred():
            raise NotOfferedModuleError(f"tinyconv does not offer {name}: {why_not(name)}", name=name)
        return ModuleSpec(name, self, is_package=True)

    def _is_deferred(self) -> bool:
        """Return whether a module is asked for by an import of it that may wait, and not as one of a module's names."""
        for frame in _callers():
            if frame.f_code.co_name == "_handle_fromlist":
                return False
            if self.defers(frame):
                return True
        return False

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the view of tinyconv's modules that stands for the module."""
        module = View(spec.name)
        module.defers = self.defers
        places = place_of(spec.name) or ()
        if not places:
            module.why = f"tinyconv does not offer {spec.name}: {why_not(spec.name)}"
        module.sources = [import_module(f"tinyconv.{each}".rstrip(".")) for each in places]
        tables = [self.names.get(place) for place in (inner_path(spec.name), *places)]
        module.tables = [table for table in tables if table]
        if version_of(spec.name, self.era):
            vars(module)["__version__"] = version_of(spec.name, self.era)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: a view has no code."""


@contextmanager
def era(
    which: str | int | float | Era = "3", caps: Caps | None = None, defers: Callable[[FrameType], bool] | None = None
) -> Iterator[Era]:
    """Have `import keras`, and every other path of Keras's, give tinyconv inside the `with` block, as of an era.

    `which` is "1", "2", "tf2" or "3", or a version, such as "2.0.8" or "tf2.4". A real Keras that is installed, or
    imported already, is there again afterwards; nothing of the finder stays. `caps` limit a quick look. In frames that
    `defers` names, what lacks is no error where it is imported, but where it is used.
    """
    chosen = which if isinstance(which, Era) else parse(which)
    caps = caps or Caps()
    before, layout = _taken_out(), config.image_data_format()
    finder = Finder(chosen, names_of(chosen, caps), defers or (lambda caller: False))
    with ExitStack() as stack:
        stack.enter_context(patched(patches_of(chosen, caps)))
        stack.enter_context(counted_as_in(chosen))
        if chosen.before(1, 1):
            config.set_image_data_format("channels_first")
        sys.meta_path.insert(0, finder)
        try:
            yield chosen
        finally:
            sys.meta_path.remove(finder)
            _taken_out()
            sys.modules.update(before)
            config.set_image_data_format(layout)


def _callers() -> Iterator[FrameType]:
    """Yield the frames that lead here, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _taken_out() -> dict[str, ModuleType]:
    """Return the modules of Keras's that are imported, after forgetting them."""
    found = {name: module for name, module in sys.modules.items() if is_keras_s(name)}
    for name in found:
        del sys.modules[name]
    return found
