"""ResNet50 (He et al. 2016, "Deep residual learning for image recognition"), in the form that Keras has."""

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
    ZeroPadding2D,
)
from ..layers.graph import SymbolicTensor
from ..models import Functional
from . import pretrained
from .imagenet import caffe as preprocess_input
from .imagenet import decode_predictions
from .network import assemble, images, pooled

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]

# The stacks: filters of a block's first two convolutions, blocks, strides of the first block.
STACKS = {"conv2": (64, 3, 1), "conv3": (128, 4, 2), "conv4": (256, 6, 2), "conv5": (512, 3, 2)}


def ResNet50(  # noqa: N802
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: SymbolicTensor | None = None,
    input_shape: Sequence[int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | activations.Activation | None = "softmax",
    name: str = "resnet50",
) -> Functional:
    """Return ResNet50: a convolution, sixteen blocks of three with a shortcut past each, and a dense layer.

    25,636,712 parameters at 224×224, of which 53,120 are moving averages. `weights` is "imagenet" or a path, `pooling`
    "avg" or "max" over the features of a network without its top.
    """

    def features(x: SymbolicTensor) -> SymbolicTensor:
        x = ZeroPadding2D(3, name="conv1_pad")(x)
        x = _normalized(x, Conv2D(64, 7, strides=2, name="conv1_conv"))
        x = Activation("relu", name="conv1_relu")(x)
        x = ZeroPadding2D(1, name="pool1_pad")(x)
        x = MaxPooling2D(3, strides=2, name="pool1_pool")(x)
        for stack, (filters, blocks, strides) in STACKS.items():
            x = block(x, f"{stack}_block1", filters, strides, projects=True)
            for number in range(2, blocks + 1):
                x = block(x, f"{stack}_block{number}", filters)
        return x

    def classify(x: SymbolicTensor) -> SymbolicTensor:
        x = GlobalAveragePooling2D(name="avg_pool")(x)
        return Dense(classes, activation=classifier_activation, name="predictions")(x)

    x = images(input_tensor, input_shape, 224, 32, include_top)
    top = classify if include_top else pooled(pooling, "avg_pool", "max_pool")
    return assemble(name, x, [features, top], weights, pretrained.RESNET50, include_top, classes)


def block(x: SymbolicTensor, name: str, filters: int, strides: int = 1, projects: bool = False) -> SymbolicTensor:
    """Return relu(x + F(x)), F convolutions of 1×1 (here are the strides), 3×3 and 1×1, the last four times as wide.

    A block that `projects` adds not x but a 1×1 convolution of it (figure 5; projections are table 3's option B).
    """
    shortcut = x
    if projects:
        shortcut = _normalized(x, Conv2D(4 * filters, 1, strides=strides, name=f"{name}_0_conv"))
    x = _normalized(x, Conv2D(filters, 1, strides=strides, name=f"{name}_1_conv"))
    x = Activation("relu", name=f"{name}_1_relu")(x)
    x = _normalized(x, Conv2D(filters, 3, padding="same", name=f"{name}_2_conv"))
    x = Activation("relu", name=f"{name}_2_relu")(x)
    x = _normalized(x, Conv2D(4 * filters, 1, name=f"{name}_3_conv"))
    x = Add(name=f"{name}_add")([shortcut, x])
    return Activation("relu", name=f"{name}_out")(x)


def _normalized(x: SymbolicTensor, convolution: Conv2D) -> SymbolicTensor:
    """Return x convolved and normalized; the two layers are called …_conv and …_bn."""
    name = convolution.name.removesuffix("conv") + "bn"
    return BatchNormalization(epsilon=1.001e-5, name=name)(convolution(x))
