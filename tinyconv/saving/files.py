"""Whole models in files: which layout a file has, and what is written to it and read from it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import registry
from ..models.description import describe
from . import archive, weights
from .hdf5 import FileError
from .json import to_json
from .rebuilding import make_model
from .training import version_of
from .weights import read_note

__all__ = ["load_model", "load_weights", "read_note", "save_model", "save_weights", "to_json"]


def save_model(model: Any, filepath: str | Path, overwrite: bool = True) -> None:
    """Write a built model to `filepath`: its layers, its weights, and what it was compiled with and its state.

    The name ends in ".keras". The file is written aside and renamed, see `replace_file`; the same model gives the same
    bytes. Without `overwrite` a file that is there stays, and FileExistsError is raised.
    """
    if not str(filepath).endswith(".keras"):
        raise ValueError(f'a model is saved to a file that ends in ".keras", got "{filepath}"')
    model.require_built()
    _refuse_to_overwrite(filepath, overwrite)
    description = describe(model)
    if isinstance(model.input_shape, tuple):
        description["build_config"] = {"input_shape": model.input_shape}
    compiled = model.get_compile_config()
    if compiled:
        description["compile_config"] = compiled
    archive.write(filepath, description, weights.image_of(model))


def load_model(
    filepath: str | Path,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Return the model in a ".keras" file of Keras 3 or of tf.keras 2.12 to 2.15, with its weights.

    If it was compiled it is compiled again, unless `compile` is False, and training goes on where it stopped.
    `custom_objects` has the user's own classes and functions by name; what is registered with
    `register_keras_serializable` is known. Whatever `safe_mode` says, nothing in a file is executed. Raises ValueError
    that names the file and the place for what is damaged, and for what tinyconv lacks of the model, all of it; OSError
    if the file cannot be read.
    """
    with registry.custom_object_scope(custom_objects), archive.opened(filepath) as (description, written_by, root):
        version = version_of(written_by)
        compiled = description.get("compile_config") if compile else None
        if compiled is not None and not isinstance(compiled, Mapping):
            raise FileError(f"{filepath}: compile_config must be an object, got {type(compiled).__name__}")
        model = make_model(description, compiled, version, f"{filepath} (Keras {written_by}): config.json")
        model.require_built()
        place = f"{filepath}: {archive.WEIGHTS}"
        weights.read_state(root, False, model, place).give_to(model)
    return model


def save_weights(
    model: Any, filepath: str | Path, overwrite: bool = True, *, note: dict[str, Any] | None = None
) -> None:
    """Write the weights of a built model, and the state of optimizer and dropout: see `weights.save_weights`.

    Without `overwrite` a file that is there stays, and FileExistsError is raised.
    """
    model.require_built()
    _refuse_to_overwrite(filepath, overwrite)
    weights.save_weights(filepath, model, note)


def load_weights(model: Any, filepath: str | Path, skip_mismatch: bool = False) -> None:
    """Read the weights in `filepath` into a built model: see `weights.load_weights`."""
    model.require_built()
    weights.load_weights(filepath, model, skip_mismatch)


def _refuse_to_overwrite(filepath: str | Path, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(filepath):
        raise FileExistsError(f"{filepath} is there already: give another name, or overwrite=True")
