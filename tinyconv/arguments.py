"""Checks of arguments that are numbers: what is refused is refused by name, with the value received."""

from typing import Any

import numpy as np


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


def whole(argument: str, value: Any, least: int) -> int:
    """Return `value`, an integer of Python or NumPy, after checking that it is at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        kind = {0: "an integer of at least 0", 1: "a positive integer"}[least]
        raise ValueError(f"{argument} must be {kind}, got {value!r}")
    return int(value)
