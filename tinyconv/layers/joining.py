"""Keras's functions that make a layer of `merge` and call it at once: add([a, b]) is Add()([a, b])."""

from collections.abc import Sequence
from typing import Any

from .merge import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract


def add(inputs: Sequence[Any], *, name: str | None = None, dtype: str | None = None) -> Any:
    """Return the sum of tensors or symbols. See `Add`."""
    return Add(name=name, dtype=dtype)(inputs)


def subtract(inputs: Sequence[Any], *, name: str | None = None, dtype: str | None = None) -> Any:
    """Return the difference of two tensors or symbols. See `Subtract`."""
    return Subtract(name=name, dtype=dtype)(inputs)


def multiply(inputs: Sequence[Any], *, name: str | None = None, dtype: str | None = None) -> Any:
    """Return the product of tensors or symbols, element by element. See `Multiply`."""
    return Multiply(name=name, dtype=dtype)(inputs)


def average(inputs: Sequence[Any], *, name: str | None = None, dtype: str | None = None) -> Any:
    """Return the mean of tensors or symbols. See `Average`."""
    return Average(name=name, dtype=dtype)(inputs)


def maximum(inputs: Sequence[Any], *, name: str | None = None, dtype: str | None = None) -> Any:
    """Return the largest of tensors or symbols, element by element. See `Maximum`."""
    return Maximum(name=name, dtype=dtype)(inputs)


def minimum(inputs: Sequence[Any], *, name: str | None = None, dtype: str | None = None) -> Any:
    """Return the smallest of tensors or symbols, element by element. See `Minimum`."""
    return Minimum(name=name, dtype=dtype)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, *, name: str | None = None, dtype: str | None = None) -> Any:
    """Return tensors or symbols one after the other along `axis`. See `Concatenate`."""
    return Concatenate(axis, name=name, dtype=dtype)(inputs)


def dot(
    inputs: Sequence[Any],
    axes: int | Sequence[int] = -1,
    *,
    normalize: bool = False,
    name: str | None = None,
    dtype: str | None = None,
) -> Any:
    """Return scalar products of vectors in two tensors or symbols. See `Dot`."""
    return Dot(axes, normalize, name=name, dtype=dtype)(inputs)
