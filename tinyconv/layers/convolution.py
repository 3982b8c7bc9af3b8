"""Conv2D: convolution of images."""

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


class Conv2D(Convolution):
    """Convolution of images (n,h,w,c) with `filters` learnt kernels. See `functions.conv2d`.

    Weights: kernel (kh, kw, c/groups, filters), bias (filters,). `padding` is "valid" or "same".
    """

    strides_with_dilation = False

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
        self.filters, self.groups = size("filters", filters), size("groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"filters must be divisible by groups, got filters={filters}, groups={groups}")

    @of_shape_last
    def build(self, input_shape: Shape) -> None:
        """Make the kernel (kh, kw, c/groups, filters) and the bias (filters,)."""
        shape = (*self.window.size, known("channels", input_shape[3]) // self.groups, self.filters)
        self.kernel = self.add_described("kernel", shape, "kernel")
        self.add_bias(self.filters)

    @of_shape_last
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, output height, output width, filters)."""
        n, h, w, c = input_shape
        if known("channels", c) % self.groups:
            raise ValueError(f"its {c} channels are not divisible by groups={self.groups}")
        if self.built and c != self.kernel.shape[2] * self.groups:
            raise ValueError(f"its kernel was built for {self.kernel.shape[2] * self.groups} channels")
        return (n, *output_lengths(self.window.output, h, w, self.window.span), self.filters)

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return activation(x ∗ kernel + bias)."""
        relu = self.activation is F.relu and fusing()  # in one pass
        y = F.conv2d(x, self.kernel, self.bias, *self.geometry, self.groups, relu)
        return y if relu else self.activated(y)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "filters": self.filters, "groups": self.groups}
