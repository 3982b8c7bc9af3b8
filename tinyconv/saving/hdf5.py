"""HDF5 files that may come from anywhere: opened with care, read link by link, sealed against damage."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .attributes import string_attributes

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SEAL = b"tinyconv sha256\n"
RATIO, SLACK = 20, 1 << 26  # more than weights can be compressed, and bytes that do no harm


_open: dict[int, BinaryIO] = {}  # the files that `parsed` gives, by HDF5's numbers of them


class FileError(ValueError):
    """A file that cannot be what it should be: the message names the file, what is wrong and what to do."""


def seal(image: Any) -> bytes:
    """Return the bytes that follow `image` in a file: its SHA-256, then `SEAL`.

    They lie behind the end that the HDF5 header states, where no HDF5 reader looks, and HDF5 cuts them off when it
    changes the file. So a flipped bit is found before the library parses it, and a file edited on purpose still loads.
    """
    return sha256(image).digest() + SEAL


def is_hdf5(path: str | Path) -> bool:
    """Return whether the file at `path` begins as HDF5 files do."""
    with open(path, "rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


@contextmanager
def opened(path: str | Path) -> Iterator[tuple[Any, bool]]:
    """Open the HDF5 file at `path` for reading, check its seal, and give it (an h5py.File) and whether it has one.

    What h5py raises about its content inside the `with` block becomes FileError. Raises OSError if it cannot be read.
    """
    with open(path, "rb") as file:
        start = file.read(len(SIGNATURE))
        if start != SIGNATURE:
            archive = start.startswith(b"PK")
            what = "a zip archive, as .keras files are: load_model reads them" if archive else "not an HDF5 file"
            raise FileError(f"{path} is {what if os.fstat(file.fileno()).st_size else 'empty'}")
        sealed = _check_seal(file, path)
        with parsed(file, path) as root:
            yield root, sealed


@contextmanager
def parsed(file: BinaryIO, path: str | Path, within: str = "") -> Iterator[Any]:
    """Give the h5py.File that the binary `file` is, see `opened`. Errors name `path`, and what it is `within` there."""
    import h5py

    place = f"{path}: {within}" if within else path

    try:
        with h5py.File(file, "r") as root:
            number = h5py.h5o.get_info(root.id).fileno
            _open[number] = file
            try:
                yield root
            finally:
                del _open[number]
    except FileError as error:
        if str(path) in str(error):
            raise
        raise FileError(f"{place}: {error}") from error
    except (Warning, MemoryError):
        raise
    except Exception as error:  # HDF5 reports damage as any of OSError, RuntimeError, KeyError, TypeError, …
        reason = str(error).strip("'\"").partition("\n")[0]
        raise FileError(f"{place} is damaged or cut short: {reason}") from error


def _check_seal(file: BinaryIO, path: str | Path) -> bool:
    """Return whether `file` ends in a seal; raise FileError if that does not fit the bytes before it."""
    length = max(0, os.fstat(file.fileno()).st_size - 32 - len(SEAL))
    file.seek(length)
    digest, end = file.read(32), file.read()
    if end != SEAL:
        return False
    found = sha256()
    file.seek(0)
    while length:
        block = file.read(min(length, 1 << 20))
        found.update(block)
        length -= len(block)
    if found.digest() != digest:
        raise FileError(f"{path} is damaged: its content does not fit its SHA-256; use another copy")
    return True


def group(parent: Any, path: str) -> Any:
    """Return the group at `path` ("dense/vars") below the group `parent`, or None if there is none."""
    import h5py

    for name in path.split("/"):
        parent = None if parent is None else _child(parent, name, h5py.Group)
    return parent


def array(parent: Any, name: str, shape: tuple[int, ...], dtype: np.dtype, purpose: str) -> np.ndarray:
    """Return the dataset `name` in `parent` as an array of `shape` and `dtype`: see `fitting` and `converted`."""
    return converted(fitting(parent, name, shape, dtype, purpose)[()], dtype, f"{purpose}: {parent.name}/{name}")


def fitting(parent: Any, name: str, shape: tuple[int, ...], dtype: np.dtype, purpose: str) -> Any:
    """Return the dataset `name` in `parent`, unread, after checking that it has `shape` and numbers for `dtype`.

    An integer `dtype` takes only integers. `purpose` names in errors what the array is for.
    """
    place = f"{parent.name}/{name}"
    dataset = _dataset(parent, name, f"{purpose}: {place}")
    if dataset.shape != shape:
        raise FileError(
            f"{purpose} has shape {shape}, {place} in the file has {dataset.shape}: "
            "make the model with the arguments of the one that was saved"
        )
    _refuse_empty_claims(dataset, f"{purpose}: {place}")
    if dataset.dtype.kind not in ("iu" if dtype.kind in "iu" else "fiu"):
        raise FileError(f"{purpose} is {dtype}, {place} in the file is {dataset.dtype}, which does not convert")
    return dataset


def numbers(parent: Any, name: str, place: str) -> Any:
    """Return the dataset `name` in `parent`, unread, which must hold numbers; `place` names it in errors.

    Nothing passes that says it is larger than what the file stores of it.
    """
    dataset = _dataset(parent, name, place)
    _refuse_empty_claims(dataset, place)
    if dataset.dtype.kind not in "fiu" or dataset.shape is None:
        raise FileError(f"{place} holds {dataset.dtype}, not numbers")
    return dataset


def _dataset(parent: Any, name: str, place: str) -> Any:
    import h5py

    dataset = None if parent is None else _child(parent, name, h5py.Dataset)
    if dataset is None:
        raise FileError(f"{place} is missing from the file")
    if dataset.external or dataset.is_virtual:
        raise FileError(f"{place} keeps its data in other files, which is not allowed")
    return dataset


def converted(values: Any, dtype: np.dtype, place: str) -> np.ndarray:
    """Return the values as `dtype`, which they must fit; integers must be at least 0."""
    values = np.asarray(values)
    if dtype.kind in "iu" and np.any((values < 0) | (values > np.iinfo(dtype).max)):
        raise FileError(f"{place} must be in 0 … {np.iinfo(dtype).max}, got {values}")
    try:
        with np.errstate(over="raise", invalid="ignore"):
            return values.astype(dtype, copy=False)
    except FloatingPointError:
        raise FileError(f"{place} holds values too large for {dtype}") from None


def address(at: Any) -> int:
    """Return where a group lies in its file: that of its own that a group holds again, by a hard link, is the same."""
    import h5py

    return int(h5py.h5o.get_info(at.id).addr)


def text(parent: Any, name: str, limit: int) -> str | None:
    """Return the dataset `name` in `parent`, one ASCII string of at most `limit` bytes, or None if there is none."""
    import h5py

    dataset = _child(parent, name, h5py.Dataset)
    if dataset is None:
        return None
    if dataset.shape != () or dataset.dtype.kind != "S" or dataset.dtype.itemsize > limit:
        raise FileError(f"{parent.name}{name} is not one string that the file can hold")
    return dataset[()].decode("ascii")


def _child(parent: Any, name: str, kind: type) -> Any:
    """Return the object `name` in the group `parent`, or None; refuse links that point elsewhere and other kinds."""
    import h5py

    link = parent.get(name, getlink=True)
    if link is None:
        return None
    place = f"{parent.name.rstrip('/')}/{name}"
    if not isinstance(link, h5py.HardLink):
        raise FileError(f"{place} is only a link to elsewhere ({type(link).__name__}), which is not allowed")
    found = parent[name]
    if not isinstance(found, kind):
        raise FileError(f"{place} is a {type(found).__name__}, needs a {kind.__name__}")
    return found


def _refuse_empty_claims(dataset: Any, place: str) -> None:
    """Raise FileError for a dataset that says it is larger than its file has room for."""
    stored = min(dataset.id.get_storage_size(), dataset.file.id.get_filesize())
    if dataset.nbytes > (stored * RATIO + SLACK if dataset.chunks and stored else stored):
        raise FileError(f"{place} says that it has {dataset.nbytes:,} bytes, the file stores {stored:,} of them")


def attribute(parent: Any, name: str, path: Any) -> str | None:
    """Return the attribute `name` of a group, a string, or None if there is none."""
    found = _strings(parent, [name], path)
    if found is None:
        return None
    if len(found) != 1:
        raise FileError(f"{path}: attribute {name} of {parent.name} must be one string, got {len(found)}")
    return found[0]


def names(parent: Any, name: str, path: Any) -> list[str]:
    """Return the attribute `name` of a group, a list of names; a long one is in several: name0, name1, …"""
    parts = [name] if name in parent.attrs else []
    while not parts or (parts[0] != name and f"{name}{len(parts)}" in parent.attrs):
        if f"{name}{len(parts)}" not in parent.attrs:
            return []
        parts.append(f"{name}{len(parts)}")
    return _strings(parent, parts, path) or []


def _strings(parent: Any, wanted: list[str], path: Any) -> list[str] | None:
    """Return the strings of some attributes of a group, one after the other; None if there are no such attributes.

    They are not read by HDF5, see `attributes.py`.
    """
    import h5py

    about = h5py.h5o.get_info(parent.id)
    try:
        stored = string_attributes(_open[about.fileno], about.addr)
    except ValueError as error:
        raise FileError(f"{path}: the attributes of {parent.name} cannot be read: {error}") from None
    found: list[str] = []
    for name in wanted:
        if name not in stored:
            return None
        values = stored[name]
        if values is None:
            raise FileError(f"{path}: attribute {name} of {parent.name} must be a string")
        found += [value.decode("utf-8") for value in values]
    return found
