"""Reading archives that anybody may have made: what is asked for comes out, nothing is run, written or believed.

Sizes are checked against what they must be before memory is taken for them, so that a small file cannot fill it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

HEADER = 1 << 16  # bytes: the longest header of an array's that is read


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Turn what the `with` block meets in a damaged or hostile archive into a ValueError that names it."""
    import tarfile
    import zipfile
    import zlib

    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the system, not of the content
        raise ValueError(f"{path} is damaged, or not what it should be: {error}") from None


def unpacked(file: BinaryIO, most: int) -> bytes:
    """Return what a gzip file holds; raises ValueError if that is more than `most` bytes."""
    import gzip

    with gzip.GzipFile(fileobj=file) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it unpacks to more than {most:,} bytes")
    return data


def tar_members(file: BinaryIO, names: Iterable[str], most: int) -> dict[str, bytes]:
    """Return the named files of a .tar.gz; raises ValueError if one is missing or all have more than `most` bytes."""
    import io
    import tarfile

    found = {}
    with tarfile.open(fileobj=io.BytesIO(unpacked(file, most)), mode="r:") as archive:
        for name in names:
            try:
                member = archive.getmember(name)
            except KeyError:
                raise ValueError(f"it has no {name}") from None
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                raise ValueError(f"{name} is no plain file")
            found[name] = content.read()
    return found


def npz_arrays(path: Path, needed: Mapping[str, tuple[tuple[int, ...], ...]]) -> dict[str, np.ndarray]:
    """Return arrays of bytes from an .npz by name, each of one of the shapes that it is `needed` in.

    Integers of other kinds are taken if they fit into a byte. Raises ValueError for anything else; objects, which
    NumPy would unpickle, are refused as well.
    """
    import zipfile

    with readable(path), zipfile.ZipFile(path) as archive:
        return {name: _npy(archive, name, shapes) for name, shapes in needed.items()}


def _npy(archive: Any, name: str, shapes: tuple[tuple[int, ...], ...]) -> np.ndarray:
    try:
        info = archive.getinfo(f"{name}.npy")
    except KeyError:
        raise ValueError(f"it has no array {name}") from None
    with archive.open(info) as entry:
        version = np.lib.format.read_magic(entry)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, columns_first, dtype = read(entry, HEADER)
        if shape not in shapes or dtype.kind not in "iu":
            wanted = " or ".join(map(str, shapes))
            raise ValueError(f"{name} must be whole numbers of shape {wanted}, got {dtype} of {shape}")
        size = int(np.prod(shape)) * dtype.itemsize
        data = entry.read(size)
    if len(data) != size:
        raise ValueError(f"{name} ends after {len(data):,} of {size:,} bytes")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if columns_first else "C")
    if array.dtype != np.uint8 and (array.min() < 0 or array.max() > 255):
        raise ValueError(f"{name} must be from 0 to 255, got {array.min()} to {array.max()}")
    return array.astype(np.uint8, order="C")
