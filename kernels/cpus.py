"""How many CPUs this process may use, and how many threads compute on them."""

import os
from math import ceil, inf
from pathlib import Path


def usable() -> int:
    """Return how many CPUs the system lets this process use: those it is bound to, or fewer in a container's limits."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        bound = os.process_cpu_count()
    elif hasattr(os, "sched_getaffinity"):
        bound = len(os.sched_getaffinity(0))
    else:
        bound = os.cpu_count()
    bound = bound or 1  # None: the system does not tell
    limit = quota()
    return bound if limit >= bound else max(1, ceil(limit))


def quota(root: Path = Path("/")) -> float:
    """Return how many CPUs' time Linux's control groups grant this process: a fraction, perhaps; infinity: no limit.

    `cpu.max` of version 2 has the microseconds of each period and the period; version 1 has a file for either. A limit
    of an outer group counts for those inside it. See the kernel's documentation, cgroup-v2 and sched-bwc.
    """
    groups = root / "sys/fs/cgroup"
    limit = inf
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return inf
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        inside = [part for part in path.split("/") if part]
        for mount in (groups / controllers, groups / "cpu") if controllers else (groups, groups / "unified"):
            for depth in range(len(inside) + 1):
                limit = min(limit, _limit(mount.joinpath(*inside[:depth])))
    return limit


def _limit(group: Path) -> float:
    """Return how many CPUs' time one control group has."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            time, period = " ".join([(group / name).read_text() for name in names]).split()
            return int(time) / int(period) if int(time) > 0 else inf
        except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
            continue
    return inf


def threads() -> int:
    """Return how many threads compute on the CPU, in the kernels and in BLAS.

    At first that is the number of CPUs that this process may use, or the environment's NUMBA_NUM_THREADS.
    """
    from .cpu import parallel

    return parallel.threads()


def set_threads(count: int) -> None:
    """Let `count` threads compute on the CPU, in the kernels and in BLAS, whichever thread of Python calls them.

    Raises ValueError when `count` is not between 1 and the number Numba started with: that of the cores this process is
    bound to, or the environment's NUMBA_NUM_THREADS.
    """
    from .cpu import parallel

    parallel.set_threads(count)
