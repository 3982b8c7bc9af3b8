"""The cache folder: files of data sets that do not ship with the package, and how they come there.

The folder is what the environment variable TINYCONV_DATA names, else the user's cache folder. A file is downloaded
aside, compared with its SHA-256 and renamed into its place, so that no moment exists in which half a file stands there;
and it is compared again whenever it is read, whoever has put it there.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..files import replace_file
from ..offered import NotOfferedFileError

VARIABLE = "TINYCONV_DATA"
TIMEOUT = 30  # seconds without a byte
PIECE = 1 << 18


class File(NamedTuple):
    """A file as the authors of a data set publish it: its place in the cache folder, and what it must be."""

    place: str
    url: str
    sha256: str
    size: int


class DownloadError(Exception):
    """The network, or what it brought: a few words."""


def folder() -> Path:
    """Return the cache folder, which need not exist: `TINYCONV_DATA`, else the user's own by the system's custom."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "tinyconv" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tinyconv"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinyconv"


def located(title: str, converted: str, files: Sequence[File]) -> Path:
    """Return the path of a data set's file: of `converted`, an .npz, or of the first of `files` that is there.

    If there is none, the first of `files` is downloaded. Raises FileNotFoundError if that fails, with a line that says
    which file to put where.
    """
    for place in (converted, *(file.place for file in files)):
        if (folder() / place).exists():
            return folder() / place
    try:
        return download(title, files[0])
    except DownloadError as error:
        first = f"{files[0].place} (from {files[0].url})"
        places = ", ".join([first, *(file.place for file in files[1:])])
        raise NotOfferedFileError(
            f"{title} is not there and cannot be downloaded ({error}): put {places} or {converted} into {folder()}, "
            f"or set {VARIABLE} to the folder that has it"
        ) from None


def download(title: str, file: File) -> Path:
    """Fetch a file into the cache folder and return its path; a bar shows how far it is.

    Raises DownloadError if it cannot be had or is another file, OSError if it cannot be written.
    """
    from tempfile import TemporaryDirectory

    path = folder() / file.place
    path.parent.mkdir(parents=True, exist_ok=True)
    # A folder of its own, as another process may be downloading the same file.
    with TemporaryDirectory(prefix=".download-", dir=path.parent) as own:
        replace_file(Path(own, path.name), _received(title, file))
        os.replace(Path(own, path.name), path)
    return path


def _received(title: str, file: File) -> Iterator[bytes]:
    """Yield what the network sends for a file, piece by piece; raises DownloadError unless it is that file."""
    from hashlib import sha256
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import urlopen

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    digest, size = sha256(), 0
    columns = BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    try:
        with urlopen(file.url, timeout=TIMEOUT) as response:
            print(f"Downloading {title}: {file.size / 1e6:.1f} MB from {file.url}", file=sys.stderr)
            with Progress(*columns, console=Console(stderr=True)) as bar:
                task = bar.add_task("", total=file.size)
                while size <= file.size and (piece := response.read(PIECE)):
                    digest.update(piece)
                    size += len(piece)
                    bar.update(task, completed=size)
                    yield piece
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise DownloadError(str(getattr(error, "reason", "") or error or type(error).__name__)) from None
    if size != file.size:
        raise DownloadError(f"got {f'{size:,}' if size < file.size else 'more'} of {file.size:,} bytes")
    if digest.hexdigest() != file.sha256:
        raise DownloadError(f"got another file: SHA-256 {digest.hexdigest()[:12]}…, needs {file.sha256[:12]}…")


@contextmanager
def verified(path: Path, file: File) -> Iterator[BinaryIO]:
    """Open a file for the `with` block after comparing its SHA-256; raises ValueError if it is another."""
    from hashlib import file_digest

    with open(path, "rb") as opened:
        digest = file_digest(opened, "sha256").hexdigest()
        if digest != file.sha256:
            raise ValueError(
                f"{path} is damaged, or another file: SHA-256 {digest[:12]}…, needs {file.sha256[:12]}…; "
                f"delete it to have it downloaded, or get it from {file.url}"
            )
        opened.seek(0)
        yield opened
