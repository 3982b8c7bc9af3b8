"""Several processes train one model, each on its share of every batch: data-parallel training.

    model.compile("adam", "categorical_crossentropy", distributed=tc.distributed.mpi())
    model.fit(x, y, batch_size=200)

started by `mpiexec -n 4 python -m mpi4py train.py`. Each process, a *rank*, has the whole model and the same data. Of
every batch it computes its share; the gradients of all are averaged, each weighted by its samples, and every rank makes
the same update. So it computes what one process computes with the whole batch. `docs/distributed.md` says more.
"""

from .communicator import Alone, Communicator, Interrupted, RankError
from .in_threads import in_threads
from .processes import mpi
from .shares import computing_share, current_share

__all__ = [
    "Alone",
    "Communicator",
    "Interrupted",
    "RankError",
    "computing_share",
    "current_share",
    "in_threads",
    "mpi",
]
