"""Xception (Chollet 2017, "Xception: deep learning with depthwise separable convolutions"), as Keras has it."""

from collections.abc import Sequence
from pathlib import Path

from .. import activations
from ..layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    MaxPooling2D,
    SeparableConv2D,
)
from ..layers.graph import SymbolicTensor
from ..models import Functional
from . import pretrained
from .imagenet import decode_predictions
from .imagenet import tf as preprocess_input
from .network import assemble, images, pooled

__all__ = ["Xception", "decode_predictions", "preprocess_input"]


def Xception(  # noqa: N802
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: SymbolicTensor | None = None,
    input_shape: Sequence[int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | activations.Activation | None = "softmax",
    name: str = "xception",
) -> Functional:
    """Return Xception: two convolutions, 34 separable ones in blocks with shortcuts past them, and a dense layer.

    22,910,480 parameters at 299×299, of which 54,528 are moving averages. `weights` is "imagenet" or a path, `pooling`
    "avg" or "max" over the features of a network without its top. The shortcuts' layers have automatic names, as in
    Keras.
    """

    def features(x: SymbolicTensor) -> SymbolicTensor:
        for number, filters, strides in ((1, 32, 2), (2, 64, 1)):
            x = Conv2D(filters, 3, strides=strides, use_bias=False, name=f"block1_conv{number}")(x)
            x = BatchNormalization(name=f"block1_conv{number}_bn")(x)
            x = Activation("relu", name=f"block1_conv{number}_act")(x)
        x = _halve(x, 2, 128, 128, rectifies=False)
        x = _halve(x, 3, 256, 256)
        x = _halve(x, 4, 728, 728)
        for block in range(5, 13):
            shortcut = x
            for number in (1, 2, 3):
                x = _rectified(x, block, number)
                x = _separable(x, block, number, 728)
            x = Add()([x, shortcut])
        x = _halve(x, 13, 728, 1024)
        for number, filters in ((1, 1536), (2, 2048)):
            x = _separable(x, 14, number, filters)
            x = _rectified(x, 14, number)
        return x

    def classify(x: SymbolicTensor) -> SymbolicTensor:
        x = GlobalAveragePooling2D(name="avg_pool")(x)
        return Dense(classes, activation=classifier_activation, name="predictions")(x)

    x = images(input_tensor, input_shape, 299, 71, include_top)
    top = classify if include_top else pooled(pooling)
    return assemble(name, x, [features, top], weights, pretrained.XCEPTION, include_top, classes)


def _halve(x: SymbolicTensor, block: int, first: int, second: int, rectifies: bool = True) -> SymbolicTensor:
    """Return a block of two separable convolutions and pooling, plus a 1×1 convolution of x with strides (figure 5).

    Rectification stands in front of each separable convolution, in front of the first one if the block `rectifies`.
    """
    shortcut = Conv2D(second, 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = BatchNormalization()(shortcut)
    if rectifies:
        x = _rectified(x, block, 1)
    x = _separable(x, block, 1, first)
    x = _rectified(x, block, 2)
    x = _separable(x, block, 2, second)
    x = MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return Add()([x, shortcut])


def _rectified(x: SymbolicTensor, block: int, number: int) -> SymbolicTensor:
    return Activation("relu", name=f"block{block}_sepconv{number}_act")(x)


def _separable(x: SymbolicTensor, block: int, number: int, filters: int) -> SymbolicTensor:
    """Return x convolved channel by channel in 3×3 windows, then across channels, and normalized."""
    name = f"block{block}_sepconv{number}"
    x = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return BatchNormalization(name=f"{name}_bn")(x)
