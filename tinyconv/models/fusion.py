"""Operator fusion: layers that are computed in one pass where a stack has them one after the other.

    convolution, rectifier, 2×2 max pooling     to the bit what they are one by one, on the CPU
    zero padding, convolution                   the same, where it is the padding "same" that the convolution can do
    batch normalization, rectifier              the same, also with a ceiling
    sum, rectifier                              the same
    convolution, also a depthwise one, batch normalization, rectifier
                                                outside training one pass, (x ∗ w)·s + β + (b − mean)·s, with
                                                s = γ/√(variance + ε): exact but for rounding

What falls away is to write a layer's result, to read it again for the next, and all that once more with its gradient.
Inside `with tinyconv.fusion(False)` every layer runs by itself.
"""

from collections.abc import Iterator, Sequence
from math import inf
from typing import Any, cast

from .. import functions as F
from ..autograd import calling, recording
from ..config import fusing
from ..kernels.window import POOL_2X2, Window
from ..layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Layer,
    MaxPooling2D,
    ReLU,
    ZeroPadding2D,
)
from ..layers.layout import FIRST
from ..layers.merge import in_memory_order
from ..tensor import Tensor

# Layers that others are fused with: of exactly these types.
LEADING = ZeroPadding2D, Conv2D, DepthwiseConv2D, BatchNormalization, Add

Geometry = tuple[tuple[int, int], str, tuple[int, int]]  # strides, padding, dilation


class Fused:
    """Layers of a stack that follow each other; `ceiling` is that of the rectifier among them, None without one."""

    def __init__(self, layers: Sequence[Layer], ceiling: float | None) -> None:
        self.layers, self.ceiling = layers, ceiling

    def __call__(self, x: Any, *, training: bool) -> Tensor:
        """Apply the layers to a tensor."""
        shape = (None, *x.shape[1:])
        for layer in self.layers:
            shape = layer.prepare(shape)
            layer.check(x)
        with calling(self.layers[-1]):
            return self.call(x, training)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Compute the output of the layers."""
        raise NotImplementedError


class FusedConvolution(Fused):
    """A convolution, the zero padding before it if there is one, and what follows in its pass."""

    def __init__(self, layers: Sequence[Layer], ceiling: float | None) -> None:
        super().__init__(layers, ceiling)
        self.convolution: Any = layers[0]
        self.padding: ZeroPadding2D | None = None

    def padded_by(self, padding: ZeroPadding2D) -> "FusedConvolution":
        """Return this, after it has taken up the padding before it."""
        self.padding, self.layers = padding, [padding, *self.layers]
        return self

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return what the layers make of x."""
        turned = self.convolution.data_format == FIRST
        if turned:
            x = F.channels_last(x)
        strides, padding, dilation = self.convolution.geometry
        if self.padding is not None:
            same = Window(self.convolution.kernel.shape[:2], strides, "same", dilation)
            if same.pads(*x.shape[1:3]) == self.padding.padding:
                padding = "same"
            else:
                x = self.padding.pad(x)
        y = self.convolved(x, (strides, padding, dilation), training)
        return F.channels_first(y) if turned else y

    def convolved(self, x: Tensor, geometry: Geometry, training: bool) -> Tensor:
        """Return what the layers make of images whose channels are last, by strides, padding and dilation."""
        raise NotImplementedError


class Convolved(FusedConvolution):
    """A convolution, and the rectifier and the pooling behind it."""

    def __init__(self, layers: Sequence[Layer], relu: bool, pooled: bool) -> None:
        super().__init__(layers, inf if relu else None)
        self.relu, self.pooled = relu, pooled

    def convolved(self, x: Tensor, geometry: Geometry, training: bool) -> Tensor:
        """Return the convolution, rectified and pooled."""
        first = self.convolution
        return F.conv2d(x, first.kernel, first.bias, *geometry, first.groups, self.relu, self.pooled)


