"""Bucket: the gradients of all weights in one flat array, so that one exchange sends them all."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .. import kernels


class Bucket:
    """Room for the gradients of some weights, each times the samples it is of, and for the counts of these samples.

    `values` is [n·g₁ …, n·g₂ …, n₁ n₂ …, n]: nᵢ is n if weight i has a gradient, else 0. Summed over all ranks it holds
    all that `mean` needs. It is kept from step to step, on the device of the weights.
    """

    def __init__(self, weights: Sequence[Any]) -> None:
        self.layout = _layout(weights)
        sizes = [prod(shape) for shape, _, _ in self.layout]
        self.starts = np.cumsum([0, *sizes]).tolist()
        self.dtype = np.result_type(*(dtype for _, dtype, _ in self.layout)) if weights else np.dtype("float64")
        length = self.starts[-1] + len(weights) + 1
        like = weights[0] if weights else np.empty(0)
        self.values = np.empty_like(like, dtype=self.dtype, shape=(length,))

    def fits(self, weights: Sequence[Any]) -> bool:
        """Return whether the bucket has been made for such weights."""
        return self.layout == _layout(weights)

    def fill(self, gradients: Sequence[Any], samples: int) -> None:
        """Put in gradients (None for none) of the mean loss over `samples` samples."""
        counts = np.full(len(gradients) + 1, samples, self.dtype)
        for i, g in enumerate(gradients):
            own = self.values[self.starts[i] : self.starts[i + 1]]
            if g is None or not samples:
                own[...] = counts[i] = 0
            else:
                np.multiply(g.reshape(-1), self.dtype.type(samples), out=own)
        self.values[self.starts[-1] :] = kernels.move(counts, kernels.device(self.values))

    def mean(self) -> tuple[list[Any], int]:
        """Return the gradients, as views of the summed values that are divided by all samples; and how many these are.

        Of a weight without any gradient, where there are samples, it returns None.
        """
        *counts, samples = kernels.move(self.values[self.starts[-1] :], "cpu").tolist()
        gradients = self.values[: self.starts[-1]]
        if samples:
            gradients /= self.dtype.type(samples)
        found = []
        for i, (shape, dtype, _) in enumerate(self.layout):
            part = gradients[self.starts[i] : self.starts[i + 1]].reshape(shape)
            found.append(part.astype(dtype, copy=False) if counts[i] or not samples else None)
        return found, int(samples)


def _layout(weights: Sequence[Any]) -> list[tuple[tuple[int, ...], Any, str]]:
    return [(each.shape, each.dtype, kernels.device(each)) for each in weights]
