"""Communicator: what the processes that train one model exchange, whatever carries it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Never, Self, TypeVar

import numpy as np

from .bucket import Bucket
from .shared_update import SharedUpdate, can_share

Array = Any  # of NumPy, or of CuPy
Result = TypeVar("Result")
MODELS = 4  # that may train in turn, before what is kept for the first is made anew


class RankError(RuntimeError):
    """The ranks of a run do not fit together, or one has failed; the message names it.

    `everywhere` says that all ranks raise the same error at the same time, so that one of them may report it for all.
    """

    everywhere = False

    @classmethod
    def of_all(cls, message: str) -> Self:
        """Return an error that all ranks raise."""
        error = cls(message)
        error.everywhere = True
        return error


class Interrupted(KeyboardInterrupt):
    """A signal has asked a rank to stop, and all ranks agreed to, after the same batch; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


class Communicator:
    """Base of what connects `size` ranks, numbered from 0; of them `local_size` are on this machine.

    A method that says "all" is to be called by all ranks, in the same order: each waits for the others. A subclass
    writes `sum_inplace`, `gather` and `broadcast`; and, where ranks see a memory together, `memory`, `meet` and
    `sum_between_machines`, by which they share out updates.

    `exchange_seconds` counts the time that `sum_gradients` has taken, waiting for slower ranks included, `exchanges`
    how often, `exchanged_bytes` what a rank put in the last time.
    """

    rank = 0
    size = 1
    local_rank = 0  # among those on this machine
    local_size = 1
    machines = 1  # that there are, each with as many ranks
    shares_memory = False  # whether `memory` is there
    interrupted = 0  # the number of a signal that asks the run to stop, once the batch at hand is done
    in_step = False  # whether training goes on, in steps that all make together
    exchange_seconds = 0.0
    exchanges = 0
    exchanged_bytes = 0
    update: SharedUpdate | None = None  # the one that the steps at hand share out

    def __init__(self) -> None:
        self._bucket: Bucket | None = None
        self._updates: list[SharedUpdate] = []

    def sum_inplace(self, values: Array) -> None:
        """Replace a flat array by its sum over all ranks, which is the same to the last bit on each."""
        raise NotImplementedError(f"{type(self).__name__} defines no sum_inplace")

    def gather(self, value: Any) -> list[Any]:
        """Return the values that all give, in the order of their ranks."""
        raise NotImplementedError(f"{type(self).__name__} defines no gather")

    def broadcast(self, value: Any) -> Any:
        """Return the value that rank 0 of all gives."""
        raise NotImplementedError(f"{type(self).__name__} defines no broadcast")

    def barrier(self) -> None:
        """Wait until all are here."""
        self.gather(None)

    def largest(self, value: int) -> int:
        """Return the largest of the numbers that all give."""
        return int(max(self.gather(value)))

    def sum_gradients(
        self, gradients: Sequence[Array | None], samples: int, weights: Sequence[Array]
    ) -> tuple[list[Array | None], int]:
        """Return the gradients of the mean loss over the batches of all, and how many samples these have together:

            g = Σᵣ nᵣ·gᵣ / Σᵣ nᵣ

        where gᵣ are those of rank r, of the mean loss over its nᵣ samples. A weight without a gradient (None) on every
        rank that has samples has none. The arrays are good until the next call.
        """
        if self.size == 1:
            return list(gradients), samples
        began = time.perf_counter()
        if self._bucket is None or not self._bucket.fits(weights):
            self._bucket = Bucket(weights)
        self._bucket.fill(gradients, samples)
        self.sum_inplace(self._bucket.values)
        mean = self._bucket.mean()
        self.exchange_seconds += time.perf_counter() - began
        self.exchanges += 1
        self.exchanged_bytes = self._bucket.values.nbytes
        return mean

    def memory(self, count: int, dtype: Any) -> np.ndarray:
        """Return an array (local_size, count), not cleared, that all ranks of this machine see; all call it."""
        raise NotImplementedError(f"{type(self).__name__} defines no memory")

    def meet(self) -> None:
        """Wait until all ranks of this machine are here."""
        raise NotImplementedError(f"{type(self).__name__} defines no meet")

    def sum_between_machines(self, values: np.ndarray) -> None:
        """Replace a flat array by its sum over the ranks of this local number on all machines."""
        raise NotImplementedError(f"{type(self).__name__} defines no sum_between_machines")

    def share_update(self, optimizer: Any, weights: Sequence[Any], wanted: bool = True) -> None:
        """Have `update` be that of these weights (tensors), of all ranks together, or None where it cannot be shared.

        It is shared where all ranks want it. All call it, before the first of some steps.
        """
        made = next((each for each in self._updates if each.fits(optimizer, weights)), None)
        able = wanted and can_share(self, optimizer, weights)
        hindrance = self.largest((not able) << 1 | (made is None))
        if hindrance == 1:
            made = SharedUpdate(self, optimizer, weights)
            self._updates = [*self._updates[1 - MODELS :], made]
        self.update = made if hindrance < 2 else None

    def broadcast_weights(self, weights: Sequence[Any]) -> None:
        """Give the weights (tensors) of all the values that they have on rank 0."""
        given = self.broadcast([weight.numpy() for weight in weights] if self.rank == 0 else None)
        if self.rank:
            for weight, value in zip(weights, given, strict=True):
                weight.assign(value)

    def mean_logs(self, logs: Mapping[str, Any], samples: int) -> dict[str, Any]:
        """Return the mean of each of the logs that all have, weighted by the samples that each saw."""
        found = [(each, n) for each, n in self.gather((dict(logs), samples)) if n]
        total = sum(n for _, n in found)
        names = found[0][0] if found else {}
        return {name: sum(each[name] * (n / total) for each, n in found) for name in names}

    def require_same(self, found: Mapping[str, Any], fix: str = "") -> None:
        """Raise `RankError`, on all ranks, unless what each has found is the same everywhere: the first difference."""
        all_found = self.gather(dict(found))
        for name, expected in all_found[0].items():
            for rank, each in enumerate(all_found):
                if name not in each or each[name] != expected:
                    values = _compared(expected, each.get(name, "nothing"))
                    raise RankError.of_all(f"{name} of rank {rank} {values}: all ranks need the same{fix}")

    def agreed(self, work: Callable[[], Result], *kinds: type[Exception]) -> Result:
        """Return what `work` does here, if it succeeds on all ranks; an error of the `kinds` is raised on all.

        It is raised as `RankError` that names the ranks, or, where all have the same, with its own words alone.
        """
        result, reason = None, None
        try:
            result = work()
        except kinds as error:
            reason = str(error)
        reasons = self.gather(reason)
        failed = {rank: each for rank, each in enumerate(reasons) if each is not None}
        if not failed:
            return result  # type: ignore[return-value]
        if len(failed) == self.size and len(set(failed.values())) == 1:
            raise RankError.of_all(reasons[0])
        raise RankError.of_all("; ".join(f"rank {rank}: {each}" for rank, each in failed.items()))

    def end_all(self, code: int) -> None:
        """End all ranks with this exit code, whatever they do, once this process ends; for ranks that are processes."""

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """Make steps together inside the `with` block: a signal that came is heeded after a batch, by all at once."""
        self.in_step = True
        try:
            yield
        finally:
            self.in_step = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # a copy of a model trains with the same others

    def __reduce__(self) -> Never:
        raise TypeError("a communicator cannot be pickled: it is a connection to running processes")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} rank {self.rank} of {self.size}>"


class Alone(Communicator):
    """The only rank there is."""

    def sum_inplace(self, values: Array) -> None:
        """Leave the array as it is: a sum of one."""

    def gather(self, value: Any) -> list[Any]:
        """Return a list of the value."""
        return [value]

    def broadcast(self, value: Any) -> Any:
        """Return the value."""
        return value


def _compared(expected: Any, found: Any) -> str:
    """Say how a value differs from rank 0's, with both where they are short."""
    both = f"is {found}, that of rank 0 {expected}"
    readable = all(isinstance(each, str | int | float | tuple | list) for each in (expected, found))
    return both if readable and len(both) < 160 else "differs from that of rank 0"


def flat_numbers(arrays: Sequence[Any]) -> np.ndarray:
    """Return the numbers of arrays, and single ones, one after the other, in float64."""
    parts = [np.asarray(each, np.float64).reshape(-1) for each in arrays]
    return np.concatenate(parts) if parts else np.empty(0)
