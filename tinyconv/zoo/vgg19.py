"""VGG19 (Simonyan & Zisserman 2015, column E)."""

from collections.abc import Sequence
from pathlib import Path

from ..activations import Activation
from ..layers.graph import SymbolicTensor
from ..models import Functional
from . import pretrained
from .imagenet import caffe as preprocess_input
from .imagenet import decode_predictions
from .network import assemble, images, pooled
from .vgg16 import blocks, classify

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]


def VGG19(  # noqa: N802
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: SymbolicTensor | None = None,
    input_shape: Sequence[int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | Activation | None = "softmax",
    name: str = "vgg19",
) -> Functional:
    """Return VGG19: VGG16 with a fourth convolution in the last three blocks; 143,667,240 parameters at 224×224.

    `weights` is "imagenet" or a path, `pooling` "avg" or "max" over the features of a network without its top.
    """
    x = images(input_tensor, input_shape, 224, 32, include_top)
    top = (lambda x: classify(x, classes, classifier_activation)) if include_top else pooled(pooling)
    return assemble(
        name, x, [lambda x: blocks(x, (2, 2, 4, 4, 4)), top], weights, pretrained.VGG19, include_top, classes
    )
