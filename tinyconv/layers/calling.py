"""Whether a call of a layer or a model is training: what it is told, else what the call around it is, else not.

So a layer within a layer, called without `training`, trains and rests with it, and one that was told stays as it was
told whatever happens around it (Keras 3, keras/src/layers/layer.py, `Layer.__call__`, "5. Infer training value").
"""

from contextvars import ContextVar

_training: ContextVar[bool] = ContextVar("training", default=False)


class Calling:
    """One call: `with Calling(training) as training` says whether it is training, to the calls within it too."""

    __slots__ = ("_token", "_training")

    def __init__(self, training: bool | None) -> None:
        self._training = training

    def __enter__(self) -> bool:
        outer = _training.get()
        training = outer if self._training is None else bool(self._training)
        self._token = None if training is outer else _training.set(training)
        return training

    def __exit__(self, *exception: object) -> None:
        if self._token is not None:
            _training.reset(self._token)
