"""AlexNet (Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural networks")."""

from collections.abc import Sequence
from pathlib import Path

from ..activations import Activation
from ..layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from ..layers.graph import SymbolicTensor
from ..models import Functional
from .network import assemble, images, pooled

__all__ = ["AlexNet"]


def AlexNet(  # noqa: N802
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: SymbolicTensor | None = None,
    input_shape: Sequence[int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | Activation | None = "softmax",
    name: str = "alexnet",
) -> Functional:
    """Return AlexNet: five convolutions and three dense layers, 60,965,224 parameters at 227×227.

    (The paper says 224×224; its 55×55 first maps need 227.) The second, fourth and fifth convolution are in two groups:
    the paper's two GPUs. Left out is its local response normalization after the first two, which has no parameters.
    `weights` is the path of a file, `pooling` "avg" or "max" over the features of a network without its top.
    """

    def features(x: SymbolicTensor) -> SymbolicTensor:
        x = Conv2D(96, 11, strides=4, activation="relu", name="conv1")(x)
        x = MaxPooling2D(3, strides=2, name="pool1")(x)
        x = Conv2D(256, 5, padding="same", groups=2, activation="relu", name="conv2")(x)
        x = MaxPooling2D(3, strides=2, name="pool2")(x)
        x = Conv2D(384, 3, padding="same", activation="relu", name="conv3")(x)
        x = Conv2D(384, 3, padding="same", groups=2, activation="relu", name="conv4")(x)
        x = Conv2D(256, 3, padding="same", groups=2, activation="relu", name="conv5")(x)
        return MaxPooling2D(3, strides=2, name="pool5")(x)

    def classify(x: SymbolicTensor) -> SymbolicTensor:
        x = Flatten(name="flatten")(x)
        for number in (6, 7):
            x = Dense(4096, activation="relu", name=f"fc{number}")(x)
            x = Dropout(0.5, name=f"drop{number}")(x)
        return Dense(classes, activation=classifier_activation, name="fc8")(x)

    x = images(input_tensor, input_shape, 227, 67, include_top)
    return assemble(name, x, [features, classify if include_top else pooled(pooling)], weights)
