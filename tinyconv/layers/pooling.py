"""Pooling layers."""

from collections.abc import Sequence
from typing import Any

from .. import functions as F
from ..config import data_format_of
from ..tensor import Tensor
from .graph import Shape
from .layer import OneInput
from .layout import of_images_last, of_shape_last
from .window import output_lengths, window_of


class _Pooling2D(OneInput):
    """One value for each window of each channel; `strides` default to `pool_size`."""

    rank = 4

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.data_format = data_format_of(data_format)
        self.window = window_of("pool_size", pool_size, pool_size if strides is None else strides, padding)

    @of_shape_last
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, output height, output width, c)."""
        n, h, w, c = input_shape
        return (n, *output_lengths(self.window.output, h, w, self.window.span), c)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "pool_size": self.window.size,
            "strides": self.window.strides,
            "padding": self.window.padding,
            "data_format": self.data_format,
        }


class MaxPooling2D(_Pooling2D):
    """The largest value of each window; padding never wins. See `functions.max_pool2d`."""

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the pooled images."""
        return F.max_pool2d(x, self.window.size, self.window.strides, self.window.padding)


class AveragePooling2D(_Pooling2D):
    """The mean of each window, over the cells inside the image. See `functions.average_pool2d`."""

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the pooled images."""
        return F.average_pool2d(x, self.window.size, self.window.strides, self.window.padding)


class _GlobalPooling2D(OneInput):
    """One value for each channel: (n,h,w,c) → (n,c), or (n,1,1,c) with `keepdims`."""

    rank = 4

    def __init__(
        self,
        data_format: str | None = None,
        keepdims: bool = False,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.data_format = data_format_of(data_format)
        self.keepdims = keepdims

    @of_shape_last
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, c), or (n, 1, 1, c)."""
        n, _, _, c = input_shape
        return (n, 1, 1, c) if self.keepdims else (n, c)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The largest value of each channel; several that are largest share the gradient. See `functions.max`."""

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the largest value of each channel."""
        return F.max(x, (1, 2), self.keepdims)


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean of each channel. See `functions.global_average_pool2d`."""

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the mean of each channel."""
        y = F.global_average_pool2d(x)
        return F.reshape(y, (y.shape[0], 1, 1, y.shape[1])) if self.keepdims else y


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalMaxPool2D = GlobalMaxPooling2D