class NormalizedConvolution(FusedConvolution):
    """A convolution, the batch normalization and the rectifier behind it."""

    def __init__(self, layers: Sequence[Layer], ceiling: float | None) -> None:
        super().__init__(layers, ceiling)
        self.normalization: Any = layers[1]

    def convolved(self, x: Tensor, geometry: Geometry, training: bool) -> Tensor:
        """Return the input convolved, normalized and rectified: in one pass where no gradient will be asked for."""
        first, normalization = self.convolution, self.normalization
        groups = [first.groups] if isinstance(first, Conv2D) else []  # which a depthwise convolution has not
        if recording() or (training and normalization.trainable):
            convolve: Any = F.conv2d if groups else F.depthwise_conv2d
            y = convolve(x, first.kernel, first.bias, *geometry, *groups)
            return cast(Tensor, normalization.normalize_last(y, training, self.ceiling))
        convolve = F.conv2d_scaled if groups else F.depthwise_conv2d_scaled
        table = normalization.scale_and_shift(first.bias)
        return cast(Tensor, convolve(x, first.kernel, table, *geometry, *groups, self.ceiling))


class Normalized(Fused):
    """A batch normalization and the rectifier behind it."""

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the input normalized and rectified."""
        first = self.layers[0]
        assert isinstance(first, BatchNormalization)
        return first.normalize(x, training, self.ceiling)


class Added(Fused):
    """A sum and the rectifier behind it."""

    def __call__(self, x: Any, *, training: bool) -> Tensor:
        """Return the rectified sum of a list of tensors."""
        add: Any = self.layers[0]
        add.prepare([(None, *tensor.shape[1:]) for tensor in x])
        add.check(x)
        with calling(self.layers[-1]):
            last = in_memory_order(x) if type(x[0]) is F.ChannelsFirst else []
            return F.channels_first(add.join(last, relu=True)) if last else add.join(x, relu=True)


def run(layers: Sequence[Layer], x: Any, training: bool) -> Any:
    """Apply the layers one after the other, several in one pass where that is offered and `fusion` is not off."""
    for stage in fused(layers) if fusing() else layers:
        x = stage(x, training=training)
    return x


def fused(layers: Sequence[Layer]) -> Iterator[Layer | Fused]:
    """Yield what computes the layers in turn: a layer, or several fused."""
    at = 0
    while at < len(layers):
        stage: Layer | Fused = layers[at]
        if type(stage) in LEADING:
            found = _padded(layers[at:]) or _normalized(layers[at:]) or _convolved(layers[at:]) or _added(layers[at:])
            if found and all(layer.activity_regularizer is None for layer in found.layers):
                stage = found  # else a layer's own output is wanted
        yield stage
        at += len(stage.layers) if isinstance(stage, Fused) else 1


def _padded(layers: Sequence[Layer]) -> Fused | None:
    padding = layers[0]
    if type(padding) is not ZeroPadding2D or len(layers) < 2 or type(layers[1]) not in (Conv2D, DepthwiseConv2D):
        return None
    others = layers[1:]
    found = _normalized(others) or _convolved(others, alone=True)
    fits = others[0].geometry[1] == "valid" and _is_first(others[0]) == _is_first(padding)  # type: ignore[attr-defined]
    return found.padded_by(padding) if fits and isinstance(found, FusedConvolution) else None


def _normalized(layers: Sequence[Layer]) -> Fused | None:
    convolved = type(layers[0]) in (Conv2D, DepthwiseConv2D) and layers[0].activation is F.linear  # type: ignore[attr-defined]
    end = 1 + convolved
    if len(layers) < end or type(layers[end - 1]) is not BatchNormalization:
        return None
    if convolved and layers[1].axis not in ((1, -3) if _is_first(layers[0]) else (3, -1)):  # type: ignore[attr-defined]
        return None
    ceiling = _ceiling(layers[end]) if len(layers) > end else None
    end += ceiling is not None
    if convolved:
        return NormalizedConvolution(layers[:end], ceiling)
    return Normalized(layers[:end], ceiling) if end > 1 else None


def _convolved(layers: Sequence[Layer], alone: bool = False) -> Fused | None:
    first, end, pooled = layers[0], 1, False
    # Of exactly this type: a subclass may compute something else.
    if type(first) is not Conv2D or first.activation not in (F.relu, F.linear):
        return None
    relu = first.activation is F.relu
    while end < len(layers) and not pooled:
        if _rectifies(layers[end]):
            relu = True
        elif _pools(layers[end]) and _is_first(layers[end]) == _is_first(first):
            pooled = True
        else:
            break
        end += 1
    return Convolved(layers[:end], relu, pooled) if end > 1 or alone else None


def _added(layers: Sequence[Layer]) -> Fused | None:
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


def _is_first(layer: Any) -> bool:
    return layer.data_format == FIRST


def _pools(layer: Any) -> bool:
    return type(layer) is MaxPooling2D and layer.window == POOL_2X2
