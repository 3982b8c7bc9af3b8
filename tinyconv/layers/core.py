"""Layers without a window: Input, Dense, Activation, ReLU, Softmax, Dropout, Flatten, Reshape, Permute."""

from collections.abc import Sequence
from contextlib import nullcontext
from math import prod
from typing import Any

import numpy as np

from .. import activations, constraints, initializers, regularizers
from .. import functions as F
from ..arguments import axis_and_axes, fraction, not_negative, open_sizes, size, sizes
from ..config import data_format_of, fusing
from ..randomness import first_sample
from ..tensor import Tensor
from .graph import Shape
from .layer import OneInput
from .layout import FIRST
from .stochastic import Stochastic
from .weighted import Weighted
from .window import known


class Dense(Weighted):
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
        activity_regularizer: str | regularizers.L1L2 | None = None,
        kernel_constraint: str | constraints.Rule | None = None,
        bias_constraint: str | constraints.Rule | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        weights = {
            "kernel": (kernel_initializer, kernel_regularizer, kernel_constraint),
            "bias": (bias_initializer, bias_regularizer, bias_constraint),
        }
        super().__init__(
            activation,
            use_bias,
            weights,
            activity_regularizer,
            name=name,
            dtype=dtype,
            trainable=trainable,
            input_shape=input_shape,
        )
        self.units = size("units", units)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel (m, units) and the bias (units,)."""
        self.kernel = self.add_described("kernel", (known("features", input_shape[-1]), self.units), "kernel")
        self.add_bias(self.units)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape with `units` as its last length."""
        if len(input_shape) < 2:
            raise ValueError("needs at least 2 axes (batch, features)")
        if input_shape[-1] is None:
            raise ValueError(
                "its number of features is open, as Flatten leaves that of images of any size: put "
                "GlobalAveragePooling2D in its place, or give Input a height and a width"
            )
        if self.built and input_shape[-1] != self.kernel.shape[0]:
            raise ValueError(f"its kernel was built for {self.kernel.shape[0]} features")
        return (*input_shape[:-1], self.units)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation(x @ kernel + bias)."""
        relu = self.activation is F.relu and fusing()  # in one pass
        y = F.dense(x, self.kernel, self.bias, relu=relu)
        return y if relu else self.activation(y)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "units": self.units}


class Activation(OneInput):
    """An activation as a layer of its own, by name or as a function on tensors."""

    def __init__(
        self,
        activation: str | activations.Activation,
        *,
        activity_regularizer: str | regularizers.L1L2 | None = None,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.activation = activation
        self.activity_regularizer = activity_regularizer

    @property
    def activation(self) -> activations.Activation:
        """What is applied; set by name, as a function, or to None for `linear`."""
        return self._activation

    @activation.setter
    def activation(self, value: str | activations.Activation | None) -> None:
        self._activation = activations.get(value)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation(x)."""
        if type(x) is F.ChannelsFirst and self.activation in activations.ELEMENTWISE:
            return F.by_elements(self.activation, x)
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "activation": activations.name_of(self.activation)}


class ReLU(OneInput):
    """y = min(x, max_value) where x > threshold, else negative_slope·(x − threshold). See `functions.relu`."""

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.max_value = None if max_value is None else not_negative("max_value", max_value)
        self.negative_slope = not_negative("negative_slope", negative_slope)
        self.threshold = not_negative("threshold", threshold)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the rectified input."""
        return F.by_elements(F.relu, x, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class Softmax(OneInput):
    """Softmax over `axis`: the last, another, or several together. See `functions.softmax`."""

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.axis, self.axes = axis_and_axes(axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        rank = len(input_shape)
        if any(not -rank < axis < rank or axis == 0 for axis in self.axes):
            raise ValueError(f"its axis must be one of 1 … {rank - 1}, or several, and is {self.axis}")
        return input_shape

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the softmax of x."""
        return F.softmax(x, self.axes[0] if len(self.axes) == 1 else self.axes)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "axis": self.axis}


class Dropout(Stochastic):
    """In training, zeroes each element with probability `rate` and scales the others by 1/(1 − rate); else passes x.

    With a `noise_shape` what lies along an axis of which it says 1 falls together; None is the input's own length. So
    (None, 1, 1, None) drops whole channels. See `functions.dropout`.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, name=name, dtype=dtype, input_shape=input_shape)
        self.rate = fraction("rate", rate)
        self.noise_shape = None if noise_shape is None else open_sizes("noise_shape", noise_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        noise = self.noise_shape
        if noise is not None and (
            len(noise) != len(input_shape)
            or any(None not in both and both[0] not in (1, both[1]) for both in zip(noise, input_shape, strict=True))
        ):
            raise ValueError(f"its noise_shape must have 1, None or the input's length for each axis, and is {noise}")
        return input_shape

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x with elements dropped, or x itself outside training."""
        if not training or self.rate == 0:
            return x
        if self.rate == 1:
            return x * 0.0
        return self.drop(x)

    def drop(self, x: Tensor) -> Tensor:
        """Return x with elements dropped, by the stream's next draw."""
        if self.noise_shape is not None:
            return x * self.scales(x)
        return F.by_elements(F.dropout, x, self.rate, *self.stream.draw())

    def scales(self, x: Tensor) -> Tensor:
        """Return what x is to be multiplied by, 0 or 1/(1 − rate), by the stream's next draw."""
        noise = self.noise_shape or (None,) * x.ndim
        shape = tuple(own if length is None else length for length, own in zip(noise, x.shape, strict=True))
        with nullcontext() if noise[0] is None else first_sample(0):  # all samples have one noise
            return F.dropout(np.ones_like(x.data, shape=shape), self.rate, *self.stream.draw())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}


class Flatten(OneInput):
    """Joins all axes but the first, in row-major order: (n, h, w, c) → (n, h·w·c).

    With `data_format="channels_first"`, which says that the axis behind the batch's has the channels, these are put
    last before, as in Keras 3: what comes out is in the order of channels last.
    """

    def __init__(
        self,
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.data_format = data_format_of(data_format)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x of shape (n, features)."""
        if self.data_format == FIRST:
            x = F.channels_last(x) if x.ndim == 4 else F.transpose(x, (0, *range(2, x.ndim), *range(1, x.ndim)[:1]))
        return F.reshape(x, (x.shape[0], prod(x.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, features); features are open where a length of the input is."""
        lengths = [length for length in input_shape[1:] if length is not None]
        return input_shape[0], prod(lengths) if len(lengths) == len(input_shape) - 1 else None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(OneInput):
    """Gives each sample the shape `target_shape`, row-major; one length may be −1, which the others determine."""

    def __init__(
        self,
        target_shape: Sequence[int],
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
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
        if None in input_shape[1:]:
            return (input_shape[0], *(None if length == -1 else length for length in self.target_shape))
        have = prod(length for length in input_shape[1:] if length is not None)
        need = prod(length for length in self.target_shape if length != -1)
        if have % need or (have != need and -1 not in self.target_shape):
            raise ValueError(f"its {have} values a sample do not fit target_shape {self.target_shape}")
        return (input_shape[0], *(have // need if length == -1 else length for length in self.target_shape))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(OneInput):
    """Puts the axes of each sample in the order `dims`, numbered from 1: (2, 1) makes (n, a, b) into (n, b, a)."""

    def __init__(
        self,
        dims: Sequence[int],
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
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
