"""tinyconv as its user trains it: `train_on_batch`, `predict_on_batch` on arrays. Threads come from the environment."""

import numpy as np
from numpy.typing import NDArray

import tinyconv

from ..inputs import Inputs
from ..models import Model
from . import keras_api


class Engine:
    """See `benchmarks.engines.Engine`."""

    penalty_in_loss = True

    def __init__(self, model: Model, inputs: Inputs, threads: int) -> None:
        tinyconv.set_floatx(inputs.images.dtype.name)
        self.network = keras_api.Network(tinyconv, model)
        self.model = self.network.model
        self.model.compile(optimizer=keras_api.optimizer(tinyconv, model), loss=keras_api.loss(tinyconv, model))
        self.network.set_weights(inputs.weights)
        self.batches = list(zip(inputs.images, keras_api.targets(model, inputs.labels), strict=True))

    def step(self, index: int) -> float:
        """One `train_on_batch`."""
        x, y = self.batches[index % len(self.batches)]
        return float(self.model.train_on_batch(x, y))

    def predict(self, index: int) -> NDArray[np.float32]:
        """One `predict_on_batch`."""
        x, _ = self.batches[index % len(self.batches)]
        outputs: NDArray[np.float32] = self.model.predict_on_batch(x)
        return outputs

    def weights(self) -> list[NDArray[np.floating]]:
        """Copies of the weights."""
        return self.network.weights()
