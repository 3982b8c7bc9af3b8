"""The threads that share a kernel's iterations, and BLAS's: how many there are, how they wait, and what a fork does.

Numba hands the iterations of a `prange` to one of three libraries: TBB, OpenMP, or a queue of its own ("workqueue").
"""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from importlib import import_module
from operator import index
from typing import Any

import numba
from numba.core import config
from threadpoolctl import ThreadpoolController

from .. import cpus
from .compile import Kernel, ParallelKernel

__all__ = ["set_threads", "single_threaded_blas", "threads", "threads_here"]

SPIN_COUNT = "GOMP_SPINCOUNT"  # how often an idle thread of GNU's OpenMP looks for work before it sleeps
PAUSE_HARD = 2  # the OpenMP standard's omp_pause_hard: free all that can be freed

FORKED = (
    "this process was forked from one that computes in several threads, and they did not come along: "
    'start it anew, with multiprocessing.get_context("spawn")'
)


def _load_openmp() -> Any:
    """Load Numba's part for OpenMP, whose idle threads shall wait 0.2 ms for the next parallel loop and then sleep.

    To wake a sleeper takes 60 to 100 µs, as long as many a kernel, and in a training step the next loop mostly comes
    sooner than that. By default GNU's library would let them spin for milliseconds; but NumPy's BLAS has threads of its
    own, and a product right after a kernel, slowed from 0.3 ms to 0.6 ms now, then took 8 ms. The library reads these
    variables once, when it is loaded, so this one is set for just that moment: neither child processes nor other
    libraries see it.
    """
    ours = "OMP_WAIT_POLICY" not in os.environ and SPIN_COUNT not in os.environ
    if ours:
        os.environ[SPIN_COUNT] = "20000"
    try:
        import numba.np.ufunc.omppool as library
    except ImportError:  # no OpenMP here: Numba will run its loops by other means
        return None
    finally:
        if ours:
            del os.environ[SPIN_COUNT]
    return library


_openmp = _load_openmp()
numba.get_num_threads()  # Numba chooses its library now
_library = numba.threading_layer()
# The same number from the library itself: Numba takes two locks to see whether it is there, as long as a small kernel.
_threads_of_numba: Any = getattr(import_module("numba.np.ufunc.parallel"), "_get_num_threads", numba.get_num_threads)

_threads = config.NUMBA_NUM_THREADS  # of every kernel; Numba by itself counts for each thread of Python
_changes = 0  # how often that number was set


class _Here(threading.local):
    """What this thread of Python has been told."""

    changes = 0  # the last one that it followed


_here = _Here()

# "workqueue" aborts the process when two threads of Python launch kernels at once. A signal's handler may compute.
_launching: Any = threading.RLock() if _library == "workqueue" else nullcontext()


def threads() -> int:
    """Return how many threads kernels and BLAS compute with."""
    return _threads


def threads_here() -> int:
    """Return how many threads the next kernel that this thread of Python calls will have."""
    if _here.changes != _changes:
        numba.set_num_threads(_threads)
        _here.changes = _changes
    return int(_threads_of_numba())


def set_threads(count: int) -> None:
    """Let `count` threads compute in the kernels and in BLAS; see `cpus.set_threads`."""
    global _threads, _changes
    most = config.NUMBA_NUM_THREADS
    if not hasattr(count, "__index__") or not 1 <= count <= most:
        raise ValueError(f"the number of threads must be a whole number from 1 to {most}, got {count!r}")
    _threads, _changes = index(count), _changes + 1
    _guard_launches()
    with _blas_lock:
        if _alone:
            _restore[:] = [_threads] * len(_restore)
        else:
            _set_blas_threads([_threads] * len(_blas_libraries()))


def _start_with(count: int) -> None:
    """Let `count` threads compute from the start: Numba and BLAS know nothing of a container's limits."""
    global _threads, _changes
    _threads, _changes = count, 1
    _guard_launches()
    # BLAS has fewer, where the environment says so.
    _set_blas_threads([min(count, library.num_threads) for library in _blas_libraries()])


