"""`get_file`: files that scripts download, found where they lie already."""

import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from ..offered import NotOfferedFileError


def get_file(fname: Any = None, origin: Any = None, untar: bool = False, *_: Any, **named: Any) -> str:
    """Return the path of a file by its name, from TINYCONV_DATA or one of Keras's folders; unpacked, if that is asked.

    Nothing is downloaded: a file that is not there is refused, and the message says where it may be put.
    """
    name = Path(str(fname or os.path.basename(str(origin)))).name
    subfolder = named.get("cache_subdir", "datasets")
    keras = Path(named.get("cache_dir") or os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    own = os.environ.get("TINYCONV_DATA")
    folders = [Path(own), Path(own, subfolder)] if own else []
    folders += [keras / subfolder, keras / "datasets", keras / "models"]
    unpacks = untar or named.get("extract")
    if str(origin).startswith("file://"):
        folders.insert(0, Path(str(origin)[len("file://") :]).parent)
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.tar.gz", folder / Path(str(origin)).name):
            if candidate.exists():
                return str(_unpacked(candidate, untar) if unpacks and candidate.is_file() else candidate)
    where = " or ".join(dict.fromkeys(str(folder) for folder in folders))
    raise NotOfferedFileError(f"tinyconv downloads nothing for a script: put {name}, from {origin}, into {where}")


def _unpacked(archive: Path, untar: bool) -> Path:
    """Unpack an archive beside itself, once, and return what it was asked for: its folder."""
    target = archive.parent / archive.name.split(".")[0]
    if not target.exists():
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                file.extractall(archive.parent)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as file:
                file.extractall(archive.parent, filter="data")
    return target if untar and target.exists() else archive
