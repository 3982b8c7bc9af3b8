"""What is in a file of Keras: its layout and age, its layers and their weights, and what tinyconv lacks of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import archive, hdf5, legacy, safetensors
from .hdf5 import FileError
from .rebuilding import missing_parts
from .training import Version, version_of, version_of_json


@dataclass
class Contents:
    """What a file holds; `layers` has (place, class or "", shapes and sizes in bytes of the arrays)."""

    kind: str
    written_by: str
    model: str = ""
    compiled: str = ""
    layers: list[tuple[str, str, list[tuple[int, ...]]]] = field(default_factory=list)
    bytes: int = 0
    optimizer: int = 0
    lacks: list[str] = field(default_factory=list)


def contents(path: str | Path) -> Contents:
    """Return what is in the file at `path`. Raises ValueError for one that is not Keras's, else OSError."""
    if str(path).endswith(safetensors.SUFFIX):
        return _of_safetensors(path)
    if not hdf5.is_hdf5(path):
        with open(path, "rb") as file:
            if file.read(1) in (b"{", b"["):
                return _of_json(path)
        with archive.opened(path) as (description, written_by, root):
            found = Contents("a .keras file", f"Keras {written_by}")
            _describe(found, description, description.get("compile_config"), version_of(written_by))
            _weigh(found, _arrays(root, ""))
        return found
    with hdf5.opened(path) as (root, _):
        if not legacy.is_legacy(root):
            found = Contents("a .weights.h5 file: weights alone", "Keras 3, tf.keras 2.13 to 2.15, or tinyconv")
            _weigh(found, _arrays(root, ""))
            return found
        held = legacy.read(root, path, whole=True)
    version = ".".join(map(str, held.version)) + (f" on {held.backend}" if held.backend else "")
    found = Contents("a legacy .h5 file" + ("" if held.model else ": weights alone"), f"Keras {version}")
    if held.model:
        _describe(found, held.model, held.training, held.version)
    _weigh(found, [(layer.name, [value for _, value in layer.weights]) for layer in held.layers])
    found.optimizer = len(held.optimizer)
    return found


def _of_safetensors(path: str | Path) -> Contents:
    held, ordered = safetensors.read(path)
    found = Contents("a .safetensors file: weights alone", "tinyconv" if ordered else "another program")
    layers: dict[str, list[Any]] = {}
    for name, values in held.items():
        layers.setdefault(name.rpartition("/")[0], []).append(values)
    _weigh(found, layers.items())
    return found


def _of_json(path: str | Path) -> Contents:
    description = archive.json_object(Path(path).read_bytes(), str(path))
    try:
        version = version_of_json(description)
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None
    written_by = str(description.get("keras_version") or version[0])
    found = Contents("a description of a model in JSON, without weights", f"Keras {written_by}")
    _describe(found, description, None, version)
    found.layers = [(place, kind, []) for place, kind in _classes(description, "")]
    return found


def _describe(found: Contents, description: Mapping[str, Any], compiled: Any, version: Version) -> None:
    """Take in what a file says of a model."""
    config = description.get("config")
    name = config.get("name") if isinstance(config, Mapping) else None
    found.model = f"{description.get('class_name')}" + (f' "{name}"' if name else "")
    found.layers = [(place, kind, []) for place, kind in _classes(description, "")]
    if isinstance(compiled, Mapping):
        optimizer = compiled.get("optimizer", compiled.get("optimizer_config"))
        told = {
            "optimizer": _short(optimizer),
            "loss": _short(compiled.get("loss")),
            "metrics": _short(compiled.get("metrics")),
        }
        found.compiled = ", ".join(f"{what} {value}" for what, value in told.items() if value)
    found.lacks = missing_parts(description, compiled if isinstance(compiled, Mapping) else None, version)


def _short(given: Any) -> str:
    """Return a description, or a list of them, in a few words."""
    if isinstance(given, Mapping):
        config = given.get("config")
        inner = config.get("fn") if isinstance(config, Mapping) else None
        return str(
            inner or given.get("class_name") or ", ".join(f"{name}: {_short(each)}" for name, each in given.items())
        )
    if isinstance(given, list):
        return ", ".join(filter(None, map(_short, given)))
    return "" if given is None else str(given)


def _classes(description: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    """Yield the name, with those of the models around it, and the class of each layer."""
    config = description.get("config")
    layers = config.get("layers") if isinstance(config, Mapping) else config
    for layer in layers if isinstance(layers, list) else []:
        if isinstance(layer, Mapping):
            inner = layer.get("config")
            name = layer.get("name") or (inner.get("name") if isinstance(inner, Mapping) else "")
            yield f"{above}{name}", str(layer.get("class_name"))
            yield from _classes(layer, f"{above}{name}/")


def _weigh(found: Contents, arrays: Any) -> None:
    """Take in the arrays of layers, by the layer's name where the description has it, else by place."""
    known: dict[str, int] = {}  # by the full place, and by the layer's own name
    for number, (place, _, _) in enumerate(found.layers):
        known.setdefault(place.rpartition("/")[2], number)
    known |= {place: number for number, (place, _, _) in enumerate(found.layers)}
    for place, values in arrays:
        found.bytes += sum(value.nbytes for value in values)
        shapes = [tuple(value.shape) for value in values]
        if place.startswith("optimizer"):
            found.optimizer = len(values)
        elif known.get(place) is not None:
            found.layers[known[place]][2].extend(shapes)
        elif shapes:
            found.layers.append((place, "", shapes))


def _arrays(group: Any, place: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the datasets of each group of a .weights.h5 file, by the group's place."""
    import h5py

    waiting, seen = [(place, group)], set()
    while waiting:
        where, at = waiting.pop(0)
        if hdf5.address(at) in seen:
            raise FileError(f"{where} is a group that the file has in another place, too")
        seen.add(hdf5.address(at))
        variables = hdf5.group(at, "vars") if "vars" in at else None
        if variables is not None and len(variables):
            name = None if where == "optimizer" else hdf5.attribute(variables, "name", where)
            yield (
                name or where,
                [hdf5.numbers(variables, each, each) for each in sorted(variables, key=lambda each: (len(each), each))],
            )
        for name in at:
            if name != "vars" and at.get(name, getclass=True) is h5py.Group:
                waiting.append((f"{where}/{name}".lstrip("/"), hdf5.group(at, name)))
