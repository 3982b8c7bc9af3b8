"""Noise in training: added numbers, and whole channels that fall."""

from typing import Any

import numpy as np

from .. import kernels
from ..randomness import checked_seed, first_element
from ..tensor import Formula, Function, Tensor, as_tensor


class GaussianNoise(Function):
    """Normal numbers with mean 0 and variance 1, by a Philox draw, times stddev, added.

    Source of the numbers: Box & Muller 1958, see `kernels/reference/dropout.py`.
    """

    formula = Formula("y = x + stddev·z, z normal", "dx = dy")

    def __init__(self, stddev: float, seed: int, stream: int, step: int) -> None:
        self.stddev, self.draw = stddev, (seed, stream, step)

    def forward(self, x: Any) -> Any:
        return kernels.of(x).gaussian_noise(x, self.stddev, *self.draw, first_element(x.shape))

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy,)


class SpatialDropout2D(Function):
    """Whole channels of images set to 0 at random, by a Philox draw.

    Source: Tompson et al. 2015, "Efficient object localization using convolutional networks", section 3.2.
    """

    formula = Formula(
        "y = x/(1 − rate) where u ≥ rate, else 0; one u for each channel of each image",
        "dx = dy/(1 − rate) where u ≥ rate, else 0",
    )

    def __init__(self, rate: float, seed: int, stream: int, step: int) -> None:
        self.rate, self.draw = rate, (seed, stream, step)

    def forward(self, x: Any) -> Any:
        ones = np.ones_like(x, shape=(len(x), 1, 1, x.shape[-1]))
        self.scale, _ = kernels.of(x).dropout(ones, self.rate, *self.draw, first_element(ones.shape))
        return self.backward(x)[0]

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy * self.scale,)


def gaussian_noise(x: Any, stddev: float, seed: int, stream: int = 0, step: int = 0) -> Tensor:
    """Add independent normal numbers of standard deviation `stddev` to x. See `GaussianNoise`.

    The same seed, stream and step add the same numbers, on every backend.
    """
    if not stddev >= 0:
        raise ValueError(f"gaussian_noise needs stddev ≥ 0, got {stddev}")
    return GaussianNoise(float(stddev), checked_seed(seed), stream, step)(as_tensor(x))


def spatial_dropout2d(x: Any, rate: float, seed: int, stream: int = 0, step: int = 0) -> Tensor:
    """Zero each channel of each image of x (n,h,w,c) with probability `rate`, scale the others by 1/(1 − rate).

    The same seed, stream and step drop the same channels, on every backend. See `SpatialDropout2D`. Raises ValueError
    unless 0 ≤ rate < 1.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"spatial_dropout2d needs 0 ≤ rate < 1, got {rate}")
    return SpatialDropout2D(float(rate), checked_seed(seed), stream, step)(as_tensor(x))
