"""Configurations of Keras 1, Keras 2 and tf.keras in the words of Keras 3.

What they differ in is told by the configurations themselves more reliably than by versions, so each is brought to
today's form whatever its age, and one of today passes unchanged. Versions tell only what a name meant then. The words
of Keras 1 are `keras1.py`'s.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from .. import registry
from ..models.operations import is_operation
from .keras1 import renamed
from .training import Version

Description = dict[str, Any]

CLASSES = {
    "Model": "Functional",
    "Container": "Functional",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "ThresholdedReLU": "ReLU",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}
# What no layer of today has, and what changes nothing, or is said in another place.
PASSED_OVER = (
    *("batch_input_shape", "batch_size", "input_dim", "input_dtype", "input_tensor", "ragged", "sparse", "optional"),
    *("fused", "rank", "build_input_shape"),
)
RENAMED_ACTIVATIONS = {"hard_sigmoid": "keras2_hard_sigmoid"}  # before Keras 3, which changed the function
SEPARATE = ("DepthwiseConv2D", "SeparableConv2D")  # their get_config tells of a kernel that they have not
OF_KERNEL = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")


def modern(description: Mapping[str, Any], version: Version) -> Description:
    """Return the description that Keras of `version` made of a layer or a model in today's words."""
    if not isinstance(description.get("class_name"), str):
        raise ValueError(f"a layer is described by class_name and config, got {sorted(description)}")
    if is_operation(description):
        return dict(description)
    class_name = CLASSES.get(str(description["class_name"]), str(description["class_name"]))
    config = description.get("config")
    if class_name == "Sequential":
        config = _stack(config, version)
    elif class_name == "Functional":
        config = _graph(_mapping(config, class_name), version)
    elif registry.own_class(description) is None:
        class_name, config = renamed(class_name, _mapping(config, class_name), description)
        config = _layer(class_name, config, version)
    return {**description, "class_name": class_name, "config": config}


def _mapping(config: Any, class_name: str) -> dict[str, Any]:
    if not isinstance(config, Mapping):
        raise ValueError(f"the configuration of {class_name} must be an object, got {type(config).__name__}")
    return dict(config)


def _stack(config: Any, version: Version) -> dict[str, Any]:
    """Return the configuration of a Sequential, which was a list up to Keras 2.2.2; its input as its first layer."""
    config = {"layers": config} if isinstance(config, list) else _mapping(config, "Sequential")
    layers = config.get("layers")
    if not isinstance(layers, list) or not all(isinstance(each, Mapping) for each in layers):
        raise ValueError("a Sequential model must have a list of layers")
    if layers and layers[0].get("class_name") != "InputLayer":
        first = layers[0].get("config")
        shape = first.get("batch_input_shape") if isinstance(first, Mapping) else None
        shape = shape or config.get("build_input_shape")
        if isinstance(first, Mapping) and shape:
            name = f"{first.get('name')}_input"
            below = {"batch_shape": shape, "name": name, "dtype": first.get("dtype")}
            layers = [{"class_name": "InputLayer", "config": below}, *layers]
    return {**config, "layers": [modern(each, version) for each in layers]}


def _graph(config: dict[str, Any], version: Version) -> dict[str, Any]:
    """Return the configuration of a functional model, whose calls were lists of places before Keras 3."""
    layers = config.get("layers")
    if not isinstance(layers, list) or not all(isinstance(each, Mapping) for each in layers):
        raise ValueError("a functional model must have a list of layers")
    made = []
    for each in layers:
        layer = modern(each, version)
        layer.setdefault("name", layer["config"].get("name"))
        layer["config"].setdefault("name", layer["name"])
        layer["inbound_nodes"] = [_call(call, str(layer["name"])) for call in each.get("inbound_nodes") or []]
        made.append(layer)
    ends = {which: _one_or_several(config.get(which)) for which in ("input_layers", "output_layers")}
    old = any(isinstance(call, list) for each in layers for call in each.get("inbound_nodes") or [])
    if old:
        ends = {which: deepcopy(end) for which, end in ends.items()}
        _count_as_today(made, list(ends.values()))
    return {**config, "layers": made, **ends}


