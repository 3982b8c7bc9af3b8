"""Sequential: a plain stack of layers."""

from collections.abc import Sequence
from typing import Any

from ..layers import InputLayer, Layer
from ..layers.calling import Calling
from ..layers.graph import Shape, SymbolicTensor, connect, is_symbolic
from ..layers.joined import stages
from ..tensor import Tensor, as_array
from .activation import activation_of
from .model import Model


class Sequential(Model):
    """A stack of layers, each applied to the output of the one before.

    The first may be an `Input`, or a layer given `input_shape`; otherwise the model is built when it first sees data.
    """

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None) -> None:
        super().__init__(name)
        self._symbols: list[SymbolicTensor] = []  # the input's, and every layer's output, once the input is known
        for layer in layers or []:
            self.add(layer)

    @property
    def dtype(self) -> str:  # type: ignore[override]
        """The dtype of the first layer's weights and input."""
        return self.layers[0].dtype if self.layers else "float32"

    @property
    def input_shape(self) -> Any:
        """The shape of the input with its batch axis, or None until it is known."""
        return self._symbols[0].shape if self._symbols else None

    @property
    def output_shape(self) -> Any:
        """The shape of the output with its batch axis, or None until it is known."""
        return self._symbols[-1].shape if self._symbols else None

    @property
    def output_names(self) -> list[str]:  # type: ignore[override]
        """The name of the last layer, by which `compile` and `fit` may be given what is for the output."""
        return [layer.name for layer in self.layers[-1:]] or ["output"]

    @property
    def input(self) -> SymbolicTensor:
        """The symbol of the input."""
        self.require_built()
        return self._symbols[0]

    @property
    def output(self) -> SymbolicTensor:
        """The symbol of the output."""
        self.require_built()
        return self._symbols[-1]

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbol of the input, in a list."""
        return [self.input]

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbol of the output, in a list."""
        return [self.output]

    def add(self, layer: Any) -> None:
        """Put a layer, or a model, on top of the stack."""
        if isinstance(layer, SymbolicTensor) and isinstance(layer.node.operation, InputLayer):
            layer = layer.node.operation
        if not isinstance(layer, Layer | Model):
            raise TypeError(f'model "{self.name}" is made of layers, got {layer!r}')
        if isinstance(layer, InputLayer):
            if self.layers or self._symbols:
                raise ValueError(f'model "{self.name}" already has a first layer; Input must come before it')
            self._symbols = [layer.output]
            return
        if any(layer.name == other.name for other in self.layers):
            raise ValueError(f'model "{self.name}" already has a layer called "{layer.name}": names must differ')
        if not self.layers and not self._symbols:
            shape: Any = layer.batch_input_shape if isinstance(layer, Layer) else layer.input_shape
            if shape is not None:
                self._symbols = [InputLayer(shape[1:], dtype=layer.dtype).output]
        if self._symbols:
            self._symbols.append(connect(layer, self._symbols[-1]))
        self.layers.append(layer)

    def pop(self) -> Any:
        """Take the top layer off the stack and return it."""
        if not self.layers:
            raise ValueError(f'model "{self.name}" has no layer to take off')
        if self._symbols:
            self._symbols.pop()
        return self.layers.pop()

    def settle(self, input_shape: Shape) -> Shape:
        """Check `input_shape`, build what is not built, and return the shape of the output."""
        if self.input_shape is None:
            self.build(input_shape)
        shape = input_shape
        for layer in self.layers:
            shape = layer.settle(shape)
        return shape

    def build(self, input_shape: Shape) -> None:
        """Build every layer for inputs of `input_shape`, batch axis included."""
        if not self.layers:
            self.require_built()
        shape = tuple(input_shape)
        for layer in self.layers:  # all must fit before one makes weights
            shape = layer.checked_output_shape(shape) if isinstance(layer, Layer) else layer.settle(shape)
        if not self._symbols:
            self._symbols = [InputLayer(input_shape[1:], dtype=self.dtype).output]  # type: ignore[arg-type]
            for layer in self.layers:
                self._symbols.append(connect(layer, self._symbols[-1]))

    def require_built(self) -> None:
        """Raise ValueError when the model has no layers or its input shape is not known yet."""
        if not self.layers:
            raise ValueError(f'model "{self.name}" has no layers: add some first')
        if not self._symbols:
            raise ValueError(
                f'model "{self.name}" does not know its input shape: start with Input((28, 28, 1)), '
                "give the first layer input_shape=..., or call it on data"
            )

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Apply all layers to a tensor or an array; `training` switches dropout on. On a symbol, return a symbol."""
        if is_symbolic(x):
            return connect(self, x, training)
        if not isinstance(x, Tensor):
            x = Tensor(as_array(x, self.dtype))
        if not self._symbols:
            self.build((None, *x.shape[1:]))
        with Calling(training) as training:
            for stage in stages(self.layers):
                x = stage(x, training)
        return x

    def get_config(self) -> dict[str, Any]:
        """Return the layers in Keras's words."""
        from .description import describe_stack

        return describe_stack(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Sequential":
        """Return the model that `get_config` described, with new weights."""
        from .description import rebuild_stack

        return rebuild_stack(config)

    def last_activation(self) -> str | None:
        """Return the name of the activation that the output comes from, or None if it is not known."""
        for layer in reversed(self.layers):
            if isinstance(layer, Model):
                return layer.last_activation()
            passes, activation = activation_of(layer)
            if not passes:
                return activation
        return None
