"""Augmentation: the base of layers that change images at random, and those that move their pixels.

Images are (n,h,w,c), or a single one (h,w,c), or have their channels first. What a layer draws for an image depends on
the seed, the layer's stream, the count of its steps and the image's place in the whole batch
(`randomness.first_sample`), so that shards, and a run that is resumed, see the same images. As in Keras, the call of
such a layer by itself is training unless it says training=False; inside a model it is, when the model's is.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from .. import functions as F
from ..config import data_format_of
from ..functions.warp import INTERPOLATIONS
from ..names import look_up
from ..randomness import Stream, first_element, uniform
from ..tensor import Tensor
from .graph import Shape
from .layout import FIRST, shape_last
from .stochastic import Stochastic

FILL_MODES = dict.fromkeys(("reflect", "wrap", "constant", "nearest"))
MODES = dict.fromkeys(("horizontal", "vertical", "horizontal_and_vertical"))

Factor = float | Sequence[float]


class Augmentation(Stochastic):
    """Base of augmentation layers: a subclass draws `transformation`s of n images, and applies them in `transform`.

    `get_random_transformation` and `transform_images` are the two halves of a call, as in Keras: a transformation, once
    drawn, can be applied to other images.
    """

    draws: ClassVar[int]  # uniform numbers that an image takes
    same_for_all: ClassVar[bool] = False  # whether the numbers are drawn once for a whole batch

    def __init__(
        self,
        seed: int | None,
        data_format: str | None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, name=name, dtype=dtype, input_shape=input_shape)
        self.data_format = data_format_of(data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        check_axes(input_shape)
        return input_shape

    def call(self, x: Tensor, training: bool = True) -> Tensor:
        """Return the images, transformed at random in training."""
        return self.transform_images(x, self.get_random_transformation(x) if training else None, training)

    def get_random_transformation(self, data: Any, training: bool = True, seed: int | None = None) -> Any:
        """Return what the layer's next step, or the first of another `seed`, does to each of the images `data`."""
        if not training:
            return None
        check_axes(data.shape)
        lengths = shape_last(data.shape) if self.data_format == FIRST else data.shape
        n, h, w = (1, *lengths[:2]) if len(lengths) == 3 else lengths[:3]
        shape = (1 if self.same_for_all else n, self.draws)
        first = 0 if self.same_for_all else first_element(shape)
        draw = (self.stream if seed is None else Stream(seed)).draw()
        return self.transformation(uniform(shape, draw, first=first), h, w)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Tensor:
        """Return the images, transformed if it is training."""
        x = images if isinstance(images, Tensor) else self._tensors(images)
        if not training or transformation is None:
            return x
        return batched(lambda images: self.transform(images, transformation), x, self.data_format)

    def transformation(self, u: np.ndarray, height: int, width: int) -> Any:
        """Return what is done to images of a size, by numbers u (n, draws) uniform in 0 … 1."""
        raise NotImplementedError(f"{type(self).__name__} defines no transformation")

    def transform(self, x: Tensor, transformation: Any) -> Tensor:
        """Return the images x (n,h,w,c) transformed."""
        raise NotImplementedError(f"{type(self).__name__} defines no transform")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "seed": self.seed, "data_format": self.data_format}


