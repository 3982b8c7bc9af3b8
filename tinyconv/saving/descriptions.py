"""Models as JSON, without weights: Keras's `to_json` and `model_from_json`, and copies made of descriptions."""

import json
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from .. import registry
from ..layers import Input
from ..layers.graph import replayed
from ..layers.operation import Operation
from ..models import Sequential
from ..models.description import describe, rebuild
from ..models.functional import Functional
from ..structure import flat, packed
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


def clone_model(model: Any, input_tensors: Any = None, clone_function: Callable[[Any], Any] | None = None) -> Any:
    """Return a model of the same layers, with new weights, not compiled.

    `clone_function` gives the new layer for each layer but inputs, which by default is made of its configuration;
    `input_tensors`, a symbol or several, are what the new model is to begin with. Classes and functions of one's own in
    it need not be registered.
    """
    with registry.custom_object_scope(_own_objects(model)):
        if input_tensors is None and clone_function is None:
            return rebuild(modern(describe(model), TODAY))
        if not isinstance(model, Functional | Sequential):
            raise model.error("has a call of its own: it is cloned without input_tensors and clone_function")
        return _called_again(model, input_tensors, clone_function or _like)


def _like(layer: Any) -> Any:
    return layer.from_config(layer.get_config())


def _called_again(model: Functional | Sequential, given: Any, clone_function: Callable[[Any], Any]) -> Any:
    """Return a model of the clones of a model's layers, on the symbols that are given, or on inputs like its own."""
    clones: dict[Any, Any] = {}

    def clone(layer: Any) -> Any:
        if layer not in clones:
            clones[layer] = layer if isinstance(layer, Operation) else clone_function(layer)
        return clones[layer]

    if isinstance(model, Sequential):
        first = flat(given) if given is not None else model.inputs[:1] if model.built else []
        shapes = [Input(symbol.shape[1:], dtype=symbol.dtype) if given is None else symbol for symbol in first]
        return Sequential([*shapes, *(clone(layer) for layer in model.layers)], name=model.name)
    inputs = model.inputs
    new = (
        flat(given)
        if given is not None
        else [Input(symbol.shape[1:], dtype=symbol.dtype, name=symbol.node.operation.name) for symbol in inputs]
    )
    if len(new) != len(inputs):
        raise model.error(f"has {len(inputs)} inputs, got {len(new)} input_tensors")
    outputs = replayed(model.outputs, dict(zip(inputs, new, strict=True)), clone)
    return Functional(packed(model.input, new), packed(model.output, outputs), name=model.name)


def _own_objects(model: Any) -> dict[str, Any]:
    """Return the classes of the layers and of what they hold, and their functions, that are not tinyconv's, by name."""
    found = [held for layer in model.every_layer() for held in (layer, *vars(layer).values())]
    classes = [each if isinstance(each, FunctionType) else type(each) for each in found]
    own = [each for each in classes if not each.__module__.startswith("tinyconv.") and callable(each)]
    describing = [each for each in own if isinstance(each, FunctionType) or hasattr(each, "get_config")]
    return {registry.get_registered_name(each): each for each in describing}
