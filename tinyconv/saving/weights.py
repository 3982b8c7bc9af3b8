"""Weights in the layout of Keras 3's ".weights.h5" (read from Keras 3.15, keras/src/saving/saving_lib.py).

    vars                               empty; attribute `name`, the model's
    layers/conv2d/vars/0, 1, …         weights, trainable ones first; attribute `name` of vars is the layer's
    layers/conv2d_1/vars/0, 1, …       groups are counted by class name, whatever the layers are called
    layers/functional/layers/…         the layers of a model that serves as a layer
    layers/block/dense/vars/0, 1, …    those of a layer of one's own, by the names of its attributes: see `places.py`
    layers/dropout/seed_generator/vars/0   (stream, step) of dropout. Keras 3.15 writes and reads none of this
    optimizer/vars/0, 1, 2, …          iterations (int64), learning rate if it follows no schedule, slots; attribute
                                       `name` of vars: "adam"
    tinyconv                           a note in JSON, tinyconv's own; Keras passes it over

Layers without weights have an empty vars. The learning rate is float64 (float32 in Keras, which reads both), so that a
run resumes with the same bits. Whatever has these attributes can be saved: this module knows no layer.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..files import replace_file
from ..kernels import move
from ..names import snake_case
from . import hdf5
from .optimizer_state import stored_state
from .places import own_weights, places
from .values import Change, Values

NOTE = "tinyconv"
BESIDE = ("vars", "optimizer", "metrics", NOTE)  # what lies at the root beside layers; metrics of tf.keras
LEGACY = "_layer_checkpoint_dependencies"  # what tf.keras 2.13 calls the group of layers
OTHER_MODEL = "make the model as it was when the file was saved"


class WeightLike(Protocol):
    """A weight: `data`, an array on either device, and `path` ("conv2d/kernel")."""

    data: Any
    path: str


class LayerLike(Protocol):
    """A layer: its name and weights; a layer that draws random numbers also has `seed_state`, two uint32."""

    name: str

    @property
    def own_weights(self) -> Sequence[WeightLike]:
        """Trainable weights, then the others, each in Keras's order; without those of layers within it."""


class OptimizerLike(Protocol):
    """An optimizer, whose variables come in the order of Keras's files: iterations, learning rate (or none), slots."""

    def build(self, weights: Any) -> None:
        """Make the slots for `weights`, unless they are made."""

    def variables(self) -> Sequence[tuple[str, Any]]:
        """Return names with arrays or numbers."""

    def load_variables(self, values: Sequence[Any]) -> None:
        """Take over values that fit `variables`."""


class ModelLike(LayerLike, Protocol):
    """A model: its layers in order, trainable weights, and the optimizer if it was compiled."""

    @property
    def layers(self) -> Sequence[LayerLike]:
        """The layers, in order."""

    @property
    def trainable_weights(self) -> Sequence[WeightLike]:
        """The weights that the optimizer changes."""

    @property
    def optimizer(self) -> OptimizerLike | None:
        """The optimizer, or None."""


class Made(NamedTuple):
    """The model that a file describes, and what turns its weights from the order of channels that they have there.

    The changes are by the weights' ids; see `channels`.
    """

    model: Any
    changes: Mapping[int, Change]


@dataclass
class State:
    """What a file holds for a model, checked, but not yet given to it, which must be done while the file is open."""

    weights: list[Values] = field(default_factory=list)
    seeds: list[tuple[Any, np.ndarray]] = field(default_factory=list)
    optimizer: list[np.ndarray] | None = None

    def give_to(self, model: ModelLike, path: str | Path) -> None:
        """Change the model: its weights, its seeds, its optimizer's variables. `path` names the file in errors."""
        if model.optimizer is not None and self.optimizer is not None:
            try:
                model.optimizer.load_variables(self.optimizer)
            except ValueError as error:  # before anything has changed
                raise hdf5.FileError(f"{path}: the optimizer's state: {error}") from None
        for values in self.weights:
            values.give()
        for layer, seed_state in self.seeds:
            layer.seed_state = seed_state


