"""Dataset: what gives a model its batches, in `fit`, `evaluate`, `predict` and as `validation_data`.

An epoch's batches are a function of its number and of `updates`, never of what was read before, so that a resumed run
sees what the unbroken one would have seen. A dataset of one's own:

    class Images(tc.data.Dataset):
        def __len__(self):
            return len(self.files)

        def epoch(self, number):
            for file in self.files:
                yield read(file)  # (x, y): as many samples in x as in y
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from ..arguments import size as positive_size
from ..arguments import whole
from ..structure import flat


class Batch(NamedTuple):
    """n samples: inputs (n, …), targets, weights, each None if there are none; lists for several inputs or outputs.

    `first` is the number of its first sample in the batch of which this is a share, see `Dataset.shard`.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    first: int = 0


class Dataset:
    """Base of all datasets: a subclass writes `__len__` and `epoch`."""

    samples: int | None = None  # of an epoch, if that is known
    may_run_out = False  # whether an epoch may have fewer batches than `steps` says
    may_be_empty = False  # whether a batch may have no samples, as a share of a small batch has: it changes no weight
    updates = 0  # that came before epoch 0: `fit` sets it, so that a second `fit` does not repeat an order drawn by it

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        raise NotImplementedError(f"{type(self).__name__} defines no __len__")

    def steps(self, number: int) -> int | None:
        """Return the number of batches of epoch `number`, from 0, where epochs differ; None if it is not known."""
        return len(self)

    def updates_before(self, number: int) -> int:
        """Return the number of batches in the epochs before epoch `number`."""
        return sum(self.steps(epoch) or 0 for epoch in range(number))

    def epoch(self, number: int) -> Iterator[Any]:
        """Yield the batches of epoch `number`, from 0: `Batch`, or tuples (x,), (x, y) or (x, y, sample_weight)."""
        raise NotImplementedError(f"{type(self).__name__} defines no epoch")

    def ready(self) -> bool:
        """Return whether another epoch would have a batch."""
        return True

    def first(self) -> Any:
        """Return a first batch, to see what batches are like: one that has samples."""
        for batch in counted(self, 0):
            if not self.may_be_empty or count(batch.x):
                return batch
        raise ValueError(f"{type(self).__name__} has no samples: each of its batches is empty")

    def complete(self) -> "Dataset":
        """Return the dataset for `predict`, whose rows are known by their numbers: no sample may be left out."""
        return self

    def shard(self, rank: int, size: int) -> "Dataset":
        """Return the dataset of process `rank` out of `size`: share number `rank` of every batch."""
        return _Shard(self, *checked_rank(rank, size))


class _Shard(Dataset):
    """Every batch of a dataset cut into `size` shares of neighbouring samples, as equal as can be: one share of each.

    A batch of fewer samples than shares leaves some of them empty.
    """

    may_be_empty = True

    def __init__(self, whole: Dataset, rank: int, size: int) -> None:
        self.whole, self.rank, self.size = whole, rank, size
        self.samples = None

    def complete(self) -> "Dataset":
        """Return the share of a dataset that leaves nothing out."""
        return _Shard(self.whole.complete(), self.rank, self.size)

    def __len__(self) -> int:
        return len(self.whole)

    @property
    def may_run_out(self) -> bool:  # type: ignore[override]
        """Whether an epoch may have fewer batches than `steps` says."""
        return self.whole.may_run_out

    def steps(self, number: int) -> int | None:
        """Return the number of batches, which all shards share."""
        return self.whole.steps(number)

    def updates_before(self, number: int) -> int:
        """Return the number of batches in the epochs before epoch `number`."""
        return self.whole.updates_before(number)

    def ready(self) -> bool:
        """Return whether another epoch would have a batch."""
        return self.whole.ready()

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the share of every batch."""
        self.whole.updates = self.updates
        for given in self.whole.epoch(number):
            batch = as_batch(given)
            own = share(count(batch.x), self.rank, self.size)
            x, y, sample_weight = (select(part, own) for part in batch[:3])
            yield Batch(x, y, sample_weight, batch.first + own.start)


def checked_rank(rank: int, size: int) -> tuple[int, int]:
    """Return a process's number and how many there are, after checking them."""
    rank, size = whole("rank", rank), positive_size("size", size)
    if rank >= size:
        raise ValueError(f"rank must be in 0 … {size - 1}, got {rank}")
    return rank, size


def share(n: int, rank: int, size: int) -> slice:
    """Return which of a batch's n samples process `rank` out of `size` has."""
    return slice(n * rank // size, n * (rank + 1) // size)


def counted(data: Dataset, number: int) -> Iterator[Batch]:
    """Yield as many batches of an epoch as the dataset says it has, and none after; refuse fewer, and none at all."""
    name, steps = type(data).__name__, data.steps(number)
    if steps is not None and steps < 1:
        raise ValueError(f"{name} has no batches in epoch {number}: its len is {steps}")
    given = 0
    for batch in islice(data.epoch(number), steps):
        given += 1
        yield as_batch(batch)
    if steps is not None and given < steps and not data.may_run_out:
        raise ValueError(f"{name} yields {given} batches in epoch {number}, and its len is {steps}: make them agree")


def as_batch(given: Any) -> Batch:
    """Return what a dataset has yielded as a `Batch`; raise ValueError for anything else."""
    if isinstance(given, Batch):
        return given
    if not isinstance(given, tuple) or len(given) not in (1, 2, 3):
        found = f"a tuple of {len(given)}" if isinstance(given, tuple) else type(given).__name__
        raise ValueError(f"a dataset yields tuples (x,), (x, y) or (x, y, sample_weight), got {found}")
    return Batch(*given)


def count(part: Any) -> int:
    """Return how many samples an array, or a list or dict of one array for each input or output, has."""
    return len(flat(part)[0] if isinstance(part, list | dict) else part)


def select(part: Any, chosen: Any) -> Any:
    """Return the chosen samples of an array, or of each in a list or dict; of None, None."""
    if part is None:
        return None
    if isinstance(part, dict):
        return {name: select(array, chosen) for name, array in part.items()}
    if isinstance(part, list):
        return [select(array, chosen) for array in part]
    return part[chosen]
