"""Convolutions that scale, move and rectify each channel in their last pass.

    fold_normalization              makes a scale and a shift of a mean, a variance, γ, β and a bias
    conv2d_scaled                   a convolution, that scale and that shift, and a rectifier
    depthwise_conv2d_scaled         the same of a depthwise convolution

So a convolution, its batch normalization and the rectifier behind it are one pass outside training.
"""

from typing import Any

import numpy as np

from .. import kernels
from ..kernels import Window
from ..tensor import Formula, Function, Tensor, as_tensor
from .convolution import checked_convolution
from .depthwise import checked_depthwise
from .rectifier import last_open


class FoldNormalization(Function):
    """The scale and the shift, rows of (2,c), that are left of normalizing y + b by known mean μ and variance σ².

    Inputs are μ and σ², then those of γ, β and b that are `given`, (c,) each.
    """

    by_kernels = True
    formula = Formula(
        "y = (s, t), s = γ/√(σ² + ε), t = β + (b − μ)·s",
        "dμ = −dt·s, dσ² = −½·g·γ/√(σ² + ε)³, dγ = g/√(σ² + ε), dβ = dt, db = dt·s, with dy = (ds, dt) and "
        "g = ds + dt·(b − μ)",
    )

    def __init__(self, given: tuple[bool, ...], epsilon: float) -> None:
        self.given, self.epsilon = given, float(epsilon)

    def forward(self, mean: Any, variance: Any, *others: Any) -> Any:
        left = list(others)
        gamma, beta, bias = (left.pop(0) if given else None for given in self.given)
        self.arrays = mean, variance, gamma, bias
        return kernels.of(mean).fold_normalization(mean, variance, gamma, beta, bias, self.epsilon)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        mean, variance, gamma, bias = self.arrays
        dscale, dshift = dy
        inverse = 1 / np.sqrt(variance + self.epsilon)
        scale = inverse if gamma is None else gamma * inverse
        along = dscale + dshift * ((0 if bias is None else bias) - mean)
        found = along * inverse, dshift, dshift * scale
        wanted = [gradient for gradient, given in zip(found, self.given, strict=True) if given]
        return -dshift * scale, -along * scale * inverse * inverse / 2, *wanted


class Conv2DScaled(Function):
    """A convolution without a bias, see `Conv2D`, scaled by s and moved by t (k,), rows of (2,k).

    With a ceiling, min(max(y, 0), ceiling). The gradient computes the convolution again.
    """

    by_kernels = True
    formula = Formula(
        "y = s·Conv2D(x, w) + t",
        "ds = Σ dy·Conv2D(x, w), dt = Σ dy; dy·s goes on as in Conv2D",
    )

    def __init__(self, window: Window, groups: int, ceiling: float | None) -> None:
        self.window, self.groups = window, groups
        self.ceiling = None if ceiling is None else float(ceiling)

    def forward(self, x: Any, w: Any, scale_and_shift: Any) -> Any:
        self.arrays = x, w, scale_and_shift
        return kernels.of(x).conv2d_scaled(x, w, scale_and_shift, self.window, self.groups, self.ceiling)

    def algorithm(self, *arrays: Any) -> str:
        return kernels.algorithm_of(*arrays[:2], self.window, self.groups)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        x, w, scale_and_shift = self.arrays
        y = kernels.of(x).conv2d(x, w, None, self.window, self.groups, False)
        dy, table = _before_scaling(dy, y, scale_and_shift, self.ceiling)
        needs = *self.needs[:2], False
        return *kernels.of(dy).conv2d_backward(dy, x, w, None, self.window, self.groups, needs)[:2], table


class DepthwiseConv2DScaled(Function):
    """A depthwise convolution without a bias, see `DepthwiseConv2D`, scaled and moved by s and t, rows of (2,c·m).

    With a ceiling, min(max(y, 0), ceiling). The gradient computes the convolution again.
    """

    by_kernels = True
    formula = Formula(
        "y = s·DepthwiseConv2D(x, w) + t",
        "ds = Σ dy·DepthwiseConv2D(x, w), dt = Σ dy; dy·s goes on as in DepthwiseConv2D",
    )

    def __init__(self, window: Window, ceiling: float | None) -> None:
        self.window, self.ceiling = window, None if ceiling is None else float(ceiling)

    def forward(self, x: Any, w: Any, scale_and_shift: Any) -> Any:
        self.arrays = x, w, scale_and_shift
        return kernels.of(x).depthwise_conv2d_scaled(x, w, scale_and_shift, self.window, self.ceiling)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        x, w, scale_and_shift = self.arrays
        y = kernels.of(x).depthwise_conv2d(x, w, None, self.window, False)
        dy, table = _before_scaling(dy, y, scale_and_shift, self.ceiling)
        needs = *self.needs[:2], False
        return *kernels.of(dy).depthwise_conv2d_backward(dy, x, w, None, self.window, needs)[:2], table