def _guard_launches() -> None:
    """Have every launch of a parallel kernel see to the threads first; without a guard it goes straight into C."""

    def launch(kernel: Any, *arguments: Any) -> Any:
        if _here.changes != _changes:
            threads_here()
        with _launching:
            return Kernel.__call__(kernel, *arguments)

    ParallelKernel.__call__ = launch


@cache
def _blas_libraries() -> list[Any]:
    """Find the BLAS libraries of this process: NumPy's, and SciPy's, which serves `np.dot` inside compiled kernels.

    Found once, since the search takes 10 ms. In pip's wheels these are two libraries; conda links both to one.
    """
    import scipy.linalg.cython_blas  # noqa: F401  (loads SciPy's BLAS, or it would not be found)

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


_blas_lock = threading.Lock()
_alone = 0  # blocks of `single_threaded_blas` that are being run
_restore: list[int] = []  # each library's threads before the first of them


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Keep BLAS to one thread inside the `with` block, for `np.dot` in the iterations of a parallel loop.

    Blocks may nest and run in several Python threads; the last one out restores what the first one found. Costs 10 µs.
    """
    global _alone
    libraries = _blas_libraries()
    with _blas_lock:
        if not _alone:
            _restore[:] = [library.num_threads for library in libraries]
            _set_blas_threads([1] * len(libraries))
        _alone += 1
    try:
        yield
    finally:
        with _blas_lock:
            _alone -= 1
            if not _alone:
                _set_blas_threads(_restore)


def _set_blas_threads(counts: list[int]) -> None:
    """Let each BLAS library have so many threads, for all threads of Python.

    Since 3.7, `threadpoolctl` listens only to the thread of Python that came first, until that says that it is done.
    """
    for library, count in zip(_blas_libraries(), counts, strict=True):
        release = getattr(library, "clear_controlling_thread", lambda force: None)
        release(force=True)
        library.set_num_threads(count)
        release(force=True)


def _prepare_for_forks() -> None:
    """See to it that kernels run in the child of a fork, or say why not.

    A fork copies the thread that calls it, and no other. GNU's OpenMP would wait for the others for ever, so Numba ends
    such a child by SIGTERM. Here the forking thread's helpers are sent home before the fork, as OpenMP's standard has
    it since 5.0, come again at the next kernel in parent and child, and Numba is told that the child is in order. All
    that is done in C: an exception that a signal raises at a fork would be lost.
    """
    os.register_at_fork(after_in_child=_renew)
    gnu = _library == "omp" and getattr(_openmp, "openmp_vendor", "") == "GNU"
    if not gnu and _library != "workqueue":
        return  # the others see to it themselves
    try:
        pool = _openmp if gnu else import_module("numba.np.ufunc.workqueue")
        launch = ctypes.CFUNCTYPE(None, ctypes.c_int)(pool.launch_threads)
        if gnu:
            os.register_at_fork(before=partial(ctypes.CDLL(pool.__file__).omp_pause_resource_all, PAUSE_HARD))
    except (AttributeError, ImportError, OSError):  # an OpenMP before 5.0, or another Numba
        os.register_at_fork(after_in_child=_refuse_launches)
    else:
        os.register_at_fork(after_in_child=partial(launch, config.NUMBA_NUM_THREADS))


def _renew() -> None:
    """In the child of a fork: forget the locks and the BLAS blocks of threads that are not there."""
    global _alone, _blas_lock, _launching
    _blas_lock = threading.Lock()
    if _alone:
        _alone = 0
        _set_blas_threads(_restore)
    if _library == "workqueue":
        _launching = threading.RLock()


def _refuse_launches() -> None:
    def refuse(kernel: Any, *arguments: Any) -> Any:
        raise RuntimeError(FORKED)

    ParallelKernel.__call__ = refuse


if _library == "workqueue":
    _guard_launches()
if hasattr(os, "register_at_fork"):
    _prepare_for_forks()
if "NUMBA_NUM_THREADS" not in os.environ and cpus.usable() < _threads:
    _start_with(cpus.usable())
