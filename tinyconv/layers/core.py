"""Layers without a window: Input, Dense, Activation, ReLU, Softmax, Dropout, Flatten, Reshape, Permute."""

from collections.abc import Sequence
from math import prod
from typing import Any, Self

from .. import activations, initializers, regularizers
from .. import functions as F
from ..arguments import fraction, not_negative
from ..tensor import Tensor
from .graph import Node, SymbolicTensor
from .layer import Layer, Shape, describe, size, sizes
from .stochastic import Stochastic


class InputLayer(Layer):
    """States the shape of a model's input, without the batch axis; passes tensors through."""

    def __init__(self, shape: Sequence[int], *, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=shape)
        self.settle(self.batch_input_shape)  # type: ignore[arg-type]
        Node(self, [], self.output_shape)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the input."""
        return x

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {"batch_shape": self.batch_input_shape, "dtype": self.dtype, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the layer that `get_config` described."""
        return cls(config["batch_shape"][1:], name=config["name"], dtype=config["dtype"])


def Input(shape: Sequence[int], *, name: str | None = None, dtype: str | None = None) -> SymbolicTensor:  # noqa: N802
    """Return the input of a model, a symbol: `shape` is that of one sample, such as (28, 28, 1)."""
    return InputLayer(shape, name=name, dtype=dtype).output


class Dense(Layer):
    """Fully connected layer: y = activation(x @ kernel + bias), x (…, m), y (…, units). See `functions.dense`."""

    def __init__(
        self,
        units: int,
        activation: str | activations.Activation | None = None,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        kernel_regularizer: str | regularizers.L1L2 | None = None,
        bias_regularizer: str | regularizers.L1L2 | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable, input_shape=input_shape)
        self.units = size("units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel (m, units) and the bias (units,)."""
        shape = (int(input_shape[-1] or 0), self.units)
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer, self.kernel_regularizer)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.units,), self.bias_initializer, self.bias_regularizer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape with `units` as its last length."""
        if len(input_shape) < 2:
            raise ValueError("needs at least 2 axes (batch, features)")
        if self.built and input_shape[-1] != self.kernel.shape[0]:
            raise ValueError(f"its kernel was built for {self.kernel.shape[0]} features")
        return (*input_shape[:-1], self.units)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation(x @ kernel + bias)."""
        if self.activation is F.relu:  # in one pass
            return F.dense(x, self.kernel, self.bias, relu=True)
        return self.activation(F.dense(x, self.kernel, self.bias))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.name_of(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": describe(self.kernel_initializer),
            "bias_initializer": describe(self.bias_initializer),
            "kernel_regularizer": describe(self.kernel_regularizer),
            "bias_regularizer": describe(self.bias_regularizer),
        }


class Activation(Layer):
    """An activation as a layer of its own, by name or as a function on tensors."""

    def __init__(
        self,
        activation: str | activations.Activation,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.activation = activations.get(activation)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation(x)."""
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "activation": activations.name_of(self.activation)}


class ReLU(Layer):
    """y = min(x, max_value) where x > threshold, else negative_slope·(x − threshold). See `functions.relu`."""

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.max_value = None if max_value is None else not_negative("max_value", max_value)
        self.negative_slope = not_negative("negative_slope", negative_slope)
        self.threshold = not_negative("threshold", threshold)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the rectified input."""
        return F.relu(x, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class Softmax(Layer):
    """Softmax over the last axis."""

    def __init__(
        self,
        axis: int = -1,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        if axis != -1:
            raise ValueError(f"Softmax is over the last axis, -1, got axis={axis}: Permute the others out of its way")
        self.activation = F.softmax

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "axis": -1}

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return softmax(x)."""
        return self.activation(x)


class Dropout(Stochastic):
    """In training, zeroes each element with probability `rate` and scales the others by 1/(1 − rate); else passes x.

    See `functions.dropout`.
    """

    def __init__(
        self,
        rate: float,
        *,
        seed: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed, name=name, dtype=dtype, input_shape=input_shape)
        self.rate = fraction("rate", rate)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x with elements dropped, or x itself outside training."""
        if not training or self.rate == 0:
            return x
        if self.rate == 1:
            return x * 0.0
        return self.drop(x)

    def drop(self, x: Tensor) -> Tensor:
        """Return x with elements dropped, by the stream's next draw."""
        return F.dropout(x, self.rate, *self.stream.draw())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class Flatten(Layer):
    """Joins all axes but the first, in row-major order: (n, h, w, c) → (n, h·w·c)."""

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x of shape (n, features)."""
        return F.reshape(x, (x.shape[0], prod(x.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, features)."""
        return input_shape[0], prod(int(length or 0) for length in input_shape[1:])


class Reshape(Layer):
    """Gives each sample the shape `target_shape`, row-major; one length may be −1, which the others determine."""

    def __init__(
        self,
        target_shape: Sequence[int],
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.target_shape = tuple(target_shape)
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"target_shape may hold one −1, got {self.target_shape}")
        sizes("target_shape", [length for length in self.target_shape if length != -1])

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x in its new shape."""
        return F.reshape(x, (x.shape[0], *self.target_shape))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the batch axis and `target_shape` with −1 worked out."""
        have = prod(int(length or 0) for length in input_shape[1:])
        need = prod(length for length in self.target_shape if length != -1)
        if have % need or (have != need and -1 not in self.target_shape):
            raise ValueError(f"its {have} values a sample do not fit target_shape {self.target_shape}")
        return (input_shape[0], *(have // need if length == -1 else length for length in self.target_shape))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """Puts the axes of each sample in the order `dims`, numbered from 1: (2, 1) makes (n, a, b) into (n, b, a)."""

    def __init__(
        self,
        dims: Sequence[int],
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"dims must hold each of 1, 2, … once, got {self.dims}")

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x with its axes in their new order."""
        return F.transpose(x, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the lengths in their new order."""
        if len(input_shape) != len(self.dims) + 1:
            raise ValueError(f"its samples have {len(input_shape) - 1} axes, dims {self.dims} has {len(self.dims)}")
        return (input_shape[0], *(input_shape[dim] for dim in self.dims))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "dims": self.dims}
