"""How Numba compiles the CPU kernels: the whole policy in one file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import numba
from numba.core import config
from numba.core.errors import NumbaError
from numba.core.event import Event, Listener, register
from numba.types import unliteral

from ..signals import signals_delayed

try:
    from .machine_code import whole_kernels
except (ImportError, AttributeError):  # Numba is made otherwise than we know it, and compiles its own way
    whole_kernels = nullcontext  # type: ignore[assignment]
try:
    from .on_disk import SharedCache
except (ImportError, AttributeError):  # likewise
    SharedCache = None  # type: ignore[assignment, misc]

__all__ = [
    "Kernel",
    "ParallelKernel",
    "elementwise",
    "helper",
    "jit",
    "parallel_jit",
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

KERNELS: list["Kernel"] = []  # all that there are in this process, compiled or not

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
    return cast(Callable[..., Any], _kernel(function))


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
    template = getattr(compiled, "get_call_template", None)
    if template is not None:  # there is none without the compiler
        compiled.get_call_template = lambda args, kws: template(
            tuple(unliteral(kind) for kind in args), {name: unliteral(kind) for name, kind in kws.items()}
        )
    return compiled


def parallel_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` as `jit` does, with the iterations of each `numba.prange` dealt out to the threads.

    One iteration must own whatever it writes, and its work must not depend on the number of threads: then neither do
    the results.
    """
    return cast(Callable[..., Any], _kernel(function, parallel=dict(EXPLICIT_ONLY)))


def vector_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` as `parallel_jit` does, for a kernel that leaves its inner loops to `vectors.py`.

    What remains is simple, and optimised at level 1 instead of 3: a third less to wait at the first call, no slower.
    """
    compiled: Any = parallel_jit(function)
    compiled.simple = True  # see `_Compilation`
    return compiled


def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a loop `for i in prange(first.size)` twice, at need: for one thread and for all.

    One thread does it where the first argument is small. Element i must depend on nothing but element i. The threads'
    shares end where their number has it, and the last few elements of a share are done one by one, not in vector
    registers; so no liberty is taken with the arithmetic, and the same operations, each rounded once, give the same
    bits in either version and on any number of threads.
    """
    serial = FunctionType(function.__code__, function.__globals__, function.__name__ + "_serial")
    serial.__module__ = function.__module__
    serial.__qualname__ = function.__qualname__ + "_serial"  # Numba's files on disk go by this name
    small, large = jit(serial), parallel_jit(function)

    @wraps(function)
    def choose(first: Any, *others: Any) -> None:
        (small if first.size <= SMALL else large)(first, *others)

    return choose


_Dispatcher: Any = object if config.DISABLE_JIT else type(numba.njit(lambda: None))


class Kernel(_Dispatcher):
    """What Numba makes of a function; while it compiles, or loads machine code from disk, Ctrl-C waits.

    LLVM calls back into Python then, through `ctypes`, which prints what a signal handler raises there and goes on.
    """

    __slots__ = ()

    def compile(self, signature: Any) -> Any:
        """Compile for arguments of these types, or find what was compiled for them."""
        with signals_delayed() as came, self._alone(came):
            try:
                return super().compile(signature)
            except NumbaError:
                raise  # the arguments are to blame
            except OSError as error:
                # The kernel is there; only its file is not: the disk is full, or the folder gone.
                _compilation.tell_not_kept(error)
                return super().compile(signature)
            except Exception:
                if not _compilation.ours:
                    raise
                # A Numba that is made otherwise inside than those that were tried: from now on it compiles its own way.
                _compilation.ours = False
                return super().compile(signature)

    @contextmanager
    def _alone(self, signals: list[int]) -> Iterator[None]:
        """Have no other process compile this kernel inside the `with` block, unless one of `signals` comes."""
        cache = self._cache
        if SharedCache is None or type(cache) is not SharedCache:
            yield
            return
        cache.signals = signals
        try:
            yield
        finally:
            cache.signals = ()
            cache.release()


class ParallelKernel(Kernel):
    """A kernel whose iterations are dealt out to threads; `parallel.py` guards its launches where that is needed."""

    __slots__ = ()


def _kernel(function: Callable[..., Any], **options: Any) -> Any:
    """Have Numba compile `function` at its first call and keep the machine code on disk."""
    compiled: Any = numba.njit(**POLICY, **options)(function)
    if config.DISABLE_JIT:
        return compiled
    try:
        compiled.enable_caching()
        compiled._cache._cache_file._source_stamp  # noqa: B018
        compiled._cache._cache_file._source_stamp = SOURCES
        if SharedCache is not None:
            compiled._cache.__class__ = SharedCache
    except (RuntimeError, AttributeError):
        # Numba found no folder it may write to (a read-only installation without a home), or would not see that
        # another file has changed. The kernel works, but every process compiles it anew; `_Compilation` tells the user.
        compiled = numba.njit(**POLICY, **options)(function)
        compiled.not_on_disk = True
    compiled.__class__ = ParallelKernel if "parallel" in options else Kernel
    KERNELS.append(compiled)
    return compiled


class _Compilation(Listener):
    """Says once a process, on stderr, that kernels are being compiled: the wait should explain itself.

    Has them made into machine code whole, and sets the level of optimisation, which Numba has for all functions or
    none. Numba sends "numba:compile", under its compiler's lock, only when it found no machine code on disk.
    """

    def __init__(self) -> None:
        self.told = self.told_not_kept = False
        self.ours = True  # whether we take part in compilation: not where Numba is made otherwise than we know it
        self.settings: list[ExitStack] = []  # for each function that is being compiled, one inside the other

    def tell_not_kept(self, error: OSError) -> None:
        """Say, once a process, why other processes have to compile anew."""
        if not self.told_not_kept:
            self.told_not_kept = True
            print(f"tinyconv: compiled kernels cannot be kept on disk: {error.strerror}", file=sys.stderr, flush=True)

    def on_start(self, event: Event) -> None:
        dispatcher, outermost = event.data["dispatcher"], not self.settings
        self.settings.append(ExitStack())
        if not _is_kernel(dispatcher):
            return
        if not self.told:
            self.told = True
            if hasattr(dispatcher, "not_on_disk"):
                kept = "not kept, for want of a folder to write to: set NUMBA_CACHE_DIR"
            else:
                kept = f"kept in {dispatcher.stats.cache_path}"
            print(f"tinyconv: compiling Numba kernels for this machine, once ({kept})", file=sys.stderr, flush=True)
        if self.ours:
            setting = self.settings[-1]
            setting.callback(setattr, config, "OPT", config.OPT)
            if hasattr(dispatcher, "simple"):
                config.OPT = type(config.OPT)(1)
            if outermost:
                setting.enter_context(whole_kernels())

    def on_end(self, event: Event) -> None:
        self.settings.pop().close()


def _is_kernel(dispatcher: Any) -> bool:
    """Return whether it is one of ours and not somebody else's function."""
    return (dispatcher.py_func.__module__ or "").startswith(PACKAGE + ".")


_compilation = _Compilation()
register("numba:compile", _compilation)
