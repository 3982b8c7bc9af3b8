"""Smooth activations. The formulas of both directions stand with the kernels, in `kernels/reference/smooth.py`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import kernels
from ..tensor import Formula, Function, Tensor, as_tensor
from .activation import over
from .elementwise import exp


class Elu(Function):
    """The exponential linear unit."""

    formula = Formula("y = x where x > 0, else α·(eˣ − 1)", "dx = dy where x > 0, else dy·(y + α)")

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        self.y = kernels.of(x).elu(x, self.alpha)
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).elu_backward(dy, self.y, self.alpha),)


class Selu(Function):
    """The scaled exponential linear unit, with fixed λ and α."""

    formula = Formula("y = λ·x where x > 0, else λ·α·(eˣ − 1)", "dx = λ·dy where x ≥ 0, else dy·(y + λ·α)")

    def forward(self, x: Any) -> Any:
        self.y = kernels.of(x).selu(x)
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).selu_backward(dy, self.y),)


class Gelu(Function):
    """The Gaussian error linear unit; Φ is the normal distribution's function, or its approximation by tanh."""

    formula = Formula("y = x·Φ(x)", "dx = dy·(Φ(x) + x·Φ′(x))")

    def __init__(self, approximate: bool) -> None:
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        self.x = x
        return kernels.of(x).gelu(x, self.approximate)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).gelu_backward(dy, self.x, self.approximate),)


class Silu(Function):
    """The sigmoid linear unit, also called swish."""

    formula = Formula("y = x·σ(x)", "dx = dy·σ(x)·(1 + x·(1 − σ(x)))")

    def forward(self, x: Any) -> Any:
        self.x = x
        return kernels.of(x).silu(x)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).silu_backward(dy, self.x),)


class Softplus(Function):
    """The smooth rectifier."""

    formula = Formula("y = ln(1 + eˣ)", "dx = dy·σ(x)")

    def forward(self, x: Any) -> Any:
        self.x = x
        return kernels.of(x).softplus(x)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).softplus_backward(dy, self.x),)


class Softsign(Function):
    """A sigmoid without exponentials."""

    formula = Formula("y = x/(1 + |x|)", "dx = dy/(1 + |x|)²")

    def forward(self, x: Any) -> Any:
        self.x = x
        return kernels.of(x).softsign(x)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).softsign_backward(dy, self.x),)


class LogSoftmax(Function):
    """The logarithm of the softmax along the last axis."""

    formula = Formula("y = x − ln Σ eˣ", "dx = dy − eʸ·Σ dy")

    def forward(self, x: Any) -> Any:
        shifted = x - x.max(axis=-1, keepdims=True)  # changes nothing, but no exponential overflows
        self.y = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy - np.exp(self.y) * dy.sum(axis=-1, keepdims=True),)


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """Return x where it is positive, `alpha`·(eˣ − 1) elsewhere; alpha ≥ 0. See `Elu`."""
    if not alpha >= 0:
        raise ValueError(f"elu needs alpha ≥ 0, got {alpha}")
    return Elu(float(alpha))(as_tensor(x))


def selu(x: Any) -> Tensor:
    """Return the scaled exponential linear unit of x. See `Selu`."""
    return Selu()(as_tensor(x))


def gelu(x: Any, approximate: bool = False) -> Tensor:
    """Return the Gaussian error linear unit of x, exactly or by tanh. See `Gelu`."""
    return Gelu(approximate)(as_tensor(x))


def silu(x: Any) -> Tensor:
    """Return x·σ(x), also called swish. See `Silu`."""
    return Silu()(as_tensor(x))


def softplus(x: Any) -> Tensor:
    """Return ln(1 + eˣ). See `Softplus`."""
    return Softplus()(as_tensor(x))


def softsign(x: Any) -> Tensor:
    """Return x/(1 + |x|). See `Softsign`."""
    return Softsign()(as_tensor(x))


def exponential(x: Any) -> Tensor:
    """Return eˣ: Keras's name for `exp` as an activation."""
    return exp(x)


def log_softmax(x: Any, axis: int | Sequence[int] = -1) -> Tensor:
    """Return the logarithm of the softmax of x over `axis`, one or several together. See `LogSoftmax`."""
    return over(LogSoftmax(), as_tensor(x), axis)
