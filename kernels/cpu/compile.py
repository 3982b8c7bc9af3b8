"""How Numba compiles the CPU kernels, and how many threads they and BLAS use: the whole policy in one file."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, wraps
from types import FunctionType
from typing import Any

import numba
from llvmlite import ir
from numba.core import config, types
from numba.core.event import Event, Listener, register
from numba.extending import intrinsic
from threadpoolctl import ThreadpoolController

__all__ = [
    "LANES",
    "elementwise",
    "helper",
    "jit",
    "parallel_jit",
    "set_threads",
    "single_threaded_blas",
    "vector_copy",
]

# Up to this many elements, waking the other threads takes longer than the work they would save.
SMALL = 16384

# What the compiler may assume of floating-point arithmetic. Left out on purpose are `nnan` and `ninf`, since NaN and
# infinity must come through every kernel, so that a diverging run shows; `arcp` and `afn`, which trade accuracy for
# speed in places nobody chose: a kernel that wants a reciprocal says so.
FAST_MATH = {
    "contract",  # a·b + c may become one fused multiply-add: faster, and rounded once instead of twice
    "nsz",  # the sign of a zero may be ignored: no kernel promises it
    "reassoc",  # sums may be reordered, without which no reduction fills vector registers. The order is fixed when
    #             the kernel is compiled, so a machine repeats its own bits whatever the number of threads
}

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

PACKAGE = __name__.rpartition(".")[0]


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` at its first call, for one thread, and keep the machine code on disk."""
    return _keep(numba.njit(**POLICY, fastmath=FAST_MATH)(function))


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` as `jit` does, but into the kernels that call it: Python cannot call it by itself.

    It is kept on disk as a part of them, and compiles faster for want of an entrance from Python. Write it in their
    file: Numba compiles a kernel anew when the kernel's own file has changed, and looks at no other.
    """
    return numba.njit(**POLICY, fastmath=FAST_MATH, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


LANES = 16  # float32 in the widest vector register; narrower machines take two or four


def vector_copy(function: Callable[..., Any]) -> Callable[..., Any]:
    """Replace `function(source, start, target, at)` in compiled code by one vector load and one store of LANES values.

    A loop would cost several times as much: the compiler has to ask each time whether the two arrays overlap, and to
    allow for negative indices. Without the JIT the Python body runs.
    """
    if config.DISABLE_JIT:
        return function

    def typed(_: Any, source: Any, start: Any, target: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            places = []
            for array, index in ((0, 1), (2, 3)):
                data = context.make_array(signature.args[array])(context, builder, arguments[array]).data
                element = signature.args[array].dtype
                vector = ir.VectorType(context.get_value_type(element), LANES)
                places.append(builder.bitcast(builder.gep(data, [arguments[index]]), vector.as_pointer()))
            alignment = context.get_abi_alignment(context.get_value_type(element))
            builder.store(builder.load(places[0], align=alignment), places[1], align=alignment)
            return context.get_dummy_value()

        return types.void(source, start, target, at), generate

    return intrinsic(typed)


def parallel_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` as `jit` does, with the iterations of each `numba.prange` dealt out to the threads.

    One iteration must own whatever it writes, and its work must not depend on the number of threads: then neither do
    the results.
    """
    return _keep(numba.njit(**POLICY, fastmath=FAST_MATH, parallel=dict(EXPLICIT_ONLY))(function))


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


def _keep(compiled: Any) -> Callable[..., Any]:
    """Have Numba keep the machine code of `compiled` on disk, and return it."""
    if not config.DISABLE_JIT:
        try:
            compiled.enable_caching()
        except RuntimeError:
            # Numba found no folder it may write to (a read-only installation without a home): the kernel still works,
            # but every process compiles it anew. `_FirstCompilation` tells the user.
            compiled.kept_nowhere = True
    return compiled


class _FirstCompilation(Listener):
    """Says once a process, on stderr, that kernels are being compiled: the wait should explain itself.

    Numba sends "numba:compile" only when it found no machine code on disk, so a warm cache stays silent.
    """

    def __init__(self) -> None:
        self.told = False

    def on_start(self, event: Event) -> None:
        dispatcher = event.data["dispatcher"]
        if self.told or not (dispatcher.py_func.__module__ or "").startswith(PACKAGE + "."):
            return  # told already, or somebody else's function
        self.told = True
        if hasattr(dispatcher, "kept_nowhere"):
            kept = "not kept, for want of a folder to write to: set NUMBA_CACHE_DIR"
        else:
            kept = f"kept in {dispatcher.stats.cache_path}"
        print(f"tinyconv: compiling Numba kernels for this machine, once ({kept})", file=sys.stderr, flush=True)

    def on_end(self, event: Event) -> None:
        """Required by Numba's interface; the start says it all."""


register("numba:compile", _FirstCompilation())


def _load_openmp() -> None:
    """Have Numba's idle OpenMP threads sleep, unless the environment sets OMP_WAIT_POLICY.

    GNU's library would let them spin for milliseconds in case of another parallel loop. But kernels take turns with
    NumPy's BLAS, which has threads of its own: they would fight for the cores, and a training step of dense layers
    took twenty times as long on two cores. Waking a sleeper costs 10 µs. The library reads the variable once, when it
    is loaded, so it is set for just that moment: neither child processes nor other libraries see it.
    """
    if "OMP_WAIT_POLICY" in os.environ:
        return
    os.environ["OMP_WAIT_POLICY"] = "passive"
    try:
        with suppress(ImportError):  # no OpenMP here: Numba will run its loops by other means
            import numba.np.ufunc.omppool  # noqa: F401
    finally:
        del os.environ["OMP_WAIT_POLICY"]


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
