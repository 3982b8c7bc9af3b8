"""GradientTape and Variable: gradients of any tensor with respect to any other, on tinyconv's own graph.

Functions record what they are applied to as they compute, so the tape has nothing to write down. It marks what it is
told to watch, and walks back from a result to what it is asked for, along those ways only that lead there.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np

from .. import functions as F
from ..autograd import gradients, no_grad
from ..data.arrays import is_several
from ..layers.parameter import Parameter
from ..offered import NotOfferedValueError
from ..symbol import Symbol
from ..tensor import Function, Tensor, as_array
from .operations import Values, held, tensor
from .operations.values import type_of

_open: "ContextVar[tuple[GradientTape, ...]]" = ContextVar("open_tapes", default=())


class GradientTape:
    """TensorFlow's tape: `with GradientTape() as tape:` compute, then ask `tape.gradient(result, sources)`.

    Weights that are trained are watched, others if `watch` is told. A result that is persistent can be asked again.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self.persistent, self.alone = persistent, True
        self.marked: list[Tensor] = []

    def __enter__(self) -> "GradientTape":
        others = _open.get()
        for tape in (*others, self) if others else ():
            tape.alone = False
        _open.set((*others, self))
        return self

    def __exit__(self, *_: object) -> None:
        _open.set(tuple(tape for tape in _open.get() if tape is not self))
        for each in self.marked:  # what was computed from it meanwhile remembers
            each.requires_grad = False
        self.marked = []

    def watch(self, watched: Any) -> None:
        """Let gradients with respect to a tensor, or to several, be asked for."""
        for each in _flat(watched):
            if isinstance(each, Tensor) and not each.requires_grad:
                each.requires_grad = True
                self.marked.append(each)

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: Any = "none"
    ) -> Any:
        """Return the gradient of Σ target with respect to each source: None where there is no way to it.

        `sources` is a tensor, a list or a dict of them, and so is the result.
        """
        results = [each for each in _flat(target) if isinstance(each, Tensor)]
        given = [None] * len(results) if output_gradients is None else _flat(output_gradients)
        dys = [
            np.ones_like(y.data) if dy is None else np.broadcast_to(as_array(dy, y.dtype), y.shape)
            for y, dy in zip(results, given, strict=True)
        ]
        wanted = _flat(sources)
        arrays = gradients(results, wanted, dys)
        if self.alone and not self.persistent:
            _forget(results)
        if _open.get():
            found = [None if dx is None else Second()(Tensor(dx), *results) for dx in arrays]
        else:
            found = [None if dx is None else Tensor(dx) for dx in arrays]
        if unconnected_gradients in ("zero", "ZERO"):
            found = [Tensor(np.zeros_like(x.data)) if dx is None else dx for dx, x in zip(found, wanted, strict=True)]
        return _like(sources, iter(found))

    def reset(self) -> None:
        """Forget what was computed: there is nothing to forget."""

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Compute in the `with` block without a way back."""
        with no_grad():
            yield

    def jacobian(self, *_: Any, **__: Any) -> Any:
        """Refuse: the backward pass is one of a single result."""
        raise NotOfferedValueError(
            "tinyconv does not offer tape.jacobian: ask tape.gradient for one result after another"
        )

    batch_jacobian = jacobian


class Second(Function):
    """A gradient that was asked for inside another tape: its own gradient, a second derivative, is not offered."""

    def forward(self, dx: Any, *results: Any) -> Any:
        """Return the gradient."""
        return dx

    def backward(self, dy: Any) -> tuple[Any, ...]:
        """Refuse."""
        raise NotOfferedValueError(
            "tinyconv does not offer second derivatives: a tape's gradient was used in what another tape differentiates"
        )


def seen(given: Any, dtype: str) -> Any:
    """Return what a model is called with as tensors of its dtype, which open tapes watch.

    So there are gradients of what is inside a model that is not trained, and whose images nobody watches.
    """
    if is_several(given):
        return [seen(each, dtype) for each in given]
    if isinstance(given, dict):
        return {name: seen(each, dtype) for name, each in given.items()}
    if isinstance(given, Symbol):
        return given
    x = given if isinstance(given, Tensor) else Tensor(as_array(given, dtype))
    if x.dtype != dtype:
        x = F.cast(x, dtype)
    tapes = _open.get()
    if tapes and x.creator is None:
        tapes[-1].watch(x)
    return x


def _forget(results: Sequence[Tensor]) -> None:
    """Let go of what was recorded for `results`, as a tape that is asked once: else it would live until the next."""
    waiting = list(results)
    while waiting:
        tensor = waiting.pop()
        function, tensor.creator = tensor.creator, None
        if function is not None:
            tensor.requires_grad = False
            waiting.extend(function.inputs)


def _flat(value: Any) -> list[Any]:
    """Return what a list, a tuple or a dict holds, one after another."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [part for each in value for part in _flat(each)]
    return [value]


