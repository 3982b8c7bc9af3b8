"""What Dense and the convolutions share: how their weights start and are penalised, a bias, an activation, a window."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from .. import activations, constraints, initializers, regularizers
from .. import functions as F
from ..config import data_format_of
from ..registry import describe
from ..tensor import Tensor
from .layer import OneInput
from .layout import FIRST
from .parameter import Parameter
from .window import window_of

KINDS = ("initializer", "regularizer", "constraint")


class Weighted(OneInput):
    """Base of layers that compute activation(x·kernel + bias), for one product or another.

    `weights` names what their arguments `NAME_initializer`, `NAME_regularizer`, `NAME_constraint` are for, with these.
    """

    bias: Parameter | None
    bias_initializer: initializers.Initializer
    bias_regularizer: regularizers.L1L2 | None

    def __init__(
        self,
        activation: str | activations.Activation | None,
        use_bias: bool,
        weights: Mapping[str, tuple[Any, Any, Any]],
        activity_regularizer: Any,
        *,
        name: str | None,
        dtype: str | None,
        trainable: bool,
        input_shape: Sequence[int | None] | None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable, input_shape=input_shape)
        self.activation = activation
        self.use_bias = use_bias
        self.activity_regularizer = activity_regularizer
        self._described = tuple(weights)
        for argument, (initializer, regularizer, constraint) in weights.items():
            setattr(self, f"{argument}_initializer", initializers.get(initializer))
            setattr(self, f"{argument}_regularizer", regularizers.get(regularizer))
            setattr(self, f"{argument}_constraint", constraints.get(constraint))

    @property
    def activation(self) -> activations.Activation:
        """What is applied to the sum; set by name, as a function, or to None for `linear`."""
        return self._activation

    @activation.setter
    def activation(self, value: str | activations.Activation | None) -> None:
        self._activation = activations.get(value)

    def add_described(self, name: str, shape: tuple[int, ...], argument: str) -> Parameter:
        """Make a weight that starts, is penalised and constrained as the arguments `ARGUMENT_initializer`, `…` say."""
        initializer, regularizer, constraint = (getattr(self, f"{argument}_{kind}") for kind in KINDS)
        return self.add_weight(shape, initializer, regularizer=regularizer, constraint=constraint, name=name)

    def add_bias(self, count: int) -> None:
        """Make the bias, if there is to be one."""
        self.bias = self.add_described("bias", (count,), "bias") if self.use_bias else None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        described = [f"{name}_{kind}" for kind in KINDS for name in self._described]
        return {
            **super().get_config(),
            "activation": activations.name_of(self.activation),
            "use_bias": self.use_bias,
            **{argument: describe(getattr(self, argument)) for argument in described},
        }


class Convolution(Weighted):
    """Base of the convolutions of images (n,h,w,c): a window slides over them."""

    rank = 4
    strides_with_dilation: ClassVar[bool] = True  # Keras has both together for depthwise kernels only

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        activation: str | activations.Activation | None,
        use_bias: bool,
        weights: Mapping[str, tuple[Any, Any, Any]],
        activity_regularizer: Any,
        *,
        name: str | None,
        dtype: str | None,
        trainable: bool,
        input_shape: Sequence[int | None] | None,
    ) -> None:
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
        self.data_format = data_format_of(data_format)
        self.window = window_of("kernel_size", kernel_size, strides, padding, dilation_rate)
        if not self.strides_with_dilation and max(self.window.strides) > 1 and max(self.window.dilation) > 1:
            raise ValueError(
                f"strides and dilation_rate must not both be above 1, got strides={self.window.strides} and "
                f"dilation_rate={self.window.dilation}"
            )

    @property
    def geometry(self) -> tuple[tuple[int, int], str, tuple[int, int]]:
        """Strides, padding and dilation, as functions take them."""
        return self.window.strides, self.window.padding, self.window.dilation

    def activated(self, y: Tensor) -> Tensor:
        """Return the activation of images (n,h,w,c), along the axis that is the last of what the layer returns."""
        if self.data_format != FIRST or self.activation in activations.ELEMENTWISE:
            return self.activation(y)
        return F.channels_last(self.activation(F.channels_first(y)))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "kernel_size": self.window.size,
            "strides": self.window.strides,
            "padding": self.window.padding,
            "data_format": self.data_format,
            "dilation_rate": self.window.dilation,
            "activity_regularizer": describe(self.activity_regularizer),
        }
