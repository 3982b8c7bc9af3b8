"""Kernels of convolutions with channels first, as Keras 1 has them: (out, in, rows, columns)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..layers import Layer
from .eras import Era
from .spelling import Patch

TO_KERAS_1, FROM_KERAS_1 = (3, 2, 0, 1), (2, 3, 1, 0)


def patches(era: Era) -> list[Patch]:
    """Return the methods that give and take weights."""
    if not era.before(2):
        return []
    get, set_ = Layer.get_weights, Layer.set_weights

    def get_weights(self: Any) -> list[np.ndarray]:
        """Return copies of all weights."""
        first = _first(self)
        pairs = zip(self.weights, get(self), strict=True)
        return [array.transpose(TO_KERAS_1) if id(weight) in first else array for weight, array in pairs]

    def set_weights(self: Any, weights: Sequence[Any]) -> None:
        """Replace all weights."""
        first = _first(self)
        if len(weights) == len(self.weights):
            pairs = zip(self.weights, weights, strict=True)
            weights = [np.transpose(array, FROM_KERAS_1) if id(weight) in first else array for weight, array in pairs]
        set_(self, weights)

    return [(Layer, "get_weights", get_weights), (Layer, "set_weights", set_weights)]


def _first(layer: Layer) -> set[int]:
    """Return the kernels of convolutions with channels first, by their ids."""
    found = [each for each in layer.every_layer() if getattr(each, "data_format", None) == "channels_first"]
    kernels = [getattr(each, "kernel", None) for each in found]
    return {id(kernel) for kernel in kernels if kernel is not None and len(kernel.shape) == 4}
