"""MobileNetV2 (Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks"), as Keras has it."""

from collections.abc import Sequence
from pathlib import Path

from .. import activations
from ..layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    ReLU,
    ZeroPadding2D,
)
from ..layers.graph import SymbolicTensor
from ..models import Functional
from . import pretrained
from .imagenet import decode_predictions
from .imagenet import tf as preprocess_input
from .network import assemble, images, pooled

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

# Table 2: filters, blocks, and strides of the first block.
STACKS = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
EXPANSION = 6


def MobileNetV2(  # noqa: N802
    input_shape: Sequence[int] | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: SymbolicTensor | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | activations.Activation | None = "softmax",
    name: str | None = None,
) -> Functional:
    """Return MobileNetV2: a convolution, seventeen blocks that are wide inside, a 1×1 convolution and a dense layer.

    3,538,984 parameters at 224×224, of which 34,112 are moving averages; `alpha` makes all layers wider or narrower,
    but not the last convolution narrower. `weights` is "imagenet" or a path, `pooling` "avg" or "max" over the features
    of a network without its top.
    """

    def features(x: SymbolicTensor) -> SymbolicTensor:
        x = Conv2D(_eights(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(x)
        x = ReLU(6.0, name="Conv1_relu")(_normalized(x, "bn_Conv1"))
        number = 0
        for filters, blocks, first in STACKS:
            for strides in (first, *[1] * (blocks - 1)):
                x = block(x, number, _eights(int(filters * alpha)), strides)
                number += 1
        x = Conv2D(_eights(1280 * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)
        return ReLU(6.0, name="out_relu")(_normalized(x, "Conv_1_bn"))

    def classify(x: SymbolicTensor) -> SymbolicTensor:
        return Dense(classes, activation=classifier_activation, name="predictions")(GlobalAveragePooling2D()(x))

    x = images(input_tensor, input_shape, 224, 32, include_top)
    name = name or f"mobilenetv2_{alpha:0.2f}_{x.shape[1]}"
    files = pretrained.mobilenet_v2(alpha, x.shape[1:3])
    top = classify if include_top else pooled(pooling)
    return assemble(name, x, [features, top], weights, files, include_top, classes)


def block(x: SymbolicTensor, number: int, filters: int, strides: int) -> SymbolicTensor:
    """Return 1×1, depthwise 3×3 and 1×1 convolutions of x, the last one not rectified, plus x where the shapes agree.

    The first convolution makes six times the channels (figure 3b); block 0 has none.
    """
    channels = x.shape[-1]
    assert channels is not None
    name, y = f"block_{number}" if number else "expanded_conv", x
    if number:
        y = Conv2D(EXPANSION * channels, 1, padding="same", use_bias=False, name=f"{name}_expand")(y)
        y = ReLU(6.0, name=f"{name}_expand_relu")(_normalized(y, f"{name}_expand_BN"))
    padding = "same"
    if strides > 1:  # "same", but an odd length gets a zero at either end
        zeros = [(length % 2, 1) if length else (0, 1) for length in y.shape[1:3]]
        y, padding = ZeroPadding2D(zeros, name=f"{name}_pad")(y), "valid"
    y = DepthwiseConv2D(3, strides, padding, use_bias=False, name=f"{name}_depthwise")(y)
    y = ReLU(6.0, name=f"{name}_depthwise_relu")(_normalized(y, f"{name}_depthwise_BN"))
    y = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(y)
    y = _normalized(y, f"{name}_project_BN")
    return Add(name=f"{name}_add")([x, y]) if channels == filters and strides == 1 else y


def _normalized(x: SymbolicTensor, name: str) -> SymbolicTensor:
    return BatchNormalization(momentum=0.999, name=name)(x)


def _eights(filters: float) -> int:
    """Return the multiple of 8 next to a number of filters, the one above if that were less than nine tenths of it."""
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * filters else nearest
