"""The words of Keras 1: arguments of layers as Keras 2 renamed them (keras/legacy/interfaces.py of Keras 2.0)."""

from collections.abc import Mapping
from typing import Any

DIMENSIONS = {"tf": "channels_last", "th": "channels_first", "default": "channels_last"}
ARGUMENTS = {
    "border_mode": "padding",
    "subsample": "strides",
    "bias": "use_bias",
    "init": "kernel_initializer",
    "depthwise_init": "depthwise_initializer",
    "pointwise_init": "pointwise_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
    "atrous_rate": "dilation_rate",
    "output_dim": "units",
    "nb_filter": "filters",
}
OF_CLASS = {
    "Dropout": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "PReLU": {"init": "alpha_initializer"},
}
CLASSES = {"AtrousConvolution2D": "Conv2D", "AtrousConv2D": "Conv2D", "Deconvolution2D": "Conv2DTranspose"}
MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "concat": "Concatenate",
    "ave": "Average",
    "max": "Maximum",
    "min": "Minimum",
    "dot": "Dot",
}
INITIALIZERS: dict[str, Any] = {
    "zero": "zeros",
    "one": "ones",
    "uniform": {"class_name": "RandomUniform", "config": {"minval": -0.05, "maxval": 0.05}},
    "normal": {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.05}},
}
OF_MERGE = (
    *("mode", "concat_axis", "dot_axes", "output_shape", "output_shape_type", "output_mask", "output_mask_type"),
    *("mode_type", "arguments"),
)


def renamed(class_name: str, config: dict[str, Any], description: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the class and the configuration of a layer in the words of Keras 2; those of Keras 2 as they are."""
    if class_name == "Merge":
        return _merge(config)
    if not _is_old(config, description):
        return CLASSES.get(class_name, class_name), config
    names = {**ARGUMENTS, **OF_CLASS.get(class_name, {})}
    found: dict[str, Any] = {}
    for name, value in config.items():
        if name == "dim_ordering":
            found["data_format"] = DIMENSIONS.get(str(value), value)
        elif name not in ("nb_row", "nb_col", "weights", "output_shape"):
            found[names.get(name, name)] = _value(names.get(name, name), value)
    if "nb_row" in config:
        found["kernel_size"] = [config["nb_row"], config["nb_col"]]
    if class_name == "BatchNormalization" and found.pop("mode", 0) != 0:
        raise ValueError(f"BatchNormalization(mode={config['mode']}) of Keras 1 is not offered, only mode 0")
    return CLASSES.get(class_name, class_name), found


def _is_old(config: Mapping[str, Any], description: Mapping[str, Any]) -> bool:
    """Return whether a layer is described as by Keras 1, whose words are its own, and which names no module."""
    old = {*ARGUMENTS, "dim_ordering", "p", "sigma", "nb_row", "mode", "gamma_regularizer"} & config.keys()
    return bool(old) and "module" not in description and "gamma_initializer" not in config


def _value(name: str, value: Any) -> Any:
    """Return the value of an argument by its new name."""
    if name.endswith("_initializer") and isinstance(value, str):
        return INITIALIZERS.get(value, value)
    if name.endswith("_regularizer") and isinstance(value, Mapping) and "name" in value:
        return {"class_name": "L1L2", "config": {"l1": value.get("l1", 0.0), "l2": value.get("l2", 0.0)}}
    if name.endswith("_constraint") and isinstance(value, Mapping) and "name" in value:
        arguments = {"m": "max_value"}
        config = {arguments.get(key, key): each for key, each in value.items() if key != "name"}
        return {"class_name": value["name"], "config": config}
    return value


def _merge(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the layer that joins tensors as `Merge(mode=…)` does."""
    mode = config.get("mode")
    if mode not in MERGES or config.get("layers"):
        what = "of layers of its own" if mode in MERGES else f"with mode={mode!r}"
        raise ValueError(f"Merge {what} is not offered: only modes {', '.join(MERGES)} in functional models")
    found = {name: value for name, value in config.items() if name not in (*OF_MERGE, "layers")}
    if mode == "concat":
        found["axis"] = config.get("concat_axis", -1)
    if mode == "dot":
        found["axes"] = config.get("dot_axes", -1)
    return MERGES[mode], found
