"""Keras's ".keras" files: an archive of what the model is made of, in JSON, and its weights.

    metadata.json       {"keras_version", "date_saved"}
    config.json         the description of the model, with "build_config" and "compile_config"
    model.weights.h5    as in `weights.py`

Keras 3 writes them, and tf.keras 2.12 to 2.15 wrote them (keras/src/saving/saving_lib.py). Only these three members are
read, into memory: nothing is unpacked, so no name in an archive can point anywhere.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..files import replace_file
from . import hdf5
from .hdf5 import FileError

if TYPE_CHECKING:  # `zipfile` brings lzma with it, and is imported where it is used
    from zipfile import ZipInfo

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
KERAS = "3.0.0"  # the layout that is written
LARGEST_TEXT = 1 << 26  # bytes: the configuration of ten thousand layers is smaller
DATE = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes


def write(path: str | Path, description: dict[str, Any], weights: Any) -> None:
    """Write the description of a model and its weights, the bytes of a weights file, to `path`.

    Raises OSError if it cannot be written.
    """
    import zipfile

    image = BytesIO()
    with zipfile.ZipFile(image, "w", zipfile.ZIP_STORED) as archive:
        metadata = {"keras_version": KERAS, "date_saved": "1980-01-01@00:00:00"}
        for name, content in ((METADATA, json.dumps(metadata)), (CONFIG, json.dumps(description)), (WEIGHTS, weights)):
            archive.writestr(zipfile.ZipInfo(name, DATE), content)
    replace_file(path, [image.getbuffer()])


@contextmanager
def opened(path: str | Path) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Open the ".keras" file at `path`: give its description, the version of Keras that wrote it, and its weights.

    The weights are an open h5py.File. Raises FileError for anything that is not such a file, OSError if it cannot be
    read.
    """
    with open(path, "rb") as file:
        members = _members(file, path)
        metadata = json_object(_read(file, members, METADATA, path), f"{path}: {METADATA}")
        description = json_object(_read(file, members, CONFIG, path), f"{path}: {CONFIG}")
        weights = _read(file, members, WEIGHTS, path)
    with hdf5.parsed(BytesIO(weights), path, WEIGHTS) as root:
        yield description, str(metadata.get("keras_version")), root


def _members(file: BinaryIO, path: str | Path) -> dict[str, "ZipInfo"]:
    """Return what the archive holds, by name, after checking that nothing in it is a trap."""
    import zipfile

    size = file.seek(0, 2)
    try:
        with zipfile.ZipFile(file) as archive:
            found = archive.infolist()
    except Exception as error:  # zipfile reports damage as any of BadZipFile, ValueError, struct.error, …
        raise FileError(f"{path} is not a .keras file, or cut short: {error}") from None
    members = {member.filename: member for member in found}
    if len(members) < len(found):
        raise FileError(f"{path} is no archive that Keras wrote: a name is in it twice")
    if sum(member.compress_size for member in found) > size:
        raise FileError(f"{path} is no archive that Keras wrote: its members overlap")
    missing = [name for name in (METADATA, CONFIG, WEIGHTS) if name not in members]
    if missing:
        held = ", ".join(sorted(members)[:8]) or "nothing"
        other = ": weights in .npz are not read, save them in h5" if "model.weights.npz" in members else ""
        raise FileError(f"{path} lacks {', '.join(missing)}, it holds {held}{other}")
    for name in (METADATA, CONFIG, WEIGHTS):
        member = members[name]
        if member.flag_bits & 1:
            raise FileError(f"{path}: {name} is encrypted, which Keras's files are not")
        if member.file_size > hdf5.RATIO * member.compress_size + hdf5.SLACK or (
            name != WEIGHTS and member.file_size > LARGEST_TEXT
        ):
            raise FileError(f"{path}: {name} says that it has {member.file_size:,} bytes, which no such member has")
    return members


def _read(file: BinaryIO, members: dict[str, "ZipInfo"], name: str, path: str | Path) -> bytes:
    """Return the content of a member, its checksum checked."""
    import zipfile

    try:
        with zipfile.ZipFile(file) as archive, archive.open(members[name]) as member:
            content = member.read(members[name].file_size + 1)
            if len(content) != members[name].file_size:
                raise FileError(f"{path}: {name} has not the size that the archive says")
            return content
    except FileError:
        raise
    except Exception as error:  # as above, and zlib's and lzma's errors
        raise FileError(f"{path}: {name} is damaged: {error}") from None


def json_object(content: bytes | str, place: str) -> dict[str, Any]:
    """Return the JSON object that `content` is; `place` names it in errors, which are FileError."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise FileError(f"{place} is not JSON: {reason}") from None
    if not isinstance(found, dict):
        raise FileError(f"{place} must be a JSON object, got {type(found).__name__}")
    return found
