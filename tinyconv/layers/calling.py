"""One call of a layer or a model: who is called, for who asks later, and whether it is training.

A call is training if it is told so, else if the call around it is, else not. So a layer within a layer, called without
`training`, trains and rests with it, and one that was told stays as it was told whatever happens around it (Keras 3,
keras/src/layers/layer.py, `Layer.__call__`, "5. Infer training value").
"""

from collections.abc import Callable
from inspect import signature
from typing import Any

from ..autograd import Call
from .graph import checked_training


def needed_besides_inputs(call: Callable[..., Any]) -> list[str]:
    """Return the names of what a layer's `call` cannot do without, and is never given."""
    parameters = list(signature(call).parameters.values())[2:]
    return [
        parameter.name
        for parameter in parameters
        if parameter.name != "training"
        and parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


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
