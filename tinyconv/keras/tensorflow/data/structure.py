"""Elements of a dataset: an array, or tuples and dicts of them, as they are kept and as a script is given them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ....tensor import FLOATS, Tensor
from ...operations import Values, held, tensor


def mapped(function: Callable[[Any], Any], element: Any) -> Any:
    """Return an element with `function` of each of its arrays."""
    if type(element) is np.ndarray:
        return function(element)
    if isinstance(element, tuple):
        made = [mapped(function, part) for part in element]
        return type(element)(*made) if hasattr(element, "_fields") else tuple(made)
    if isinstance(element, dict):
        return {name: mapped(function, part) for name, part in element.items()}
    return function(element)


def row(element: Any, place: Any) -> Any:
    """Return one row of each array, or some of them."""
    return mapped(lambda array: array[place], element)


def leaves(element: Any) -> list[Any]:
    """Return the arrays of an element, one after another."""
    if isinstance(element, tuple):
        return [leaf for part in element for leaf in leaves(part)]
    if isinstance(element, dict):
        return [leaf for part in element.values() for leaf in leaves(part)]
    return [element]


def kept(value: Any) -> Any:
    """Return what a script made as it is kept: tensors as their arrays."""
    if type(value) is Tensor:
        return value.data
    if type(value) is tuple:
        return tuple([kept(part) for part in value])
    if isinstance(value, tuple | dict):
        return mapped(kept, value)
    if isinstance(value, Values):
        return np.asarray(value)
    if value is None or isinstance(value, np.ndarray | bytes):
        return value
    return np.asarray(tensor(value))


def given(element: Any) -> Any:
    """Return an element as a script holds it: tensors, and whole numbers that answer `.numpy()`."""
    if type(element) is tuple:
        return tuple([given(part) for part in element])
    if isinstance(element, np.ndarray):
        return Tensor(element) if element.dtype in FLOATS else element.view(Values)
    if isinstance(element, tuple | dict):
        return mapped(given, element)
    return element if element is None or isinstance(element, bytes) else held(element)


def stacked(rows: list[Any]) -> Any:
    """Return elements as one, each of its arrays with an axis more in front."""
    first = rows[0]
    if isinstance(first, tuple):
        made = [stacked(list(part)) for part in zip(*rows, strict=True)]
        return type(first)(*made) if hasattr(first, "_fields") else tuple(made)
    if isinstance(first, dict):
        return {name: stacked([row[name] for row in rows]) for name in first}
    if first is None:
        return None
    shapes = {np.shape(row) for row in rows}
    if len(shapes) > 1:
        raise ValueError(
            f"batch needs elements of one shape, got {' and '.join(map(str, sorted(shapes)[:2]))}: resize them"
        )
    return np.stack(rows)


def numpy(element: Any) -> Any:
    """Return an element as arrays of NumPy's; words as bytes."""
    return mapped(_plain, element)


def _plain(leaf: Any) -> Any:
    return np.asarray(leaf).view(Values).numpy() if isinstance(leaf, np.ndarray | np.generic) else leaf
