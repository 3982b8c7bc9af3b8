"""Layer: owns weights and state, calls functions. Names, arguments and weight order are Keras's."""

from collections.abc import Sequence
from math import prod
from typing import Any, Self

import numpy as np

from .. import config, initializers, kernels, names, regularizers
from ..tensor import Tensor, as_array
from .calling import Calling
from .graph import Node, Shape, connect, is_symbolic, shapes_of


class Parameter(Tensor):
    """A weight: a leaf tensor with a name ("kernel"), a path ("conv2d/kernel") and perhaps a penalty on its size."""

    def __init__(
        self, data: np.ndarray, path: str, trainable: bool = True, regularizer: regularizers.L1L2 | None = None
    ) -> None:
        super().__init__(data, requires_grad=trainable)
        self.path, self.regularizer = path, regularizer

    def __repr__(self) -> str:
        rest = "" if self.trainable else ", trainable=False"
        return f'Parameter("{self.path}", shape={self.shape}, dtype={self.dtype}, device={self.device}{rest})'

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def trainable(self) -> bool:
        """Whether training changes the weight."""
        return self.requires_grad

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.requires_grad = bool(value)


class Layer:
    """Base of all layers.

    A subclass sets its arguments in `__init__`, makes weights in `build` (once, when the input's shape is known),
    computes in `call` and states its output's shape in `compute_output_shape`. Shapes start with the batch axis, which
    is None where it is open. `rank`, if set, is the number of axes that the input must have, batch axis included.
    """

    rank: int | None = None

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        if dtype not in (None, "float32", "float64"):
            raise ValueError(f'dtype must be "float32" or "float64", got {dtype!r}')
        self.name = name or names.automatic(type(self).__name__)
        self.dtype = dtype or config.floatx()
        self.batch_input_shape: Shape | None = (
            None if input_shape is None else (None, *sizes("input_shape", input_shape))
        )
        self.built = False
        self.input_shape: Shape | None = None
        self.output_shape: Shape | None = None
        self.weights: list[Parameter] = []
        self.nodes: list[Node] = []
        self._learnt: list[Parameter] = []
        self.trainable = trainable

    @property
    def trainable(self) -> bool:
        """Whether training changes those of the weights that are there to be learnt; False freezes the layer."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for weight in self._learnt:
            weight.trainable = value

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of `input_shape`."""

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Compute the output of the layer."""
        raise NotImplementedError(f"{type(self).__name__} defines no call")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for inputs of `input_shape`."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer, under Keras's names."""
        return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the layer that `get_config` described, here or in Keras 3, with new weights."""
        given = {name: value for name, value in config.items() if name != "trainable"}
        if isinstance(given.get("dtype"), dict):  # Keras 3 describes a policy: {…, "config": {"name": "float32"}}
            given["dtype"] = given["dtype"]["config"]["name"]
        arguments = names.known_arguments(cls, given)
        layer = cls(**arguments)
        layer.trainable = config.get("trainable", True)
        return layer

    def checked_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of the output for inputs of `input_shape`; an error names this layer."""
        if isinstance(input_shape, list):
            raise self.error(f"takes one tensor, got a list of {len(input_shape)}: join them first, with Concatenate")
        if self.rank is not None and len(input_shape) != self.rank:
            axes = {2: "(batch, features)", 4: "(batch, height, width, channels)"}[self.rank]
            raise self.error(f"got an input of shape {input_shape}, needs {self.rank} axes {axes}")
        try:
            return self.compute_output_shape(input_shape)
        except ValueError as error:
            raise self.error(f"got an input of shape {input_shape}: {error}") from None

    def settle(self, input_shape: Shape) -> Shape:
        """Check `input_shape`, build the layer if it is not built, and return the shape of its output."""
        output_shape = self.checked_output_shape(input_shape)
        if not self.built:
            self.build(input_shape)
            self.built, self.input_shape, self.output_shape = True, input_shape, output_shape
        return output_shape

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Apply the layer to a tensor or an array; `training` is for dropout and batch normalization: see `calling`.

        On symbols, as `Input` makes them, return the symbol of the output: see `graph.py`.
        """
        if is_symbolic(x):
            return connect(self, x, training)
        if not isinstance(x, Tensor):
            x = Tensor(as_array(x, self.dtype))
        self.settle(shapes_of(x))
        self.check(x)
        with Calling(training) as training:
            return self.call(x, training)

    def check(self, x: Tensor) -> None:
        """Refuse a tensor that the built layer cannot take."""
        if x.dtype != self.dtype:
            raise self.error(f"got a tensor of {x.dtype}, its weights are {self.dtype}: convert with .astype(...)")
        for weight in self.weights[:1]:
            if weight.device != x.device:
                raise self.error(
                    f'got a tensor on the {x.device}, its weights are on the {weight.device}: move one with .to("cpu") '
                    'or .to("gpu")'
                )

    def error(self, message: str) -> ValueError:
        """Return a ValueError that names this layer."""
        return ValueError(f'layer "{self.name}" ({type(self).__name__}) {message}')

    def add_weight(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: initializers.Initializer,
        regularizer: regularizers.L1L2 | None = None,
        trainable: bool = True,
    ) -> Parameter:
        """Make a weight, register it and return it; one that is not `trainable` is state, and never learnt."""
        values = initializers.first_values(initializer, shape, self.dtype)
        parameter = Parameter(values, f"{self.name}/{name}", trainable and self.trainable, regularizer)
        self.weights.append(parameter)
        if trainable:
            self._learnt.append(parameter)
        return parameter

    @property
    def input(self) -> Any:
        """The symbol, or the list of them, that the layer was first called on; raises ValueError if there is none."""
        return self._first_node().given

    @property
    def output(self) -> Any:
        """The symbol, or the list of them, that the first call on symbols returned."""
        return self._first_node().result

    def _first_node(self) -> Node:
        if not self.nodes:
            raise self.error("is not a part of a model yet, so it has no input and output")
        return self.nodes[0]

    @property
    def trainable_weights(self) -> list[Parameter]:
        """Weights that training changes."""
        return [weight for weight in self.weights if weight.trainable]

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """Weights that training leaves alone."""
        return [weight for weight in self.weights if not weight.trainable]

    @property
    def losses(self) -> list[Tensor]:
        """Penalties of the regularised weights, to be added to the loss."""
        return [weight.regularizer(weight) for weight in self.trainable_weights if weight.regularizer]

    def count_params(self) -> int:
        """Return the number of values in all weights."""
        return sum(prod(weight.shape) for weight in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights, in Keras's order."""
        return [weight.numpy().copy() for weight in self.weights]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Replace all weights, in the order of `get_weights`; nothing changes unless every shape fits."""
        if len(weights) != len(self.weights):
            raise self.error(f"has {len(self.weights)} weights, set_weights got {len(weights)}")
        arrays = [as_array(np.asarray(array), self.dtype) for array in weights]
        for weight, array in zip(self.weights, arrays, strict=True):
            if array.shape != weight.shape:
                raise self.error(f"weight {weight.path} has shape {weight.shape}, set_weights got {array.shape}")
        for weight, array in zip(self.weights, arrays, strict=True):
            weight.data[...] = kernels.move(array, weight.device)

    def __repr__(self) -> str:
        shape = f", output_shape={self.output_shape}" if self.built else ""
        return f"<{type(self).__name__} {self.name}{shape}>"


def sizes(argument: str, values: Sequence[int]) -> tuple[int, ...]:
    """Return `values` as a tuple after checking that each is a positive integer."""
    if not isinstance(values, Sequence) or not all(is_size(value) for value in values):
        raise ValueError(f"{argument} must hold positive integers, got {values}")
    return tuple(int(value) for value in values)


def pair(argument: str, value: int | Sequence[int]) -> tuple[int, int]:
    """Return one positive integer, or two, as a pair of them."""
    values = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(values) != 2 or not all(is_size(one) for one in values):
        raise ValueError(f"{argument} must be a positive integer or two, got {value}")
    return int(values[0]), int(values[1])


def whole_pair(argument: str, value: int | Sequence[int]) -> tuple[int, int]:
    """Return one integer that is not negative, or two, as a pair of them."""
    values = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(values) != 2 or not all(is_whole(one) and one >= 0 for one in values):
        raise ValueError(f"{argument} must be an integer that is not negative, or two, got {value}")
    return int(values[0]), int(values[1])


def size(argument: str, value: int) -> int:
    """Return `value` after checking that it is a positive integer."""
    if not is_size(value):
        raise ValueError(f"{argument} must be a positive integer, got {value!r}")
    return int(value)


def is_size(value: Any) -> bool:
    """Return whether `value` is a positive integer."""
    return is_whole(value) and bool(value > 0)


def is_whole(value: Any) -> bool:
    """Return whether `value` is an integer."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def describe(part: initializers.Initializer | regularizers.L1L2 | None) -> dict[str, Any] | None:
    """Return the configuration of an initialiser or penalty as Keras nests it: its class name and its arguments."""
    return None if part is None else {"class_name": type(part).__name__, "config": part.get_config()}
