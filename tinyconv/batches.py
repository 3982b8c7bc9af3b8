"""Batches: where training data comes from. An epoch's batches are a function of its number and a key, never of history,

so a resumed run sees what the unbroken one would have seen.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import randomness

Batch = tuple[Any, Any, Any]


class Batches:
    """Base: `epoch(number, key)` yields (x, y, sample weights or None); `steps(number)` says how many batches."""

    def steps(self, number: int) -> int:
        """Return the number of batches of epoch `number` (0-based)."""
        raise NotImplementedError(f"{type(self).__name__} defines no steps")

    def epoch(self, number: int, key: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`; `key` is the count of updates before it, for shuffling."""
        raise NotImplementedError(f"{type(self).__name__} defines no epoch")


class ArrayBatches(Batches):
    """Arrays of n samples, cut into batches; the last may be smaller. Shuffled anew each epoch if asked."""

    def __init__(self, x: Any, y: Any, sample_weight: Any, batch_size: int, shuffle: bool = False) -> None:
        self.x, self.y, self.sample_weight = x, y, sample_weight
        self.batch_size, self.shuffle = batch_size, shuffle

    def steps(self, number: int) -> int:
        """Return the number of batches."""
        return -(-count(self.x) // self.batch_size)

    def epoch(self, number: int, key: int) -> Iterator[Batch]:
        """Yield slices of the arrays, in their order or in that of a permutation drawn for `key`."""
        order = randomness.permutation(count(self.x), key) if self.shuffle else None
        for start in range(0, count(self.x), self.batch_size):
            chosen: Any = slice(start, start + self.batch_size)
            if order is not None:
                chosen = order[chosen]
            yield select(self.x, chosen), select(self.y, chosen), select(self.sample_weight, chosen)


def count(part: Any) -> int:
    """Return how many samples an array, or a list of one array for each input or output, has."""
    return len(part[0] if isinstance(part, list) else part)


def select(part: Any, chosen: Any) -> Any:
    """Return the chosen samples of an array, or of each in a list; of None, None."""
    if isinstance(part, list):
        return [select(array, chosen) for array in part]
    return None if part is None else part[chosen]


def per_name(what: str, given: Any, names: Sequence[str]) -> list[Any]:
    """Return what is given for each name: in a list in their order, in a dict by name, or alone for a single name."""
    if isinstance(given, Mapping):
        if set(given) != set(names):
            raise ValueError(f"{what} needs {', '.join(map(repr, names))}, got {', '.join(map(repr, given))}")
        return [given[name] for name in names]
    several = isinstance(given, list | tuple) and (
        len(names) > 1 or (len(given) == 1 and isinstance(given[0], np.ndarray))
    )
    if not several and len(names) == 1:
        return [given]
    if not several or len(given) != len(names):
        found = len(given) if several else type(given).__name__
        raise ValueError(f"{what} needs a list or a dict of {len(names)} ({', '.join(names)}), got {found}")
    return list(given)


def as_data(name: str, values: Any, dtype: str) -> np.ndarray:
    """Return `values` as an array of numbers, finite in `dtype`, with at least one sample; refuse anything else."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold numbers, got {array.dtype}")
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}, needs at least one sample")
    if array.dtype.kind == "f":
        for start in range(0, len(array), 4096):
            part = array[start : start + 4096]
            if part.dtype != dtype:
                with np.errstate(over="ignore"):
                    part = part.astype(dtype)
            finite = np.isfinite(part)
            if not finite.all():
                bad = np.argwhere(~finite)[0]
                where = (start + int(bad[0]), *map(int, bad[1:]))
                fix = "leave out or replace such samples"
                if np.isfinite(array[where]):
                    fix = f"too large for {dtype}, scale the data"
                raise ValueError(f"{name} must be finite, got {array[where]} at index {where}: {fix}")
    return array


def split(arrays: tuple[Any, ...], fraction: float) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return (training part, last `fraction` of the samples), before any shuffling: Keras's validation_split."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split must be between 0 and 1, got {fraction}")
    samples = count(arrays[0])
    at = int(samples * (1 - fraction))
    if at == 0 or at == samples:
        raise ValueError(f"validation_split={fraction} of {samples} samples leaves one part empty")
    return tuple(select(part, slice(at)) for part in arrays), tuple(select(part, slice(at, None)) for part in arrays)
