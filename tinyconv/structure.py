"""Structures: one thing, or lists and dicts of things, within each other too, as models take inputs and give outputs.

The things in a dict are taken in the order of its names, as Keras takes them (keras/src/tree), whatever order they were
put in.
"""

from collections.abc import Callable, Iterable
from typing import Any


class Arguments(dict[str, Any]):
    """What a layer is called on by the names of its `call`'s arguments, where these are several.

    `more` are those that are no tensors.
    """

    def __init__(self, named: Iterable[tuple[str, Any]] = (), more: dict[str, Any] | None = None) -> None:
        super().__init__(named)
        self.more = more or {}


def dict_like(structure: dict[str, Any], named: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict of the same kind with other things in it."""
    return Arguments(named, structure.more) if isinstance(structure, Arguments) else dict(named)


def flat(structure: Any) -> list[Any]:
    """Return the things in a structure, whose tuples are as good as lists, as a list."""
    if isinstance(structure, list | tuple):
        return [thing for part in structure for thing in flat(part)]
    if isinstance(structure, dict):
        return [thing for name in sorted(structure) for thing in flat(structure[name])]
    return [structure]


def flat_shapes(structure: Any) -> list[Any]:
    """Return the things in a structure that are tuples themselves, as a list."""
    if isinstance(structure, list):
        return [thing for part in structure for thing in flat_shapes(part)]
    if isinstance(structure, dict):
        return [thing for name in sorted(structure) for thing in flat_shapes(structure[name])]
    return [structure]


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """Return the structure of `function` of each thing, which may be a tuple."""
    if isinstance(structure, list):
        return [mapped(function, part) for part in structure]
    if isinstance(structure, dict):
        made = {name: mapped(function, structure[name]) for name in sorted(structure)}
        return dict_like(structure, ((name, made[name]) for name in structure))
    return function(structure)


def packed(form: Any, things: Iterable[Any]) -> Any:
    """Return things in a structure of this form."""
    left = iter(things)
    return mapped(lambda _: next(left), form)


def with_lists(structure: Any) -> Any:
    """Return a structure with lists in the place of its tuples."""
    if isinstance(structure, list | tuple):
        return [with_lists(part) for part in structure]
    if isinstance(structure, dict):
        return dict_like(structure, ((name, with_lists(part)) for name, part in structure.items()))
    return structure


def is_structure(value: Any) -> bool:
    """Return whether a value is a list, a tuple or a dict of things that have a shape, or of such lists and dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(hasattr(part, "shape") or is_structure(part) for part in value)
    )
