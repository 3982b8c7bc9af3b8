"""Models of old files whose images are (channels, height, width) turned to (height, width, channels).

Layers take their images in the other order, kernels stay as they are; only what a Flatten makes of an image comes in
another order, so the rows of the Dense layer behind it are permuted. Slopes of a PReLU are turned as the images are.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import layers as L
from ..models import Functional, Model, Sequential
from .hdf5 import FileError

FIRST, LAST = "channels_first", "channels_last"
SEE_IT = ("Flatten", "Reshape", "Permute")
AXES = ("BatchNormalization", "Concatenate", "GroupNormalization", "LayerNormalization", "Softmax")
TURNED = {1: 3, 2: 1, 3: 2}  # the axes of images
PASSES = (  # keep the order of what a Flatten made
    *(L.Dropout, L.ReLU, L.LeakyReLU, L.ELU, L.GaussianNoise, L.GaussianDropout, L.Identity),
)
# Compute along the channels.
ALONG = (L.BatchNormalization, L.Concatenate, L.GroupNormalization, L.LayerNormalization, L.Softmax)
ON_IMAGES = (
    *(L.Conv2D, L.DepthwiseConv2D, L.SeparableConv2D, L.Conv2DTranspose, L.MaxPooling2D, L.AveragePooling2D),
    *(L.GlobalAveragePooling2D, L.GlobalMaxPooling2D, L.ZeroPadding2D, L.Cropping2D, L.UpSampling2D),
    *(L.Add, L.Average, L.Maximum, L.Minimum, L.Multiply, L.Subtract, L.Flatten, *ALONG),
    *(L.InputLayer, L.Rescaling, L.SpatialDropout2D, L.PReLU, Model, *PASSES),
)


def is_channels_first(description: Mapping[str, Any]) -> bool:
    """Return whether a layer of the described model, in today's words, takes channels first."""
    config = description.get("config")
    if not isinstance(config, Mapping):
        return False
    layers = config.get("layers")
    if isinstance(layers, list):
        return any(is_channels_first(each) for each in layers if isinstance(each, Mapping))
    return config.get("data_format") == FIRST


def takes_first(model: Any) -> bool:
    """Return whether a layer of the model takes channels first."""
    return any(getattr(layer, "data_format", LAST) == FIRST for layer in model.every_layer())


def tells_of_first(description: Any) -> bool:
    """Return whether anything in a description, in the words of any Keras, takes channels first."""
    return any(each.get("data_format") == FIRST or each.get("dim_ordering") == "th" for each in _objects(description))


def order_matters(description: Any) -> bool:
    """Return whether something in a description sees the order of channels, and they come first."""
    return tells_of_first(description) and any(each.get("class_name") in SEE_IT for each in _objects(description))


def _objects(description: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object in a description."""
    waiting = [description]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def turned(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of the same model with channels last."""
    config, class_name = dict(description["config"]), str(description["class_name"])
    if isinstance(config.get("layers"), list):
        config["layers"] = [turned(each) for each in config["layers"]]
    elif "data_format" in config and class_name != "Flatten":
        if config["data_format"] != FIRST:
            raise ValueError(f'layer "{config.get("name")}" takes channels last, others of the model channels first')
        config["data_format"] = LAST
    elif class_name == "Flatten":
        config.pop("data_format", None)
    elif class_name == "InputLayer" and len(config["batch_shape"]) == 4:
        n, c, h, w = config["batch_shape"]
        config["batch_shape"] = [n, h, w, c]
    elif class_name in AXES and config.get("axis") in (1, -3):
        config["axis"] = -1
    elif len(config.get("noise_shape") or []) == 4:
        n, c, h, w = config["noise_shape"]
        config["noise_shape"] = [n, h, w, c]
    elif class_name == "PReLU" and config.get("shared_axes"):  # a vector has none to share
        config["shared_axes"] = sorted(TURNED[axis] for axis in config["shared_axes"])
    return {**description, "config": config}


def row_changes(model: Any, before: Mapping[str, Any] | None) -> dict[int, Any]:
    """Return what turns the weights of layers behind a Flatten, by the weights' ids.

    `before` is the description of the model before it was turned, None if there is none, as of Keras 1's weights alone.
    Raises FileError where something else sees the order.
    """
    changes: dict[int, Any] = {}
    described = {_name(each): each for each in before["config"]["layers"]} if before else {}
    orders: dict[Any, Any] = {}
    for layer, givers in _calls(model):
        config = described.get(layer.name, {}).get("config", {})
        shape = layer.input_shape
        given = next((orders[giver] for giver in givers if orders.get(giver) is not None), None)
        if given is not None:
            orders[layer] = _pass_on(layer, given, changes)
        elif shape is not None and len(shape[0] if isinstance(shape, list) else shape) == 4:
            if before:
                _check_on_images(layer, config)
            if isinstance(layer, L.Flatten) and config.get("data_format") != FIRST:
                orders[layer] = shape[1:]
            if isinstance(layer, L.PReLU):
                changes[id(layer.alpha)] = _image
        if isinstance(layer, Model):
            changes |= row_changes(layer, described[layer.name] if before else None)
    ends = [layer for layer in orders if orders[layer] is not None and not _has_user(model, layer)]
    if ends:
        raise FileError(f'layer "{ends[0].name}" gives an image with channels first as a vector: it cannot be turned')
    return changes


def _image(values: np.ndarray) -> np.ndarray:
    return values.transpose(1, 2, 0)


def _name(description: Mapping[str, Any]) -> Any:
    return description.get("name") or description["config"].get("name")


def _calls(model: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Yield each layer with those that its input comes from, in order."""
    if isinstance(model, Sequential):
        yield from zip(model.layers, [[], *([each] for each in model.layers)], strict=False)
    elif isinstance(model, Functional):
        for node in model.graph:
            yield node.operation, [symbol.node.operation for symbol in node.inputs]


def _has_user(model: Any, layer: Any) -> bool:
    return any(layer in givers for _, givers in _calls(model))


def _check_on_images(layer: Any, config: Mapping[str, Any]) -> None:
    """Raise FileError for a layer that computes along axes of an image which are others now."""
    along = isinstance(layer, ALONG) and config.get("axis", -1) not in (1, -3)
    soft = isinstance(layer, L.Activation) and getattr(layer.activation, "__name__", "") in ("softmax", "log_softmax")
    if along or soft or not isinstance(layer, (*ON_IMAGES, L.Activation)):
        raise FileError(
            f'layer "{layer.name}" ({type(layer).__name__}) works on images with channels first in a way that cannot '
            "be turned to channels last"
        )


def _pass_on(layer: Any, shape: tuple[int, ...], changes: dict[int, Any]) -> Any:
    """Note what turns the weights of a layer behind a Flatten of (h, w, c); return whether its output is in order."""
    h, w, c = shape

    def rows(values: np.ndarray) -> np.ndarray:
        return values.reshape(c, h, w, -1).transpose(1, 2, 0, 3).reshape(values.shape)

    if isinstance(layer, L.Dense):
        changes[id(layer.kernel)] = rows
        return None
    if isinstance(layer, L.BatchNormalization):
        changes.update({id(weight): rows for weight in layer.weights})
        return shape
    if isinstance(layer, PASSES) or (isinstance(layer, L.Activation) and "softmax" not in layer.activation.__name__):
        return shape
    raise FileError(f'layer "{layer.name}" ({type(layer).__name__}) sees a vector of an image with channels first')
