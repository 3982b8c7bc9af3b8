"""Convolution of each channel by itself, alone and with a 1×1 convolution behind it."""

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers, regularizers
from .. import functions as F
from ..kernels import Window
from ..tensor import Tensor
from .convolution import channels_last
from .layer import Layer, Shape, describe, pair, size


class DepthwiseConv2D(Layer):
    """Convolution of each channel of images (n,h,w,c) with `depth_multiplier` learnt kernels of its own.

    Weights: kernel (kh, kw, c, depth_multiplier), bias (c·depth_multiplier,). See `functions.depthwise_conv2d`.
    """

    rank = 4

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
        activation: str | activations.Activation | None = None,
        use_bias: bool = True,
        depthwise_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        depthwise_regularizer: str | regularizers.L1L2 | None = None,
        bias_regularizer: str | regularizers.L1L2 | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable, input_shape=input_shape)
        channels_last(data_format)
        self.depth_multiplier = size("depth_multiplier", depth_multiplier)
        self.window = Window(
            pair("kernel_size", kernel_size), pair("strides", strides), padding, pair("dilation_rate", dilation_rate)
        )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel (kh, kw, c, depth_multiplier) and the bias (c·depth_multiplier,)."""
        channels = int(input_shape[3] or 0)
        shape = (*self.window.size, channels, self.depth_multiplier)
        self.kernel = self.add_weight("kernel", shape, self.depthwise_initializer, self.depthwise_regularizer)
        self.bias = None
        if self.use_bias:
            shape = (channels * self.depth_multiplier,)
            self.bias = self.add_weight("bias", shape, self.bias_initializer, self.bias_regularizer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, output height, output width, c·depth_multiplier)."""
        n, h, w, c = input_shape
        if self.built and c != self.kernel.shape[2]:
            raise ValueError(f"its kernel was built for {self.kernel.shape[2]} channels")
        return (n, *self.window.output(int(h or 0), int(w or 0)), int(c or 0) * self.depth_multiplier)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation(x ∗ kernel + bias)."""
        window = self.window
        given = x, self.kernel, self.bias, window.strides, window.padding, window.dilation
        if self.activation is F.relu:
            return F.depthwise_conv2d(*given, relu=True)
        return self.activation(F.depthwise_conv2d(*given))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "depth_multiplier": self.depth_multiplier,
            "kernel_size": self.window.size,
            "strides": self.window.strides,
            "padding": self.window.padding,
            "data_format": "channels_last",
            "dilation_rate": self.window.dilation,
            "activation": activations.name_of(self.activation),
            "use_bias": self.use_bias,
            "depthwise_initializer": describe(self.depthwise_initializer),
            "bias_initializer": describe(self.bias_initializer),
            "depthwise_regularizer": describe(self.depthwise_regularizer),
            "bias_regularizer": describe(self.bias_regularizer),
        }


class SeparableConv2D(Layer):
    """Convolution in two steps: of each channel by itself, then of all channels of a cell (Chollet 2017, "Xception").

    Weights: depthwise_kernel (kh, kw, c, depth_multiplier), pointwise_kernel (1, 1, c·depth_multiplier, filters), bias
    (filters,). See `functions.depthwise_conv2d` and `functions.conv2d`.
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
        depth_multiplier: int = 1,
        activation: str | activations.Activation | None = None,
        use_bias: bool = True,
        depthwise_initializer: str | initializers.Initializer = "glorot_uniform",
        pointwise_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        depthwise_regularizer: str | regularizers.L1L2 | None = None,
        pointwise_regularizer: str | regularizers.L1L2 | None = None,
        bias_regularizer: str | regularizers.L1L2 | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable, input_shape=input_shape)
        channels_last(data_format)
        self.filters = size("filters", filters)
        self.depth_multiplier = size("depth_multiplier", depth_multiplier)
        self.window = Window(
            pair("kernel_size", kernel_size), pair("strides", strides), padding, pair("dilation_rate", dilation_rate)
        )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Make the two kernels and the bias."""
        channels = int(input_shape[3] or 0)
        shape = (*self.window.size, channels, self.depth_multiplier)
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel", shape, self.depthwise_initializer, self.depthwise_regularizer
        )
        shape = (1, 1, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel", shape, self.pointwise_initializer, self.pointwise_regularizer
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer, self.bias_regularizer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, output height, output width, filters)."""
        n, h, w, c = input_shape
        if self.built and c != self.depthwise_kernel.shape[2]:
            raise ValueError(f"its kernels were built for {self.depthwise_kernel.shape[2]} channels")
        return (n, *self.window.output(int(h or 0), int(w or 0)), self.filters)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation((x ∗ depthwise_kernel) ∗ pointwise_kernel + bias)."""
        window = self.window
        y = F.depthwise_conv2d(x, self.depthwise_kernel, None, window.strides, window.padding, window.dilation)
        if self.activation is F.relu:
            return F.conv2d(y, self.pointwise_kernel, self.bias, relu=True)
        return self.activation(F.conv2d(y, self.pointwise_kernel, self.bias))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "depth_multiplier": self.depth_multiplier,
            "filters": self.filters,
            "kernel_size": self.window.size,
            "strides": self.window.strides,
            "padding": self.window.padding,
            "data_format": "channels_last",
            "dilation_rate": self.window.dilation,
            "activation": activations.name_of(self.activation),
            "use_bias": self.use_bias,
            "depthwise_initializer": describe(self.depthwise_initializer),
            "pointwise_initializer": describe(self.pointwise_initializer),
            "bias_initializer": describe(self.bias_initializer),
            "depthwise_regularizer": describe(self.depthwise_regularizer),
            "pointwise_regularizer": describe(self.pointwise_regularizer),
            "bias_regularizer": describe(self.bias_regularizer),
        }
