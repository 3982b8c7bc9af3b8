"""NumPy as scripts of ten years know it: names that are gone, ragged arrays, and files of objects."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np

GONE: dict[str, Any] = {
    "float": float,
    "int": int,
    "bool": bool,
    "object": object,
    "str": str,
    "complex": complex,
    "long": int,
    "unicode": str,
    "product": np.prod,
    "asscalar": lambda a: a.item(),
}


@contextmanager
def numpy_of_then(text: str, say: Callable[[str], None]) -> Iterator[None]:
    """Have NumPy give what a program takes from it, and nothing of that afterwards; what is mended is said."""
    used = {name for name in re.findall(r"\b(?:np|numpy)\.(\w+)", text) if name in GONE}
    changed: dict[str, Any] = {name: GONE[name] for name in sorted(used) if not hasattr(np, name)}
    for name in changed:
        say(f"mended: np.{name}, gone from NumPy, is {getattr(GONE[name], '__name__', name)}")
    changed |= {name: _ragged(getattr(np, name), say) for name in ("array", "asarray", "save")}
    changed["load"] = _with_objects(np.load)
    missing = object()
    before = {name: vars(np).get(name, missing) for name in changed}
    for name, value in changed.items():
        setattr(np, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is missing:
                delattr(np, name)
            else:
                setattr(np, name, value)


def _ragged(function: Callable[..., Any], say: Callable[[str], None]) -> Callable[..., Any]:
    """Return a function that takes a list of arrays of several shapes for an array of objects, as NumPy did to 1.23."""
    said = False

    @wraps(function)
    def made(*given: Any, **named: Any) -> Any:
        nonlocal said
        try:
            return function(*given, **named)
        except ValueError as error:
            place = 1 if function.__name__ == "save" else 0
            if "inhomogeneous" not in str(error) or len(given) <= place or named.get("dtype") is not None:
                raise
            if not said:
                said = True
                say(f"mended: np.{function.__name__} of arrays of several shapes makes an array of objects")
            ragged = _objects(given[place])
            return function(*given[:place], ragged, *given[place + 1 :], **named)

    return made


def _objects(rows: Any) -> np.ndarray:
    """Return an array of objects: of rows and columns where each row has as many."""
    lengths = {len(row) if isinstance(row, list | tuple) else None for row in rows}
    columns = lengths.pop() if len(lengths) == 1 else None
    found = np.empty(len(rows) if columns is None else (len(rows), columns), object)
    for place, row in enumerate(rows):
        if columns is None:
            found[place] = row
        else:
            for column, value in enumerate(row):
                found[place, column] = value
    return found


def _with_objects(load: Callable[..., Any]) -> Callable[..., Any]:
    """Return `np.load` with its default of before 1.16.3, which reads files of objects: the script's own files."""

    @wraps(load)
    def loaded(*given: Any, **named: Any) -> Any:
        named.setdefault("allow_pickle", True)
        return load(*given, **named)

    return loaded
