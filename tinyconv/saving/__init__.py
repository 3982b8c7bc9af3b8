"""Models and weights in Keras's files of every era, read and written without Keras.

`load_model` and `model.save` are for whole models, `model.save_weights` and `model.load_weights` for weights.
Nothing in a file is executed, imported or unpacked; what tinyconv lacks of a model is named with its place, and nothing
is loaded.
"""

from .. import models
from ..registry import (
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from . import files
from .descriptions import clone_model, model_from_json
from .files import load_model, load_weights, read_note, save_model, save_weights

CustomObjectScope = custom_object_scope  # as Keras also calls it

__all__ = [
    "CustomObjectScope",
    "clone_model",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "model_from_json",
    "read_note",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]

models.Model.files = files
for _function in (clone_model, load_model, model_from_json, save_model):  # Keras has them there, too
    setattr(models, _function.__name__, _function)
    vars(models)["__all__"].append(_function.__name__)
