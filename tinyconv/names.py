"""Names: looking one up with a helpful error, and Keras's automatic ones."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Mapping
from textwrap import shorten
from typing import Any, TypeVar

from .offered import NotOfferedValueError, nearest, refusal

T = TypeVar("T")

MAX_SHOWN = 150  # characters of names in an error, which is to be a line that one reads

_given: Counter[str] = Counter()


def look_up(kind: str, name: str, table: Mapping[str, T]) -> T:
    """Return `table[name]`; an unknown name raises ValueError that says what there is instead, or the nearest name."""
    if isinstance(name, str) and name in table:
        return table[name]
    not_offered = refusal(kind, str(name))
    if not_offered:
        raise NotOfferedValueError(not_offered)
    near = nearest(str(name), table)
    hint = f'did you mean "{near}"? ' if near else ""
    known = sorted(table, key=lambda one: (">" in one, one))  # what users have registered, as "package>name", last
    shown = shorten(", ".join(known), MAX_SHOWN, placeholder=" …")
    raise ValueError(f'unknown {kind} "{name}": {hint}known are {shown}')


def rebuild(kind: str, description: Mapping[str, Any], table: Mapping[str, Callable[..., T]]) -> T:
    """Return the object that {"class_name": …, "config": …} describes; `table` has classes by Keras's names."""
    found = look_up(kind, snake_case(str(description["class_name"])), table)
    return found(**known_arguments(found, description["config"]))


def known_arguments(kind: Callable[..., Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments in a configuration that `kind` takes; all of them if it takes any.

    Keras describes more than tinyconv has: it is passed over where it is None, False, or the only layout of images that
    tinyconv has, and else refused by ValueError.
    """
    known = inspect.signature(kind).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return dict(config)
    for name, value in config.items():
        if name not in known and value not in (None, False, "channels_last"):
            raise ValueError(f"{kind.__name__} has no {name}, its configuration says {value!r}")
    return {name: value for name, value in config.items() if name in known}


def snake_case(class_name: str) -> str:
    """Return Keras's spelling of a class in file and layer names: "MaxPooling2D" → "max_pooling2d"."""
    spaced = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


def automatic(class_name: str) -> str:
    """Return the next automatic name of a class: "conv2d", "conv2d_1", "conv2d_2", …"""
    base = snake_case(class_name)
    count = _given[base]
    _given[base] += 1
    return f"{base}_{count}" if count else base


def clear_session(free_memory: bool = True) -> None:
    """Start automatic names afresh, so that the next Conv2D is called "conv2d" again.

    Nothing else is kept of models that are gone, so that there is no more memory to free, whatever `free_memory` says.
    """
    _given.clear()
