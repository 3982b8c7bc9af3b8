"""Checks of arguments: what is refused is refused by name, with the value received."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np


def number(argument: str, value: Any) -> float:
    """Return `value`, as it is, after checking that it is a finite number."""
    if not (isinstance(value, int | float | np.number) and np.isfinite(value)):
        raise ValueError(f"{argument} must be a finite number, got {value!r}")
    return value  # type: ignore[return-value]


def not_negative(argument: str, value: Any) -> float:
    """Return `value` after checking that it is a number of at least 0."""
    if not (isinstance(value, int | float | np.number) and value >= 0 and np.isfinite(value)):
        raise ValueError(f"{argument} must be a finite number of at least 0, got {value!r}")
    return float(value)


def positive(argument: str, value: Any) -> float:
    """Return `value` after checking that it is a number above 0."""
    if not (isinstance(value, int | float | np.number) and value > 0 and np.isfinite(value)):
        raise ValueError(f"{argument} must be a finite number above 0, got {value!r}")
    return float(value)


def fraction(argument: str, value: Any) -> float:
    """Return `value` after checking that it is in 0 … 1."""
    if not (isinstance(value, int | float | np.number) and 0 <= value <= 1):
        raise ValueError(f"{argument} must be in 0 … 1, got {value!r}")
    return float(value)


def whole(argument: str, value: Any) -> int:
    """Return `value` after checking that it is an integer of at least 0."""
    if not (is_whole(value) and value >= 0):
        raise ValueError(f"{argument} must be an integer of at least 0, got {value!r}")
    return int(value)


def flag(argument: str, value: Any) -> bool:
    """Return `value` after checking that it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{argument} must be True or False, got {value!r}")
    return bool(value)


def known(argument: str, value: Any, names: Collection[str]) -> str:
    """Return `value` after checking that it is one of `names`."""
    if not isinstance(value, str) or value not in names:
        raise ValueError(f"{argument} must be one of {', '.join(map(repr, names))}, got {value!r}")
    return value


def sizes(argument: str, values: Sequence[int]) -> tuple[int, ...]:
    """Return `values` as a tuple after checking that each is a positive integer."""
    if not isinstance(values, Sequence) or not all(is_size(value) for value in values):
        raise ValueError(f"{argument} must hold positive integers, got {values}")
    return tuple(int(value) for value in values)


def open_sizes(argument: str, values: Sequence[int | None]) -> tuple[int | None, ...]:
    """Return `values` as a tuple after checking that each is a positive integer, or None for a length that is open."""
    if not isinstance(values, Sequence) or not all(value is None or is_size(value) for value in values):
        raise ValueError(f"{argument} must hold positive integers, or None for open lengths, got {values}")
    return tuple(None if value is None else int(value) for value in values)


def pair(argument: str, value: int | Sequence[int]) -> tuple[int, int]:
    """Return one positive integer, or two, as a pair of them."""
    values = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(values) != 2 or not all(is_size(one) for one in values):
        raise ValueError(f"{argument} must be a positive integer or two, got {value}")
    return int(values[0]), int(values[1])


def whole_pair(argument: str, value: int | Sequence[int]) -> tuple[int, int]:
    """Return one integer that is not negative, or two, as a pair of them."""
    values = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(values) != 2 or not all(is_whole(one) and one >= 0 for one in values):
        raise ValueError(f"{argument} must be an integer that is not negative, or two, got {value}")
    return int(values[0]), int(values[1])


def axis_and_axes(axis: int | Sequence[int]) -> tuple[int | list[int], list[int]]:
    """Return the argument `axis`, one or several, as it is described, and the axes as a list."""
    axes = list(axis) if isinstance(axis, Sequence) else [axis]
    if not axes or not all(isinstance(one, int) for one in axes):
        raise ValueError(f"axis must be an integer or several, got {axis!r}")
    return axes if isinstance(axis, Sequence) else axis, axes


def size(argument: str, value: int) -> int:
    """Return `value` after checking that it is a positive integer."""
    if not is_size(value):
        raise ValueError(f"{argument} must be a positive integer, got {value!r}")
    return int(value)


def is_size(value: Any) -> bool:
    """Return whether `value` is a positive integer."""
    return is_whole(value) and bool(value > 0)


def is_whole(value: Any) -> bool:
    """Return whether `value` is an integer."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
