"""Activations. The formulas of both directions stand with the kernels, in `kernels/reference/activation.py`."""

from collections.abc import Sequence
from math import inf, prod
from typing import Any

from .. import kernels
from ..tensor import Formula, Function, Tensor, as_tensor
from .rectifier import Rectifier
from .shape import reshape, transpose


class Relu(Function):
    """The rectified linear unit."""

    by_kernels = True
    formula = Formula("y = max(x, 0)", "dx = dy·[y > 0]")

    def forward(self, x: Any) -> Any:
        self.y = kernels.of(x).relu(x)
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).relu_backward(dy, self.y),)


class LeakyRelu(Function):
    """The rectifier with a slope below 0."""

    by_kernels = True
    formula = Formula("y = x where x > 0, else slope·x", "dx = dy where x > 0, else slope·dy")

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def forward(self, x: Any) -> Any:
        self.x = x
        return kernels.of(x).leaky_relu(x, self.slope)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).leaky_relu_backward(dy, self.x, self.slope),)


class Sigmoid(Function):
    """The logistic function."""

    formula = Formula("y = 1/(1 + e⁻ˣ)", "dx = dy·y·(1 − y)")

    def forward(self, x: Any) -> Any:
        self.y = kernels.of(x).sigmoid(x)
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).sigmoid_backward(dy, self.y),)


class Tanh(Function):
    """The hyperbolic tangent."""

    formula = Formula("y = tanh x", "dx = dy·(1 − y²)")

    def forward(self, x: Any) -> Any:
        self.y = kernels.of(x).tanh(x)
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).tanh_backward(dy, self.y),)


class Softmax(Function):
    """Positive numbers with sum 1 along the last axis."""

    by_kernels = True
    formula = Formula("y = eˣ / Σ eˣ", "dx = y·(dy − Σ dy·y)")

    def forward(self, x: Any) -> Any:
        self.y = kernels.of(x).softmax(x)
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).softmax_backward(dy, self.y),)


def over(operation: Function, x: Tensor, axis: int | Sequence[int]) -> Tensor:
    """Apply an operation along the last axis over another, or over several together."""
    axes = [one % x.ndim for one in (axis if isinstance(axis, Sequence) else (axis,))]
    if axes == [x.ndim - 1]:
        return operation(x)
    order = (*(one for one in range(x.ndim) if one not in axes), *axes)
    last = transpose(x, order)
    rows = operation(reshape(last, (*last.shape[: -len(axes)], prod(last.shape[-len(axes) :]))))
    return transpose(reshape(rows, last.shape), tuple(map(order.index, range(x.ndim))))


def linear(x: Any) -> Tensor:
    """Return x itself."""
    return as_tensor(x)


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """Return max(x, 0); or min(x, `max_value`) above `threshold`, `negative_slope`·(x − threshold) elsewhere.

    See `Relu`, `LeakyRelu`, `Rectifier`.
    """
    if max_value is None and not threshold:
        return leaky_relu(x, negative_slope) if negative_slope else Relu()(as_tensor(x))
    ceiling = inf if max_value is None else float(max_value)
    return Rectifier(float(negative_slope), ceiling, float(threshold))(as_tensor(x))


def relu6(x: Any) -> Tensor:
    """Return min(max(x, 0), 6). See `Rectifier`."""
    return relu(x, max_value=6.0)


def hard_sigmoid(x: Any) -> Tensor:
    """Return relu6(x + 3)/6, three lines in place of a sigmoid. Keras 3's: see `keras2_hard_sigmoid`."""
    return relu6(as_tensor(x) + 3.0) / 6.0


def keras2_hard_sigmoid(x: Any) -> Tensor:
    """Return 0.2·x + 0.5, clipped to 0 … 1: what Keras 1, Keras 2 and tf.keras call hard_sigmoid."""
    return relu(as_tensor(x) * 0.2 + 0.5, max_value=1.0)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """Return x where it is positive, `negative_slope`·x elsewhere. See `LeakyRelu`."""
    return LeakyRelu(float(negative_slope))(as_tensor(x))


def sigmoid(x: Any) -> Tensor:
    """Return the logistic function of x; the result remembers x as its logits. See `Sigmoid`."""
    x = as_tensor(x)
    y = Sigmoid()(x)
    y.logits = x
    return y


def tanh(x: Any) -> Tensor:
    """Return the hyperbolic tangent of x. See `Tanh`."""
    return Tanh()(as_tensor(x))


def softmax(x: Any, axis: int | Sequence[int] = -1) -> Tensor:
    """Return the softmax of x over `axis`, the last, another, or several together. See `Softmax`.

    That over the last remembers x as its logits.
    """
    x = as_tensor(x)
    if axis != -1 and axis != x.ndim - 1:
        return over(Softmax(), x, axis)
    y = Softmax()(x)
    y.logits = x
    return y
