"""Stochastic: the base of layers that draw random numbers in training."""

from collections.abc import Sequence

import numpy as np

from ..randomness import Stream
from .layer import OneInput


class Stochastic(OneInput):
    """Base of layers that draw random numbers, from a stream of their own: see `randomness`.

    What is drawn is a function of the seed, this layer's stream and the count of its training steps.
    """

    def __init__(
        self,
        seed: int | None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.stream = Stream(seed)
        self.seed = None if seed is None else self.stream.seed

    @property
    def seed_state(self) -> np.ndarray:
        """The stream's number and the steps it has taken: two uint32, saved with the weights so that runs resume."""
        return np.array([self.stream.number, self.stream.step], np.uint32)

    @seed_state.setter
    def seed_state(self, state: np.ndarray) -> None:
        self.stream.number, self.stream.step = int(state[0]), int(state[1])