class RandomFlip(Augmentation):
    """Mirrors half of the images: left to right, top to bottom, or, "horizontal_and_vertical", both at once."""

    draws = 1

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, data_format, name=name, dtype=dtype, input_shape=input_shape)
        look_up("mode", mode, MODES)
        self.mode = mode

    def transformation(self, u: np.ndarray, height: int, width: int) -> dict[str, Any]:
        """Return whether each image is mirrored: "flips" (n,1,1,1)."""
        return {"flips": (u <= 0.5).reshape(-1, 1, 1, 1)}

    def transform(self, x: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images, mirrored where "flips" is true."""
        flips = np.asarray(transformation["flips"]).reshape(-1)
        down, across = flips & (self.mode != "horizontal"), flips & (self.mode != "vertical")
        maps = np.zeros((len(flips), 2, 3))
        maps[:, 0, 0], maps[:, 0, 2] = np.where(down, -1, 1), down * (x.shape[1] - 1)
        maps[:, 1, 1], maps[:, 1, 2] = np.where(across, -1, 1), across * (x.shape[2] - 1)
        return F.warp(x, maps, fill_mode="nearest", interpolation="nearest")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "mode": self.mode}


class Warping(Augmentation):
    """Base of layers that turn, enlarge and shift images: what lies beyond their edges, and how pixels are mixed.

    fill_mode: "reflect" dcba|abcd|dcba, "wrap" abcd|abcd|abcd, "nearest" aaaa|abcd|dddd, "constant" `fill_value`.
    """

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        seed: int | None,
        fill_value: float,
        data_format: str | None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, data_format, name=name, dtype=dtype, input_shape=input_shape)
        look_up("fill_mode", fill_mode, FILL_MODES)
        look_up("interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, fill_value

    def warped(self, x: Tensor, matrices: np.ndarray) -> Tensor:
        """Return the images seen through Keras's matrices (n,6), of x′ = a₀x + a₁y + a₂, y′ = b₀x + b₁y + b₂."""
        maps = matrices.reshape(-1, 2, 3)[:, ::-1][:, :, [1, 0, 2]]  # rows first
        return F.warp(x, maps, None, self.fill_mode, self.fill_value, self.interpolation)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        own = {"fill_mode": self.fill_mode, "interpolation": self.interpolation, "fill_value": self.fill_value}
        return {**super().get_config(), **own}


class RandomRotation(Warping):
    """Turns images about their centres, by an angle from −factor to factor, or lower to upper, of a full turn.

    Positive angles turn counter-clockwise.
    """

    draws = 1

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        options: dict[str, Any] = {"name": name, "dtype": dtype, "input_shape": input_shape}
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.factor = limits("factor", factor, -1, 1)

    def transformation(self, u: np.ndarray, height: int, width: int) -> dict[str, Any]:
        """Return each image's "angle" (n) in degrees and Keras's "rotation_matrix" (n,8), in single precision."""
        lower, upper = self.factor
        angle = ((lower + (upper - lower) * u[:, 0]) * 360).astype(np.float32)
        radians = angle * np.float32(np.pi / 180)
        cos, sin = np.cos(radians), np.sin(radians)
        x, y = np.float32((width - 1) / 2), np.float32((height - 1) / 2)
        rows = [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos, 0 * cos, 0 * cos]
        return {"angle": angle, "rotation_matrix": np.stack(rows, axis=1)}

    def transform(self, x: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images seen through the "rotation_matrix"."""
        return self.warped(x, np.atleast_2d(transformation["rotation_matrix"])[:, :6])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor}


class RandomZoom(Warping):
    """Shows 1 + factor of the height, and the width, about the centre: below 1 it enlarges, above 1 it shrinks.

    Factors are from −factor to factor, or lower to upper; without `width_factor`, images keep their shape.
    """

    draws = 2

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        options: dict[str, Any] = {"name": name, "dtype": dtype, "input_shape": input_shape}
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.heights = _open_limits("height_factor", height_factor)
        self.widths = None if width_factor is None else _open_limits("width_factor", width_factor)

    def transformation(self, u: np.ndarray, height: int, width: int) -> dict[str, Any]:
        """Return the shares that show: "height_zoom" and "width_zoom" (n,1)."""
        high = between(u[:, :1], *self.heights) + np.float32(1)
        wide = high if self.widths is None else between(u[:, 1:], *self.widths) + np.float32(1)
        return {"height_zoom": high, "width_zoom": wide}

    def transform(self, x: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images of which "height_zoom" and "width_zoom" show."""
        zooms = [np.asarray(transformation[name], np.float32) for name in ("width_zoom", "height_zoom")]
        matrices = np.zeros((len(zooms[0]), 6), np.float32)
        for axis, (zoom, length) in enumerate(zip(zooms, (x.shape[2], x.shape[1]), strict=True)):
            matrices[:, 4 * axis] = zoom[:, 0]
            matrices[:, 3 * axis + 2] = np.float32((length - 1) / 2) * (np.float32(1) - zoom[:, 0])
        return self.warped(x, matrices)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "height_factor": self.height_factor, "width_factor": self.width_factor}


class RandomTranslation(Warping):
    """Shifts images down and to the right by shares of their height and width; negative shares, up and to the left.

    Shares are from −factor to factor, or lower to upper.
    """

    draws = 2

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        options: dict[str, Any] = {"name": name, "dtype": dtype, "input_shape": input_shape}
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.heights = limits("height_factor", height_factor, -1, 1)
        self.widths = limits("width_factor", width_factor, -1, 1)

    def transformation(self, u: np.ndarray, height: int, width: int) -> dict[str, Any]:
        """Return "translations" (n,2) in pixels: to the right, and down."""
        right, down = between(u[:, 0], *self.widths) * width, between(u[:, 1], *self.heights) * height
        return {"translations": np.stack([right, down], axis=1).astype(np.float32)}

    def transform(self, x: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images shifted by "translations"."""
        translations = np.asarray(transformation["translations"], np.float32)
        matrices = np.tile(np.array([1, 0, 0, 0, 1, 0], np.float32), (len(translations), 1))
        matrices[:, 2], matrices[:, 5] = -translations.T
        return self.warped(x, matrices)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "height_factor": self.height_factor, "width_factor": self.width_factor}


class RandomShear(Warping):
    """Slants images: x′ = x + a·y, y′ = y + b·x about the corner, a from `x_factor`, b from `y_factor`, either way.

    Factors are (lower, upper), or f for −f to f.
    """

    draws = 3

    def __init__(
        self,
        x_factor: Factor = 0.0,
        y_factor: Factor = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        options: dict[str, Any] = {"name": name, "dtype": dtype, "input_shape": input_shape}
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.x_factor, self.y_factor = limits("x_factor", x_factor, -1, 1), limits("y_factor", y_factor, -1, 1)

    def transformation(self, u: np.ndarray, height: int, width: int) -> dict[str, Any]:
        """Return "shear_factor" (n,2): a and b of each image."""
        sign = np.where(u[:, :1] > 0.5, -1, 1).astype(np.float32)
        slants = [between(u[:, 1], *self.x_factor), between(u[:, 2], *self.y_factor)]
        return {"shear_factor": np.stack(slants, axis=1) * sign}

    def transform(self, x: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images slanted by "shear_factor"."""
        slants = np.asarray(transformation["shear_factor"], np.float32)
        matrices = np.tile(np.array([1, 0, 0, 0, 1, 0], np.float32), (len(slants), 1))
        matrices[:, 1], matrices[:, 3] = slants.T
        return self.warped(x, matrices)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "x_factor": self.x_factor, "y_factor": self.y_factor}


def between(u: np.ndarray, lower: float, upper: float) -> np.ndarray:
    """Return numbers of `lower` … `upper` from those of 0 … 1, in single precision."""
    return (lower + (upper - lower) * u).astype(np.float32)


def limits(argument: str, factor: Factor, least: float, largest: float) -> tuple[float, float]:
    """Return (lower, upper) from two numbers, or from one, f: (−f, f); all from `least` to `largest`."""
    given = factor if isinstance(factor, Sequence) else (factor,)
    numbers = all(isinstance(one, int | float | np.number) and least <= one <= largest for one in given)
    if len(given) not in (1, 2) or not numbers:
        raise ValueError(f"{argument} must be a number in {least} … {largest}, or two (lower, upper), got {factor!r}")
    if len(given) == 1:
        return -abs(float(given[0])), abs(float(given[0]))
    return min(given), max(given)


def _open_limits(argument: str, factor: Factor) -> tuple[float, float]:
    """Return the limits of a zoom; at −1 nothing would be left to show."""
    found = limits(argument, factor, -1, 1)
    if -1 in (factor if isinstance(factor, Sequence) else (factor,)):
        raise ValueError(f"{argument} must be above -1, at which nothing shows, got {factor!r}")
    return found


def batched(function: Callable[[Tensor], Tensor], x: Tensor, data_format: str = "channels_last") -> Tensor:
    """Return `function` of images (n,h,w,c), or of one (h,w,c) as a batch of one; channels first are turned."""
    if data_format == FIRST:
        return F.channels_first(batched(function, F.channels_last(x)))
    if len(x.shape) == 4:
        return function(x)
    y = function(F.reshape(x, (1, *x.shape)))
    return F.reshape(y, y.shape[1:])


def check_axes(shape: Sequence[int | None]) -> None:
    """Refuse what are no images."""
    if len(shape) not in (3, 4):
        raise ValueError(f"it takes images (batch, height, width, channels), or one of three axes, got {tuple(shape)}")
