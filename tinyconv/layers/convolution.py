"""Convolution layers."""

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers, regularizers
from .. import functions as F
from ..kernels import Window
from ..tensor import Tensor
from .layer import Layer, Shape, describe, pair, size


class Conv2D(Layer):
    """Convolution of images (n,h,w,c) with `filters` learnt kernels. See `functions.conv2d`.

    Weights: kernel (kh, kw, c/groups, filters), bias (filters,). `padding` is "valid" or "same".
    """

    rank = 4

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
        groups: int = 1,
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
        channels_last(data_format)
        self.filters, self.groups = size("filters", filters), size("groups", groups)
        self.window = Window(
            pair("kernel_size", kernel_size), pair("strides", strides), padding, pair("dilation_rate", dilation_rate)
        )
        if self.filters % self.groups:
            raise ValueError(f"filters must be divisible by groups, got filters={filters}, groups={groups}")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel (kh, kw, c/groups, filters) and the bias (filters,)."""
        shape = (*self.window.size, int(input_shape[3] or 0) // self.groups, self.filters)
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer, self.kernel_regularizer)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer, self.bias_regularizer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, output height, output width, filters)."""
        n, h, w, c = input_shape
        if int(c or 0) % self.groups:
            raise ValueError(f"its {c} channels are not divisible by groups={self.groups}")
        if self.built and c != self.kernel.shape[2] * self.groups:
            raise ValueError(f"its kernel was built for {self.kernel.shape[2] * self.groups} channels")
        return (n, *self.window.output(int(h or 0), int(w or 0)), self.filters)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation(x ∗ kernel + bias)."""
        if self.activation is F.relu:
            return self.convolve(x, relu=True)
        return self.activation(self.convolve(x))

    def convolve(
        self, x: Tensor, relu: bool = False, pooled: bool = False, scale_and_shift: tuple[Any, Any] | None = None
    ) -> Tensor:
        """Return x ∗ kernel + bias, rectified or pooled in the same pass: see `functions.conv2d`.

        With `scale_and_shift`, two arrays (filters,), each filter's result is multiplied and added to first: by way of
        the kernel and the bias, and without gradients.
        """
        window = self.window
        place = window.strides, window.padding, window.dilation
        if scale_and_shift is None:
            return F.conv2d(x, self.kernel, self.bias, *place, self.groups, relu, pooled)
        scale, shift = scale_and_shift
        bias = shift if self.bias is None else self.bias.data * scale + shift
        return F.conv2d(x, Tensor(self.kernel.data * scale), Tensor(bias), *place, self.groups, relu, pooled)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.window.size,
            "strides": self.window.strides,
            "padding": self.window.padding,
            "data_format": "channels_last",
            "dilation_rate": self.window.dilation,
            "groups": self.groups,
            "activation": activations.name_of(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": describe(self.kernel_initializer),
            "bias_initializer": describe(self.bias_initializer),
            "kernel_regularizer": describe(self.kernel_regularizer),
            "bias_regularizer": describe(self.bias_regularizer),
        }


def channels_last(data_format: str | None) -> None:
    """Refuse any layout of images but (n,h,w,c)."""
    if data_format not in (None, "channels_last"):
        raise ValueError(f'data_format must be "channels_last" (images are n,h,w,c), got {data_format!r}')
