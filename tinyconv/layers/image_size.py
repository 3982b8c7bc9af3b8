"""Layers that bring images of any size to one: Resizing, CenterCrop, RandomCrop."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functions as F
from ..arguments import size as positive_size
from ..config import data_format_of
from ..functions.resampling import METHODS, Box, middle, share
from ..names import look_up
from ..tensor import Tensor
from .augmentation import Augmentation, batched, check_axes
from .graph import Shape
from .layer import OneInput
from .layout import FIRST

INTERPOLATIONS = {name: METHODS[name] for name in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area")}


class Resized(OneInput):
    """Base of layers that give every image the size (height, width), in training and outside it.

    Images are (n,h,w,c), or a single one (h,w,c).
    """

    def __init__(
        self,
        height: int,
        width: int,
        data_format: str | None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.data_format = data_format_of(data_format)
        self.height, self.width = positive_size("height", height), positive_size("width", width)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, height, width, c), or (height, width, c)."""
        return fitted_shape(input_shape, self.height, self.width, self.data_format)

    def call(self, x: Tensor, training: bool = True) -> Tensor:  # as Keras's say, though it changes nothing
        """Return the images in their new size."""
        return batched(self.resized, x, self.data_format)

    def resized(self, x: Tensor) -> Tensor:
        """Return images (n,h,w,c) in their new size."""
        raise NotImplementedError(f"{type(self).__name__} defines no resized")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        own = {"height": self.height, "width": self.width, "data_format": self.data_format}
        return {**super().get_config(), **own}


class Resizing(Resized):
    """Images resampled to (height, width): see `functions.resize`.

    With `crop_to_aspect_ratio` the largest part in the middle that has the new size's shape is resampled; with
    `pad_to_aspect_ratio` the whole, with `fill_value` beside it. `antialias` takes all pixels of a larger image.
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(height, width, data_format, name=name, dtype=dtype, input_shape=input_shape)
        look_up("interpolation", interpolation, INTERPOLATIONS)
        if fill_mode != "constant":
            raise ValueError(f'fill_mode must be "constant", got {fill_mode!r}')
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be True")
        self.interpolation, self.antialias = interpolation, bool(antialias)
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value

    def resized(self, x: Tensor) -> Tensor:
        """Return images (n,h,w,c) resampled."""
        _, h, w, _ = x.shape
        if self.crop_to_aspect_ratio:
            x = cut(x, middle(h, w, self.height, self.width))
        elif self.pad_to_aspect_ratio:
            down, across = self.borders(h, w)
            x = F.pad(x, ((0, 0), (down, down), (across, across), (0, 0)), self.fill_value)
        return F.resize(x, (self.height, self.width), self.interpolation, self.antialias)

    def borders(self, h: int, w: int) -> tuple[int, int]:
        """Return the cells above and below, and beside, that give images of h×w the new size's shape."""
        down = max(h, share(w, self.height, self.width)) - h
        across = max(w, share(h, self.width, self.height)) - w
        return down // 2, across // 2

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        own = ("interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio", "fill_mode", "fill_value", "antialias")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


class CenterCrop(Resized):
    """The middle of images. Of smaller ones, the largest part in the middle that has the shape, resampled."""

    def __init__(
        self,
        height: int,
        width: int,
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(height, width, data_format, name=name, dtype=dtype, input_shape=input_shape)

    def resized(self, x: Tensor) -> Tensor:
        """Return the middle of images (n,h,w,c)."""
        _, h, w, _ = x.shape
        if h >= self.height and w >= self.width:
            return cut(x, ((h - self.height) // 2, (w - self.width) // 2, self.height, self.width))
        return resampled_middle(x, self.height, self.width)


class RandomCrop(Augmentation):
    """In training, a part of images at a place drawn for the whole batch; else the middle, resampled.

    Images that are not larger than (height, width) are cut about their middle, as far as they reach, and resampled.
    Outside training it is the largest part in the middle that has the shape (Keras 3.15 then leaves images as they are,
    in a size that their model does not expect).
    """

    draws = 2
    same_for_all = True

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, data_format, name=name, dtype=dtype, input_shape=input_shape)
        self.height, self.width = positive_size("height", height), positive_size("width", width)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, height, width, c), or (height, width, c)."""
        return fitted_shape(input_shape, self.height, self.width, self.data_format)

    def call(self, x: Tensor, training: bool = True) -> Tensor:
        """Return the parts in training, else the middle."""
        if training:
            return super().call(x, training)
        return batched(lambda images: resampled_middle(images, self.height, self.width), x, self.data_format)

    def transformation(self, u: np.ndarray, height: int, width: int) -> tuple[int, int]:
        """Return the row and column that the part begins with."""
        if height > self.height and width > self.width:
            top, left = u[0] * (height - self.height + 1, width - self.width + 1)
            return int(top), int(left)
        return middle(height, width, self.height, self.width)[:2]

    def transform(self, x: Tensor, transformation: tuple[int, int]) -> Tensor:
        """Return the part of images (n,h,w,c) that begins at (row, column), as far as it reaches resampled."""
        part = cut(x, (*transformation, self.height, self.width))
        whole = part.shape[1:3] == (self.height, self.width)
        return part if whole else F.resize(part, (self.height, self.width))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "height": self.height, "width": self.width}


def fitted_shape(input_shape: Shape, height: int, width: int, data_format: str) -> Shape:
    """Return the shape of images (n,h,w,c), or (h,w,c), in another size; so of those with channels first."""
    check_axes(input_shape)
    if data_format == FIRST:
        return *input_shape[:-2], height, width
    return *input_shape[:-3], height, width, input_shape[-1]


def cut(x: Tensor, box: Box) -> Tensor:
    """Return a part of images (n,h,w,c), as far as they reach."""
    top, left, height, width = box
    return x[:, top : min(top + height, x.shape[1]), left : min(left + width, x.shape[2])]


def resampled_middle(x: Tensor, height: int, width: int) -> Tensor:
    """Return the largest part in the middle of images that has the shape of height×width, resampled to that size."""
    return F.resize(cut(x, middle(x.shape[1], x.shape[2], height, width)), (height, width))
