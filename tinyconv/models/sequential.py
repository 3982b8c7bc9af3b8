"""Sequential: a plain stack of layers."""

from collections.abc import Sequence
from typing import Any

from ..activations import name_of
from ..layers import Flatten, InputLayer, Layer, ReLU, Reshape
from ..layers.joined import stages
from ..tensor import Tensor, as_array
from ..training import Shape
from .model import Model


class Sequential(Model):
    """A stack of layers, each applied to the output of the one before.

    The first may be an `Input`, or a layer given `input_shape`; otherwise the model is built when it first sees data.
    """

    def __init__(self, layers: Sequence[Layer] | None = None, name: str | None = None) -> None:
        super().__init__(name)
        self._input: InputLayer | None = None
        self.input_shape: Any = None
        self.output_shape: Any = None
        for layer in layers or []:
            self.add(layer)

    @property
    def dtype(self) -> str:  # type: ignore[override]
        """The dtype of the first layer's weights and input."""
        return self.layers[0].dtype if self.layers else "float32"

    def add(self, layer: Layer) -> None:
        """Put a layer on top of the stack."""
        if not isinstance(layer, Layer):
            raise TypeError(f'model "{self.name}" is made of layers, got {layer!r}')
        if isinstance(layer, InputLayer):
            if self.layers or self._input:
                raise ValueError(f'model "{self.name}" already has a first layer; Input must come before it')
            self._input = layer
            self.input_shape = self.output_shape = layer.batch_input_shape
            return
        if any(layer.name == other.name for other in self.layers):
            raise ValueError(f'model "{self.name}" already has a layer called "{layer.name}": names must differ')
        if not self.layers and self._input is None and layer.batch_input_shape is not None:
            self.input_shape = self.output_shape = layer.batch_input_shape
        if self.output_shape is not None:
            self.output_shape = layer.settle(self.output_shape)
        self.layers.append(layer)

    def pop(self) -> Layer:
        """Take the top layer off the stack and return it."""
        if not self.layers:
            raise ValueError(f'model "{self.name}" has no layer to take off')
        layer = self.layers.pop()
        self.output_shape = self.layers[-1].output_shape if self.layers else self.input_shape
        return layer

    def build(self, input_shape: Shape) -> None:
        """Build every layer for inputs of `input_shape`, batch axis included."""
        if not self.layers:
            self.require_built()
        shape = tuple(input_shape)
        for layer in self.layers:  # all must fit before one makes weights
            shape = layer.checked_output_shape(shape)
        shape = tuple(input_shape)
        for layer in self.layers:
            shape = layer.settle(shape)
        self.input_shape, self.output_shape = tuple(input_shape), shape

    def require_built(self) -> None:
        """Raise ValueError when the model has no layers or its input shape is not known yet."""
        if not self.layers:
            raise ValueError(f'model "{self.name}" has no layers: add some first')
        if self.input_shape is None:
            raise ValueError(
                f'model "{self.name}" does not know its input shape: start with Input((28, 28, 1)), '
                "give the first layer input_shape=..., or call it on data"
            )

    def __call__(self, x: Any, training: bool = False) -> Tensor:
        """Apply all layers to a tensor or an array; `training` switches dropout on."""
        if not isinstance(x, Tensor):
            x = Tensor(as_array(x, self.dtype))
        if self.input_shape is None:
            self.build((None, *x.shape[1:]))
        for stage in stages(self.layers):
            x = stage(x, training)
        return x

    def last_activation(self) -> str | None:
        """Return the name of the activation that the output comes from, or None if it is not known."""
        for layer in reversed(self.layers):
            if isinstance(layer, Flatten | Reshape):
                continue
            if isinstance(layer, ReLU):
                return "relu"
            activation = getattr(layer, "activation", None)
            return name_of(activation) if activation is not None else None
        return None
