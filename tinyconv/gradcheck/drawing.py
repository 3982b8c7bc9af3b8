"""What a check is, and the random arrays that it is made on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..tensor import Tensor

SEED = 20_240_607


@dataclass(frozen=True)
class Check:
    """One gradient to compare with differences: `gradcheck(f, *inputs)`. `name` is that of the operation or class."""

    kind: str
    name: str
    case: str
    f: Callable[..., Tensor]
    inputs: tuple[Any, ...]


class Draw:
    """Random arrays that suit an operation."""

    def __init__(self) -> None:
        self.generator = np.random.default_rng(SEED)

    def normal(self, *shape: int) -> np.ndarray:
        """Return numbers of both signs."""
        return self.generator.standard_normal(shape)

    def positive(self, *shape: int) -> np.ndarray:
        """Return numbers in 0.5 … 2."""
        return self.generator.uniform(0.5, 2, shape)

    def nonzero(self, *shape: int) -> np.ndarray:
        """Return numbers of both signs, none nearer to 0 than 0.1."""
        x = self.normal(*shape)
        return x + np.copysign(0.1, x)

    def distinct(self, *shape: int) -> np.ndarray:
        """Return numbers of both signs, no two nearer to each other, and none nearer to 0, than 0.01."""
        count = int(np.prod(shape))
        return (self.generator.permutation(count) - count / 2 + 0.25).reshape(shape) * 0.05

    def shares(self, *shape: int) -> np.ndarray:
        """Return rows of positive numbers that sum to 1."""
        x = self.positive(*shape)
        return x / x.sum(axis=-1, keepdims=True)
