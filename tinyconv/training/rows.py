"""Rows: the outputs of one batch after the other, put together."""

from collections.abc import Sequence

import numpy as np


class Rows:
    """Arrays whose rows come batch by batch: several columns of them, one for each output.

    Where the number of `samples` is known beforehand, rows go to their places as they come: they are never in memory
    twice.
    """

    def __init__(self, samples: int | None) -> None:
        self.samples, self.count = samples, 0
        self.columns: list[np.ndarray] = []
        self.parts: list[Sequence[np.ndarray]] = []

    def add(self, arrays: Sequence[np.ndarray]) -> None:
        """Take in the outputs of a batch."""
        if self.samples is None:
            self.parts.append(arrays)
            return
        if not self.columns:
            self.columns = [np.empty((self.samples, *array.shape[1:]), array.dtype) for array in arrays]
        end = self.count + len(arrays[0])
        for column, array in zip(self.columns, arrays, strict=True):
            column[self.count : end] = array
        self.count = end

    def arrays(self) -> list[np.ndarray]:
        """Return an array of all rows for each output; none if there were no batches."""
        if self.samples is None:
            return [np.concatenate(column) for column in zip(*self.parts, strict=True)]
        return [column[: self.count] if self.count < len(column) else column for column in self.columns]
