"""`get_file`: a file from the net, looked for first where it may lie already."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..arguments import known
from ..datasets import cache
from ..files import replace_file
from ..offered import NotOfferedValueError

ALGORITHMS = ("auto", "sha256", "md5")
FORMATS = ("auto", "tar", "zip")


def get_file(
    fname: str | Path | None = None,
    origin: str | Path | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | None = "auto",
    cache_dir: str | Path | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of the file `fname`, which is that of the URL `origin` if it is not given.

    It is looked for in the folder that TINYCONV_DATA names and in Keras's cache (`cache_dir`, else KERAS_HOME, else
    ~/.keras), and else downloaded into the latter's folder `cache_subdir`. An `origin` that begins with file://, or is
    the path of a file, is taken where it lies. With a hash, SHA-256 or MD5, only a file of that hash is. With `extract`
    an archive is unpacked beside itself, and the path is that of its folder. Raises a NotOfferedError that says where
    to put the file if it cannot be had.
    """
    if origin is None:
        raise ValueError("get_file needs origin, the URL of the file")
    known("hash_algorithm", hash_algorithm, ALGORITHMS)
    name = Path(str(fname)).name if fname else Path(str(origin).partition("?")[0]).name
    if not name:
        raise ValueError(f"origin {origin!r} names no file: give fname")
    wanted = file_hash or md5_hash
    algorithm = hash_algorithm
    if algorithm == "auto":
        algorithm = "sha256" if wanted is not None and len(wanted) == 64 else "md5"
    local = _local(origin)
    if local is not None:
        path = local
        _check(path, algorithm, wanted)
    else:
        home = Path(cache_dir or os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
        path = _cached(name, str(origin), home, cache_subdir, algorithm, wanted, force_download)
    if extract or untar:
        return str(_extracted(path, bool(fname), "tar" if untar else archive_format or "auto"))
    return str(path)


def _local(origin: str | Path) -> Path | None:
    """Return the file that `origin` names, or None if that lies on the net."""
    text = str(origin)
    if text.startswith("file://"):
        path = Path(text.removeprefix("file://"))
        if not path.is_file():
            raise FileNotFoundError(f"{origin}: there is no such file")
        return path
    return Path(text) if Path(text).is_file() else None


def _cached(
    name: str, url: str, home: Path, subdir: str, algorithm: str, wanted: str | None, force_download: bool
) -> Path:
    """Return the file of a name where it lies, else download it."""
    from tempfile import TemporaryDirectory

    own = os.environ.get(cache.VARIABLE)
    folders = [Path(own).expanduser(), Path(own).expanduser() / subdir] if own else []
    folders += [home / subdir, home / "datasets", home / "models"]
    if not force_download:
        for folder in dict.fromkeys(folders):
            path = folder / name
            if path.is_file() and (wanted is None or _digest(path, algorithm) == wanted):
                return path
    path = home / subdir / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".download-", dir=path.parent) as aside:
            replace_file(Path(aside, name), _received(url))
            _check(Path(aside, name), algorithm, wanted)
            os.replace(Path(aside, name), path)
    except cache.DownloadError as error:
        where = " or ".join(str(folder) for folder in dict.fromkeys(folders))
        raise NotOfferedValueError(
            f"{name} is not there and cannot be downloaded from {url} ({error}): put it into {where}"
        ) from None
    return path


def _received(url: str) -> Iterator[bytes]:
    """Yield what the network sends, piece by piece."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=cache.TIMEOUT) as response:
            print(f"Downloading {url}", file=sys.stderr)
            while piece := response.read(cache.PIECE):
                yield piece
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise cache.DownloadError(str(getattr(error, "reason", "") or error or type(error).__name__)) from None


def _digest(path: Path, algorithm: str) -> str:
    from hashlib import file_digest

    with open(path, "rb") as file:
        return file_digest(file, algorithm).hexdigest()


def _check(path: Path, algorithm: str, wanted: str | None) -> None:
    """Refuse a file of another hash than the `wanted` one."""
    found = None if wanted is None else _digest(path, algorithm)
    if found != wanted:
        raise ValueError(f"{path.name} is damaged, or another file: its {algorithm} is {found}, needs {wanted}")


def _extracted(path: Path, named: bool, archive_format: Any) -> Path:
    """Return the folder of an unpacked archive, which is called as Keras 3 calls it; unpack it if it is not there."""
    import shutil
    import tarfile
    import zipfile
    from tempfile import TemporaryDirectory

    known("archive_format", archive_format, FORMATS)
    name = path.name.partition(".")[0]
    folder = path.parent / (f"{name}_extracted" if named and "." in path.name else f"{path.name}_extracted")
    if folder.exists():
        return folder
    with TemporaryDirectory(prefix=".extract-", dir=path.parent) as aside:
        inside = Path(aside, "files")
        inside.mkdir()
        if archive_format != "zip" and tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                tar.extractall(inside, filter="data")
        elif archive_format != "tar" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(inside)
        else:
            raise ValueError(f"{path} is no archive that can be unpacked: needs a tar or zip file")
        shutil.move(inside, folder)
    return folder
