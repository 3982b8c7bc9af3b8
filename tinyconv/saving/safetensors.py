"""Weights in ".safetensors" files, which libraries of other frameworks read, too.

Each array is named as its weight: "conv2d/kernel", of layers within models "features/conv2d/kernel". The metadata have
their order, since the library sorts them, and a SHA-256 of all values. State of optimizer and dropout is not in them.
"""

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from .. import kernels
from ..files import replace_file
from . import hdf5
from .archive import json_object
from .hdf5 import FileError

SUFFIX = ".safetensors"
NOTE = "tinyconv"  # one entry of the metadata, since the library writes several in any order
MISSING = '.safetensors files need the package safetensors: pip install "tinyconv[safetensors]"'


def save_weights(path: str | Path, model: Any) -> None:
    """Write the weights of a built model to `path`: see `replace_file`. The same weights give the same bytes."""
    try:
        from safetensors.numpy import save
    except ModuleNotFoundError:
        raise ModuleNotFoundError(MISSING, name="safetensors") from None
    arrays = {
        name: np.ascontiguousarray(kernels.move(weight.data, "cpu"))
        for pairs in named_weights(model).values()
        for name, weight in pairs
    }
    note = {"order": list(arrays), "sha256": _digest(arrays.values())}
    replace_file(path, [save(arrays, {NOTE: json.dumps(note)})])


def load_weights(path: str | Path, model: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Read the weights in a file into a built model; nothing changes unless all of it fits.

    Weights go by their names if these are the same, else in their order, if that is known. With `by_name` those that
    only one of file and model has are left out; with `skip_mismatch` layers that do not fit keep theirs, and a
    UserWarning lists them. Raises FileError for what is damaged or does not fit, OSError if the file cannot be read.
    """
    held, ordered = read(path)
    groups = named_weights(model)
    known = {name: weight for pairs in groups.values() for name, weight in pairs}
    if not (by_name or skip_mismatch) and held.keys() != known.keys():
        if not ordered or [each.shape for each in held.values()] != [each.shape for each in known.values()]:
            raise FileError(_difference(path, held, known))
        held = dict(zip(known, held.values(), strict=True))
    values: list[tuple[Any, np.ndarray]] = []
    skipped = []
    for layer, pairs in groups.items():
        present = [name for name, _ in pairs if name in held]
        if by_name and not present:
            continue
        try:
            absent = next((name for name, _ in pairs if name not in held), None)
            if absent is not None:
                raise FileError(f'{path} has no "{absent}": {_some(held)}')
            values += [(weight, _checked(held[name], weight, f"{path}: {name}")) for name, weight in pairs]
        except FileError as error:
            if not skip_mismatch:
                raise
            skipped.append(f'"{layer}": {error}')
    if skipped:
        warnings.warn(f"{path}: {len(skipped)} layers keep their weights: {'; '.join(skipped)}", stacklevel=4)
    for weight, new in values:
        weight.data[...] = kernels.move(new, kernels.device(weight.data))


def _checked(values: np.ndarray, weight: Any, place: str) -> np.ndarray:
    """Return the values in the dtype of `weight`, whose shape they must have."""
    if values.shape != weight.shape:
        raise FileError(f"{place} has shape {values.shape}, the model's {weight.path} has {weight.shape}")
    return hdf5.converted(values, weight.data.dtype, place)


def named_weights(model: Any) -> dict[str, list[tuple[str, Any]]]:
    """Return the weights of each layer of `model`, by its path, with their names in a file; each weight once."""
    found: dict[str, list[tuple[str, Any]]] = {}
    taken: set[int] = set()
    names: set[str] = set()
    for place, layer in _walk(model):
        pairs = []
        for weight in layer.own_weights:
            if id(weight) not in taken:
                taken.add(id(weight))
                name = _free(f"{place}/{weight.name}".lstrip("/"), names)
                pairs.append((name, weight))
        if pairs:
            found[_free(place, found)] = pairs
    return found


def _walk(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the model and each layer within it, outer ones first, with the names on the way to it."""
    waiting = [("", model)]
    seen: set[int] = set()
    while waiting:
        place, layer = waiting.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        yield place, layer
        within = [*getattr(layer, "layers", ()), *layer._layers]
        waiting.extend((f"{place}/{each.name}".lstrip("/"), each) for each in reversed(within))


def _free(name: str, taken: Any) -> str:
    """Return `name`, with a number behind it if it is taken; a set is told of it."""
    count, free = 0, name
    while free in taken:
        count += 1
        free = f"{name}_{count}"
    if isinstance(taken, set):
        taken.add(free)
    return free


def read(path: str | Path) -> tuple[dict[str, np.ndarray], bool]:
    """Return the arrays of a file by name, and whether they come in the order of the model that was saved."""
    with _opened(path) as file:
        metadata: dict[str, str] = file.metadata() or {}
        held = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    strange = next((name for name, values in held.items() if values.dtype.kind not in "fiu"), None)
    if strange is not None:
        raise FileError(f"{path}: {strange} holds {held[strange].dtype}, which does not convert: store float32")
    note = _note(metadata)
    order = note.get("order")
    if not isinstance(order, list) or set(map(str, order)) != held.keys():
        return held, False
    held = {name: held[name] for name in order}
    if _digest(held.values()) != note.get("sha256"):
        raise FileError(
            f"{path} is damaged: its values do not fit their SHA-256; use another copy, or drop the metadata of "
            "tinyconv if the values were changed on purpose"
        )
    return held, True


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    """Open a .safetensors file and give it, as the library does; what is wrong with its content becomes FileError."""
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError:
        raise ModuleNotFoundError(MISSING, name="safetensors") from None
    with open(path, "rb"):
        pass  # what the system refuses is an OSError
    try:
        with safe_open(str(path), framework="numpy") as file:
            yield file
    except (SafetensorError, OSError, TypeError, ValueError, AttributeError, KeyError) as error:
        reason = str(error) or type(error).__name__
        raise FileError(f"{path} is not a .safetensors file, or damaged: {reason}") from None


def _note(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return what tinyconv noted in a file, or nothing."""
    try:
        return json_object(metadata.get(NOTE, "{}"), NOTE)
    except FileError:
        return {}


def _digest(arrays: Iterable[np.ndarray]) -> str:
    found = sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return found.hexdigest()


def _difference(path: str | Path, held: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Say how the weights of a file and of a model differ."""
    lacks = [name for name in known if name not in held]
    more = [name for name in held if name not in known]
    differences = (("of the model's are not in it:", lacks), ("of its own are not in the model:", more))
    parts = [f"{len(names)} {what} {_first(names)}" for what, names in differences if names]
    return (
        f"{path} has {len(held)} weights, the model {len(known)}; {'; '.join(parts)}: make the model as it was when it "
        "was saved, or load the weights of equal names, by_name=True"
    )


def _some(held: Mapping[str, Any]) -> str:
    return f"it has {_first(list(held))}" if held else "it has nothing"


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
