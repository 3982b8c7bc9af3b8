"""Noise in training: GaussianNoise, GaussianDropout, SpatialDropout2D, AlphaDropout."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from .. import functions as F
from ..arguments import fraction
from ..config import data_format_of
from ..kernels.shared import SELU_ALPHA, SELU_SCALE
from ..tensor import Tensor
from .core import Dropout
from .layout import FIRST
from .stochastic import Stochastic


class GaussianNoise(Stochastic):
    """In training, adds normal numbers of mean 0 and standard deviation `stddev`; else passes x.

    See `functions.gaussian_noise`.
    """

    def __init__(
        self,
        stddev: float,
        seed: int | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, name=name, dtype=dtype, input_shape=input_shape)
        self.stddev = fraction("stddev", stddev)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x with noise, or x itself outside training."""
        if not training or self.stddev == 0:
            return x
        return F.by_elements(F.gaussian_noise, x, self.stddev, *self.stream.draw())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(Stochastic):
    """In training, multiplies by normal numbers of mean 1 and variance rate/(1 − rate); else passes x.

    Source: Srivastava et al. 2014, "Dropout", section 10. See `functions.gaussian_noise`.
    """

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(seed, name=name, dtype=dtype, input_shape=input_shape)
        self.rate = _below_one(rate)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x times the numbers, or x itself outside training."""
        if not training or self.rate == 0:
            return x
        return x * F.gaussian_noise(np.ones_like(x.data), sqrt(self.rate / (1 - self.rate)), *self.stream.draw())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class AlphaDropout(Dropout):
    """In training, sets elements to SELU's least value, α′ = −1.758, with probability `rate`; else passes x.

    Then it scales and shifts all, so that numbers of mean 0 and variance 1 keep both: with d = α′ where an element
    falls, else x,

        y = a·(d − rate·α′),  a = ((1 − rate)·(1 + rate·α′²))^(−½)

    `noise_shape` is as in `Dropout`. Source: Klambauer et al. 2017, "Self-normalizing neural networks", section 2.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(rate, noise_shape, seed, name=name, dtype=dtype, input_shape=input_shape)
        _below_one(rate)

    def drop(self, x: Tensor) -> Tensor:
        """Return x with elements dropped, by the stream's next draw."""
        least = -SELU_ALPHA * SELU_SCALE
        a = ((1 - self.rate) * (1 + self.rate * least**2)) ** -0.5
        kept = (self.scales(x).data > 0).astype(x.dtype)
        return x * (kept * a) + ((1 - kept) * (a * least) - a * least * self.rate)


class SpatialDropout2D(Dropout):
    """In training, zeroes each channel of each image with probability `rate`, scales the others; else passes x.

    See `functions.spatial_dropout2d`.
    """

    rank = 4

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = data_format_of(data_format)

    def drop(self, x: Tensor) -> Tensor:
        """Return x with channels dropped, by the stream's next draw."""
        if self.data_format == FIRST:
            return F.channels_first(F.spatial_dropout2d(F.channels_last(x), self.rate, *self.stream.draw()))
        return F.spatial_dropout2d(x, self.rate, *self.stream.draw())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer, those that Keras's takes: no `trainable`.

        Keras leaves `data_format` out, and loses it so; here it is said if it is not the usual one.
        """
        config = {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}
        return {**config, "data_format": FIRST} if self.data_format == FIRST else config


def _below_one(rate: float) -> float:
    """Return `rate` after checking that it is in 0 … 1, and not 1, for which there is no such noise."""
    if fraction("rate", rate) == 1:
        raise ValueError("rate must be below 1, got 1: nothing can make up for a loss of everything")
    return float(rate)
