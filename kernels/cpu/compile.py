"""How Numba compiles the CPU kernels, and how many threads they and BLAS use: the whole policy in one file."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, wraps
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
from numba.core import config
from numba.core.event import Event, Listener, register
from numba.core.registry import CPUDispatcher
from numba.core.types.misc import unliteral
from threadpoolctl import ThreadpoolController

from ..signals import signals_delayed
from .machine_code import whole_kernels

__all__ = [
    "elementwise",
    "helper",
    "jit",
    "parallel_jit",
    "set_threads",
    "single_threaded_blas",
    "vector_jit",
]

# Up to this many elements, waking the other threads takes longer than the work they would save.
SMALL = 16384

# No liberty is taken with floating-point arithmetic ("fast math"): a kernel gives the same bits however the compiler
# arranges its loops. Where one gains by fused or reordered sums, it says so itself, in `vectors.py`.
POLICY = {"nogil": True, "error_model": "numpy", "boundscheck": False}

# Only a written `prange` runs in parallel. Numba's search of array expressions for more of it lengthens compilation and
# would split reductions by the number of threads. Pass a copy: Numba empties the dict it is given.
EXPLICIT_ONLY = {
    "comprehension": False,
    "reduction": False,
    "inplace_binop": False,
    "setitem": False,
    "numpy": False,
    "stencil": False,
    "fusion": False,
    "prange": True,
}

SPIN = "GOMP_SPINCOUNT"  # how often an idle thread of GNU's OpenMP looks for work before it sleeps

PACKAGE = __name__.rpartition(".")[0]

# Names, times and sizes of the files that machine code on disk was made from. A kernel is made of functions of several,
# but Numba looks at its own file only, and would run it as it was before the others changed.
FOLDER = Path(__file__).parent
SOURCES = tuple(
    (str(path.relative_to(FOLDER)), path.stat().st_mtime_ns, path.stat().st_size)
    for path in sorted(FOLDER.rglob("*.py"))
)


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` at its first call, for one thread, and keep the machine code on disk."""
    return _keep(numba.njit(**POLICY)(function))


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` as `jit` does, but into the kernels that call it: Python cannot call it by itself.

    It is kept on disk as a part of them, and compiles faster for want of an entrance from Python.
    """
    return numba.njit(**POLICY, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def common_helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` as `helper` does, but once for all its callers.

    Numba compiles a function anew for every constant that it is called with. In a few places that pays: what is never
    needed is left out. A product would be compiled six times for a first training step, and be no faster.
    """
    compiled: Any = helper(function)
    if config.DISABLE_JIT:
        return function
    template = compiled.get_call_template
    compiled.get_call_template = lambda args, kws: template(
        tuple(unliteral(kind) for kind in args), {name: unliteral(kind) for name, kind in kws.items()}
    )
    return compiled


def parallel_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` as `jit` does, with the iterations of each `numba.prange` dealt out to the threads.

    One iteration must own whatever it writes, and its work must not depend on the number of threads: then neither do
    the results.
    """
    return _keep(numba.njit(**POLICY, parallel=dict(EXPLICIT_ONLY))(function))


