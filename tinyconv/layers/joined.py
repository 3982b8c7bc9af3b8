"""Layers that are computed in one pass where a stack has them one after the other.

    convolution, rectifier, 2×2 max pooling     to the bit what they are one by one, on the CPU
    batch normalization, rectifier              the same
    convolution, batch normalization            outside training one convolution, by the kernel w·s and the bias
                                                (b − mean)·s + β, with s = γ/√(variance + ε): exact but for rounding

What falls away is to write a layer's result, to read it again for the next, and all that once more with its gradient.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from .. import functions as F
from ..autograd import recording
from ..kernels.window import SQUARES
from ..tensor import Tensor
from .convolution import Conv2D
from .core import Activation, ReLU
from .layer import Layer
from .normalization import BatchNormalization
from .pooling import MaxPooling2D


class Joined:
    """Layers of a stack that follow each other, the last of them perhaps a rectifier."""

    def __init__(self, layers: Sequence[Layer], relu: bool) -> None:
        self.layers, self.relu = layers, relu

    def __call__(self, x: Tensor, training: bool = False) -> Tensor:
        """Apply the layers to a tensor."""
        shape = (None, *x.shape[1:])
        for layer in self.layers:
            shape = layer.settle(shape)
            layer.check(x)
        return self.call(x, training)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Compute the output of the layers."""
        raise NotImplementedError


class Convolved(Joined):
    """A convolution, and the rectifier and the pooling behind it."""

    def __init__(self, layers: Sequence[Layer], relu: bool, pooled: bool) -> None:
        super().__init__(layers, relu)
        self.pooled = pooled

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the convolution, rectified and pooled."""
        convolution = self.layers[0]
        assert isinstance(convolution, Conv2D)
        return convolution.convolve(x, self.relu, self.pooled)


class Normalized(Joined):
    """A batch normalization, the convolution before it if there is one, and the rectifier behind it."""

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the input convolved, normalized and rectified."""
        convolution, normalization = self.layers[0], self.layers[0]
        if isinstance(convolution, Conv2D):
            normalization = self.layers[1]
        assert isinstance(normalization, BatchNormalization)
        if normalization is convolution:
            return normalization.normalize(x, training, self.relu)
        assert isinstance(convolution, Conv2D)
        if recording() or (training and normalization.trainable):
            return normalization.normalize(convolution.convolve(x), training, self.relu)
        return convolution.convolve(x, self.relu, scale_and_shift=normalization.scale_and_shift())


def stages(layers: Sequence[Layer]) -> Iterator[Layer | Joined]:
    """Yield what computes the layers in turn: a layer, or several joined."""
    at = 0
    while at < len(layers):
        stage = _normalized(layers[at:]) or _convolved(layers[at:]) or layers[at]
        yield stage
        at += len(stage.layers) if isinstance(stage, Joined) else 1


def _normalized(layers: Sequence[Layer]) -> Joined | None:
    convolved = type(layers[0]) is Conv2D and layers[0].activation is F.linear
    end = 1 + convolved
    if len(layers) < end or type(layers[end - 1]) is not BatchNormalization:
        return None
    relu = len(layers) > end and _rectifies(layers[end])
    return Normalized(layers[: end + relu], relu) if end + relu > 1 else None


def _convolved(layers: Sequence[Layer]) -> Joined | None:
    first, end, pooled = layers[0], 1, False
    # Of exactly this type: a subclass may compute something else.
    if type(first) is not Conv2D or first.activation not in (F.relu, F.linear):
        return None
    relu = first.activation is F.relu
    while end < len(layers) and not pooled:
        if _rectifies(layers[end]):
            relu = True
        elif _pools(layers[end]):
            pooled = True
        else:
            break
        end += 1
    return Convolved(layers[:end], relu, pooled) if end > 1 else None


def _rectifies(layer: Any) -> bool:
    return (type(layer) is Activation and layer.activation is F.relu) or (type(layer) is ReLU and layer.plain)


def _pools(layer: Any) -> bool:
    return type(layer) is MaxPooling2D and layer.window == SQUARES
