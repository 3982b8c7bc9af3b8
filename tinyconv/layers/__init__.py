"""Layers: what a model is made of. Each points at the function that it calls for the formula and the gradient."""

from collections.abc import Mapping
from typing import Any

from .. import registry
from ..names import snake_case
from .activation import ELU, LeakyReLU, PReLU
from .augmentation import RandomFlip, RandomRotation, RandomShear, RandomTranslation, RandomZoom
from .coloring import RandomBrightness, RandomContrast
from .convolution import Conv2D
from .core import Activation, Dense, Dropout, Flatten, Permute, ReLU, Reshape, Softmax
from .depthwise import DepthwiseConv2D, SeparableConv2D
from .group_normalization import GroupNormalization
from .hues import RandomGrayscale, RandomHue, RandomInvert, RandomSaturation
from .image_size import CenterCrop, RandomCrop, Resizing
from .input_spec import InputSpec
from .inputs import Input, InputLayer
from .joining import add, average, concatenate, dot, maximum, minimum, multiply, subtract
from .layer import Layer
from .merge import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract
from .noise import AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout2D
from .normalization import BatchNormalization, LayerNormalization
from .own_function import Lambda
from .parameter import Parameter
from .passing import ActivityRegularization, Identity
from .pooling import (
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
    MaxPool2D,
    MaxPooling2D,
)
from .resizing import Cropping2D, UpSampling2D, ZeroPadding2D
from .scaling import Normalization, Rescaling
from .transposed import Conv2DTranspose
from .unit_normalization import RMSNormalization, UnitNormalization
from .wrapper import RepeatVector, SpectralNormalization, TimeDistributed, Wrapper

# As Keras also calls them.
Convolution2D, Convolution2DTranspose, SeparableConvolution2D = Conv2D, Conv2DTranspose, SeparableConv2D

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "CenterCrop",
    "Concatenate",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool2D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Parameter",
    "Permute",
    "RMSNormalization",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomRotation",
    "RandomSaturation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "SeparableConv2D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout2D",
    "SpectralNormalization",
    "Subtract",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling2D",
    "Wrapper",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

registry.add_kind(
    "layer",
    "keras.layers",
    Layer,
    {snake_case(name): value for name, value in list(globals().items()) if isinstance(value, type) and name in __all__},
)


def serialize(layer: Layer) -> Any:
    """Return the description of a layer, or of a model, weights apart: see `registry.serialize`."""
    return registry.serialize(layer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the layer that `serialize`, or Keras, has described, with new weights."""
    with registry.custom_object_scope(custom_objects):
        return registry.deserialize(config, "layer")
