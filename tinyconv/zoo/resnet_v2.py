"""ResNet50V2 (He et al. 2016, "Identity mappings in deep residual networks"), in the form Keras has."""

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
from .imagenet import decode_predictions
from .imagenet import tf as preprocess_input
from .network import assemble, images, pooled

__all__ = ["ResNet50V2", "decode_predictions", "preprocess_input"]

# The stacks: filters of a block's first two convolutions, blocks, strides of the last block.
STACKS = {"conv2": (64, 3, 2), "conv3": (128, 4, 2), "conv4": (256, 6, 2), "conv5": (512, 3, 1)}


def ResNet50V2(  # noqa: N802
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: SymbolicTensor | None = None,
    input_shape: Sequence[int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | activations.Activation | None = "softmax",
    name: str = "resnet50v2",
) -> Functional:
    """Return ResNet50V2: ResNet50 with normalization and rectification in front of the convolutions.

    25,613,800 parameters at 224×224, of which 45,440 are moving averages. `weights` is "imagenet" or a path, `pooling`
    "avg" or "max" over the features of a network without its top.
    """

    def features(x: SymbolicTensor) -> SymbolicTensor:
        x = ZeroPadding2D(3, name="conv1_pad")(x)
        x = Conv2D(64, 7, strides=2, name="conv1_conv")(x)
        x = ZeroPadding2D(1, name="pool1_pad")(x)
        x = MaxPooling2D(3, strides=2, name="pool1_pool")(x)
        for stack, (filters, blocks, strides) in STACKS.items():
            x = block(x, f"{stack}_block1", filters, projects=True)
            for number in range(2, blocks):
                x = block(x, f"{stack}_block{number}", filters)
            x = block(x, f"{stack}_block{blocks}", filters, strides)
        return _rectified(x, "post")

    def classify(x: SymbolicTensor) -> SymbolicTensor:
        x = GlobalAveragePooling2D(name="avg_pool")(x)
        return Dense(classes, activation=classifier_activation, name="predictions")(x)

    x = images(input_tensor, input_shape, 224, 32, include_top)
    top = classify if include_top else pooled(pooling, "avg_pool", "max_pool")
    return assemble(name, x, [features, top], weights, pretrained.RESNET50V2, include_top, classes)


def block(x: SymbolicTensor, name: str, filters: int, strides: int = 1, projects: bool = False) -> SymbolicTensor:
    """Return x + F(relu(x normalized)), F convolutions of 1×1, 3×3 (here are the strides) and 1×1 (figure 4e).

    With strides the block adds not x but every other of its positions; one that `projects`, a 1×1 convolution of what
    F gets.
    """
    before = _rectified(x, f"{name}_preact")
    shortcut = x
    if projects:
        shortcut = Conv2D(4 * filters, 1, name=f"{name}_0_conv")(before)
    elif strides > 1:
        shortcut = MaxPooling2D(1, strides=strides)(x)
    y = Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before)
    y = ZeroPadding2D(1, name=f"{name}_2_pad")(_rectified(y, f"{name}_1"))
    y = Conv2D(filters, 3, strides=strides, use_bias=False, name=f"{name}_2_conv")(y)
    y = Conv2D(4 * filters, 1, name=f"{name}_3_conv")(_rectified(y, f"{name}_2"))
    return Add(name=f"{name}_out")([shortcut, y])


def _rectified(x: SymbolicTensor, name: str) -> SymbolicTensor:
    """Return x normalized and rectified; the two layers are called …_bn and …_relu."""
    x = BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)
    return Activation("relu", name=f"{name}_relu")(x)
