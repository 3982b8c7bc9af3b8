"""Ranks that are processes, on one machine or on many, connected by MPI, through mpi4py.

Arrays of NumPy go through MPI's buffers; those of a GPU by way of the machine's memory.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from .. import kernels
from ..randomness import seed, set_seed
from .communicator import Communicator, RankError
from .memory import shared_memory

TIME_LIMIT = 300.0  # seconds
STARTED_BY = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")  # where launchers say how many processes there are
LAUNCHERS = ("hydra_pmi_proxy", "prted", "prterun")  # of MPICH and Open MPI: what the ranks of a machine are started by
GAVE_UP = 75  # the exit code of a rank that has waited too long for the others


class MPICommunicator(Communicator):
    """What `mpi` returns."""

    def __init__(self, deterministic: bool = False, time_limit: float = TIME_LIMIT) -> None:
        super().__init__()
        self.mpi = _library()
        self.world = self.mpi.COMM_WORLD
        self.rank, self.size = self.world.rank, self.world.size
        _refuse_singletons(self.size)
        self.here = self.world.Split_type(self.mpi.COMM_TYPE_SHARED)
        self.local_rank, self.local_size = self.here.rank, self.here.size
        self.peers = self.world.Split(self.local_rank)  # of this local number, one on each machine
        self.machines = self.peers.size
        self.host = socket.gethostname()
        self.deterministic = deterministic
        self._number = np.zeros(1, np.int64)
        self._watch = Watch(self, time_limit)
        if self.size > 1:
            self._watch.start()
            sys.excepthook = self._report
            alike = self.machines * self.local_size == self.size and shared_memory(self.here, 1) is not None
            self.shares_memory = not self.largest(not alike)

    def gather(self, value: Any) -> list[Any]:
        """Return the values that all give, in the order of their ranks."""
        with self._watch.waiting():
            return list(self.world.allgather(value))

    def broadcast(self, value: Any) -> Any:
        """Return the value that rank 0 of all gives."""
        with self._watch.waiting():
            return self.world.bcast(value)

    def largest(self, value: int) -> int:
        """Return the largest of the numbers that all give."""
        if self.size == 1:
            return value
        self._number[0] = value
        with self._watch.waiting():
            self.world.Allreduce(self.mpi.IN_PLACE, self._number, self.mpi.MAX)
        return int(self._number[0])

    def sum_inplace(self, values: Any) -> None:
        """Replace a flat array by its sum over all ranks, which is the same to the last bit on each."""
        if self.size == 1:
            return
        host = kernels.move(values, "cpu")
        with self._watch.waiting():
            self._sum(host, self.world)
        if host is not values:
            values[...] = kernels.move(host, "gpu")

    def _sum(self, values: np.ndarray, ranks: Any) -> None:
        """Replace an array by its sum over the ranks of a communicator of MPI."""
        if self.deterministic:
            self._sum_in_order(values, ranks)
        else:
            ranks.Allreduce(self.mpi.IN_PLACE, values, self.mpi.SUM)

    def _sum_in_order(self, values: np.ndarray, ranks: Any) -> None:
        """Sum in the order of the ranks: each gathers one part of the arrays, adds it up, and gives it to all."""
        shape = ranks.size, -(-values.size // ranks.size)
        sent, parts = np.zeros(shape, values.dtype), np.empty(shape, values.dtype)
        sent.reshape(-1)[: values.size] = values
        ranks.Alltoall(sent, parts)
        total = parts[0]
        for part in parts[1:]:
            total += part
        ranks.Allgather(total, sent)
        values[...] = sent.reshape(-1)[: values.size]

    def memory(self, count: int, dtype: Any) -> np.ndarray:
        """Return an array (local_size, count), not cleared, that all ranks of this machine see."""
        with self._watch.waiting():
            found = shared_memory(self.here, count * np.dtype(dtype).itemsize)
        if found is None:
            raise RankError(f"rank {self.rank} gets no memory in common with the others of its machine")
        return found.view(dtype)

    def meet(self) -> None:
        """Wait until all ranks of this machine are here."""
        with self._watch.waiting():
            self.here.Barrier()

    def sum_between_machines(self, values: np.ndarray) -> None:
        """Replace a flat array by its sum over the ranks of this local number on all machines."""
        with self._watch.waiting():
            self._sum(values, self.peers)

    def end_all(self, code: int) -> None:
        """End all ranks, whatever they do, once this process ends."""
        from mpi4py.run import set_abort_status

        if self.size > 1:
            set_abort_status(code)

    def _report(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        """Print the traceback of an error that nobody has caught under the name of the rank, and end all ranks."""
        if isinstance(error, RankError) and error.everywhere and self.rank:
            return  # rank 0 says the same, and ends all
        print(f"rank {self.rank} of {self.size}, on {self.host}:", file=sys.stderr)
        sys.__excepthook__(kind, error, traceback)
        sys.stderr.flush()
        self.end_all(1)


class Watch(threading.Thread):
    """Ends a rank that has waited for the others longer than the limit: one has stopped, or does not answer.

    No rank can tell from inside MPI, which waits for ever.
    """

    def __init__(self, communicator: MPICommunicator, limit: float) -> None:
        super().__init__(name="tinyconv-watch", daemon=True)
        self.communicator, self.limit = communicator, limit
        self.since: float | None = None  # when the rank began to wait

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for the others inside the `with` block."""
        self.since = time.monotonic()
        try:
            yield
        finally:
            self.since = None

    def run(self) -> None:
        """Count, look by look, how long the rank has been waiting; not what passes while the whole job is suspended."""
        period, waited, before = min(1.0, self.limit / 4), 0.0, None
        while True:
            time.sleep(period)
            since = self.since
            waited = waited + period if since is not None and since == before else 0.0
            before = since
            if waited > self.limit:
                who = f"rank {self.communicator.rank} of {self.communicator.size}, on {self.communicator.host}"
                lost = f"has waited {self.limit:g} s for the others: one has stopped, or the link to it is cut"
                os.write(2, f"{who}, {lost}. All end; the time limit can be set.\n".encode())
                if self.communicator.local_size < self.communicator.size:
                    time.sleep(1)  # in which the launcher passes the words on
                    _end_launcher()
                os._exit(GAVE_UP)


