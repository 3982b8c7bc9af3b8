"""Layers by the names and arguments of the eras before Keras 3.

A call is bound to the arguments that the layer had then, by position and by name, and what comes of it is read as the
configuration of a layer in an old file is: one set of rules serves scripts and files (`saving/keras1.py`, `modern.py`).
Positions are those of keras/layers at the tags 1.2.2 and 2.3.1.
"""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np

from .. import config, initializers, layers, names
from ..layers import Layer
from ..models import Sequential
from ..saving.keras1 import CLASSES as KERAS_1
from ..saving.keras1 import INITIALIZERS
from ..saving.modern import CLASSES, modern
from . import convolutions, merging, normalization
from .eras import Era
from .spelling import Names, Spelling, bound, positions_of

_CONVOLUTION = "nb_filter nb_row nb_col init activation weights border_mode subsample"
_REGULARIZERS = "W_regularizer b_regularizer activity_regularizer W_constraint b_constraint bias"
# Keras 1's layers: their arguments in their order there.
POSITIONS = {
    "Convolution2D": f"{_CONVOLUTION} dim_ordering {_REGULARIZERS}",
    "AtrousConvolution2D": f"{_CONVOLUTION} atrous_rate dim_ordering {_REGULARIZERS}",
    "Deconvolution2D": (
        "nb_filter nb_row nb_col output_shape init activation weights border_mode subsample dim_ordering "
        + _REGULARIZERS
    ),
    "SeparableConvolution2D": f"{_CONVOLUTION} depth_multiplier dim_ordering",
    "Dense": f"output_dim init activation weights {_REGULARIZERS} input_dim",
    "MaxPooling2D": "pool_size strides border_mode dim_ordering",
    "AveragePooling2D": "pool_size strides border_mode dim_ordering",
    "GlobalAveragePooling2D": "dim_ordering",
    "GlobalMaxPooling2D": "dim_ordering",
    "Dropout": "p",
    "SpatialDropout2D": "p dim_ordering",
    "GaussianNoise": "sigma",
    "GaussianDropout": "p",
    "ZeroPadding2D": "padding dim_ordering",
    "Cropping2D": "cropping dim_ordering",
    "UpSampling2D": "size dim_ordering",
    "BatchNormalization": "epsilon mode axis momentum weights beta_init gamma_init gamma_regularizer beta_regularizer",
    "PReLU": "init weights shared_axes",
}
ALIASES = {"Conv2D": "Convolution2D", "SeparableConv2D": "SeparableConvolution2D", "Deconv2D": "Deconvolution2D"}
KERAS_2_CONVOLUTION = (
    "filters kernel_size strides padding data_format dilation_rate activation use_bias kernel_initializer "
    "bias_initializer kernel_regularizer bias_regularizer activity_regularizer kernel_constraint bias_constraint"
)
OLD_NAMES = ("Convolution2D", "AtrousConvolution2D", "Deconvolution2D", "SeparableConvolution2D", "ThresholdedReLU")
OF_SHAPE = ("input_shape", "batch_input_shape", "batch_shape", "input_dim")
WITHOUT_MEANING = ("input_dtype", "input_length", "mask_zero")


def spelled_names(era: Era) -> Names:
    """Return the layers of an era, by module."""
    if not era.old:
        return {"layers": {"Pipeline": Sequential}}  # which calls layers one after the other, too
    public = {name: getattr(layers, name) for name in layers.__all__}
    kinds = {name: kind for name, kind in public.items() if isinstance(kind, type) and issubclass(kind, Layer)}
    for name in OLD_NAMES:
        made_of = KERAS_1.get(name, CLASSES.get(name, name))
        kinds[name] = getattr(layers, made_of)
    found: dict[str, Any] = {
        name: Spelling(name, kind, _maker(name, kind, era)) for name, kind in kinds.items() if kind is not Layer
    }
    found |= {
        name: found[of] for name, of in {"Deconv2D": "Deconvolution2D", "AtrousConv2D": "AtrousConvolution2D"}.items()
    }
    found["Input"] = _input
    found["InputLayer"] = Spelling("InputLayer", layers.InputLayer, _input_layer)
    return {"layers": {**found, **merging.spelled_names(era, found)}, "": {"Input": _input}}


def _input(*given: Any, **named: Any) -> Any:
    """Return a symbol: `Input(shape, batch_shape, name, dtype, …)` of Keras 1 and 2."""
    arguments = bound("Input", ("shape", "batch_shape", "name", "dtype"), given, named)
    shape = arguments.pop("shape", None)
    if arguments.get("batch_shape") is not None:
        shape = tuple(arguments["batch_shape"])[1:]
    if arguments.get("batch_size") is not None or shape is None:
        arguments.pop("batch_size", None)
    dtype = arguments.get("dtype")
    kept = {"dtype": dtype} if dtype in ("float32", "float64") else {}
    shape = (shape,) if isinstance(shape, int) else tuple(shape or ())
    return layers.Input(shape, name=arguments.get("name"), **kept)


