"""Holding: the weights, the layers within and the metrics of a layer, which its attributes name."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .. import kernels
from ..tensor import as_array
from .parameter import Parameter
from .penalties import Penalized
from .tracking import Measure, Part, count_change, parts_in, watched


class Holding(Penalized):
    """What a layer has of weights and layers."""

    name: str
    dtype: str
    built = False
    _building = False
    # What the layer owns itself: weights to be learnt, state, and layers within, each in the order it came.
    _learnt: list[Parameter]
    _state: list[Parameter]
    _layers: list[Any]
    _measures: list[Any]
    _trainable: bool

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Part | list | tuple | dict):
            value = watched(value, self)
            for part in parts_in(value):
                self._hold(part)
        if vars(self).get(name, Part) is not value:
            count_change()
        super().__setattr__(name, value)

    def _hold(self, part: Part) -> None:
        """Take in a weight or a layer that an attribute names."""
        count_change()
        if "_layers" not in vars(self):
            raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__() before it sets attributes")
        if isinstance(part, Measure):
            if not any(part is one for one in self._measures):
                self._measures.append(part)
            return
        if isinstance(part, Parameter):
            if any(part is weight for weight in (*self._learnt, *self._state)):
                return
            store: list[Any] = self._learnt if part.trainable else self._state
        else:
            store = self._layers
        if any(part is one for one in store):
            return
        if self.built and not self._building and not self._grows():
            raise self.error("is built: weights and layers are given to it in __init__ or in build, not later")
        store.append(part)

    def _grows(self) -> bool:
        """Return whether the layer may be given weights and layers once it is built."""
        return False

    def _let_go(self, part: Part) -> None:
        """Forget a weight or a layer that was taken out of a list or a dict."""
        count_change()
        stores: tuple[list[Any], ...] = self._learnt, self._state, self._layers, self._measures
        for store in stores:
            store[:] = [one for one in store if one is not part]

    @property
    def trainable(self) -> bool:
        """Whether training changes those of the weights that are there to be learnt; False freezes all within, too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.every_layer():
            layer._trainable = bool(value)
            for weight in layer._learnt:
                weight.trainable = bool(value)

    def every_layer(self) -> list[Any]:
        """Return this layer and all within, each once, outer ones before those within them."""
        found: dict[int, Any] = {}
        waiting: list[Any] = [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                waiting.extend(reversed(layer._layers))
        return list(found.values())

    @property
    def own_weights(self) -> list[Parameter]:
        """The weights that the layer made itself, those to be learnt before the others."""
        return [*self._learnt, *self._state]

    @property
    def weights(self) -> list[Parameter]:
        """All weights in Keras's order: its own, those to be learnt before the others; then those of layers within."""
        found = [weight for layer in self.every_layer() for weight in layer._learnt + layer._state]
        return list({id(weight): weight for weight in found}.values())

    @property
    def trainable_weights(self) -> list[Parameter]:
        """Weights that training changes."""
        return [weight for weight in self.weights if weight.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """Weights that training leaves alone."""
        return [weight for weight in self.weights if not weight.trainable] if self.trainable else self.weights

    @property
    def variables(self) -> list[Parameter]:
        """All weights: see `weights`."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Parameter]:
        """Weights that training changes: see `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Parameter]:
        """Weights that training leaves alone: see `non_trainable_weights`."""
        return self.non_trainable_weights

    @property
    def metrics(self) -> list[Any]:
        """The metrics that the layer and the layers within have as attributes, alone or in lists and dicts."""
        found = [each for layer in self.every_layer() for each in layer._measures]
        return list({id(each): each for each in found}.values())

    def count_params(self) -> int:
        """Return the number of values in all weights."""
        return sum(prod(weight.shape) for weight in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights, in Keras's order."""
        return [weight.numpy().copy() for weight in self.weights]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Replace all weights, in the order of `get_weights`; nothing changes unless every shape fits."""
        own = self.weights
        if len(weights) != len(own):
            raise self.error(f"has {len(own)} weights, set_weights got {len(weights)}")
        arrays = [as_array(np.asarray(array), self.dtype) for array in weights]
        for weight, array in zip(own, arrays, strict=True):
            if array.shape != weight.shape:
                raise self.error(f"weight {weight.path} has shape {weight.shape}, set_weights got {array.shape}")
        for weight, array in zip(own, arrays, strict=True):
            weight.data[...] = kernels.move(array, weight.device)

    def error(self, message: str) -> ValueError:
        """Return a ValueError that names this layer."""
        raise NotImplementedError
