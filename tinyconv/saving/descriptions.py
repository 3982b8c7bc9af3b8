"""Models as JSON, without weights: Keras's `to_json` and `model_from_json`, and copies made of descriptions."""

import json
from collections.abc import Mapping
from typing import Any

from .. import registry
from ..models.description import describe, rebuild
from .archive import json_object
from .rebuilding import make_model
from .training import version_of_json


def to_json(model: Any) -> str:
    """Return a model's description as Keras 3 writes it, from which `model_from_json` and Keras make an equal one."""
    return json.dumps(describe(model))


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the model that Keras 1, 2 or 3, or `model.to_json()`, has described, with new weights.

    `custom_objects` has the user's own classes and functions by name. Raises ValueError for what tinyconv lacks of it.
    """
    description = json_object(json_string, "the JSON")
    version = version_of_json(description)
    with registry.custom_object_scope(custom_objects):
        return make_model(description, None, version, "the JSON", blank=False).model


def clone_model(model: Any) -> Any:
    """Return a model of the same layers, with new weights, not compiled."""
    return rebuild(describe(model))
