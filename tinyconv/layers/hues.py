"""Augmentation of colors as they are seen: RandomHue, RandomSaturation, RandomGrayscale, RandomInvert.

Hue, saturation and value are those of Smith 1978, "Color gamut transform pairs": the value is the largest of red, green
and blue, the saturation how far below it the least is, as a share, and the hue the angle on the wheel of colors, 0 … 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functions as F
from .. import kernels
from ..arguments import fraction
from ..tensor import Tensor
from .augmentation import Augmentation, Factor, between, limits
from .coloring import for_images

EPSILON = 1e-7  # Keras's `backend.epsilon()`
GRAY = (0.2989, 0.5870, 0.1140)  # the shares of red, green and blue in a gray


class RandomHue(Augmentation):
    """Turns the hue of RGB images by up to half a turn times `factor`, (lower, upper) or a number for 0 to that.

    It turns either way; colors are those of `value_range`.
    """

    draws = 2

    def __init__(
        self,
        factor: Factor,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, data_format, name=name, dtype=dtype, input_shape=input_shape)
        self.factor, self.value_range = from_zero(factor), colors(value_range)

    def transformation(self, u: np.ndarray, height: int, width: int) -> dict[str, Any]:
        """Return the share of a turn for each image: "factor" (n)."""
        turn = np.where(u[:, 0] > 0.5, -1, 1).astype(np.float32)
        return {"factor": turn * between(u[:, 1], *self.factor) * np.float32(0.5)}

    def transform(self, x: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images with "factor" added to their hues."""
        low, high = self.value_range
        h, s, v = hsv_of((x - low) * (1 / (high - low)))
        h = h + for_images(x, transformation["factor"])[..., 0]
        h = F.where(h.data > 1, h - 1.0, h)
        h = F.where(h.data < 0, h + 1.0, h)
        return F.clip(rgb_of(h, s, v), 0, 1) * (high - low) + low

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


class RandomSaturation(Augmentation):
    """Multiplies the saturation of RGB images by f/(1 − f), f from `factor`, (lower, upper) or a number for ± that.

    0 and less make them gray, 0.5 leaves them as they are, 1 makes colors as full as they can be.
    """

    draws = 1

    def __init__(
        self,
        factor: Factor,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, data_format, name=name, dtype=dtype, input_shape=input_shape)
        self.factor, self.value_range = limits("factor", factor, -1, 1), colors(value_range)

    def transformation(self, u: np.ndarray, height: int, width: int) -> dict[str, Any]:
        """Return what each image's saturation is multiplied by: "factor" (n)."""
        share = between(u[:, 0], *self.factor)
        return {"factor": share / (1 - share + np.float32(EPSILON))}

    def transform(self, x: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images with "factor" times their saturation, which `value_range` bounds, as in Keras."""
        h, s, v = hsv_of(x)
        return rgb_of(h, F.clip(s * for_images(x, transformation["factor"])[..., 0], *self.value_range), v)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


class RandomGrayscale(Augmentation):
    """Makes RGB images gray with probability `factor`; those of one channel are."""

    draws = 1

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, data_format, name=name, dtype=dtype, input_shape=input_shape)
        self.factor = fraction("factor", factor)

    def transformation(self, u: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return which images become gray (n,1,1,1)."""
        return (u < self.factor).reshape(-1, 1, 1, 1)

    def transform(self, x: Tensor, transformation: Any) -> Tensor:
        """Return the images, gray where the transformation is true."""
        if x.shape[-1] == 1:
            return x
        _check_rgb(x)
        shares = kernels.move(np.asarray(GRAY, x.dtype), x.device)
        gray = F.sum(x * shares, axis=-1, keepdims=True)
        chosen = for_images(x, transformation)
        return gray * chosen + x * (1 - chosen)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer; Keras's leaves the seed out, it is there only if need be."""
        config = {**super().get_config(), "factor": self.factor}
        return {name: value for name, value in config.items() if name != "seed" or value is not None}


class RandomInvert(Augmentation):
    """Takes images from the top of `value_range`, x → top − x, with a probability drawn from `factor` for each.

    `factor` is (lower, upper), or a number for 0 to that.
    """

    draws = 2

    def __init__(
        self,
        factor: Factor = 1.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, data_format, name=name, dtype=dtype, input_shape=input_shape)
        self.factor, self.value_range = from_zero(factor), colors(value_range)

    def transformation(self, u: np.ndarray, height: int, width: int) -> dict[str, Any]:
        """Return which images are inverted: "apply_inversion" (n)."""
        return {"apply_inversion": u[:, 1] < between(u[:, 0], *self.factor)}

    def transform(self, x: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images, inverted where "apply_inversion" is true."""
        chosen = for_images(x, transformation["apply_inversion"])
        return x * (1 - 2 * chosen) + chosen * self.value_range[1]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


def hsv_of(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return hue, saturation and value (n,h,w) of RGB images (n,h,w,3)."""
    _check_rgb(x)
    r, g, b = x[..., 0], x[..., 1], x[..., 2]
    v = F.maximum(F.maximum(r, g), b)
    spread = v - F.minimum(F.minimum(r, g), b)
    colored, lit = spread.data > 0, v.data > 0
    sixth = F.divide(1.0, F.where(colored, spread, 1.0) * 6.0)
    by_green = F.where(g.data == v.data, (b - r) * sixth + 2 / 6, (r - g) * sixth + 4 / 6)
    h = F.where(colored, F.where(r.data == v.data, (g - b) * sixth, by_green), 0.0)
    return F.where(h.data < 0, h + 1.0, h), F.where(lit, spread / F.where(lit, v, 1.0), 0.0), v


def rgb_of(h: Tensor, s: Tensor, v: Tensor) -> Tensor:
    """Return the RGB images (n,h,w,3) of hue, saturation and value."""
    h = h * 6.0
    red = F.clip(F.absolute(h - 3.0) - 1.0, 0, 1)
    green, blue = (F.clip(2.0 - F.absolute(h - middle), 0, 1) for middle in (2.0, 4.0))
    return F.stack([((1.0 - s) + s * full) * v for full in (red, green, blue)], axis=-1)


def from_zero(factor: Factor) -> tuple[float, float]:
    """Return (lower, upper) from two numbers in 0 … 1, or (0, f) from one."""
    given = tuple(factor) if isinstance(factor, Sequence) else (0.0, factor)
    if len(given) != 2 or not all(isinstance(one, int | float | np.number) and 0 <= one <= 1 for one in given):
        raise ValueError(f"factor must be a number in 0 … 1, or two (lower, upper), got {factor!r}")
    return min(given), max(given)


def colors(value_range: Sequence[float]) -> tuple[float, float]:
    """Return the range of colors, after checking that it is two numbers, the lower first."""
    if not isinstance(value_range, Sequence) or len(value_range) != 2 or not value_range[0] < value_range[1]:
        raise ValueError(f"value_range must be two numbers, the lower first, got {value_range!r}")
    return value_range[0], value_range[1]


def _check_rgb(x: Tensor) -> None:
    if x.shape[-1] != 3:
        raise ValueError(f"colors are those of images with 3 channels, red, green and blue, got {x.shape}")
