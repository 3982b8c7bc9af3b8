"""Whole models in files: which layout a file has, and what is written to it and read from it."""

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from .. import registry
from ..files import replace_file
from ..models.description import describe
from . import archive, fitting, hdf5, legacy, safetensors, weights
from .descriptions import to_json
from .hdf5 import FileError
from .onnx import export_model
from .rebuilding import file_model, make_model
from .training import compile_config, version_of
from .weights import read_note

__all__ = ["export_model", "load_model", "load_weights", "read_note", "save_model", "save_weights", "to_json"]

LEGACY = (".h5", ".hdf5")


def save_model(model: Any, filepath: str | Path, overwrite: bool = True) -> None:
    """Write a built model to `filepath`: its layers, its weights, and what it was compiled with and its state.

    The name ends in ".keras", or in ".h5" or ".hdf5" for the layout of Keras 2, which Keras 3 reads, too. The file is
    written aside and renamed, see `replace_file`; the same model gives the same bytes. Without `overwrite` a file that
    is there stays, and FileExistsError is raised.
    """
    name = str(filepath)
    if not name.endswith((".keras", *LEGACY)) or name.endswith(".weights.h5"):
        raise ValueError(f'a model is saved to a file that ends in ".keras", or ".h5", got "{filepath}"')
    model.require_built()
    _refuse_to_overwrite(filepath, overwrite)
    if not name.endswith(".keras"):
        _write_legacy(model, filepath, whole=True)
        return
    description = describe(model)
    if isinstance(model.input_shape, tuple):
        description["build_config"] = {"input_shape": model.input_shape}
    compiled = compile_config(model)
    if compiled:
        description["compile_config"] = compiled
    archive.write(filepath, description, weights.image_of(model))


def load_model(
    filepath: str | Path,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Return the model in a file of Keras, with its weights: ".keras", or ".h5" of Keras 1, 2 or 3 and of tf.keras.

    If it was compiled it is compiled again, unless `compile` is False, and training goes on where it stopped.
    `custom_objects` has the user's own classes and functions by name; what is registered with
    `register_keras_serializable` is known. Whatever `safe_mode` says, nothing in a file is executed. A model of before
    Keras 3 that took images with channels first takes them with channels last now, which a UserWarning tells. Raises
    ValueError that names the file and the place for what is damaged, and for what tinyconv lacks of the model, all of
    it; OSError if the file cannot be read.
    """
    with registry.custom_object_scope(custom_objects):
        if hdf5.is_hdf5(filepath):
            return _load_legacy(filepath, compile)
        with archive.opened(filepath) as (description, written_by, root):
            compiled = description.get("compile_config") if compile else None
            if compiled is not None and not isinstance(compiled, Mapping):
                raise FileError(f"{filepath}: compile_config must be an object, got {type(compiled).__name__}")
            place = f"{filepath} (Keras {written_by}): config.json"
            made = make_model(description, compiled, version_of(written_by), place)
            state = weights.read_state(root, False, made.model, f"{filepath}: {archive.WEIGHTS}", made=made)
            state.give_to(made.model, filepath)
    return made.model


def _load_legacy(filepath: str | Path, compile: bool) -> Any:
    """Return the model in a ".h5" file."""
    with hdf5.opened(filepath) as (root, _):
        if not legacy.is_legacy(root):
            raise FileError(f"{filepath} holds weights alone: make the model, then model.load_weights")
        held = legacy.read(root, filepath, whole=True)
        if held.model is None:
            raise FileError(f"{filepath} holds weights alone: make the model, then model.load_weights")
        made = make_model(held.model, held.training if compile else None, held.version, held.place(filepath))
        state = fitting.fit(held, made.model, filepath, made=made)
        state.optimizer = fitting.optimizer_state(held, made.model, filepath, made.changes)
        state.give_to(made.model, filepath)
    return made.model


def save_weights(
    model: Any, filepath: str | Path, overwrite: bool = True, *, note: dict[str, Any] | None = None
) -> None:
    """Write a built model's weights to ".weights.h5", with the state of optimizer and dropout, or to ".h5" without.

    Or to ".safetensors", without, too. See `weights.save_weights`, `legacy` and `safetensors`. Without `overwrite` a
    file that is there stays, and FileExistsError is raised. `note`, anything that JSON can hold, travels in a
    ".weights.h5".
    """
    model.require_built()
    _refuse_to_overwrite(filepath, overwrite)
    name = str(filepath)
    if not name.endswith((*LEGACY, safetensors.SUFFIX)):
        raise ValueError(f'weights go to a file that ends in ".weights.h5", ".h5" or ".safetensors", got "{name}"')
    if note is None and name.endswith(safetensors.SUFFIX):
        safetensors.save_weights(filepath, model)
    elif note is None and name.endswith(LEGACY) and not name.endswith(".weights.h5"):
        _write_legacy(model, filepath, whole=False)
    else:
        weights.save_weights(filepath, model, note)


def _write_legacy(model: Any, filepath: str | Path, whole: bool) -> None:
    import h5py

    image = BytesIO()
    with h5py.File(image, "w") as root:
        legacy.write(root, model, whole)
    view = image.getbuffer()
    replace_file(filepath, [view, hdf5.seal(view)])


def load_weights(model: Any, filepath: str | Path, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Read the weights in a file of Keras into a built model; nothing changes unless all of it fits.

    The file is ".weights.h5", ".keras", ".safetensors", or ".h5" of any Keras, of a whole model or of weights alone.
    With `skip_mismatch` layers that do not fit keep their weights, and a warning lists them. With `by_name`, of ".h5"
    and ".safetensors" files, layers go by their names, and those that only one of model and file has are left out; else
    names count if they are the same, or the order.
    """
    model.require_built()
    if str(filepath).endswith(safetensors.SUFFIX):
        safetensors.load_weights(filepath, model, skip_mismatch, by_name)
        return
    if hdf5.is_hdf5(filepath):
        with hdf5.opened(filepath) as (root, _):
            if legacy.is_legacy(root):
                held = legacy.read(root, filepath, whole=False)
                fitting.fit(held, model, filepath, by_name, skip_mismatch).give_to(model, filepath)
                return
    if by_name:
        raise ValueError(f"by_name is for .h5 files of Keras 2: {filepath} has layers by their classes, not by name")
    if str(filepath).endswith(".keras"):
        with archive.opened(filepath) as (description, written_by, root):
            made = file_model(
                description, model, version_of(written_by), f"{filepath} (Keras {written_by}): config.json"
            )
            state = weights.read_state(root, False, model, f"{filepath}: {archive.WEIGHTS}", skip_mismatch, made)
            state.give_to(model, filepath)
        return
    weights.load_weights(filepath, model, skip_mismatch)


def _refuse_to_overwrite(filepath: str | Path, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(filepath):
        raise FileExistsError(f"{filepath} is there already: give another name, or overwrite=True")
