"""Replacing a file so that no moment exists in which it is half written."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what a file system says that has none


def replace_file(path: str | Path, pieces: Iterable[Any]) -> None:
    """Write `pieces` (bytes or buffers) to "PATH.partial", flush them to the disk, then rename it to `path`.

    A process killed at any moment leaves the old file whole, and at most a ".partial" that the next write replaces.
    Of processes that write to one path at once one waits for the other; the file is then that of the last.
    Raises OSError naming `path` (no such folder, no permission, disk full); the old file is then unharmed and nothing
    is left behind.
    """
    path = Path(path)
    if path.exists() and not path.is_file():  # a folder, or a device, which would be replaced too
        raise OSError(errno.EINVAL, "cannot write the file: what lies there is no file", str(path))
    partial = path.with_name(path.name + ".partial")
    try:
        with _alone(partial) as file:
            try:
                file.truncate(0)
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
                os.replace(partial, path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise OSError(error.errno, f"cannot write the file: {error.strerror}", str(path)) from None


@contextmanager
def _alone(partial: Path) -> Iterator[BinaryIO]:
    """Open `partial` for appending, locked against other processes and threads, where the system has such locks."""
    while True:
        with open(partial, "ab") as file:
            try:
                import fcntl
            except ImportError:  # Windows
                yield file
                return
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                if error.errno not in WITHOUT_LOCKS:
                    raise
            # Whoever had the lock has renamed what was opened here, or removed it.
            if partial.exists() and os.path.samestat(os.fstat(file.fileno()), os.stat(partial)):
                yield file
                return
