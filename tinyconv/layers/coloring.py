"""Augmentation of colors: RandomBrightness, RandomContrast."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functions as F
from .. import kernels
from ..tensor import Tensor
from .augmentation import Augmentation, Factor, between, limits

Range = tuple[float, float]


class Coloring(Augmentation):
    """Base of the layers that change colors by one drawn number for each image, and clip to `value_range`."""

    draws = 1

    def __init__(
        self,
        factor: Factor,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        *,
        data_format: str | None = None,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, data_format, name=name, dtype=dtype, input_shape=input_shape)
        self.factor = self.limits(factor)
        if not isinstance(value_range, Sequence) or len(value_range) != 2 or not value_range[0] < value_range[1]:
            raise ValueError(f"value_range must be two numbers, the lower first, got {value_range!r}")
        self.value_range: Range = (value_range[0], value_range[1])

    def limits(self, factor: Factor) -> Range:
        """Return `factor` as two numbers; raise ValueError if they cannot be."""
        raise NotImplementedError(f"{type(self).__name__} defines no limits")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


class RandomBrightness(Coloring):
    """Adds a share of `value_range`'s width, from −factor to factor, or lower to upper, and clips to the range."""

    def limits(self, factor: Factor) -> Range:
        """Return the lower and the upper share."""
        return limits("factor", factor, -1, 1)

    def transformation(self, u: np.ndarray, height: int, width: int) -> dict[str, Any]:
        """Return what each image is made brighter by: "rgb_delta" (n,1,1,1)."""
        low, high = self.value_range
        return {"rgb_delta": (between(u, *self.factor) * np.float32(high - low)).reshape(-1, 1, 1, 1)}

    def transform(self, x: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images with "rgb_delta" added."""
        return F.clip(x + for_images(x, transformation["rgb_delta"]), *self.value_range)


class RandomContrast(Coloring):
    """(x − mean)·f + mean, with each channel's mean over the image and f from 1 − lower to 1 + upper; clipped.

    `factor` is (lower, upper), each in 0 … 1, or a number for both.
    """

    def limits(self, factor: Factor) -> Range:
        """Return lower and upper."""
        limits("factor", factor, 0, 1)
        return (factor[0], factor[-1]) if isinstance(factor, Sequence) else (factor, factor)

    def transformation(self, u: np.ndarray, height: int, width: int) -> dict[str, Any]:
        """Return each image's "contrast_factor" (n,1,1,1)."""
        lower, upper = self.factor
        return {"contrast_factor": between(u, 1 - lower, 1 + upper).reshape(-1, 1, 1, 1)}

    def transform(self, x: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images with "contrast_factor" times their contrast."""
        mean = F.mean(x, (1, 2), keepdims=True)
        y = (x - mean) * for_images(x, transformation["contrast_factor"]) + mean
        return F.clip(y, *self.value_range)


def for_images(x: Tensor, numbers: Any) -> Any:
    """Return one number for each image, (n,1,1,1), in the dtype and on the device of x."""
    return kernels.move(np.asarray(numbers, x.dtype).reshape(-1, 1, 1, 1), x.device)