def save_weights(path: str | Path, model: ModelLike, note: dict[str, Any] | None = None) -> None:
    """Write weights, optimizer and dropout state of a built model to `path`, and with them `note`, anything JSON holds.

    The same state gives the same bytes. The file is replaced whole, see `replace_file`. Raises ValueError if
    the name does not end in ".weights.h5" (Keras would not open it), OSError if it cannot be written.
    """
    if not str(path).endswith(".weights.h5"):
        raise ValueError(f'a weights file must be called "….weights.h5", got "{path}": Keras opens no other')
    view = image_of(model, note)
    replace_file(path, [view, hdf5.seal(view)])


def image_of(model: ModelLike, note: dict[str, Any] | None = None) -> memoryview:
    """Return the bytes of a weights file.

    They are made in memory: on a full disk HDF5 fails when it closes a file, too late to recover; a plain write does
    not.
    """
    import h5py

    remark = None if note is None else json.dumps(note).encode("ascii")
    image = BytesIO()
    with h5py.File(image, "w") as root:
        for place, layer in places(model).items():
            group = root.require_group(place) if place else root
            _write(group, layer.name, [move(weight.data, "cpu") for weight in own_weights(layer)])
            seed_state = getattr(layer, "seed_state", None)
            if seed_state is not None:
                _write(group.create_group("seed_generator"), "seed_generator", [seed_state])
        if model.optimizer is not None:
            values = [move(value, "cpu") for _, value in model.optimizer.variables()]
            _write(root.create_group("optimizer"), snake_case(type(model.optimizer).__name__), values)
        if remark is not None:
            root[NOTE] = np.bytes_(remark)
    return image.getbuffer()


def load_weights(path: str | Path, model: ModelLike, skip_mismatch: bool = False) -> None:
    """Read a file that `save_weights` or Keras 3 wrote into a built model; nothing changes unless all of it fits.

    Optimizer state is restored if the model has an optimizer with as many variables as were saved (and of the same
    kind, if tinyconv wrote the file); any other keeps its own state, with a UserWarning, as in Keras. Dropout state is
    restored if the file has it. Raises OSError if the file cannot be read, ValueError if it is damaged or does not fit:
    the message names the layer, what it has, what the file has. With `skip_mismatch` layers that the file has not, or
    has in other shapes, keep their weights, and a UserWarning lists them.
    """
    with hdf5.opened(path) as (root, sealed):
        read_state(root, sealed, model, path, skip_mismatch).give_to(model, path)


def read_state(
    root: Any,
    sealed: bool,
    model: ModelLike,
    path: str | Path,
    skip_mismatch: bool = False,
    made: Made | None = None,
) -> State:
    """Return what the open file `root` holds for `model`; `path` names it in errors.

    `made` is the model that the file describes.
    """
    legacy = _is_legacy(root, path)
    found = {_place_in(place, legacy): layer for place, layer in places(model).items()}
    own = places(made.model) if made is not None and made.changes else {}
    turns: dict[int, Change] = {}
    state, skipped = State(), []
    if not skip_mismatch:
        _refuse_more(root, found, path)
    for place, layer in found.items():
        try:
            changes = [made.changes.get(id(weight)) for weight in own_weights(own[place])] if made and own else []
            state.weights += _layer_weights(root, place, layer, path, changes)
            turns |= {id(each.weight): each.change for each in state.weights if each.change is not None}
        except hdf5.FileError as error:
            if not skip_mismatch:
                raise
            skipped.append(str(error))
    if skipped:
        warnings.warn(f"{path}: {len(skipped)} layers keep their weights: {'; '.join(skipped)}", stacklevel=4)
    seeds = [(layer, _seed_state(root, place, layer)) for place, layer in found.items()]
    state.seeds = [(layer, seed) for layer, seed in seeds if seed is not None]
    state.optimizer = None if skipped else stored_state(root, sealed, model, path, turns)
    return state


def read_note(path: str | Path) -> dict[str, Any] | None:
    """Return the note that `save_weights` stored in the file at `path`, or None if it has none (Keras's have none)."""
    with hdf5.opened(path) as (root, _):
        remark = hdf5.text(root, NOTE, limit=Path(path).stat().st_size)
    if remark is None:
        return None
    try:
        note = json.loads(remark)
    except (ValueError, RecursionError):
        note = None
    if not isinstance(note, dict):
        raise hdf5.FileError(f"{path} is damaged: its note is not a JSON object")
    return note


