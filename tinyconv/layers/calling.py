"""One call of a layer or a model: who is called, for who asks later, and whether it is training.

A call is training if it is told so, else if the call around it is, else not. So a layer within a layer, called without
`training`, trains and rests with it, and one that was told stays as it was told whatever happens around it (Keras 3,
keras/src/layers/layer.py, `Layer.__call__`, "5. Infer training value").
"""

import inspect
from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any

from ..autograd import Call
from ..structure import Arguments, is_structure
from .graph import checked_training


def arguments_of(call: Callable[..., Any]) -> list[str]:
    """Return the names of what a layer's `call` may be given besides `training` and a mask, which there is none."""
    parameters = list(signature(call).parameters.values())[1:]
    single = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )
    names = [parameter.name for parameter in parameters if parameter.kind in single]
    return [name for name in names if name not in ("training", "mask")]


def on_several(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a layer's `call` of several arguments as one that takes them as `Arguments`, too."""

    @wraps(call)
    def unpacked(self: Any, *given: Any, **named: Any) -> Any:
        if len(given) == 1 and isinstance(given[0], Arguments):
            return call(self, **given[0], **given[0].more, **named)
        return call(self, *given, **named)

    return unpacked


def calling_on_several(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return the `__call__` of a layer with this `call` of several arguments: it is called on what they are, in one."""
    names = arguments_of(call)
    needed = [name for name in names if signature(call).parameters[name].default is inspect.Parameter.empty]

    def method(self: Any, *given: Any, training: Any = None, **named: Any) -> Any:
        one = super(self._takes_several, self).__call__
        if len(given) == 1 and (isinstance(given[0], Arguments) or (len(needed) == 1 and not named)):
            return one(given[0], training)
        named = {**dict(zip(names, given, strict=False)), **named}
        tensors = {name: value for name, value in named.items() if hasattr(value, "shape") or is_structure(value)}
        missing = [name for name in needed if name not in named]
        if missing or names[0] not in tensors:
            raise TypeError(
                f'"{self.name}" is called on {", ".join(named) or "nothing"}: its call needs '
                f"{', '.join(missing) or f'a tensor {names[0]}'}"
            )
        return one(
            Arguments(tensors.items(), {name: each for name, each in named.items() if name not in tensors}), training
        )

    return method


class Calling(Call):
    """One call: `with Calling(layer, training) as call` has `call.training`, which holds for the calls within it too.

    `default` is for a call that neither is told nor stands within another.
    """

    __slots__ = ("_default", "_told")

    def __init__(self, layer: Any, training: bool | None, default: bool = False) -> None:
        self.layer, self._told, self._default = layer, training, default

    def choose(self, outer: bool | None) -> bool:
        """Return whether the call is training, given what holds around it."""
        training: Any = self._told
        if training is True or training is False:
            return training
        if training is None:
            return self._default if outer is None else outer
        return checked_training(self.layer, training)
