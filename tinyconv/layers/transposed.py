"""Transposed convolution: back from a convolution's output to its input's size."""

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers, regularizers
from .. import functions as F
from ..functions.transposed import transposed_size
from ..kernels import Window
from ..tensor import Tensor
from .convolution import channels_last
from .layer import Layer, Shape, describe, pair, size, whole_pair


class Conv2DTranspose(Layer):
    """Spreads each cell of images (n,h,w,c) over a window by learnt kernels. See `functions.conv2d_transpose`.

    Weights: kernel (kh, kw, filters, c), bias (filters,). `output_padding`, below the strides, chooses among the sizes
    that a convolution with these strides would bring back to h×w; None chooses as TensorFlow does.
    """

    rank = 4

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
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
        self.filters = size("filters", filters)
        self.window = Window(
            pair("kernel_size", kernel_size), pair("strides", strides), padding, pair("dilation_rate", dilation_rate)
        )
        self.output_padding = None if output_padding is None else whole_pair("output_padding", output_padding)
        if any(o >= s for o, s in zip(self.output_padding or (0, 0), self.window.strides, strict=True)):
            raise ValueError(
                f"output_padding must be below the strides {self.window.strides}, got {self.output_padding}"
            )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel (kh, kw, filters, c) and the bias (filters,)."""
        shape = (*self.window.size, self.filters, int(input_shape[3] or 0))
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer, self.kernel_regularizer)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer, self.bias_regularizer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, output height, output width, filters)."""
        n, h, w, c = input_shape
        if self.built and c != self.kernel.shape[3]:
            raise ValueError(f"its kernel was built for {self.kernel.shape[3]} channels")
        return (n, *transposed_size(self.window, (int(h or 0), int(w or 0)), self.output_padding), self.filters)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation(x spread by the kernel + bias)."""
        window = self.window
        place = window.strides, window.padding, self.output_padding, window.dilation
        return self.activation(F.conv2d_transpose(x, self.kernel, self.bias, *place))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.window.size,
            "strides": self.window.strides,
            "padding": self.window.padding,
            "output_padding": self.output_padding,
            "data_format": "channels_last",
            "dilation_rate": self.window.dilation,
            "activation": activations.name_of(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": describe(self.kernel_initializer),
            "bias_initializer": describe(self.bias_initializer),
            "kernel_regularizer": describe(self.kernel_regularizer),
            "bias_regularizer": describe(self.bias_regularizer),
        }
