"""Layers: what a model is made of. Each points at the function that it calls for the formula and the gradient."""

from .activation import ELU, LeakyReLU, PReLU
from .convolution import Conv2D
from .core import Activation, Dense, Dropout, Flatten, Input, InputLayer, Permute, ReLU, Reshape, Softmax
from .layer import Layer, Parameter
from .noise import GaussianNoise, SpatialDropout2D
from .pooling import (
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    MaxPool2D,
    MaxPooling2D,
)

__all__ = [
    "ELU",
    "Activation",
    "AveragePooling2D",
    "AvgPool2D",
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
    "LeakyReLU",
    "MaxPool2D",
    "MaxPooling2D",
    "PReLU",
    "Parameter",
    "Permute",
    "ReLU",
    "Reshape",
    "Softmax",
    "SpatialDropout2D",
]
