"""GoogLeNet, or Inception v1 (Szegedy et al. 2015, "Going deeper with convolutions", table 1)."""

from collections.abc import Sequence
from pathlib import Path

from ..activations import Activation
from ..layers import Concatenate, Conv2D, Dense, Dropout, GlobalAveragePooling2D, MaxPooling2D
from ..layers.graph import SymbolicTensor
from ..models import Functional
from .network import assemble, images, pooled

__all__ = ["GoogLeNet"]

# Table 1: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5, pool proj.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
LAST_BEFORE_POOLING = ("3b", "4e")


def GoogLeNet(  # noqa: N802
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: SymbolicTensor | None = None,
    input_shape: Sequence[int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | Activation | None = "softmax",
    name: str = "googlenet",
) -> Functional:
    """Return GoogLeNet: three convolutions, nine inception modules, a dense layer; 6,998,552 parameters at 224×224.

    Left out are the two auxiliary classifiers, which serve training alone, and local response normalization around the
    second and third convolution, which has no parameters. `weights` is the path of a file, `pooling` "avg" or "max"
    over the features of a network without its top.
    """

    def features(x: SymbolicTensor) -> SymbolicTensor:
        x = _convolve(x, 64, 7, "conv1", strides=2)
        x = _halve(x, "pool1")
        x = _convolve(x, 64, 1, "conv2_reduce")
        x = _convolve(x, 192, 3, "conv2")
        x = _halve(x, "pool2")
        for module, widths in MODULES.items():
            x = inception(x, f"inception_{module}", *widths)
            if module in LAST_BEFORE_POOLING:
                x = _halve(x, f"pool{module[0]}")
        return x

    def classify(x: SymbolicTensor) -> SymbolicTensor:
        x = GlobalAveragePooling2D(name="avg_pool")(x)
        x = Dropout(0.4, name="dropout")(x)
        return Dense(classes, activation=classifier_activation, name="linear")(x)

    x = images(input_tensor, input_shape, 224, 32, include_top)
    return assemble(name, x, [features, classify if include_top else pooled(pooling)], weights)


def inception(
    x: SymbolicTensor, name: str, one: int, reduce3: int, three: int, reduce5: int, five: int, projection: int
) -> SymbolicTensor:
    """Return the four branches over `x` beside each other: 1×1, 3×3 and 5×5 on fewer channels, pooled (figure 2b)."""
    pooled = MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    branches = [
        _convolve(x, one, 1, f"{name}_1x1"),
        _convolve(_convolve(x, reduce3, 1, f"{name}_3x3_reduce"), three, 3, f"{name}_3x3"),
        _convolve(_convolve(x, reduce5, 1, f"{name}_5x5_reduce"), five, 5, f"{name}_5x5"),
        _convolve(pooled, projection, 1, f"{name}_pool_proj"),
    ]
    return Concatenate(name=name)(branches)


def _convolve(x: SymbolicTensor, filters: int, side: int, name: str, strides: int = 1) -> SymbolicTensor:
    return Conv2D(filters, side, strides=strides, padding="same", activation="relu", name=name)(x)


def _halve(x: SymbolicTensor, name: str) -> SymbolicTensor:
    return MaxPooling2D(3, strides=2, padding="same", name=name)(x)
