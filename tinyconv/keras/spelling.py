"""A class under a name and with arguments that it had in another era, and what the eras' tables are made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import Parameter, signature
from typing import Any

Names = Mapping[str, Mapping[str, Any]]  # for a module of tinyconv, or a path of Keras: names, and what they give
Patch = tuple[type, str, Any]  # a class, one of its attributes, and what that is while an era lasts


class Spelling:
    """A class by its old arguments: called like the class, it makes an object of today's.

    It serves as the second argument of `isinstance`, and as the base of a class, which gets today's base.
    """

    def __init__(self, name: str, kind: type, make: Callable[..., Any]) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = kind.__doc__
        self.kind, self.make = kind, make

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Return the object that the call made in its era."""
        return self.make(*given, **named)

    def __mro_entries__(self, bases: Any) -> tuple[type]:
        return (self.kind,)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, self.kind)

    def __subclasscheck__(self, other: type) -> bool:
        return issubclass(other, self.kind)

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["kind"], name)


def positions_of(kind: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the arguments that a class or a function takes by position."""
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(name for name, each in signature(kind).parameters.items() if each.kind in kinds and name != "self")


def bound(name: str, positions: Sequence[str], given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by their names. Raises TypeError for too many, and for one that comes twice."""
    if len(given) > len(positions):
        raise TypeError(f"{name} takes {len(positions)} arguments by position, got {len(given)}")
    by_position = dict(zip(positions, given, strict=False))
    twice = by_position.keys() & named.keys()
    if twice:
        raise TypeError(f"{name} got {min(twice)} twice, by position and by name")
    return {**by_position, **named}


def renamed(arguments: Mapping[str, Any], names: Mapping[str, str], dropped: Sequence[str] = ()) -> dict[str, Any]:
    """Return arguments under their names of today, without those that mean nothing any more."""
    return {names.get(name, name): value for name, value in arguments.items() if name not in dropped}


@contextmanager
def patched(patches: Sequence[Patch]) -> Iterator[None]:
    """Give classes other attributes inside the `with` block, and what they had afterwards."""
    missing = object()
    before = [(kind, name, vars(kind).get(name, missing)) for kind, name, _ in patches]
    try:
        for kind, name, value in patches:
            setattr(kind, name, value)
        yield
    finally:
        for kind, name, value in reversed(before):
            if value is missing:
                if name in vars(kind):
                    delattr(kind, name)
            else:
                setattr(kind, name, value)
