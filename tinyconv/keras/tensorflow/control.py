"""What TensorFlow has in the place of Python's own `if`, `for` and `print`."""

import builtins
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ...symbol import on_symbols
from ..operations import shaping, tensor
from ..operations.values import held


def print(*given: Any, output_stream: Any = None, **named: Any) -> None:
    """Print values as NumPy does."""
    words = [each.numpy() if hasattr(each, "numpy") else each for each in given]
    known = {name: named[name] for name in ("sep", "end") if name in named}
    builtins.print(*words, file=output_stream or sys.stderr, **known)


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any], name: str | None = None) -> Any:
    """Return what one function gives if a condition holds, else what the other gives."""
    return true_fn() if bool(np.asarray(pred)) else false_fn()


def case(pred_fn_pairs: Any, default: Callable[[], Any] | None = None, *_: Any, **__: Any) -> Any:
    """Return what the function of the first condition that holds gives."""
    for condition, function in pred_fn_pairs:
        if bool(np.asarray(condition)):
            return function()
    if default is None:
        raise ValueError("case: no condition holds, and there is no default")
    return default()


def while_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, *_: Any, **__: Any) -> Any:
    """Return the variables after going round while a condition holds of them."""
    while bool(np.asarray(cond(*loop_vars))):
        found = body(*loop_vars)
        loop_vars = found if isinstance(found, list | tuple) else [found]
    return loop_vars


@on_symbols
def map_fn(fn: Callable[[Any], Any], elems: Any, *_: Any, **__: Any) -> Any:
    """Return what a function gives for each part along the first axis, side by side."""
    if isinstance(elems, list | tuple):
        rows: Any = [type(elems)(row) for row in zip(*map(tensor, elems), strict=True)]
    else:
        rows = tensor(elems)
    found = [fn(row) for row in rows]
    if isinstance(found[0], list | tuple):
        return type(found[0])(shaping.stack(each) for each in zip(*found, strict=True))
    return shaping.stack(found)


vectorized_map = map_fn


@on_symbols
def py_function(func: Callable[..., Any], inp: Any, Tout: Any, name: str | None = None) -> Any:
    """Return what a function of Python's gives."""
    return _of_types(func(*map(tensor, inp)), Tout)


@on_symbols
def numpy_function(func: Callable[..., Any], inp: Any, Tout: Any, *_: Any, **__: Any) -> Any:
    """Return what a function of NumPy's arrays gives."""
    return _of_types(func(*(tensor(each).numpy() for each in inp)), Tout)


py_func = numpy_function


def _of_types(found: Any, types: Any) -> Any:
    if isinstance(types, list | tuple):
        return [tensor(each, dtype) for each, dtype in zip(found, types, strict=True)]
    return held(np.asarray(found)) if str(types) == "str" else tensor(found, types)
