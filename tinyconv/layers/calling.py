"""One call of a layer or a model: who is called, for who asks later, and whether it is training.

A call is training if it is told so, else if the call around it is, else not. So a layer within a layer, called without
`training`, trains and rests with it, and one that was told stays as it was told whatever happens around it (Keras 3,
keras/src/layers/layer.py, `Layer.__call__`, "5. Infer training value").
"""

from collections.abc import Callable
from contextvars import ContextVar
from inspect import signature
from typing import Any

from ..autograd import Call
from .graph import told

_training: ContextVar[bool | None] = ContextVar("training", default=None)


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
    """One call: `with Calling(layer, training) as training` says whether it is training, to the calls within it too.

    `default` is for a call that neither is told nor stands within another.
    """

    __slots__ = ("_default", "_token_of_training", "_told")

    def __init__(self, layer: Any, training: bool | None, default: bool = False) -> None:
        super().__init__(layer)
        self._told: Any = training
        self._default = default

    def __enter__(self) -> bool:  # type: ignore[override]
        outer = _training.get()
        training: Any = self._told
        if training is None:
            training = self._default if outer is None else outer
        elif training is not True and training is not False:
            training = told(self.layer, training)
        super().__enter__()
        self._token_of_training = None if training is outer else _training.set(training)
        return training

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        if self._token_of_training is not None:
            _training.reset(self._token_of_training)
