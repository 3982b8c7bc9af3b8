"""Arrays as a dataset, and what arrays must be to be data."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import randomness
from ..arguments import size
from ..structure import is_structure
from ..tensor import values
from .dataset import Batch, Dataset, checked_rank, count, select, share


class ArrayDataset(Dataset):
    """Arrays of n samples, cut into batches; the last may be smaller. Shuffled anew each epoch if asked.

    `x`, `y` and `sample_weight` are arrays or, for several inputs or outputs, lists or dicts of them.
    """

    def __init__(
        self, x: Any, y: Any = None, sample_weight: Any = None, batch_size: int = 32, shuffle: bool = False
    ) -> None:
        self.x, self.y, self.sample_weight = (_arrays(part) for part in (x, y, sample_weight))
        self.batch_size, self.shuffle = size("batch_size", batch_size), shuffle
        self.samples = count(self.x)
        self._rank, self._ranks = 0, 1

    def __len__(self) -> int:
        return -(-count(self.x) // self.batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield slices of the arrays, in their order or in that of a permutation.

        The permutation is drawn for the number of updates before the epoch: every epoch of a training has its own.
        """
        order = randomness.permutation(count(self.x), self.updates + number * len(self)) if self.shuffle else None
        n = count(self.x)
        for start in range(0, n, self.batch_size):
            own = share(min(self.batch_size, n - start), self._rank, self._ranks)
            chosen: Any = slice(start + own.start, start + own.stop)
            if order is not None:
                chosen = order[chosen]
            x, y, sample_weight = (select(part, chosen) for part in (self.x, self.y, self.sample_weight))
            yield Batch(x, y, sample_weight, own.start)

    def shard(self, rank: int, size: int) -> Dataset:
        """Return the dataset of process `rank` out of `size`, which takes its own share of every batch alone."""
        if self._ranks > 1:  # a share of a share
            return super().shard(rank, size)
        part = copy.copy(self)
        part._rank, part._ranks = checked_rank(rank, size)
        part.samples, part.may_be_empty = (self.samples, False) if size == 1 else (None, True)
        return part


def _arrays(part: Any) -> Any:
    """Return a part of the data as an array, or the list or dict of arrays that it is; None as None."""
    if part is None or type(part) is np.ndarray:
        return part
    if isinstance(part, Mapping):
        return {name: _arrays(each) for name, each in part.items()}
    if isinstance(part, list | tuple) and is_several([each for each in part if each is not None]):
        return [_arrays(each) for each in part]
    return values(part)


def is_several(given: Any) -> bool:
    """Return whether `given` is a list of arrays, not one array that is written as a list of numbers."""
    return not isinstance(given, Mapping) and is_structure(given)


def per_name(what: str, given: Any, names: Sequence[str]) -> list[Any]:
    """Return what is given for each name: in a list in their order, in a dict by name, or alone for a single name.

    What inputs have no name for is passed over.
    """
    if isinstance(given, Mapping):
        if set(given) != set(names) and not (what == "x" and set(names) <= set(given)):
            raise ValueError(f"{what} needs {', '.join(map(repr, names))}, got {', '.join(map(repr, given))}")
        return [given[name] for name in names]
    several = isinstance(given, list | tuple) and (len(names) > 1 or (len(given) == 1 and is_several(given)))
    if not several and len(names) == 1:
        return [given]
    if not several or len(given) != len(names):
        found = len(given) if several else type(given).__name__
        raise ValueError(f"{what} needs a list or a dict of {len(names)} ({', '.join(names)}), got {found}")
    return list(given)


def as_data(name: str, data: Any, dtype: str) -> np.ndarray:
    """Return `data` as an array of numbers, finite in `dtype`, with at least one sample; refuse anything else."""
    array = values(data)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold numbers, got {array.dtype}")
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}, needs at least one sample")
    if array.dtype.kind == "f" and isinstance(array, np.ndarray):  # to look into a GPU's would be to wait for it
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


def split(arrays: Batch, fraction: float) -> tuple[Batch, Batch]:
    """Return (training part, last `fraction` of the samples), before any shuffling: Keras's validation_split."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split must be between 0 and 1, got {fraction}")
    samples = count(arrays.x)
    at = int(samples * (1 - fraction))
    if at == 0 or at == samples:
        raise ValueError(f"validation_split={fraction} of {samples} samples leaves one part empty")
    first, last = ([select(part, chosen) for part in arrays[:3]] for chosen in (slice(at), slice(at, None)))
    return Batch(*first), Batch(*last)
