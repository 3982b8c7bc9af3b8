"""A run of several ranks: what rank 0 does for all, such as writing, and what all must have alike."""

import signal
from argparse import Namespace
from collections.abc import Callable
from typing import TypeVar

from .._version import __version__
from ..data import ArrayDataset, Dataset
from ..distributed import Alone, Communicator, mpi
from ..training.alike import fingerprint
from .errors import RunError
from .recipe import Data, Part

Result = TypeVar("Result")


class TogetherError(RunError):
    """What keeps all ranks from going on; all raise it."""


def connected(options: Namespace) -> Communicator:
    """Return the communicator that the options ask for; raises RankError if there is none."""
    if not options.distributed:
        return Alone()
    return mpi(options.deterministic, options.time_limit)


def by_rank_0(ranks: Communicator, work: Callable[[], Result]) -> Result:
    """Return, on all ranks, what `work` does on rank 0 alone; a RunError of it is raised on all."""
    if ranks.size == 1:
        return work()
    done: tuple[Result | None, str | None] = (None, None)
    if ranks.rank == 0:
        try:
            done = work(), None
        except RunError as error:
            done = None, str(error)
    result, reason = ranks.broadcast(done)
    if reason is not None:
        raise TogetherError(reason)
    return result


def by_all(ranks: Communicator, work: Callable[[], Result]) -> Result:
    """Return what `work` does on this rank, if it does on all; else all raise what those say that failed."""
    return work() if ranks.size == 1 else ranks.agreed(work, RunError)


def require_same_settings(ranks: Communicator, options: Namespace) -> None:
    """Raise RankError unless all ranks were started alike."""
    ranks.require_same(
        {"tinyconv's version": __version__, **{f"option {name}": str(value) for name, value in vars(options).items()}}
    )


def require_same_data(ranks: Communicator, data: Data) -> None:
    """Raise RankError unless all ranks have the same images."""
    for name, part in (("images to train on", data.training), ("images to validate on", data.validation)):
        ranks.require_same({f"the {name}: {what}": value for what, value in fingerprint(_dataset(part)).items()})


def _dataset(part: Part) -> Dataset:
    return part if isinstance(part, Dataset) else ArrayDataset(*part)


def stop_all_later(ranks: Communicator, number: int) -> bool:
    """Have a signal heeded by all ranks together, after the batch at hand; False if they make no steps at present.

    A second one ends the process at once.
    """
    if not ranks.in_step or ranks.size == 1:
        return False
    signal.signal(number, signal.SIG_DFL)
    ranks.interrupted = number
    return True
