"""Building a layer: once, by one thread at a time, and found out by trying what a layer does not say of itself."""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from inspect import signature
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..randomness import repeat_draws
from ..structure import Arguments, dict_like, flat, flat_shapes, mapped, packed, with_lists
from ..tensor import Tensor
from .graph import Shape

_lock = threading.RLock()


def building() -> AbstractContextManager[Any]:
    """Return the lock that is held while a layer or a model makes its weights: two threads must not make them twice."""
    return _lock


def _renew() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    # A forked child has only the thread that forked: whoever held the lock is not there to give it back.
    os.register_at_fork(after_in_child=_renew)


def once(build: Callable[..., Any]) -> Callable[..., None]:
    """Return a layer's `build` as a method that builds once, remembers the shape, and leaves nothing half made."""

    build = by_arguments(build)

    @wraps(build)
    def method(self: Any, input_shape: Any = None) -> None:
        self._build_by(lambda shape: build(self, shape), input_shape)

    return method


def by_arguments(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of shapes as one that a layer called on several arguments gives the shapes that it asks for.

    One with a single argument gets the first one's shape; else x_shape is that of x (Keras 3, `Layer.build`).
    """
    asked = list(signature(method).parameters)[1:]

    @wraps(method)
    def aligned(self: Any, shape: Any) -> Any:
        if not isinstance(shape, Arguments):
            return method(self, shape)
        if len(asked) == 1:
            return method(self, next(iter(shape.values())))
        return method(self, **{f"{name}_shape": each for name, each in shape.items() if f"{name}_shape" in asked})

    return aligned


def open_batch(shape: Any) -> Any:
    """Return a shape, or a list of them, as a tuple with an open batch axis."""
    if isinstance(shape, dict):
        return dict_like(shape, ((name, open_batch(each)) for name, each in shape.items()))
    if isinstance(shape, list | tuple) and any(isinstance(each, list | tuple | dict) for each in shape):
        return [open_batch(each) for each in shape]
    return (None, *shape[1:])


def with_batch(shape: Any, batch: int | None) -> Any:
    """Return a shape, or a list of them, with `batch` for a batch axis that is open."""
    if isinstance(shape, list | dict):
        return mapped(lambda each: with_batch(each, batch), shape)
    return (batch, *shape[1:]) if shape and shape[0] is None else shape


def tried_shape(call: Callable[[Any], Any], input_shape: Any, dtype: str | Sequence[str]) -> Any:
    """Return the shape, or a list of them, that `call` makes of zeros of `input_shape`: open lengths stay open.

    `dtype` is that of all inputs, or one for each. `call` is called twice, with other lengths for those that are open:
    what changes in the result is open there, too. Nothing is recorded, drawn or kept.
    """
    shapes = flat_shapes(input_shape)
    dtypes = [dtype] * len(shapes) if isinstance(dtype, str) else dtype
    found = []
    for batch, length in ((1, 64), (2, 96)):
        given = [
            Tensor(np.zeros(_tried(shape, batch, length), kind)) for shape, kind in zip(shapes, dtypes, strict=True)
        ]
        with no_grad(), repeat_draws(), np.errstate(all="ignore"):
            result = with_lists(call(packed(input_shape, given)))
        for each in flat(result):
            if not isinstance(each, Tensor):
                raise TypeError(f"call must return a tensor, or a list of them, and returned {type(each).__name__}")
        found.append([each.shape for each in flat(result)])
    return packed(result, [_common(*pair) for pair in zip(*found, strict=True)])


def _tried(shape: Shape, batch: int, length: int) -> list[int]:
    """Return a shape with `batch` for its first length and `length` for the others, where they are open."""
    return [(length if axis else batch) if cells is None else cells for axis, cells in enumerate(shape)]


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> Shape:
    if len(one) != len(other):
        raise ValueError(f"the number of its output's axes depends on the input's lengths: {one}, {other}")
    return tuple(a if a == b else None for a, b in zip(one, other, strict=True))