def _before_scaling(dy: Any, y: Any, scale_and_shift: Any, ceiling: float | None) -> tuple[Any, Any]:
    """Return the gradients of y and of the scale and the shift, from that of y scaled, moved and rectified."""
    scale, shift = scale_and_shift
    ceiling = ceiling and last_open(ceiling, dy.dtype)
    arrays = dy, y, np.zeros_like(scale), scale, shift
    dy, dscale, dshift = kernels.of(dy).scale_shift_backward(*arrays, ceiling, (True, True, True))
    return dy, np.stack([dscale, dshift])


def fold_normalization(
    mean: Any, variance: Any, gamma: Any = None, beta: Any = None, bias: Any = None, epsilon: float = 1e-3
) -> Tensor:
    """Return (2,c), the scale s and the shift t with which y·s + t normalizes y + bias by known mean and variance.

    s = γ/√(variance + ε) and t = β + (bias − mean)·s; all arrays are (c,), and γ, β and the bias may be left out. See
    `FoldNormalization`. Raises ValueError when their shapes differ.
    """
    mean = as_tensor(mean)
    others = [None if each is None else as_tensor(each, like=mean) for each in (gamma, beta, bias)]
    inputs = [mean, as_tensor(variance, like=mean), *(each for each in others if each is not None)]
    if mean.ndim != 1 or any(each.shape != mean.shape for each in inputs):
        raise ValueError(f"fold_normalization needs vectors (c,), got shapes {', '.join(str(e.shape) for e in inputs)}")
    return FoldNormalization(tuple(each is not None for each in others), epsilon)(*inputs)


def conv2d_scaled(
    x: Any,
    w: Any,
    scale_and_shift: Any,
    strides: tuple[int, int] = (1, 1),
    padding: str = "valid",
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    ceiling: float | None = None,
) -> Tensor:
    """Convolve images x (n,h,w,c) with kernels w (kh,kw,c/groups,k), then scale and move each channel, in one pass.

    Rows of `scale_and_shift` (2,k) are the scale and the shift, as `fold_normalization` makes them. With a `ceiling`,
    the result is min(max(y, 0), ceiling); ∞ makes it a plain ReLU. See `Conv2DScaled`. Raises ValueError when shapes do
    not fit.
    """
    x, w = checked_convolution(x, w, groups)
    table = _checked_table("conv2d_scaled", scale_and_shift, x, w.shape[3])
    return Conv2DScaled(Window(w.shape[:2], strides, padding, dilation), groups, ceiling)(x, w, table)


def depthwise_conv2d_scaled(
    x: Any,
    w: Any,
    scale_and_shift: Any,
    strides: tuple[int, int] = (1, 1),
    padding: str = "valid",
    dilation: tuple[int, int] = (1, 1),
    ceiling: float | None = None,
) -> Tensor:
    """Convolve each channel of images x (n,h,w,c) with its kernels w (kh,kw,c,m), then scale and move each channel.

    See `conv2d_scaled` and `DepthwiseConv2DScaled`.
    """
    x, w = checked_depthwise(x, w)
    table = _checked_table("depthwise_conv2d_scaled", scale_and_shift, x, w.shape[2] * w.shape[3])
    return DepthwiseConv2DScaled(Window(w.shape[:2], strides, padding, dilation), ceiling)(x, w, table)


def _checked_table(name: str, scale_and_shift: Any, x: Tensor, k: int) -> Tensor:
    table = as_tensor(scale_and_shift, like=x)
    if table.shape != (2, k):
        raise ValueError(f"{name} needs a scale and a shift for each channel, (2, {k}), got {table.shape}")
    return table