def _input_layer(*given: Any, **named: Any) -> Any:
    """Return the layer below the others of a model, by its shape in any of its words."""
    arguments = bound("InputLayer", ("input_shape", "batch_size", "dtype"), given, named)
    shape = _first(arguments).get("input_shape", ())
    return layers.InputLayer(shape, name=arguments.get("name"))


def _maker(name: str, kind: type, era: Era) -> Any:
    positions = _positions(name, kind, era)

    def make(*positional: Any, **named: Any) -> Any:
        given: Sequence[Any] = positional
        if era.before(3) and kind.__name__ in convolutions.WINDOWED:
            given, named = convolutions.window(name, given, named, era)
        arguments = bound(name, positions, given, named)
        first = _first(arguments)
        if era.before(2) and "name" not in arguments:
            arguments["name"] = names.automatic(ALIASES.get(name, name))
        return _made(name, kind, arguments, first, era)

    return make


def _positions(name: str, kind: type, era: Era) -> tuple[str, ...]:
    if era.before(2):
        old = POSITIONS.get(ALIASES.get(name, name))
        if old:
            return tuple(old.split())
    if kind.__name__ == "Conv2D" and era.before(3):
        return tuple(KERAS_2_CONVOLUTION.split())
    return positions_of(kind)


def _first(arguments: dict[str, Any]) -> dict[str, Any]:
    """Take what says the shape of the model's input out of a layer's arguments, and return it in today's words."""
    shape = None
    for name in OF_SHAPE:
        value = arguments.pop(name, None)
        if value is not None:
            shape = tuple(value)[1:] if name.startswith("batch") else (value if name == "input_shape" else (value,))
    for name in WITHOUT_MEANING:
        arguments.pop(name, None)
    if shape is None:
        return {}
    return {"input_shape": (shape,) if isinstance(shape, int | np.integer) else tuple(shape)}


def _made(name: str, kind: type, arguments: dict[str, Any], first: Mapping[str, Any], era: Era) -> Any:
    """Return the layer of a call whose arguments have names."""
    weights = arguments.pop("weights", None)
    trainable = arguments.pop("trainable", True)
    dtype = arguments.pop("dtype", None)
    if kind.__name__ == "BatchNormalization":
        kind, arguments = normalization.in_words_of_today(kind, arguments, era)
    said = {each: arguments.pop(each) for each in ("name", "activity_regularizer") if arguments.get(each) is not None}
    description = {"class_name": ALIASES.get(name, name) if era.before(2) else name, "config": arguments}
    told = modern(description, (era.version[0], era.version[1]) if era.before(3) else (2, 10))["config"]
    told |= {each: _initializer(told[each]) for each in told if each.endswith("_initializer")}
    if era.before(1, 0, 4) and kind.__name__ in convolutions.WINDOWED:
        told["kernel_initializer"] = convolutions.early(told.get("kernel_initializer", "glorot_uniform"))
    if kind.__name__ == "Flatten" and era.before(2, 2):
        told.setdefault("data_format", "channels_last")  # the order of memory, whatever that of the session's images is
    if weights is not None:
        told |= _initial(kind, weights)
    if dtype in ("float32", "float64"):
        said["dtype"] = dtype
    layer = kind(**told, **said, **first)
    if not trainable:
        layer.trainable = False
    layer.class_name_of_old = ALIASES.get(name, name) if era.before(2) else type(layer).__name__
    return layer


def _initializer(given: Any) -> Any:
    """Return an initializer; a function of (shape, name=…), as Keras 1 has them, as one of (shape, dtype)."""
    if isinstance(given, str):
        return INITIALIZERS.get(given, given)
    if isinstance(given, initializers.Initializer) or not callable(given) or isinstance(given, type):
        return given

    takes = signature(given).parameters
    more = {"name": None} if "name" in takes else {}

    def values(shape: Any, dtype: Any = None, **_: Any) -> Any:
        found = given(shape, **({"dtype": dtype} if "dtype" in takes else more))
        return np.asarray(found.numpy() if hasattr(found, "numpy") else found, dtype or config.floatx())

    return values


def _initial(kind: type, weights: Any) -> dict[str, Any]:
    """Return the initializers that give a layer its first weights, as `weights=[kernel, bias]` does."""
    arrays = [np.asarray(weight) for weight in weights]
    of = {
        "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    }.get(kind.__name__, ("kernel", "bias"))

    def constant(array: np.ndarray) -> Any:
        return lambda shape, dtype=None, **_: array.astype(dtype or config.floatx()).reshape(shape)

    return {f"{which}_initializer": constant(array) for which, array in zip(of, arrays, strict=False)}