def _end_launcher() -> None:
    """End the launcher's process that started the ranks of this machine, and these.

    It would try to end those of the other machines first. Where the link is cut the system repeats what it sends for a
    quarter of an hour, however soon an idle connection would be given up.
    """
    parent = os.getppid()
    with suppress(OSError):  # not Linux
        if Path(f"/proc/{parent}/comm").read_text().strip() in LAUNCHERS:
            ranks = map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
            for process in (*(each for each in ranks if each != os.getpid()), parent):
                os.kill(process, signal.SIGKILL)


def _library() -> Any:
    """Return mpi4py's MPI, started; raises RankError where there is none."""
    try:
        from mpi4py import MPI
    except ModuleNotFoundError:
        raise RankError('training in several processes needs MPI: pip install -e ".[mpi]"') from None
    except (ImportError, RuntimeError) as error:
        said = " ".join(str(error).split())
        raise RankError(f'mpi4py finds no MPI ({said}): pip install -e ".[mpi]" brings one') from None
    return MPI


def _refuse_singletons(size: int) -> None:
    """Refuse to be one of several processes that do not know of each other: each would train for itself."""
    started = max((int(os.environ.get(name, 1)) for name in STARTED_BY), default=1)
    if size == 1 and started > 1:
        raise RankError(
            f"this is one of {started} processes, but MPI sees one alone: mpiexec and mpi4py belong to different MPIs; "
            "start with the mpiexec that lies beside python"
        )


def mpi(deterministic: bool = False, time_limit: float = TIME_LIMIT) -> MPICommunicator:
    """Return the communicator of this process, which `mpiexec` has started as one of several.

    From now on all ranks draw the random numbers of rank 0, and each computes on its share of the cores: make the
    communicator before the model. `deterministic` sums in the order of the ranks, so that the same run gives the same
    bits whatever the timing. A rank that waits for the others longer than `time_limit` seconds ends all. Raises
    `RankError` where mpi4py or an MPI is missing.
    """
    communicator = MPICommunicator(deterministic, time_limit)
    seeds = communicator.gather(seed())
    if len(set(seeds)) > 1:
        set_seed(seeds[0])
    from .threads import take_share

    take_share(communicator)
    return communicator
