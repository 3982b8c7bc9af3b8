"""Machine code on disk: loaded without the compiler's outfit, and made by one process while others wait for it.

By itself Numba imports, before it looks on disk, all that it needs to compile: half a second, a part of it SciPy's
linear algebra. `SharedCache` looks first. Where nothing is found it locks the kernel for this process, by a file beside
the machine code, and looks again: a process that had to wait finds what the other one has made. Locks are released when
the machine code is there, and when a process dies. Where there are none (Windows, some network file systems, a folder
that cannot be written) every process compiles for itself.

This is inside Numba, as `machine_code.py` is: tried with 0.61 to 0.68. Where a name is missing, this module cannot be
imported, and `compile.py` leaves the disk to Numba alone.
"""

import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Any, BinaryIO

from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

try:
    from .runtime import keep_beside, start
except (ImportError, AttributeError):  # Numba's runtime is made otherwise than we know it, and compiled as ever

    def start(folder: Path, context: Any) -> None:
        """Initialize Numba's runtime."""
        rtsys.initialize(context)

    def keep_beside(folder: Path) -> None:
        """Keep nothing."""


fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PATIENCE = 120.0  # seconds that a process waits for another before it compiles, too
TURN = 0.02  # seconds between two looks at a lock
SILENCE = 1.0  # seconds of waiting that need no explanation

_held: set[BinaryIO] = set()


class SharedCache(FunctionCache):
    """Numba's cache of a kernel's machine code, shared by processes."""

    lock: BinaryIO | None = None
    signals: Sequence[int] = ()  # filled by another hand: once one has come, nothing is waited for

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the machine code for a signature; None if this process is to make it, and then lock the kernel."""
        found = self._loaded(signature, target_context)
        if found is None and self.lock is None:
            self.lock = locked(Path(self.cache_path, f"{self._impl.filename_base}.lock"), self.signals)
            found = self._loaded(signature, target_context)
            if found is not None:
                self.release()
        if found is None:
            target_context.refresh()
        return found

    def _loaded(self, signature: Any, target_context: Any) -> Any:
        start(Path(self.cache_path), target_context)  # Numba's memory, of which machine code makes arrays
        with self._guard_against_spurious_io_errors():
            return self._load_overload(signature, target_context)

    def save_overload(self, signature: Any, made: Any) -> None:
        """Keep machine code on disk, for the processes that wait for it."""
        try:
            super().save_overload(signature, made)
            keep_beside(Path(self.cache_path))
        finally:
            self.release()

    def is_empty(self) -> bool:
        """Return whether there is no machine code of this kernel on disk, for any types."""
        return not self._cache_file._load_index()

    def release(self) -> None:
        """Let other processes compile this kernel."""
        lock, self.lock = self.lock, None
        if lock is not None:
            _held.discard(lock)
            lock.close()


def locked(path: Path, signals: Sequence[int] = ()) -> BinaryIO | None:
    """Wait until no other process has the lock, and return the file that has it until it is closed.

    Returns None where there are no locks, where another process has it for longer than `PATIENCE`, and when `signals`
    fills: somebody wants this process to stop.
    """
    if fcntl is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "ab")  # noqa: SIM115
    except OSError:
        return None
    began = monotonic()
    try:
        while not signals and monotonic() < began + PATIENCE:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if monotonic() > began + SILENCE:
                    _tell_waiting()
                sleep(TURN)
            else:
                _held.add(file)
                return file
    except OSError:  # a file system without locks
        pass
    file.close()
    return None


@cache
def _tell_waiting() -> None:
    """Say so once a process."""
    print("tinyconv: waiting for another process that compiles Numba kernels", file=sys.stderr, flush=True)


def _leave_to_the_parent() -> None:
    """In the child of a fork: have no part in the locks of its parent, or they would last as long as the child."""
    for file in _held:
        file.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_the_parent)

# An AttributeError here says that this Numba is made otherwise.
for _name in ("_guard_against_spurious_io_errors", "_load_overload", "cache_path", "save_overload"):
    getattr(FunctionCache, _name)