def _like(structure: Any, found: Iterator[Any]) -> Any:
    """Return what is found in the order of `_flat` in the lists and dicts that it was asked for in."""
    if isinstance(structure, dict):
        return {name: _like(each, found) for name, each in structure.items()}
    if isinstance(structure, list | tuple):
        return [_like(each, found) for each in structure]
    return next(found)


class Variable(Parameter):
    """A tensor whose values a script changes by `assign`; whole numbers are `WholeVariable`s."""

    def __new__(cls, initial_value: Any = None, *given: Any, **named: Any) -> Any:
        """Make a variable of floats, or another one of whole numbers."""
        value = initial_value() if callable(initial_value) else initial_value
        array = np.asarray(tensor(value, named.get("dtype")))
        if array.dtype.kind != "f":
            return array.copy().view(WholeVariable)
        return super().__new__(cls)

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = True,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        constraint: Any = None,
        **_: Any,
    ) -> None:
        value = initial_value() if callable(initial_value) else initial_value
        array = np.array(tensor(value, dtype))
        super().__init__(
            array.astype(type_of(dtype or array.dtype)), name or "Variable", bool(trainable), None, constraint
        )

    def __getitem__(self, index: Any) -> Any:  # type: ignore[override]
        part: Any = F.getitem(self, index)
        part.assign = partial(self._assign_part, index)
        return part

    def _assign_part(self, index: Any, value: Any) -> "Variable":
        """Replace a part of the values: `v[0].assign(value)`."""
        self.data[index] = np.asarray(value)
        return self

    def numpy(self) -> np.ndarray:
        """Return the values as an array of its own: what is assigned later does not reach it."""
        return np.array(super().numpy())

    def value(self) -> Tensor:  # type: ignore[override]
        """Return the values as a tensor."""
        return self * 1.0

    read_value = value

    @property
    def initialized_value(self) -> Callable[[], Tensor]:
        """TensorFlow 1's way to the values."""
        return self.value

    def assign(self, value: Any, *_: Any, **__: Any) -> Any:
        """Replace the values."""
        super().assign(np.broadcast_to(np.asarray(value, self.dtype), self.shape))
        return self

    def assign_add(self, value: Any, *_: Any, **__: Any) -> Any:
        """Add to the values."""
        return self.assign(self.data + np.asarray(value, self.dtype))

    def assign_sub(self, value: Any, *_: Any, **__: Any) -> Any:
        """Take off the values."""
        return self.assign(self.data - np.asarray(value, self.dtype))


class Module:
    """TensorFlow's base of what has variables: those in its attributes, lists and modules among them."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or type(self).__name__.lower()

    @property
    def variables(self) -> tuple[Any, ...]:
        """The variables and weights."""
        found: dict[int, Any] = {}
        for each in _flat(list(vars(self).values())):
            own = [each] if isinstance(each, Parameter | WholeVariable) else getattr(each, "variables", ())
            found |= {id(one): one for one in own}
        return tuple(found.values())

    @property
    def trainable_variables(self) -> tuple[Any, ...]:
        """Those that are trained."""
        return tuple(one for one in self.variables if one.trainable)


class WholeVariable(Values):
    """Whole numbers that a script changes by `assign`."""

    trainable = False

    def assign(self, value: Any, *_: Any, **__: Any) -> "WholeVariable":
        """Replace the values."""
        np.asarray(self)[...] = value
        return self

    def assign_add(self, delta: Any, *_: Any, **__: Any) -> "WholeVariable":
        """Add to the values."""
        return self.assign(np.asarray(self) + np.asarray(delta))

    def assign_sub(self, delta: Any, *_: Any, **__: Any) -> "WholeVariable":
        """Take off the values."""
        return self.assign(np.asarray(self) - np.asarray(delta))

    def numpy(self) -> Any:
        """Return the values as an array of its own."""
        return np.array(self)[()]

    def value(self) -> Any:
        """Return the values as a tensor."""
        return held(np.array(self))

    read_value = value


class _Custom(Function):
    """A user's function, and a user's function for its gradient."""

    def __init__(self, function: Callable[..., Any], result_of: Callable[[Any], Any]) -> None:
        self.function, self.result_of = function, result_of

    def forward(self, *arrays: Any) -> Any:
        """Compute the function."""
        with no_grad():
            y, self.gradient = self.function(*map(Tensor, arrays))
        return self.result_of(y)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        """Compute the user's gradient."""
        with no_grad():
            found = self.gradient(Tensor(dy))
        return tuple(as_array(each, dy.dtype) for each in (found if isinstance(found, list | tuple) else [found]))


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose gradient is the one that it returns beside its result: `return y, gradient`."""

    def called(*given: Any) -> Any:
        return _Custom(function, lambda y: np.array(y))(*map(tensor, given))

    called.__name__ = getattr(function, "__name__", "custom_gradient")
    return called
