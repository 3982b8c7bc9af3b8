"""Convolution of each channel by itself, alone and with a 1×1 convolution behind it."""

from collections.abc import Sequence
from typing import Any

from .. import activations, constraints, initializers, regularizers
from .. import functions as F
from ..arguments import size
from ..config import fusing
from ..tensor import Tensor
from .graph import Shape
from .layout import of_images_last, of_shape_last
from .weighted import Convolution
from .window import known, output_lengths


class DepthwiseConv2D(Convolution):
    """Convolution of each channel of images (n,h,w,c) with `depth_multiplier` learnt kernels of its own.

    Weights: kernel (kh, kw, c, depth_multiplier), bias (c·depth_multiplier,). See `functions.depthwise_conv2d`.
    """

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
        activity_regularizer: str | regularizers.L1L2 | None = None,
        depthwise_constraint: str | constraints.Rule | None = None,
        bias_constraint: str | constraints.Rule | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        weights = {
            "depthwise": (depthwise_initializer, depthwise_regularizer, depthwise_constraint),
            "bias": (bias_initializer, bias_regularizer, bias_constraint),
        }
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            weights,
            activity_regularizer,
            name=name,
            dtype=dtype,
            trainable=trainable,
            input_shape=input_shape,
        )
        self.depth_multiplier = size("depth_multiplier", depth_multiplier)

    @of_shape_last
    def build(self, input_shape: Shape) -> None:
        """Make the kernel (kh, kw, c, depth_multiplier) and the bias (c·depth_multiplier,)."""
        channels = known("channels", input_shape[3])
        self.kernel = self.add_described("kernel", (*self.window.size, channels, self.depth_multiplier), "depthwise")
        self.add_bias(channels * self.depth_multiplier)

    @of_shape_last
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, output height, output width, c·depth_multiplier)."""
        n, h, w, c = input_shape
        if self.built and c != self.kernel.shape[2]:
            raise ValueError(f"its kernel was built for {self.kernel.shape[2]} channels")
        lengths = output_lengths(self.window.output, h, w, self.window.span)
        return (n, *lengths, known("channels", c) * self.depth_multiplier)

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation(x ∗ kernel + bias)."""
        relu = self.activation is F.relu and fusing()  # in one pass
        y = F.depthwise_conv2d(x, self.kernel, self.bias, *self.geometry, relu)
        return y if relu else self.activated(y)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}


class SeparableConv2D(Convolution):
    """Convolution in two steps: of each channel by itself, then of all channels of a cell (Chollet 2017, "Xception").

    Weights: depthwise_kernel (kh, kw, c, depth_multiplier), pointwise_kernel (1, 1, c·depth_multiplier, filters), bias
    (filters,). See `functions.depthwise_conv2d` and `functions.conv2d`.
    """

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
        activity_regularizer: str | regularizers.L1L2 | None = None,
        depthwise_constraint: str | constraints.Rule | None = None,
        pointwise_constraint: str | constraints.Rule | None = None,
        bias_constraint: str | constraints.Rule | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        weights = {
            "depthwise": (depthwise_initializer, depthwise_regularizer, depthwise_constraint),
            "pointwise": (pointwise_initializer, pointwise_regularizer, pointwise_constraint),
            "bias": (bias_initializer, bias_regularizer, bias_constraint),
        }
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            weights,
            activity_regularizer,
            name=name,
            dtype=dtype,
            trainable=trainable,
            input_shape=input_shape,
        )
        self.filters = size("filters", filters)
        self.depth_multiplier = size("depth_multiplier", depth_multiplier)

    @of_shape_last
    def build(self, input_shape: Shape) -> None:
        """Make the two kernels and the bias."""
        channels, m = known("channels", input_shape[3]), self.depth_multiplier
        self.depthwise_kernel = self.add_described("depthwise_kernel", (*self.window.size, channels, m), "depthwise")
        self.pointwise_kernel = self.add_described("pointwise_kernel", (1, 1, channels * m, self.filters), "pointwise")
        self.add_bias(self.filters)

    @of_shape_last
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, output height, output width, filters)."""
        n, h, w, c = input_shape
        channels = known("channels", c)
        if self.built and channels != self.depthwise_kernel.shape[2]:
            raise ValueError(f"its kernels were built for {self.depthwise_kernel.shape[2]} channels")
        return (n, *output_lengths(self.window.output, h, w, self.window.span), self.filters)

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation((x ∗ depthwise_kernel) ∗ pointwise_kernel + bias)."""
        relu = self.activation is F.relu and fusing()  # in one pass
        y = F.depthwise_conv2d(x, self.depthwise_kernel, None, *self.geometry)
        y = F.conv2d(y, self.pointwise_kernel, self.bias, relu=relu)
        return y if relu else self.activated(y)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "filters": self.filters, "depth_multiplier": self.depth_multiplier}