def _write(group: Any, name: str, values: Sequence[Any]) -> None:
    """Make the subgroup "vars" with the attribute `name` and `values` as datasets "0", "1", …"""
    variables = group.create_group("vars")
    variables.attrs["name"] = name
    for index, value in enumerate(values):
        variables[str(index)] = np.asarray(value)


def _is_legacy(root: Any, path: str | Path) -> bool:
    """Return whether the group of layers is called as in tf.keras 2.13; raise FileError if this is no weights file."""
    if hdf5.group(root, "layers") is not None:
        return False
    if hdf5.group(root, LEGACY) is not None:
        return True
    if any(hdf5.group(root, f"{name}/vars") is not None for name in root if name not in BESIDE):
        return False
    keras_2 = "model_weights" in root or "layer_names" in root.attrs
    what = (
        "is a Keras 2 .h5 file: this reads Keras 3's .weights.h5"
        if keras_2
        else 'has no group "layers": not a weights file'
    )
    raise hdf5.FileError(f"{path} {what}")


def _place_in(place: str, legacy: bool) -> str:
    """Return where a file has the layer that belongs at `place`."""
    return place.replace("layers", LEGACY, 1) if legacy and place.startswith("layers") else place


def _refuse_more(root: Any, known: Mapping[str, LayerLike], path: str | Path) -> None:
    """Raise FileError if the file has a layer with weights that the model lacks."""
    waiting = [name for name in root if name not in BESIDE]
    seen = {hdf5.address(root)}
    while waiting:
        place = waiting.pop()
        group = hdf5.group(root, place)
        if group is None or hdf5.address(group) in seen:
            raise hdf5.FileError(f"{path}: {place} is a group that the file has in another place, too")
        seen.add(hdf5.address(group))
        variables = hdf5.group(group, "vars")
        if place not in known and ((variables is not None and len(variables)) or "layers" in group):
            raise hdf5.FileError(f"{path} has weights in {place}, the model has no such layer: {OTHER_MODEL}")
        waiting += [f"{place}/{name}" for name in group if name not in ("vars", "seed_generator")]


def _layer_weights(
    root: Any, place: str, layer: LayerLike, path: str | Path, changes: Sequence[Change | None]
) -> list[Values]:
    """Return the new values of each weight of `layer`; `changes`, if any, turn them."""
    owner = f'layer "{layer.name}" ({type(layer).__name__})'
    variables = hdf5.group(root, f"{place}/vars".lstrip("/"))
    if variables is None and own_weights(layer):
        group, _, _ = place.rpartition("/")
        others = hdf5.group(root, group) if group else root
        held = ", ".join(list(others or [])[:8]) or "no layers"
        raise hdf5.FileError(f"{owner} has no {place} in {path}, which has {held}: {OTHER_MODEL}")
    count = 0 if variables is None else len(variables)
    if count != len(own_weights(layer)):
        has = f"{owner} has {len(own_weights(layer))} weights, {place} in {path} has {count}"
        raise hdf5.FileError(f"{has}: {OTHER_MODEL}, use_bias included")
    found = []
    for index, weight in enumerate(own_weights(layer)):
        purpose = f"{path}: weight {weight.path}"
        change, shape = changes[index] if changes else None, weight.data.shape
        if change is not None and len(shape) == 3:  # slopes of an image, whose channels came first
            shape = (shape[2], *shape[:2])
        stored = hdf5.fitting(variables, str(index), shape, weight.data.dtype, purpose)
        found.append(Values(weight, stored, f"{purpose}: {variables.name}/{index}", change))
    return found


def _seed_state(root: Any, place: str, layer: LayerLike) -> np.ndarray | None:
    """Return the two uint32 that `layer` draws its random numbers from, or None if it has none or the file has none."""
    if getattr(layer, "seed_state", None) is None:
        return None
    variables = hdf5.group(root, f"{place}/seed_generator/vars")
    if variables is None:
        return None
    return hdf5.array(variables, "0", (2,), np.dtype(np.uint32), f'seed state of layer "{layer.name}"')
