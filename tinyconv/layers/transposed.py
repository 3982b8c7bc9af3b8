"""Transposed convolution: back from a convolution's output to its input's size."""

from collections.abc import Sequence
from typing import Any

from .. import activations, constraints, initializers, regularizers
from .. import functions as F
from ..arguments import size, whole_pair
from ..functions.transposed import transposed_size
from ..tensor import Tensor
from .graph import Shape
from .layout import of_images_last, of_shape_last
from .weighted import Convolution
from .window import known, output_lengths


class Conv2DTranspose(Convolution):
    """Spreads each cell of images (n,h,w,c) over a window by learnt kernels. See `functions.conv2d_transpose`.

    Weights: kernel (kh, kw, filters, c), bias (filters,). `output_padding`, below the strides, chooses among the sizes
    that a convolution with these strides would bring back to h×w; None chooses as TensorFlow does.
    """

    strides_with_dilation = False

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
        self.output_padding = None if output_padding is None else whole_pair("output_padding", output_padding)
        if any(o >= s for o, s in zip(self.output_padding or (0, 0), self.window.strides, strict=True)):
            raise ValueError(
                f"output_padding must be below the strides {self.window.strides}, got {self.output_padding}"
            )

    @of_shape_last
    def build(self, input_shape: Shape) -> None:
        """Make the kernel (kh, kw, filters, c) and the bias (filters,)."""
        shape = (*self.window.size, self.filters, known("channels", input_shape[3]))
        self.kernel = self.add_described("kernel", shape, "kernel")
        self.add_bias(self.filters)

    @of_shape_last
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, output height, output width, filters)."""
        n, h, w, c = input_shape
        channels = known("channels", c)
        if self.built and channels != self.kernel.shape[3]:
            raise ValueError(f"its kernel was built for {self.kernel.shape[3]} channels")

        def lengths(height: int, width: int) -> tuple[int, int]:
            return transposed_size(self.window, (height, width), self.output_padding)

        return (n, *output_lengths(lengths, h, w), self.filters)

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation(x spread by the kernel + bias)."""
        strides, padding, dilation = self.geometry
        y = F.conv2d_transpose(x, self.kernel, self.bias, strides, padding, self.output_padding, dilation)
        return self.activated(y)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "filters": self.filters, "output_padding": self.output_padding}
