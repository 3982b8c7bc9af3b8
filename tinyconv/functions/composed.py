"""Activations that are composed of others, under Keras's names, and sparsemax."""

from typing import Any

import numpy as np

from ..tensor import Formula, Function, Tensor, as_tensor
from .activation import hard_sigmoid, over, relu, sigmoid, tanh
from .arithmetic import where
from .elementwise import clip, sqrt
from .shape import getitem
from .smooth import elu, softplus


class Sparsemax(Function):
    """The nearest point, along the last axis, whose numbers are not negative and have sum 1: many of them are 0.

    Source: Martins & Astudillo 2016, "From softmax to sparsemax", algorithm 1 and proposition 2.
    """

    formula = Formula(
        "y = max(x − τ, 0), τ such that Σ y = 1",
        "dx = dy − mean of dy over the places where y > 0, there; else 0",
    )

    def forward(self, x: Any) -> Any:
        ordered = -np.sort(-x, axis=-1)
        sums = np.cumsum(ordered, axis=-1)
        ranks = np.cumsum(np.ones_like(ordered), axis=-1)
        within = ordered * ranks > sums - 1
        count = within.sum(axis=-1, keepdims=True)
        level = (np.take_along_axis(sums, count - 1, axis=-1) - 1) / count.astype(x.dtype)
        y = np.maximum(x - level, 0)
        self.above = (y > 0).astype(x.dtype)
        return y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        mean = (dy * self.above).sum(axis=-1, keepdims=True) / self.above.sum(axis=-1, keepdims=True)
        return ((dy - mean) * self.above,)


def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """Return x where it is positive, `alpha`·(e^(x/alpha) − 1) elsewhere, whose slope at 0 is 1. See `Elu`.

    Source: Barron 2017, "Continuously differentiable exponential linear units".
    """
    return elu(as_tensor(x) * (1 / alpha)) * alpha


def glu(x: Any, axis: int = -1) -> Tensor:
    """Return a·σ(b), where a and b are the two halves of x along `axis`.

    Source: Dauphin et al. 2017, "Language modeling with gated convolutional networks".
    """
    x = as_tensor(x)
    half, rest = divmod(x.shape[axis], 2)
    if rest:
        raise ValueError(f"glu halves x along axis {axis}, which needs an even number of places: x has shape {x.shape}")
    before = (slice(None),) * (axis % x.ndim)
    return getitem(x, (*before, slice(0, half))) * sigmoid(getitem(x, (*before, slice(half, None))))


def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """Return x where |x| > `threshold`, 0 elsewhere."""
    x = as_tensor(x)
    return where(abs(x.data) > threshold, x, 0.0)


def hard_silu(x: Any) -> Tensor:
    """Return x·hard_sigmoid(x), also called hard swish. Source: Howard et al. 2019, "Searching for MobileNetV3"."""
    x = as_tensor(x)
    return x * hard_sigmoid(x)


def hard_tanh(x: Any) -> Tensor:
    """Return x held between −1 and 1."""
    return clip(x, -1.0, 1.0)


def log_sigmoid(x: Any) -> Tensor:
    """Return ln σ(x), computed as −softplus(−x)."""
    return -softplus(-as_tensor(x))


def mish(x: Any) -> Tensor:
    """Return x·tanh(softplus(x)). Source: Misra 2019, "Mish: a self regularized non-monotonic activation function"."""
    x = as_tensor(x)
    return x * tanh(softplus(x))


def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """Return x brought nearer to 0 by `threshold`, and 0 where it is no further away."""
    x = as_tensor(x)
    return relu(x - threshold) - relu(-x - threshold)


def sparse_plus(x: Any) -> Tensor:
    """Return 0 for x ≤ −1, (x + 1)²/4 for −1 < x < 1, x for x ≥ 1: a softplus that is 0 far below."""
    x = as_tensor(x)
    return where(x.data <= -1, 0.0, where(x.data < 1, (x + 1.0) ** 2 * 0.25, x))


def sparse_sigmoid(x: Any) -> Tensor:
    """Return 0 for x ≤ −1, (x + 1)/2 for −1 < x < 1, 1 for x ≥ 1."""
    x = as_tensor(x)
    return where(x.data <= -1, 0.0, where(x.data >= 1, 1.0, (x + 1.0) * 0.5))


def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """Return the nearest point to x, along `axis`, of numbers that are not negative and have sum 1. See `Sparsemax`.

    Keras 3.15 adds up too much where two or more numbers are not 0, and gives less.
    """
    return over(Sparsemax(), as_tensor(x), axis)


def squareplus(x: Any, b: float = 4) -> Tensor:
    """Return (x + √(x² + b))/2. Source: Barron 2021, "Squareplus: a softplus-like algebraic rectifier"."""
    x = as_tensor(x)
    return (x + sqrt(x * x + float(b))) * 0.5


def tanh_shrink(x: Any) -> Tensor:
    """Return x − tanh x."""
    x = as_tensor(x)
    return x - tanh(x)


def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """Return x where it is above `threshold`, `default_value` elsewhere."""
    x = as_tensor(x)
    return where(x.data > threshold, x, float(default_value))