def _call(call: Any, name: str) -> dict[str, Any]:
    """Return a call: {"args": [one place or several], "kwargs"} of [[layer, call, output, arguments], …]."""
    if isinstance(call, Mapping):
        return dict(call)
    given = [call] if call and isinstance(call[0], str) else list(call)
    if not given or not all(isinstance(place, list) and len(place) in (3, 4) for place in given):
        raise ValueError(f'layer "{name}" is called on {call!r}, needs [layer, call, output]')
    arguments: dict[str, Any] = {}
    for place in given:
        arguments |= place[3] if len(place) == 4 and isinstance(place[3], Mapping) else {}
    places = [list(place[:3]) for place in given]
    return {"args": [places[0] if len(places) == 1 else places], "kwargs": arguments}


def _one_or_several(places: Any) -> Any:
    """Return one place for a list of one, as Keras 2 wrote what was given alone; a dict of them as it is."""
    several = isinstance(places, list) and places and not isinstance(places[0], str)
    return places[0] if several and len(places) == 1 else places


def _places(given: Any) -> Sequence[list[Any]]:
    given = list(given.values()) if isinstance(given, Mapping) else given
    one = isinstance(given, list) and given and isinstance(given[0], str)
    return [given] if one else [place for place in given or [] if isinstance(place, list)]


def _count_as_today(layers: list[Description], ends: list[Any]) -> None:
    """Number the calls of models within as places of today do: of functional models from 1, of stacks from 0.

    Keras 1 and 2 count the making of either as its first call.
    """
    models = {each["name"]: each for each in layers if each["class_name"] in ("Functional", "Sequential")}
    uses = [place for each in layers for call in each["inbound_nodes"] for place in _places(call["args"][0])]
    uses += [place for end in ends for place in _places(end)]
    for name, model in models.items():
        own = [place for place in uses if place[0] == name]
        numbers = {place[1] for place in own}
        from_one = 0 not in numbers or len(model["inbound_nodes"]) in numbers
        for place in own:
            place[1] += (model["class_name"] == "Functional") - from_one


def _layer(class_name: str, config: dict[str, Any], version: Version) -> dict[str, Any]:
    """Return the configuration of a layer that is no model."""
    if class_name == "InputLayer":
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        if not isinstance(shape, list | tuple):
            raise ValueError(f"an InputLayer needs batch_shape, got {sorted(config)}")
        dtype = config.get("dtype")
        kept = dtype if isinstance(dtype, Mapping) or dtype in ("float32", "float64") else None
        return {"batch_shape": list(shape), "name": config.get("name"), "dtype": kept}
    config = {name: value for name, value in config.items() if name not in PASSED_OVER}
    if class_name in SEPARATE:
        config = {name: value for name, value in config.items() if name not in OF_KERNEL}
    if class_name not in ("Conv2D", "GroupNormalization") and config.get("groups") == 1:
        del config["groups"]
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    if class_name == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if class_name == "ReLU" and "theta" in config:  # once ThresholdedReLU
        config["threshold"] = config.pop("theta")
    return {name: _value(name, value, version) for name, value in config.items()}


def _value(name: str, value: Any, version: Version) -> Any:
    """Return the value of an argument."""
    if name == "activation":
        return _activation(value, version)
    if name.endswith("_initializer") and isinstance(value, Mapping) and not isinstance(value.get("config"), str):
        inner = {key: each for key, each in dict(value.get("config") or {}).items() if key != "dtype"}
        if inner.get("distribution") == "normal":  # so called up to Keras 2.2.2
            inner["distribution"] = "truncated_normal"
        return {**value, "config": inner}
    return value


def _activation(value: Any, version: Version) -> Any:
    """Return an activation by its name of today; one of the user's own as the function."""
    if isinstance(value, Mapping):
        value = value.get("config") if value.get("class_name") == "function" else value.get("class_name")
    if isinstance(value, Mapping):  # a function by its registered name, in some versions
        value = value.get("name")
    own = registry.get_registered_object(str(value))
    return own or (RENAMED_ACTIVATIONS.get(str(value), value) if version < (3, 0) else value)
