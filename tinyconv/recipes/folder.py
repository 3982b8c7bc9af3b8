"""The folder of a run: what it may be, and that one process at a time writes into it."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..files import WITHOUT_LOCKS
from .errors import NotWrittenError, RunError
from .recipe import Recipe

LOCK = ".lock"


def default_folder(recipe: Recipe) -> Path:
    """Return where a run goes unless told otherwise: runs/RECIPE, under the current folder."""
    return Path("runs", recipe.name)


def make(folder: Path) -> None:
    """Make a run's folder if it is not there; raises RunError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"output folder {folder} cannot be made: {error.strerror}; give another --output") from None


def refuse_overwriting(folder: Path, state: Iterable[str], pictures: Iterable[str]) -> None:
    """Raise RunError if a folder has a file that a new run would write: a run's `state`, or its `pictures`."""
    for name in state:
        if os.path.lexists(folder / name):
            raise RunError(
                f"{folder} already holds a run ({name}): use --resume to continue or --output for another folder"
            )
    for name in pictures:
        if os.path.lexists(folder / name):
            raise RunError(f"{folder} holds {name}, which the run would overwrite: give another --output")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep runs of other processes out of `folder` for the `with` block; raises RunError if one is at work there.

    The operating system holds the lock, on the empty file `.lock`, and lifts it when the process ends in any way.
    """
    with ExitStack() as stack:
        with writing(folder):
            file = stack.enter_context(open(folder / LOCK, "ab"))
            free = _lock(file.fileno())
        if not free:
            raise RunError(f"another process is at work in {folder}: wait for its end, or give another --output")
        yield


def _lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; return False if another process has."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
    else:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                raise
    return True


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn an OSError of the `with` block into NotWrittenError, which names the file."""
    try:
        yield
    except OSError as error:
        raise NotWrittenError(f"{error.filename or folder}: {error.strerror or error}") from None
