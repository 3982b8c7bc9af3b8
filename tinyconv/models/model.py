"""Model: layers that belong together, with one set of weights."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np

from .. import kernels, names
from ..layers import Parameter
from ..layers.graph import Node
from ..tensor import Tensor, as_array
from ..training import Trainer
from .summary import summary_lines


class Model(Trainer):
    """Base of all models: owns layers, knows their weights, and trains as `Trainer` says.

    `Model(inputs, outputs)` makes a `Functional` one. Any model may serve as a layer of another.
    """

    input: Any  # the symbol of the input, or a list of them
    output: Any
    inputs: Any  # the same, always as lists
    outputs: Any

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        """Return a functional model for `Model(inputs, outputs)`."""
        if cls is not Model:
            return super().__new__(cls)
        from .functional import Functional

        return super().__new__(Functional)

    def __init__(self, name: str | None = None) -> None:
        self.name = name or names.automatic(type(self).__name__)
        self.layers: list[Any] = []  # layers, or models used as such
        self.nodes: list[Node] = []
        self._trainable = True

    def settle(self, input_shape: Any) -> Any:
        """Check the shape of the input, or a list of them, build what is not built, return that of the output."""
        raise NotImplementedError

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """Return a layer by its name or its index."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f'model "{self.name}" has {len(self.layers)} layers, got index {index}')
            return self.layers[index]
        return names.look_up("layer", str(name), {layer.name: layer for layer in self.layers})

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights that are there to be learnt; setting it sets it for every layer."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self.layers:
            layer.trainable = value

    @property
    def weights(self) -> list[Parameter]:
        """All weights, layer by layer."""
        return _once([weight for layer in self.layers for weight in layer.weights])

    @property
    def trainable_weights(self) -> list[Parameter]:  # type: ignore[override]
        """Weights that training changes, layer by layer."""
        return _once([weight for layer in self.layers for weight in layer.trainable_weights])

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """Weights that training leaves alone, layer by layer."""
        return _once([weight for layer in self.layers for weight in layer.non_trainable_weights])

    @property
    def losses(self) -> list[Tensor]:  # type: ignore[override]
        """Penalties of all regularised weights, each once however many models share it."""
        return [weight.regularizer(weight) for weight in self.trainable_weights if weight.regularizer]

    def get_config(self) -> dict[str, Any]:
        """Return the layers and how they are connected, in Keras's words: see `description.py`."""
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the functional model that `get_config` described, with new weights."""
        from .functional import Functional

        return Functional.from_config(config)

    def to(self, device: str) -> Self:
        """Move all weights, and the state of the optimizer, to `device`, "cpu" or "gpu"; return the model.

        Batches follow by themselves. Raises DeviceError when there is no GPU.
        """
        self.require_built()
        for weight in self.weights:
            weight.data, weight.grad = kernels.move(weight.data, device), None
        if self.optimizer is not None:
            self.optimizer.to(device)
        self.device = device
        return self

    def count_params(self) -> int:
        """Return the number of values in all weights."""
        self.require_built()
        return sum(weight.size for weight in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights, layer by layer, in Keras's order."""
        return [weight.numpy().copy() for weight in self.weights]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Replace all weights, in the order of `get_weights`; nothing changes unless every shape fits."""
        self.require_built()
        own = self.weights
        if len(weights) != len(own):
            raise ValueError(f'model "{self.name}" has {len(own)} weights, set_weights got {len(weights)}')
        for weight, array in zip(own, weights, strict=True):
            if np.shape(array) != weight.shape:
                raise ValueError(f"weight {weight.path} has shape {weight.shape}, set_weights got {np.shape(array)}")
        for weight, array in zip(own, weights, strict=True):
            weight.data[...] = kernels.move(as_array(array, weight.dtype), weight.device)

    def save_weights(self, filepath: str, *, note: dict[str, Any] | None = None) -> None:
        """Write all weights, and the state of optimizer and dropout, to `filepath` in Keras 3's ".weights.h5" layout.

        The file is written aside and renamed. `note`, anything that JSON can hold, travels with it.
        """
        from ..keras_files import save_weights

        self.require_built()
        save_weights(filepath, self, note)

    def load_weights(self, filepath: str) -> None:
        """Read a ".weights.h5" file that tinyconv or Keras 3 wrote; nothing changes unless all of it fits."""
        from ..keras_files import load_weights

        self.require_built()
        load_weights(filepath, self)

    def summary(self) -> None:
        """Print the layers, their output shapes and parameter counts, and the totals."""
        self.require_built()
        print("\n".join(summary_lines(self)))


def every_layer(operation: Any) -> Iterator[Any]:
    """Yield a layer, or a model and all that is in it."""
    yield operation
    for layer in getattr(operation, "layers", ()):
        yield from every_layer(layer)


def _once(weights: Sequence[Parameter]) -> list[Parameter]:
    """Return the weights without repetitions: models within a model may share layers."""
    return list({id(weight): weight for weight in weights}.values())
