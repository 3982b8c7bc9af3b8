"""Replacing a file so that no moment exists in which it is half written."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def replace_file(path: str | Path, pieces: Iterable[Any]) -> None:
    """Write `pieces` (bytes or buffers) to "PATH.partial", flush them to the disk, then rename it to `path`.

    A process killed at any moment leaves the old file whole, and at most a ".partial" that the next write replaces.
    Raises OSError naming `path` (no such folder, no permission, disk full); the old file is then unharmed and nothing
    is left behind. One writer at a time.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        try:
            with open(partial, "wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OSError(error.errno, f"cannot write the file: {error.strerror}", str(path)) from None
