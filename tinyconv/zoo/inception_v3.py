"""InceptionV3 (Szegedy et al. 2016, "Rethinking the inception architecture for computer vision"), as Keras has it."""

from collections.abc import Sequence
from pathlib import Path

from .. import activations
from ..layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from ..layers.graph import SymbolicTensor
from ..models import Functional
from . import pretrained
from .imagenet import decode_predictions
from .imagenet import tf as preprocess_input
from .network import assemble, images, pooled

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

# A branch: of each convolution the filters, and its window's height and width.
Branch = Sequence[tuple[int, int, int]]


def InceptionV3(  # noqa: N802
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: SymbolicTensor | None = None,
    input_shape: Sequence[int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | activations.Activation | None = "softmax",
    name: str = "inception_v3",
) -> Functional:
    """Return InceptionV3: five convolutions, eleven modules of parallel branches, mixed0 … mixed10, and a dense layer.

    23,851,784 parameters at 299×299, of which 34,432 are moving averages. `weights` is "imagenet" or a path, `pooling`
    "avg" or "max" over the features of a network without its top. Layers have automatic names, as in Keras.
    """

    def features(x: SymbolicTensor) -> SymbolicTensor:
        x = _convolve(x, 32, 3, 3, strides=2, padding="valid")
        x = _convolve(x, 32, 3, 3, padding="valid")
        x = _convolve(x, 64, 3, 3)
        x = MaxPooling2D(3, strides=2)(x)
        x = _convolve(x, 80, 1, 1, padding="valid")
        x = _convolve(x, 192, 3, 3, padding="valid")
        x = MaxPooling2D(3, strides=2)(x)
        for number, projection in enumerate((32, 64, 64)):
            x = _squares(x, f"mixed{number}", projection)
        x = _halve(x, "mixed3", [(384, 3, 3)], [(64, 1, 1), (96, 3, 3), (96, 3, 3)])
        for number, width in enumerate((128, 160, 160, 192), 4):
            x = _strips(x, f"mixed{number}", width)
        x = _halve(x, "mixed8", [(192, 1, 1), (320, 3, 3)], [(192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3)])
        x = _spread(x, "mixed9", "mixed9_0")
        x = _spread(x, "mixed10", "mixed9_1")
        return x

    def classify(x: SymbolicTensor) -> SymbolicTensor:
        x = GlobalAveragePooling2D(name="avg_pool")(x)
        return Dense(classes, activation=classifier_activation, name="predictions")(x)

    x = images(input_tensor, input_shape, 299, 75, include_top)
    return assemble(
        name,
        x,
        [features, classify if include_top else pooled(pooling)],
        weights,
        pretrained.INCEPTION_V3,
        include_top,
        classes,
    )


def _squares(x: SymbolicTensor, name: str, projection: int) -> SymbolicTensor:
    """Return a module of 5×5 windows, some as two of 3×3 (figure 5)."""
    branches = [
        _chain(x, [(64, 1, 1)]),
        _chain(x, [(48, 1, 1), (64, 5, 5)]),
        _chain(x, [(64, 1, 1), (96, 3, 3), (96, 3, 3)]),
        _average(x, projection),
    ]
    return Concatenate(name=name)(branches)


def _strips(x: SymbolicTensor, name: str, width: int) -> SymbolicTensor:
    """Return a module of 7×7 windows as strips of 1×7 and 7×1 (figure 6)."""
    branches = [
        _chain(x, [(192, 1, 1)]),
        _chain(x, [(width, 1, 1), (width, 1, 7), (192, 7, 1)]),
        _chain(x, [(width, 1, 1), (width, 7, 1), (width, 1, 7), (width, 7, 1), (192, 1, 7)]),
        _average(x, 192),
    ]
    return Concatenate(name=name)(branches)


def _spread(x: SymbolicTensor, name: str, inner: str) -> SymbolicTensor:
    """Return a module whose strips of 1×3 and 3×1 lie beside each other (figure 7); `inner` names the first two."""
    one = _chain(x, [(320, 1, 1)])
    three = _chain(x, [(384, 1, 1)])
    three = Concatenate(name=inner)([_convolve(three, 384, 1, 3), _convolve(three, 384, 3, 1)])
    twice = _chain(x, [(448, 1, 1), (384, 3, 3)])
    twice = Concatenate()([_convolve(twice, 384, 1, 3), _convolve(twice, 384, 3, 1)])
    return Concatenate(name=name)([one, three, twice, _average(x, 192)])


def _halve(x: SymbolicTensor, name: str, *branches: Branch) -> SymbolicTensor:
    """Return a module that halves the maps: branches whose last convolution has strides, and pooling (figure 10)."""
    ends = [_convolve(_chain(x, branch[:-1]), *branch[-1], strides=2, padding="valid") for branch in branches]
    return Concatenate(name=name)([*ends, MaxPooling2D(3, strides=2)(x)])


def _average(x: SymbolicTensor, projection: int) -> SymbolicTensor:
    """Return the branch that averages each position's neighbourhood."""
    return _convolve(AveragePooling2D(3, strides=1, padding="same")(x), projection, 1, 1)


def _chain(x: SymbolicTensor, branch: Branch) -> SymbolicTensor:
    for filters, height, width in branch:
        x = _convolve(x, filters, height, width)
    return x


def _convolve(
    x: SymbolicTensor, filters: int, height: int, width: int, strides: int = 1, padding: str = "same"
) -> SymbolicTensor:
    """Return x convolved, normalized without gamma, and rectified."""
    x = Conv2D(filters, (height, width), strides=strides, padding=padding, use_bias=False)(x)
    return Activation("relu")(BatchNormalization(scale=False)(x))
