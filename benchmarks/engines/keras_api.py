"""One translation of a layer list for the two libraries that speak Keras: Keras, and tinyconv.

A chain of layers is `Sequential`, one with shortcuts a functional model, whose `get_weights` has another order: so
weights are set and read layer by layer.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models import (
    SGD,
    Adam,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    MaxPool2D,
    Model,
    ReLU,
    Residual,
    RMSprop,
)


class Network:
    """`model` as `api` has it, not compiled, and its layers in the list's order."""

    def __init__(self, api: ModuleType, model: Model) -> None:
        self.api = api
        self.layers: list[Any] = []
        start = api.Input(model.input_shape)
        if any(isinstance(layer, Residual) for layer in model.layers):
            self.model = api.Model(start, self._chain(model.layers, start))
        else:
            self.layers = [made for layer in model.layers for made in _translated(api, layer)]
            self.model = api.Sequential([start, *self.layers])

    def _chain(self, layers: Sequence[Layer], x: Any) -> Any:
        """`x` after the layers."""
        for layer in layers:
            if isinstance(layer, Residual):
                shortcut = self._chain(layer.shortcut, x)
                total = self.api.layers.Add()([shortcut, self._chain(layer.main, x)])
                x = self.api.layers.Activation("relu")(total)
            else:
                made = _translated(self.api, layer)
                self.layers += made
                for each in made:
                    x = each(x)
        return x

    def set_weights(self, values: Sequence[NDArray[np.floating]]) -> None:
        """Set every weight, in the order of `models.weights`."""
        given = iter(values)
        for layer in self.layers:
            layer.set_weights([next(given) for _ in layer.get_weights()])

    def weights(self) -> list[NDArray[np.floating]]:
        """Copies of the weights."""
        return [np.array(weight) for layer in self.layers for weight in layer.get_weights()]


def _translated(api: ModuleType, layer: Layer) -> list[Any]:
    """One layer, behind the zeros around its input that it does not add itself."""
    made = _layer(api, layer)
    if isinstance(layer, Conv2D | MaxPool2D) and isinstance(layer.padding, int) and layer.padding:
        return [api.layers.ZeroPadding2D(layer.padding), made]
    return [made]


def _layer(api: ModuleType, layer: Layer) -> Any:
    match layer:
        case Conv2D(filters=filters, size=size, padding=padding, stride=stride, bias=bias, relu=relu):
            return api.layers.Conv2D(
                filters,
                size,
                strides=stride,
                padding=padding if isinstance(padding, str) else "valid",
                use_bias=bias,
                activation="relu" if relu else None,
            )
        case DepthwiseConv2D(size=size, stride=stride):
            return api.layers.DepthwiseConv2D(size, strides=stride, padding="same", use_bias=False)
        case MaxPool2D(size=size, stride=stride):
            return api.layers.MaxPooling2D(size, strides=stride)
        case GlobalAveragePool2D():
            return api.layers.GlobalAveragePooling2D()
        case ReLU(limit=limit):
            return api.layers.ReLU(limit)
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
