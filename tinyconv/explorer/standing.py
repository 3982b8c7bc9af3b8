"""Standing: how a model stands, so that whoever has tried something with it can put it back."""

from types import TracebackType
from typing import Any

import numpy as np


class Standing:
    """A model's weights, random draws and optimizer, restored when the `with` block is left, however it is left."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __enter__(self) -> "Standing":
        model = self.model
        self.weights = [(weight, np.array(weight.data), weight.grad) for weight in model.weights]
        self.steps = [
            (layer.stream, layer.stream.step) for layer in model.every_layer() if getattr(layer, "stream", None)
        ]
        self.optimizer = dict(vars(model.optimizer))
        self.slots = [(array, np.array(array)) for arrays in self.optimizer["slots"].values() for array in arrays]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for weight, array, grad in self.weights:
            weight.data[...] = array
            weight.grad = grad
        for stream, step in self.steps:
            stream.step = step
        vars(self.model.optimizer).clear()
        vars(self.model.optimizer).update(self.optimizer)
        for array, before in self.slots:
            array[...] = before
