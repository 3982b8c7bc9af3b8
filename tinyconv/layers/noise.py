"""Noise in training: GaussianNoise, SpatialDropout2D."""

from collections.abc import Sequence
from typing import Any

from .. import functions as F
from ..arguments import fraction
from ..tensor import Tensor
from .core import Dropout
from .stochastic import Stochastic
from .window import channels_last


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
        return F.gaussian_noise(x, self.stddev, *self.stream.draw())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


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
        channels_last(data_format)

    def drop(self, x: Tensor) -> Tensor:
        """Return x with channels dropped, by the stream's next draw."""
        return F.spatial_dropout2d(x, self.rate, *self.stream.draw())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer, those that Keras's takes: no `trainable`."""
        return {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}
