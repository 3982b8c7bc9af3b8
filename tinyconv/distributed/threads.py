"""How many threads a rank computes on: its share of the cores of its machine."""

import os
import warnings
from math import ceil

from .. import kernels
from ..kernels.cpus import quota, usable
from .communicator import Communicator


def granted() -> int:
    """Return how many cores the ranks on this machine have together.

    A launcher may bind each rank to some cores, but not itself: what it may use, this process's parent, they all may.
    """
    cores = usable()
    if hasattr(os, "sched_getaffinity"):
        try:
            cores = len(os.sched_getaffinity(0) | os.sched_getaffinity(os.getppid()))
        except OSError:  # the parent has ended, or is not to be looked at
            cores = len(os.sched_getaffinity(0))
    limit = quota()
    return cores if limit >= cores else max(1, ceil(limit))


def take_share(communicator: Communicator) -> int:
    """Compute on this rank's share of the cores, and return how many these are; warn if it is bound to fewer."""
    if communicator.local_size == 1 and communicator.size == 1:
        return kernels.threads()
    cores, bound = granted(), usable()
    share = max(1, cores // communicator.local_size)
    if bound < share:
        warnings.warn(
            f"rank {communicator.rank} is bound to {bound} of this machine's {cores} cores, its share is {share}: "
            "have mpiexec bind ranks to none (Open MPI: --bind-to none; MPICH: -bind-to none; Slurm: --cpu-bind=none)",
            stacklevel=3,
        )
    threads = min(share, bound)
    kernels.set_threads(threads)
    return threads
