"""One translation of a layer list for the two libraries that speak Keras: Keras, and tinyconv."""

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models import SGD, Adam, BatchNorm, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, Model, RMSprop


def sequential(api: ModuleType, model: Model) -> Any:
    """`api.Sequential` of `model`, not compiled."""
    return api.Sequential([api.Input(model.input_shape), *(_layer(api, layer) for layer in model.layers)])


def _layer(api: ModuleType, layer: Layer) -> Any:
    match layer:
        case Conv2D(filters=filters, size=size, padding=padding):
            return api.layers.Conv2D(filters, size, padding=padding, activation="relu")
        case MaxPool2D(size=size):
            return api.layers.MaxPooling2D(size)
        case Flatten():
            return api.layers.Flatten()
        case Dense(units=units, activation=activation, l2=l2):
            # Keras's L2(a) is a·Σw², ours is l2·½Σw².
            regularizer = api.regularizers.L2(l2 / 2) if l2 else None
            return api.layers.Dense(units, activation=activation, kernel_regularizer=regularizer)
        case Dropout(rate=rate):
            return api.layers.Dropout(rate)
        case BatchNorm(momentum=momentum, epsilon=epsilon):
            return api.layers.BatchNormalization(momentum=momentum, epsilon=epsilon)


def optimizer(api: ModuleType, model: Model) -> Any:
    """The model's optimizer with Keras's own defaults."""
    match model.optimizer:
        case Adam(learning_rate=rate):
            return api.optimizers.Adam(rate)
        case RMSprop(learning_rate=rate):
            return api.optimizers.RMSprop(rate)
        case SGD(learning_rate=rate):
            return api.optimizers.SGD(rate)


def loss(api: ModuleType, model: Model) -> Any:
    """Cross-entropy, binary after a sigmoid; of logits where the network ends in them."""
    if model.outputs == "sigmoid":
        return api.losses.BinaryCrossentropy()
    return api.losses.CategoricalCrossentropy(from_logits=model.outputs == "logits")


def targets(model: Model, labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """What the loss wants of labels (…): themselves (…, 1) after a sigmoid, one-hot (…, classes) otherwise."""
    if model.outputs == "sigmoid":
        return labels[..., None].astype(np.float32)
    return np.eye(model.classes, dtype=np.float32)[labels]
