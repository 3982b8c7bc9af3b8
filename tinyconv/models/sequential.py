"""Sequential: a plain stack of layers."""

from collections.abc import Sequence
from typing import Any

from ..arguments import flag
from ..layers import InputLayer, Layer
from ..layers.building import building, open_batch
from ..layers.calling import Calling
from ..layers.graph import Node, Shape, SymbolicTensor, connect, is_symbolic
from ..tensor import Tensor, as_array
from .activation import activation_of
from .execution_plan import computed, computed_at_once
from .fusion import run
from .model import Model


class Sequential(Model):
    """A stack of layers, each applied to the output of the one before.

    The first may be an `Input`, or a layer given `input_shape`; otherwise the model is built when it first sees data.
    """

    layers_first = True
    takes_any = False

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name)
        self._stack: list[Any] = []
        self._symbols: list[SymbolicTensor] = []  # the input's, and every layer's output, once the input is known
        for layer in layers or []:
            self.add(layer)
        if not flag("trainable", trainable):
            self.trainable = False

    @property
    def layers(self) -> list[Any]:
        """The layers, or models used as such, from the bottom to the top."""
        return list(self._stack)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for a copy or a pickle: of the symbols, the first one's layer and the shapes."""
        first = [symbol.node.operation for symbol in self._symbols[:1]]
        return {**super().__getstate__(), "_symbols": [*first, *(symbol.shape for symbol in self._symbols[1:])]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, "_symbols": []})
        if state["_symbols"]:
            below, *shapes = state["_symbols"]
            self._symbols = [below.output]
            for layer, shape in zip(self._stack, shapes, strict=True):
                self._symbols.append(Node(layer, self._symbols[-1], shape).outputs[0])

    def _grows(self) -> bool:
        """Return True: `add` and `pop` change a stack at any time."""
        return True

    @property
    def built(self) -> bool:  # type: ignore[override]
        """Whether the input's shape is known."""
        return bool(self._symbols)

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
        if not isinstance(layer, Layer):
            raise TypeError(f'model "{self.name}" is made of layers, got {layer!r}')
        if isinstance(layer, InputLayer):
            if self._stack or self._symbols:
                raise ValueError(f'model "{self.name}" already has a first layer; Input must come before it')
            self._symbols = [layer.output]
            return
        if any(layer.name == other.name for other in self._stack):
            raise ValueError(f'model "{self.name}" already has a layer called "{layer.name}": names must differ')
        if not self._stack:
            self.dtype = layer.dtype
            shape: Any = layer.input_shape if isinstance(layer, Model) else layer.batch_input_shape
            if not self._symbols and shape is not None:
                self._symbols = [self._input_of(layer, shape)]
        if self._symbols:
            self._symbols.append(connect(layer, self._symbols[-1]))
        self._stack.append(layer)

    def _input_of(self, first: Any, shape: Shape) -> Any:
        """Return the symbol of an input of `shape` for the first layer."""
        return InputLayer(shape[1:], dtype=first.dtype).output

    def pop(self) -> Any:
        """Take the top layer off the stack and return it."""
        if not self._stack:
            raise self.error("has no layer to take off")
        if self._symbols:
            self._symbols.pop()
        return self._stack.pop()

    def prepare(self, input_shape: Shape) -> Shape:
        """Check `input_shape`, build what is not built, and return the shape of the output."""
        if not self.built:
            self.build(input_shape)
        shape = input_shape
        for layer in self._stack:
            shape = layer.prepare(shape)
        return shape

    def checked_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for inputs of `input_shape`; an error names the layer that refuses it."""
        shape = input_shape
        for layer in self._stack:
            shape = layer.checked_output_shape(shape)
        return shape

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for inputs of `input_shape`."""
        return self.checked_output_shape(open_batch(input_shape))

    def build(self, input_shape: Shape) -> None:
        """Build every layer for inputs of `input_shape`, batch axis included."""
        if not self._stack:
            self.require_built()
        shape = open_batch(input_shape)
        with building():
            self.checked_output_shape(shape)  # all must fit before one makes weights
            if not self._symbols:
                symbols = [self._input_of(self._stack[0], shape)]
                for layer in self._stack:
                    symbols.append(connect(layer, symbols[-1]))
                self._symbols = symbols

    def _build_by(self, make: Any, input_shape: Any) -> None:
        make(input_shape)

    def require_built(self) -> None:
        """Raise ValueError when the model has no layers or its input shape is not known yet."""
        if not self._stack:
            raise self.error("has no layers: add some first")
        if not self._symbols:
            raise self.error(
                "does not know its input shape: start with Input((28, 28, 1)), give the first layer input_shape=..., "
                "or call it on data"
            )

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """Apply all layers to a tensor or an array; `training` switches dropout on. On a symbol, return a symbol."""
        if is_symbolic(inputs):
            return connect(self, inputs, training)
        x = inputs if isinstance(inputs, Tensor) else Tensor(as_array(inputs, self.dtype))
        if not self._symbols:
            self.build((None, *x.shape[1:]))
        with Calling(self, training) as call:
            return computed(self, [x], call.training, lambda: run(self._stack, x, call.training))

    def _computed_at_once(self, x: Any) -> Any:
        return computed_at_once(self, x) if type(self).__call__ is Sequential.__call__ else None

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
        for layer in reversed(self._stack):
            if isinstance(layer, Model):
                return layer.last_activation()
            passes, activation = activation_of(layer)
            if not passes:
                return activation
        return None
