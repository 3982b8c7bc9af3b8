"""How a module of Keras's or TensorFlow's is made of operations: their names for functions and arguments."""

from collections.abc import Callable, Mapping
from functools import wraps
from types import FunctionType, ModuleType
from typing import Any

from ..offered import NotOfferedNameError, nearest

Operation = Callable[..., Any]


def renamed(function: Operation, **names: str) -> Operation:
    """Return a function that also takes arguments under other names: `names` maps them to its own."""

    @wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        if named:
            named = {names.get(name, name): value for name, value in named.items()}
        return function(*given, **named)

    return called


# What modules of Keras's words are made with, and is none of them.
TOOLS = frozenset(
    [
        "SymbolicTensor",
        "Values",
        "held",
        "tensor",
        "as_type",
        "type_of",
        "whole",
        "BytesIO",
        "METHODS",
        "read_pixels",
        "resize_image",
        "glob",
        "DIMENSIONS",
        "block",
        "setting",
        "nothing",
        "WHY",
        "INFINITE",
        "UNKNOWN",
        "evaluate",
        "py_all",
        "py_any",
        "py_sum",
    ]
)


def public(own: Mapping[str, Any]) -> list[str]:
    """Return the names that a module offers: those of its own `globals()` that are not its tools."""
    tools = ("typing", "collections", "types", "functools", "tinyconv.keras.vocabulary", "tinyconv.symbol")
    return sorted(
        name
        for name, value in own.items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and not (isinstance(value, type | FunctionType) and value.__module__ in tools)
        and name not in TOOLS
        and value is not Any
    )


def missing(module: str, own: Mapping[str, Any], why: Mapping[str, str] | None = None) -> Callable[[str], Any]:
    """Return a module's `__getattr__`: what it lacks is refused by one line, with what there is in its place."""

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name.startswith("__"):
            raise AttributeError(name)
        reasons = [reason for names, reason in (why or {}).items() if name in names.split()]
        near = nearest(name, [each for each in own if not each.startswith("_")])
        fix = reasons[0] if reasons else f"did you mean {near}?" if near else "write it with functions that are there"
        raise NotOfferedNameError(f"tinyconv.keras does not offer {module}.{name}: {fix}", name=name)

    return __getattr__


def refused(what: str, instead: str) -> Any:
    """Return an attribute of a class that is none: whoever asks for it is told what to use instead."""

    def attribute(self: Any) -> Any:
        raise NotOfferedNameError(f"tinyconv.keras does not offer {what}: {instead}", name=what)

    return property(attribute)
