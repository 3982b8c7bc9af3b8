"""MobileNet (Howard et al. 2017, "MobileNets: efficient convolutional neural networks for mobile vision")."""

from collections.abc import Sequence
from pathlib import Path

from .. import activations
from ..layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Layer,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from ..layers.graph import SymbolicTensor
from ..models import Functional
from . import pretrained
from .imagenet import decode_predictions
from .imagenet import tf as preprocess_input
from .network import assemble, images, pooled

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

# Filters and strides of the thirteen blocks.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


def MobileNet(  # noqa: N802
    input_shape: Sequence[int] | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: SymbolicTensor | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | activations.Activation | None = "softmax",
    name: str | None = None,
) -> Functional:
    """Return MobileNet: a convolution, thirteen blocks of a depthwise and a 1×1 convolution, and a 1×1 to the classes.

    4,253,864 parameters at 224×224, of which 21,888 are moving averages; `alpha` makes all layers wider or narrower,
    `depth_multiplier` gives each channel several depthwise kernels. `weights` is "imagenet" or a path, `pooling` "avg"
    or "max" over the features of a network without its top.
    """

    def features(x: SymbolicTensor) -> SymbolicTensor:
        x = _rectified(x, Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1"))
        for number, (filters, strides) in enumerate(BLOCKS, 1):
            x = block(x, number, int(filters * alpha), strides, depth_multiplier)
        return x

    def classify(x: SymbolicTensor) -> SymbolicTensor:
        x = GlobalAveragePooling2D(keepdims=True)(x)
        x = Dropout(dropout, name="dropout")(x)
        x = Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = Reshape((classes,), name="reshape_2")(x)
        return Activation(classifier_activation or "linear", name="predictions")(x)

    x = images(input_tensor, input_shape, 224, 32, include_top)
    name = name or f"mobilenet_{alpha:0.2f}_{x.shape[1]}"
    files = pretrained.mobilenet(alpha, depth_multiplier, x.shape[1:3])
    top = classify if include_top else pooled(pooling)
    return assemble(name, x, [features, top], weights, files, include_top, classes)


def block(x: SymbolicTensor, number: int, filters: int, strides: int, depth_multiplier: int) -> SymbolicTensor:
    """Return x convolved channel by channel in 3×3 windows, then across channels at each position (figure 3).

    Strides of 2 follow zeros below and to the right, where "same" would put them for an even size.
    """
    padding = "same"
    if strides > 1:
        x, padding = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x), "valid"
    x = _rectified(
        x,
        DepthwiseConv2D(
            3, strides, padding, depth_multiplier=depth_multiplier, use_bias=False, name=f"conv_dw_{number}"
        ),
    )
    return _rectified(x, Conv2D(filters, 1, padding="same", use_bias=False, name=f"conv_pw_{number}"))


def _rectified(x: SymbolicTensor, convolution: Layer) -> SymbolicTensor:
    """Return x convolved, normalized, and cut off below 0 and above 6; the layers are called …, …_bn, …_relu."""
    x = BatchNormalization(name=f"{convolution.name}_bn")(convolution(x))
    return ReLU(6.0, name=f"{convolution.name}_relu")(x)
