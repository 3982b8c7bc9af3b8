"""VGG16 (Simonyan & Zisserman 2015, "Very deep convolutional networks for large-scale image recognition", column D)."""

from collections.abc import Sequence
from pathlib import Path

from ..activations import Activation
from ..layers import Conv2D, Dense, Flatten, MaxPooling2D
from ..layers.graph import SymbolicTensor
from ..models import Functional
from . import pretrained
from .imagenet import caffe as preprocess_input
from .imagenet import decode_predictions
from .network import assemble, images, pooled

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]


def VGG16(  # noqa: N802
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: SymbolicTensor | None = None,
    input_shape: Sequence[int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | Activation | None = "softmax",
    name: str = "vgg16",
) -> Functional:
    """Return VGG16: thirteen 3×3 convolutions in five blocks, three dense layers; 138,357,544 parameters at 224×224.

    `weights` is "imagenet" or a path, `pooling` "avg" or "max" over the features of a network without its top.
    """
    x = images(input_tensor, input_shape, 224, 32, include_top)
    top = (lambda x: classify(x, classes, classifier_activation)) if include_top else pooled(pooling)
    return assemble(
        name, x, [lambda x: blocks(x, (2, 2, 3, 3, 3)), top], weights, pretrained.VGG16, include_top, classes
    )


def blocks(x: SymbolicTensor, depths: Sequence[int]) -> SymbolicTensor:
    """Return `x` after five blocks of so many convolutions each, twice as wide each time, and halved by pooling."""
    for block, (depth, filters) in enumerate(zip(depths, (64, 128, 256, 512, 512), strict=True), 1):
        for index in range(1, depth + 1):
            x = Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{index}")(x)
        x = MaxPooling2D(name=f"block{block}_pool")(x)
    return x


def classify(x: SymbolicTensor, classes: int, activation: str | Activation | None) -> SymbolicTensor:
    """Return what the three dense layers make of the features `x`."""
    x = Flatten(name="flatten")(x)
    for layer in ("fc1", "fc2"):
        x = Dense(4096, activation="relu", name=layer)(x)
    return Dense(classes, activation=activation, name="predictions")(x)
