"""Convolution, rectifier and 2×2 max pooling in one pass, where a stack has them one after the other; or batch
normalization and rectifier.

The numbers are those of the layers one by one, to the bit on the CPU; what falls away is to write the first layer's
result, to read it again for the next layer, and all that once more with its gradient.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from .. import functions as F
from ..kernels.window import SQUARES
from ..tensor import Tensor
from .convolution import Conv2D
from .core import Activation, ReLU
from .layer import Layer
from .normalization import BatchNormalization
from .pooling import MaxPooling2D


class Joined:
    """A convolution or batch normalization, and the layers behind it that its pass can take along."""

    def __init__(self, layers: Sequence[Layer], relu: bool, pooled: bool) -> None:
        self.layers, self.relu, self.pooled = layers, relu, pooled

    def __call__(self, x: Tensor, training: bool = False) -> Tensor:
        """Apply the layers to a tensor."""
        shape = (None, *x.shape[1:])
        for layer in self.layers:
            shape = layer.settle(shape)
            layer.check(x)
        first = self.layers[0]
        if isinstance(first, BatchNormalization):
            return first.normalize(x, training, self.relu)
        assert isinstance(first, Conv2D)
        return first.convolve(x, self.relu, self.pooled)


def stages(layers: Sequence[Layer]) -> Iterator[Layer | Joined]:
    """Yield what computes the layers in turn: a layer, or several joined."""
    at = 0
    while at < len(layers):
        first, end, relu, pooled = layers[at], at + 1, False, False
        # Of exactly this type: a subclass may compute something else.
        if type(first) is Conv2D and first.activation in (F.relu, F.linear):
            relu = first.activation is F.relu
            while end < len(layers) and not pooled:
                if _rectifies(layers[end]):
                    relu = True
                elif _pools(layers[end]):
                    pooled = True
                else:
                    break
                end += 1
        elif type(first) is BatchNormalization:
            while end < len(layers) and _rectifies(layers[end]):
                relu, end = True, end + 1
        yield Joined(layers[at:end], relu, pooled) if end > at + 1 else first
        at = end


def _rectifies(layer: Any) -> bool:
    return (type(layer) is Activation and layer.activation is F.relu) or (type(layer) is ReLU and layer.plain)


def _pools(layer: Any) -> bool:
    return type(layer) is MaxPooling2D and layer.window == SQUARES
