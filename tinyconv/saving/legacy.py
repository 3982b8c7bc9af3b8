"""Keras's legacy ".h5" files: of Keras 1 and 2, of tf.keras, and of Keras 3 on demand; whole models and weights alone.

    attributes of the root      keras_version (none: Keras 1), backend, model_config and training_config, both JSON
    model_weights               attribute layer_names, in their order; at the root of a file of weights alone
    model_weights/conv2d        attribute weight_names: "conv2d/kernel:0", …, the names of datasets below the group
    optimizer_weights           attribute weight_names, as of a layer

Lists too long for one attribute are in several, layer_names0, layer_names1, … Read from Keras 3.15,
keras/src/legacy/saving/legacy_h5_format.py, and from the files of older ones.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import kernels
from ..models.description import describe
from . import hdf5
from .archive import json_object
from .hdf5 import FileError
from .training import Version, training_config, version_of

WEIGHTS, OPTIMIZER = "model_weights", "optimizer_weights"
WRITTEN = "3.0.0"  # the version of Keras whose layout is written
LIMIT = 64512  # bytes: what an attribute may hold


class Layer(NamedTuple):
    """The weights of a layer in a file: names with datasets, unread, in the file's order."""

    name: str
    weights: list[tuple[str, Any]]


class Contents(NamedTuple):
    """What a legacy file holds; a file of weights alone has no model."""

    version: Version
    backend: str | None
    model: dict[str, Any] | None
    training: dict[str, Any] | None
    layers: list[Layer]
    optimizer: list[tuple[str, Any]]

    def place(self, path: Any) -> str:
        """Return how errors name the description of the model in the file at `path`."""
        return f"{path} (Keras {'.'.join(map(str, self.version))}): model_config"


def is_legacy(root: Any) -> bool:
    """Return whether the open file `root` is of this layout, and not of Keras 3's ".weights.h5"."""
    return any(name in root.attrs for name in ("layer_names", "layer_names0", "nb_layers", "model_config")) or (
        WEIGHTS in root and "layers" not in root
    )


def read(root: Any, path: Any, whole: bool) -> Contents:
    """Return what the open file `root` holds; without `whole` not its settings of compile. `path` names it in errors.

    The arrays are read when they are needed, while the file is open.
    """
    below = root if "layer_names" in root.attrs or "layer_names0" in root.attrs else hdf5.group(root, WEIGHTS)
    if below is None:
        if "nb_layers" in root.attrs:
            raise FileError(f"{path} is of Keras before 1.0, which is not read: save it with Keras 1 or 2 first")
        raise FileError(f"{path} has neither layer_names nor a group {WEIGHTS}: no Keras wrote it")
    version = hdf5.attribute(below, "keras_version", path) or hdf5.attribute(root, "keras_version", path)
    backend = hdf5.attribute(below, "backend", path) or hdf5.attribute(root, "backend", path)
    optimizer: list[tuple[str, Any]] = []
    model, training = _described(root, "model_config", path), None
    if whole:
        training = _described(root, "training_config", path)
        stored = hdf5.group(root, OPTIMIZER)
        optimizer = [] if stored is None else _weights(stored, path)
    layers = []
    for name in hdf5.names(below, "layer_names", path):
        group = hdf5.group(below, name)
        if group is None:
            raise FileError(f"{path}: {below.name} names the layer {name}, but has no such group")
        layers.append(Layer(name, _weights(group, path)))
    top = hdf5.group(below, "top_level_model_weights")
    if top is not None and hdf5.names(top, "weight_names", path):
        layers.append(Layer("top_level_model_weights", _weights(top, path)))
    return Contents(version_of(version), backend, model, training, layers, optimizer)


def _described(root: Any, name: str, path: Any) -> dict[str, Any] | None:
    text = hdf5.attribute(root, name, path)
    return None if text is None else json_object(text, f"{path}: {name}")


def _weights(group: Any, path: Any) -> list[tuple[str, Any]]:
    found = []
    for name in hdf5.names(group, "weight_names", path):
        above, _, last = name.rpartition("/")
        parent = hdf5.group(group, above) if above else group
        found.append((name, hdf5.numbers(parent, last, f"{path}: {group.name}/{name}")))
    return found


def write(root: Any, model: Any, whole: bool) -> None:
    """Write a built model into the open, empty file `root`: its weights, and all the rest if `whole`."""
    root.attrs["keras_version"], root.attrs["backend"] = WRITTEN, "tensorflow"
    below = root
    if whole:
        description = describe(model)
        root.attrs["model_config"] = _text({"class_name": description["class_name"], "config": description["config"]})
        compiled = training_config(model)
        if compiled:
            root.attrs["training_config"] = _text(compiled)
            pairs = [(f"{model.optimizer.name}/{name}", value) for name, value in model.optimizer.variables()]
            _write(root.create_group(OPTIMIZER), _told_apart(pairs))
        below = root.create_group(WEIGHTS)
        below.attrs["keras_version"], below.attrs["backend"] = WRITTEN, "tensorflow"
    _write_names(below, "layer_names", [layer.name for layer in model.layers])
    for layer in sorted(model.layers, key=lambda layer: str(layer.name)):
        _write(below.create_group(layer.name), _told_apart([(weight.path, weight.data) for weight in ordered(layer)]))
    own = {id(weight) for layer in model.layers for weight in layer.weights}
    rest = [(weight.path, weight.data) for weight in ordered(model) if id(weight) not in own]
    _write(below.create_group("top_level_model_weights"), _told_apart(rest))


def ordered(layer: Any) -> list[Any]:
    """Return the weights of a layer, or of a model used as one, in the order of legacy files: trainable ones first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _text(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8")


def _told_apart(pairs: Sequence[tuple[str, Any]]) -> list[tuple[str, np.ndarray]]:
    """Return the pairs with names that differ, as those of datasets must."""
    seen: dict[str, int] = {}
    found = []
    for name, value in pairs:
        count = seen[name] = seen.get(name, -1) + 1
        found.append((f"{name}_{count}" if count else name, np.asarray(kernels.move(value, "cpu"))))
    return found


def _write(group: Any, pairs: Sequence[tuple[str, np.ndarray]]) -> None:
    _write_names(group, "weight_names", [name for name, _ in pairs])
    for name, value in pairs:
        group.create_dataset(name, data=value)


def _write_names(group: Any, name: str, names: Sequence[str]) -> None:
    """Write a list of names as an attribute, or as several where one cannot hold it."""
    data = np.asarray([each.encode("utf-8") for each in names])
    count = max(1, -(-data.nbytes // LIMIT))
    if data.itemsize > LIMIT:
        raise ValueError(f"a name of {data.itemsize} bytes is too long for a .h5 file")
    while any(part.nbytes > LIMIT for part in np.array_split(data, count)):
        count += 1
    parts = np.array_split(data, count)
    for number, part in enumerate(parts):
        group.attrs[f"{name}{number}" if count > 1 else name] = part if len(names) else np.zeros(0, "S1")
