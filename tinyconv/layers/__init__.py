"""Layers: what a model is made of. Each points at the function that it calls for the formula and the gradient."""

from .activation import ELU, LeakyReLU, PReLU
from .convolution import Conv2D
from .core import Activation, Dense, Dropout, Flatten, Input, InputLayer, Permute, ReLU, Reshape, Softmax
from .layer import Layer, Parameter
from .merge import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from .noise import GaussianNoise, SpatialDropout2D
from .normalization import BatchNormalization, LayerNormalization
from .pooling import (
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    MaxPool2D,
    MaxPooling2D,
)
from .scaling import Normalization, Rescaling

__all__ = [
    "ELU",
    "Activation",
    "Add",
    "Average",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "Concatenate",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "Input",
    "InputLayer",
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
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "SpatialDropout2D",
    "Subtract",
]
