"""Layers that are computed in one pass where a stack has them one after the other.

    convolution, rectifier, 2×2 max pooling     to the bit what they are one by one, on the CPU
    batch normalization, rectifier              the same, also with a ceiling
    sum, rectifier                              the same
    convolution, batch normalization            outside training one convolution, by the kernel w·s and the bias
                                                (b − mean)·s + β, with s = γ/√(variance + ε): exact but for rounding

What falls away is to write a layer's result, to read it again for the next, and all that once more with its gradient.
"""

from collections.abc import Iterator, Sequence
from math import inf
from typing import Any

from .. import functions as F
from ..autograd import recording
from ..kernels.window import POOL_2X2
from ..tensor import Tensor
from .convolution import Conv2D
from .core import Activation, ReLU
from .layer import Layer
from .merge import Add
from .normalization import BatchNormalization
from .pooling import MaxPooling2D


class Joined:
    """Layers of a stack that follow each other; `ceiling` is that of the rectifier among them, None without one."""

    def __init__(self, layers: Sequence[Layer], ceiling: float | None) -> None:
        self.layers, self.ceiling = layers, ceiling

    def __call__(self, x: Any, training: bool = False) -> Tensor:
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
        super().__init__(layers, inf if relu else None)
        self.relu, self.pooled = relu, pooled

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
            return normalization.normalize(x, training, self.ceiling)
        assert isinstance(convolution, Conv2D)
        if recording() or (training and normalization.trainable):
            return normalization.normalize(convolution.convolve(x), training, self.ceiling)
        relu, scale_and_shift = self.ceiling == inf, normalization.scale_and_shift()
        y = convolution.convolve(x, relu, scale_and_shift=scale_and_shift)
        return y if relu or self.ceiling is None else F.relu(y, max_value=self.ceiling)


class Added(Joined):
    """A sum and the rectifier behind it."""

    def __call__(self, x: Any, training: bool = False) -> Tensor:
        """Return the rectified sum of a list of tensors."""
        add = self.layers[0]
        assert isinstance(add, Add)
        return add.join(add.checked(x), relu=True)


def stages(layers: Sequence[Layer]) -> Iterator[Layer | Joined]:
    """Yield what computes the layers in turn: a layer, or several joined."""
    at = 0
    while at < len(layers):
        stage = _normalized(layers[at:]) or _convolved(layers[at:]) or _added(layers[at:]) or layers[at]
        yield stage
        at += len(stage.layers) if isinstance(stage, Joined) else 1


def _normalized(layers: Sequence[Layer]) -> Joined | None:
    convolved = type(layers[0]) is Conv2D and layers[0].activation is F.linear
    end = 1 + convolved
    if len(layers) < end or type(layers[end - 1]) is not BatchNormalization:
        return None
    ceiling = _ceiling(layers[end]) if len(layers) > end else None
    end += ceiling is not None
    return Normalized(layers[:end], ceiling) if end > 1 else None


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


def _added(layers: Sequence[Layer]) -> Joined | None:
    return Added(layers[:2], inf) if type(layers[0]) is Add and len(layers) > 1 and _rectifies(layers[1]) else None


def _rectifies(layer: Any) -> bool:
    return _ceiling(layer) == inf


def _ceiling(layer: Any) -> float | None:
    """Return c if the layer is min(max(x, 0), c), else None."""
    if type(layer) is Activation:
        return inf if layer.activation is F.relu else 6.0 if layer.activation is F.relu6 else None
    if type(layer) is ReLU and not layer.negative_slope and not layer.threshold:
        return inf if layer.max_value is None else layer.max_value
    return None


def _pools(layer: Any) -> bool:
    return type(layer) is MaxPooling2D and layer.window == POOL_2X2