def vector_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` as `parallel_jit` does, for a kernel that leaves its inner loops to `vectors.py`.

    What remains is simple, and optimised at level 1 instead of 3: a third less to wait at the first call, no slower.
    """
    compiled: Any = parallel_jit(function)
    compiled.simple = True  # see `_Compilation`
    return compiled


def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a loop `for i in prange(first.size)` twice, at need: for one thread, where the first argument is small,
    and for all of them.

    Element i must depend on nothing but element i. The threads' shares end where their number has it, and the last few
    elements of a share are done one by one, not in vector registers; so no liberty is taken with the arithmetic, and
    the same operations, each rounded once, give the same bits in either version and on any number of threads.
    """
    serial = FunctionType(function.__code__, function.__globals__, function.__name__ + "_serial")
    serial.__module__ = function.__module__
    serial.__qualname__ = function.__qualname__ + "_serial"  # Numba's files on disk go by this name
    small = _keep(numba.njit(**POLICY)(serial))
    large = _keep(numba.njit(**POLICY, parallel=dict(EXPLICIT_ONLY))(function))

    @wraps(function)
    def choose(first: Any, *others: Any) -> None:
        (small if first.size <= SMALL else large)(first, *others)

    return choose


class _Kernel(CPUDispatcher):
    """What Numba makes of a function; while it compiles, or loads machine code from disk, Ctrl-C waits.

    LLVM calls back into Python then, through `ctypes`, which prints what a signal handler raises there and goes on.
    """

    __slots__ = ()

    def compile(self, signature: Any) -> Any:
        """Compile for arguments of these types, or find what was compiled for them."""
        with signals_delayed():
            return super().compile(signature)


def _keep(compiled: Any) -> Callable[..., Any]:
    """Make a kernel of what Numba made of a function, have its machine code kept on disk, and return it."""
    if not config.DISABLE_JIT:
        compiled.__class__ = _Kernel
        try:
            compiled.enable_caching()
            compiled._cache._cache_file._source_stamp = SOURCES
        except RuntimeError:
            # Numba found no folder it may write to (a read-only installation without a home): the kernel still works,
            # but every process compiles it anew. `_Compilation` tells the user.
            compiled.kept_nowhere = True
    return compiled


class _Compilation(Listener):
    """Says once a process, on stderr, that kernels are being compiled: the wait should explain itself. Has them made
    into machine code whole, and sets the level of optimisation, which Numba has for all functions or none.

    Numba sends "numba:compile", under its compiler's lock, only when it found no machine code on disk.
    """

    def __init__(self) -> None:
        self.told = False
        self.settings: list[ExitStack] = []  # for each function that is being compiled, one inside the other

    def on_start(self, event: Event) -> None:
        dispatcher, setting = event.data["dispatcher"], ExitStack()
        setting.callback(setattr, config, "OPT", config.OPT)
        if not self.settings and _is_kernel(dispatcher):
            setting.enter_context(whole_kernels())
        self.settings.append(setting)
        if hasattr(dispatcher, "simple"):
            config.OPT = type(config.OPT)(1)
        if _is_kernel(dispatcher) and not self.told:
            self.told = True
            if hasattr(dispatcher, "kept_nowhere"):
                kept = "not kept, for want of a folder to write to: set NUMBA_CACHE_DIR"
            else:
                kept = f"kept in {dispatcher.stats.cache_path}"
            print(f"tinyconv: compiling Numba kernels for this machine, once ({kept})", file=sys.stderr, flush=True)

    def on_end(self, event: Event) -> None:
        self.settings.pop().close()


def _is_kernel(dispatcher: Any) -> bool:
    """Return whether it is one of ours and not somebody else's function."""
    return (dispatcher.py_func.__module__ or "").startswith(PACKAGE + ".")


register("numba:compile", _Compilation())


def _load_openmp() -> None:
    """Have Numba's idle OpenMP threads wait 0.2 ms for the next parallel loop and then sleep.

    To wake a sleeper takes 60 to 100 µs, as long as many a kernel, and in a training step the next loop mostly comes
    sooner than that. By default GNU's library would let them spin for milliseconds; but NumPy's BLAS has threads of its
    own, and a product right after a kernel, slowed from 0.3 ms to 0.6 ms now, then took 8 ms. The library reads these
    variables once, when it is loaded, so this one is set for just that moment: neither child processes nor other
    libraries see it.
    """
    if "OMP_WAIT_POLICY" in os.environ or SPIN in os.environ:
        return
    os.environ[SPIN] = "20000"
    try:
        with suppress(ImportError):  # no OpenMP here: Numba will run its loops by other means
            import numba.np.ufunc.omppool  # noqa: F401
    finally:
        del os.environ[SPIN]


_load_openmp()


@cache
def _blas_libraries() -> list[Any]:
    """Find the BLAS libraries of this process: NumPy's, and SciPy's, which serves `np.dot` inside compiled kernels.

    Found once, since the search takes 10 ms. In pip's wheels these are two libraries; conda links both to one.
    """
    import scipy.linalg.cython_blas  # noqa: F401  (loads SciPy's BLAS, or it would not be found)

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


def set_threads(count: int) -> None:
    """Let the kernels called from this Python thread, and BLAS everywhere, use `count` threads.

    Raises ValueError when `count` is not between 1 and the number Numba started with (all cores, or the environment's
    NUMBA_NUM_THREADS).
    """
    if not 1 <= count <= config.NUMBA_NUM_THREADS:
        raise ValueError(f"the number of threads must be from 1 to {config.NUMBA_NUM_THREADS}, got {count}")
    numba.set_num_threads(count)
    for library in _blas_libraries():
        library.set_num_threads(count)


_lock = threading.Lock()
_inside = 0
_restore: list[int] = []


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Keep BLAS to one thread inside the `with` block, for `np.dot` in the iterations of a parallel loop.

    Blocks may nest and run in several Python threads; the last one out restores what the first one found. Costs 10 µs.
    """
    global _inside
    libraries = _blas_libraries()
    with _lock:
        if not _inside:
            _restore[:] = [library.num_threads for library in libraries]
            for library in libraries:
                library.set_num_threads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                for library, threads in zip(libraries, _restore, strict=True):
                    library.set_num_threads(threads)
