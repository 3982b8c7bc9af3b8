"""SourceDataset: a dataset whose epochs are so many batches of a source, wherever its passes begin and end."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .dataset import Dataset
from .sources import DatasetSource, IterableSource, IteratorSource, SequenceSource, Source

OUT_OF_DATA = (
    "Your input ran out of data; interrupting training. Make sure that your dataset or generator can generate at least "
    "`steps_per_epoch * epochs` batches."
)
EMPTY = "the data have no batches: what is given must yield at least one"


class SourceDataset(Dataset):
    """Epochs of `steps` batches over a source; or of all its batches if `steps` is None.

    With `steps`, an epoch goes on where the last one ended. At the end of a pass of n batches an epoch ends, too, short
    if `steps` does not divide n: that is said once, by a UserWarning. The next epoch begins a new pass, or, where the
    source can be gone through but once, there is none. An epoch is a function of its number wherever the source's
    batches are.
    """

    may_run_out = True

    def __init__(self, source: Source, steps: int | None = None) -> None:
        self.source, self.given_steps = source, steps
        self.begun = self.warned = False
        self.found: int | None = None  # the length of a pass that did not say it
        self.may_be_empty = isinstance(source, DatasetSource) and source.data.may_be_empty

    def complete(self) -> Dataset:
        """Return the same walk over a dataset that leaves nothing out."""
        if not isinstance(self.source, DatasetSource):
            return self
        return SourceDataset(DatasetSource(self.source.data.complete()), self.given_steps)

    def steps(self, number: int) -> int | None:
        """Return the number of batches that epoch `number` is to have, None if it is not known."""
        return self.given_steps or self._length(number)

    def updates_before(self, number: int) -> int:
        """Return the number of batches in the epochs before epoch `number`."""
        if self.given_steps is None:
            return sum(self._length(epoch) or 0 for epoch in range(number))
        place, start = self._place(number)
        return sum(self._length(each) or 0 for each in range(place)) + start

    def epoch(self, number: int) -> Iterator[Any]:
        """Yield the batches of epoch `number`; the source hears when it begins, and when it ends, cut short or not."""
        self.begun = True
        self.source.updates = self.updates
        self.source.on_epoch_begin()
        try:
            yield from self._batches(number)
        except GeneratorExit:
            self.source.on_epoch_end()
            raise
        self.source.on_epoch_end()

    def ready(self) -> bool:
        """Return whether another epoch would have a batch; if none would, say so, once."""
        found = self.source.ready()
        if not found:
            if not self.begun:
                raise ValueError(EMPTY)
            self._warn()
        return found

    def first(self) -> Any:
        """Return a first batch, to see what batches are like."""
        batch = self.source.first()
        if batch is None:
            raise ValueError(EMPTY)
        return batch

    def _length(self, number: int) -> int | None:
        return self.source.length(number) or self.found

    def _place(self, number: int) -> tuple[int, int]:
        """Return the pass in which epoch `number` lies, and the number of its first batch there."""
        assert self.given_steps is not None
        place = 0
        while (n := self._length(place)) is not None:
            parts = -(-n // self.given_steps)
            if number < parts:
                break
            number, place = number - parts, place + 1
        return place, number * self.given_steps

    def _batches(self, number: int) -> Iterator[Any]:
        if self.given_steps is None:
            place, start, stop = number, 0, None
        else:
            place, start = self._place(number)
            stop = start + self.given_steps
        done = 0
        for batch in self.source.batches(place, start, stop):
            done += 1
            yield batch
        if done == 0 and start == 0:
            raise ValueError(EMPTY)
        unknown = self.source.again and self._length(place) is None
        if unknown and self.given_steps is not None and done < self.given_steps:
            self.found = start + done
            if done == 0:  # the last epoch ended just where the pass does
                yield from self._batches(number)
                return
        if self.given_steps is not None and done < self.given_steps:
            self._warn()

    def _warn(self) -> None:
        if not self.warned:
            self.warned = True
            warnings.warn(OUT_OF_DATA, stacklevel=2)


def as_dataset(given: Any, shuffle: bool = False, steps: int | None = None) -> Dataset | None:
    """Return what gives batches as a dataset whose epochs have `steps` batches, or all; None for arrays.

    `shuffle` has numbered batches in a new order each pass; a `Dataset`, an iterator and what is gone through again
    keep to their own.
    """
    if isinstance(given, np.ndarray):
        return None
    if isinstance(given, Dataset):
        return given if steps is None else SourceDataset(DatasetSource(given), steps)
    if isinstance(given, Sequence | Mapping) or any(hasattr(given, name) for name in ("shape", "__array__")):
        return None
    if hasattr(given, "__next__"):
        return SourceDataset(IteratorSource(given), steps)
    if hasattr(given, "__getitem__") and any(hasattr(given, name) for name in ("__len__", "num_batches")):
        source = SequenceSource(given, shuffle)
        if steps is None and source.length(0) is None:
            raise ValueError(
                f"{type(given).__name__} has no end: give steps (in fit, steps_per_epoch or validation_steps)"
            )
        return SourceDataset(source, steps)
    if hasattr(given, "__iter__"):
        return SourceDataset(IterableSource(given), steps)
    return None
