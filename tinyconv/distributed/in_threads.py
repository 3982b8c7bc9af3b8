"""Ranks that are threads of one process: for tests, and for a look at what happens."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

import numpy as np

from .communicator import Communicator, RankError

Result = TypeVar("Result")


class Meeting:
    """Where the threads put what they give to the others; the barrier has all see the same."""

    def __init__(self, size: int) -> None:
        self.places: list[Any] = [None] * size
        self.barrier = threading.Barrier(size)

    def wait(self) -> None:
        """Wait for the other threads."""
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            raise RankError("another rank has ended") from None


class ThreadCommunicator(Communicator):
    """One of the ranks of `in_threads`. Sums are always taken in the order of the ranks."""

    shares_memory = True

    def __init__(self, rank: int, meeting: Meeting) -> None:
        super().__init__()
        self.rank = self.local_rank = rank
        self.size = self.local_size = len(meeting.places)
        self.meeting = meeting

    def gather(self, value: Any) -> list[Any]:
        """Return the values that all give, in the order of their ranks: the objects themselves."""
        self.meeting.places[self.rank] = value
        self.meeting.wait()
        found = list(self.meeting.places)
        self.meeting.wait()
        return found

    def broadcast(self, value: Any) -> Any:
        """Return the object that rank 0 gives."""
        return self.gather(value)[0]

    def sum_inplace(self, values: Any) -> None:
        """Replace a flat array by its sum over all ranks."""
        parts = self.gather(values)
        total = parts[0].copy()
        for part in parts[1:]:
            total += part
        self.meeting.wait()
        values[...] = total

    def memory(self, count: int, dtype: Any) -> np.ndarray:
        """Return an array (local_size, count) that all ranks see."""
        return np.asarray(self.broadcast(np.empty((self.size, count), dtype) if self.rank == 0 else None))

    def meet(self) -> None:
        """Wait until all ranks are here."""
        self.meeting.wait()


def in_threads(size: int, work: Callable[[Communicator], Result]) -> list[Result]:
    """Run `work` in `size` threads, each with the communicator of a rank, and return their results in ranks' order.

    An error of one ends all, and is raised with a note of its rank. What is switched by a `with` block around the call
    holds in the threads. Models are made before: how layers number their streams is a matter of the process.
    """
    meeting = Meeting(size)
    results: list[Any] = [None] * size
    errors: dict[int, BaseException] = {}

    def run(rank: int) -> None:
        try:
            results[rank] = work(ThreadCommunicator(rank, meeting))
        except BaseException as error:
            error.add_note(f"in rank {rank}")
            errors[rank] = error
            meeting.barrier.abort()

    threads = [threading.Thread(target=copy_context().run, args=(run, rank)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in sorted(errors.values(), key=_is_consequence):
        raise error
    return results


def _is_consequence(error: BaseException) -> bool:
    """Return whether an error only says that another rank had one."""
    return isinstance(error, RankError) and not error.everywhere
