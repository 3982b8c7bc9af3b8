"""Models as JSON, without weights: Keras's `to_json` and `model_from_json`, and copies made of descriptions."""

import json
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from .. import registry
from ..models.description import describe, rebuild
from .archive import json_object
from .modern import modern
from .rebuilding import make_model
from .training import version_of_json

TODAY = (3, 0)


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
    """Return a model of the same layers, with new weights, not compiled.

    Classes and functions of one's own in it need not be registered.
    """
    with registry.custom_object_scope(_own_objects(model)):
        return rebuild(modern(describe(model), TODAY))


def _own_objects(model: Any) -> dict[str, Any]:
    """Return the classes of the layers and of what they hold, and their functions, that are not tinyconv's, by name."""
    found = [held for layer in model.every_layer() for held in (layer, *vars(layer).values())]
    classes = [each if isinstance(each, FunctionType) else type(each) for each in found]
    own = [each for each in classes if not each.__module__.startswith("tinyconv.") and callable(each)]
    describing = [each for each in own if isinstance(each, FunctionType) or hasattr(each, "get_config")]
    return {registry.get_registered_name(each): each for each in describing}
