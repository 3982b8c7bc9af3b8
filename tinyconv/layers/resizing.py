"""Layers that change the size of images: padded, cropped, enlarged."""

from collections.abc import Sequence
from typing import Any

from .. import functions as F
from ..arguments import known, pair, whole_pair
from ..config import data_format_of
from ..functions.resizing import INTERPOLATIONS
from ..tensor import Tensor
from .graph import Shape
from .layer import OneInput
from .layout import of_images_last, of_shape_last
from .window import output_lengths

Pair = tuple[int, int]
Sides = int | Sequence[int] | Sequence[Sequence[int]]


class ZeroPadding2D(OneInput):
    """Zeros around images: `padding` on all sides; (vertical, horizontal); or ((top, bottom), (left, right))."""

    rank = 4

    def __init__(
        self,
        padding: Sides = (1, 1),
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.data_format = data_format_of(data_format)
        self.padding = sides("padding", padding)

    @of_shape_last
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, h + top + bottom, w + left + right, c)."""
        n, h, w, c = input_shape
        vertical, horizontal = map(sum, self.padding)
        return n, *output_lengths(lambda h, w: (h + vertical, w + horizontal), h, w), c

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the padded images."""
        return self.pad(x)

    def pad(self, x: Tensor) -> Tensor:
        """Return the padded images, of such whose channels are last."""
        return F.pad(x, ((0, 0), *self.padding, (0, 0)))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


class Cropping2D(OneInput):
    """Images less `cropping` on all sides; (vertical, horizontal); or ((top, bottom), (left, right))."""

    rank = 4

    def __init__(
        self,
        cropping: Sides = ((0, 0), (0, 0)),
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.data_format = data_format_of(data_format)
        self.cropping = sides("cropping", cropping)

    @of_shape_last
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, h − top − bottom, w − left − right, c)."""
        n, h, w, c = input_shape
        vertical, horizontal = map(sum, self.cropping)
        left = output_lengths(lambda h, w: (h - vertical, w - horizontal), h, w)
        if any(cells is not None and cells < 1 for cells in left):
            raise ValueError(f"nothing would be left of it by cropping {self.cropping}")
        return n, *left, c

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the cropped images."""
        (top, bottom), (left, right) = self.cropping
        return x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "cropping": self.cropping, "data_format": self.data_format}


class UpSampling2D(OneInput):
    """Images enlarged by whole factors: cells repeated ("nearest"), linear in between ("bilinear"), or smoother.

    Smoother are "bicubic", "lanczos3" and "lanczos5". See `functions.upsample2d`.
    """

    rank = 4

    def __init__(
        self,
        size: int | Sequence[int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.data_format = data_format_of(data_format)
        self.size = pair("size", size)
        self.interpolation = known("interpolation", interpolation, INTERPOLATIONS)

    @of_shape_last
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, h·size, w·size, c)."""
        n, h, w, c = input_shape
        return n, *output_lengths(lambda h, w: (h * self.size[0], w * self.size[1]), h, w), c

    @of_images_last
    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the enlarged images."""
        return F.upsample2d(x, self.size, self.interpolation)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "size": self.size,
            "data_format": self.data_format,
            "interpolation": self.interpolation,
        }


def sides(argument: str, value: Sides) -> tuple[Pair, Pair]:
    """Return cells at the top and bottom, left and right: from one number, from two, or from two pairs."""
    both = value if isinstance(value, Sequence) else (value, value)
    if len(both) != 2:
        raise ValueError(f"{argument} must be an integer, two, or two pairs, got {value}")
    return whole_pair(argument, both[0]), whole_pair(argument, both[1])
