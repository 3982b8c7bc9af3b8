"""Arithmetic of two tensors, with NumPy's broadcasting.

Where an input of shape s was broadcast to the result's shape, its gradient is the incoming one summed over the axes
that broadcasting stretched (the transpose of a copy is a sum).
"""

from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..tensor import Formula, Function, Tensor, as_tensor, values
from .activation import Relu
from .reduction import sum_in_double


def _sum_to(dy: Any, shape: tuple[int, ...]) -> Any:
    """Sum `dy` over the axes along which an array of `shape` was broadcast."""
    if dy.shape == shape:
        return dy
    new = dy.ndim - len(shape)
    stretched = (new + axis for axis, length in enumerate(shape) if length == 1 and dy.shape[new + axis] != 1)
    return sum_in_double(dy, (*range(new), *stretched)).reshape(shape)


class _Binary(Function):
    """An elementwise operation of two arrays; subclasses give the two factors of the chain rule."""

    read: ClassVar[str] = ""  # those of a, b and y that the gradients read
    a: Any
    b: Any
    y: Any

    def forward(self, a: Any, b: Any) -> Any:
        y = self.operate(a, b)
        self.shapes = a.shape, b.shape
        for name, array in (("a", a), ("b", b), ("y", y)):
            if name in self.read:
                setattr(self, name, array)
        return y

    def operate(self, a: Any, b: Any) -> Any:
        raise NotImplementedError

    def gradient_a(self, dy: Any) -> Any:
        raise NotImplementedError

    def gradient_b(self, dy: Any) -> Any:
        raise NotImplementedError

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (
            _sum_to(self.gradient_a(dy), self.shapes[0]) if self.needs[0] else None,
            _sum_to(self.gradient_b(dy), self.shapes[1]) if self.needs[1] else None,
        )


class Add(_Binary):
    """The sum of two arrays."""

    formula = Formula("y = a + b", "da = dy, db = dy")

    def operate(self, a: Any, b: Any) -> Any:
        return a + b

    def gradient_a(self, dy: Any) -> Any:
        return dy

    def gradient_b(self, dy: Any) -> Any:
        return dy


class AddRelu(Function):
    """The rectified sum of two arrays of one shape."""

    by_kernels = True
    formula = Formula("y = max(a + b, 0)", "da = db = dy·[y > 0]")

    def forward(self, a: Any, b: Any) -> Any:
        self.y = kernels.of(a).add(a, b, True)
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        passed = kernels.of(dy).relu_backward(dy, self.y)
        return passed, passed


class Subtract(_Binary):
    """The difference of two arrays."""

    formula = Formula("y = a − b", "da = dy, db = −dy")

    def operate(self, a: Any, b: Any) -> Any:
        return a - b

    def gradient_a(self, dy: Any) -> Any:
        return dy

    def gradient_b(self, dy: Any) -> Any:
        return -dy


class Multiply(_Binary):
    """The product of two arrays, element by element."""

    formula = Formula("y = a·b", "da = dy·b, db = dy·a")
    read = "ab"

    def operate(self, a: Any, b: Any) -> Any:
        return a * b

    def gradient_a(self, dy: Any) -> Any:
        return dy * self.b

    def gradient_b(self, dy: Any) -> Any:
        return dy * self.a


class Divide(_Binary):
    """The quotient of two arrays, element by element."""

    formula = Formula("y = a/b", "da = dy/b, db = −dy·y/b")
    read = "by"

    def operate(self, a: Any, b: Any) -> Any:
        return a / b

    def gradient_a(self, dy: Any) -> Any:
        return dy / self.b

    def gradient_b(self, dy: Any) -> Any:
        return -dy * self.y / self.b


class Power(_Binary):
    """One array to the power of another, element by element."""

    formula = Formula("y = aᵇ", "da = dy·b·aᵇ⁻¹; db = dy·y·ln a where a > 0, else 0 (as in TensorFlow)")
    read = "aby"

    def operate(self, a: Any, b: Any) -> Any:
        return a**b

    def gradient_a(self, dy: Any) -> Any:
        return dy * self.b * self.a ** np.where(self.b == 0, 0, self.b - 1).astype(self.a.dtype)

    def gradient_b(self, dy: Any) -> Any:
        positive = np.where(self.a > 0, self.a, 1).astype(self.a.dtype)
        return dy * self.y * np.log(positive)


class Maximum(_Binary):
    """The larger of two arrays, element by element."""

    formula = Formula("y = max(a, b)", "da = dy where a ≥ b, else 0; db = dy where a < b, else 0 (as in TensorFlow)")
    read = "ab"

    def operate(self, a: Any, b: Any) -> Any:
        return np.maximum(a, b)

    def gradient_a(self, dy: Any) -> Any:
        return dy * (self.a >= self.b)

    def gradient_b(self, dy: Any) -> Any:
        return dy * ~(self.a >= self.b)


class Minimum(_Binary):
    """The smaller of two arrays, element by element."""

    formula = Formula("y = min(a, b)", "da = dy where a ≤ b, else 0; db = dy where a > b, else 0 (as in TensorFlow)")
    read = "ab"

    def operate(self, a: Any, b: Any) -> Any:
        return np.minimum(a, b)

    def gradient_a(self, dy: Any) -> Any:
        return dy * (self.a <= self.b)

    def gradient_b(self, dy: Any) -> Any:
        return dy * ~(self.a <= self.b)


class Where(_Binary):
    """The elements of one array where a condition holds, of another elsewhere."""

    formula = Formula(
        "y = a where the condition holds, else b",
        "da = dy where the condition holds, else 0; db = dy − da",
    )

    def __init__(self, condition: Any) -> None:
        self.condition = condition

    def operate(self, a: Any, b: Any) -> Any:
        return np.where(self.condition, a, b)

    def gradient_a(self, dy: Any) -> Any:
        return dy * self.condition

    def gradient_b(self, dy: Any) -> Any:
        return dy * ~self.condition


class Matmul(Function):
    """The matrix product over the last two axes, the others broadcast.

    A vector on the left counts as one row, on the right as one column, as in `numpy.matmul`.
    """

    formula = Formula("y = a @ b", "da = dy @ bᵀ, db = aᵀ @ dy")

    def forward(self, a: Any, b: Any) -> Any:
        self.a, self.b = a, b
        return np.matmul(a, b)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        a = self.a[None, :] if self.a.ndim == 1 else self.a
        b = self.b[:, None] if self.b.ndim == 1 else self.b
        if self.a.ndim == 1:
            dy = np.expand_dims(dy, -1 if self.b.ndim == 1 else -2)
        if self.b.ndim == 1:
            dy = np.expand_dims(dy, -1)
        da = _sum_to(dy @ b.swapaxes(-1, -2), a.shape).reshape(self.a.shape) if self.needs[0] else None
        db = _sum_to(a.swapaxes(-1, -2) @ dy, b.shape).reshape(self.b.shape) if self.needs[1] else None
        return da, db


def _pair(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Return both operands as tensors, a plain number in the dtype of the other."""
    a = as_tensor(a, like=b if isinstance(b, Tensor) else None)
    return a, as_tensor(b, like=a)


def add(a: Any, b: Any, relu: bool = False) -> Tensor:
    """Return a + b, or max(a + b, 0) with `relu`, in the same pass if their shapes are equal. See `Add`, `AddRelu`."""
    a, b = _pair(a, b)
    if not relu:
        return Add()(a, b)
    return AddRelu()(a, b) if a.shape == b.shape else Relu()(Add()(a, b))


def subtract(a: Any, b: Any) -> Tensor:
    """Return a − b. See `Subtract`."""
    return Subtract()(*_pair(a, b))


def multiply(a: Any, b: Any) -> Tensor:
    """Return a·b, element by element. See `Multiply`."""
    return Multiply()(*_pair(a, b))


def divide(a: Any, b: Any) -> Tensor:
    """Return a/b, element by element. See `Divide`."""
    return Divide()(*_pair(a, b))


def power(a: Any, b: Any) -> Tensor:
    """Return a to the power b, element by element. See `Power`."""
    return Power()(*_pair(a, b))


def maximum(a: Any, b: Any) -> Tensor:
    """Return the larger of a and b, element by element. See `Maximum`."""
    return Maximum()(*_pair(a, b))


def minimum(a: Any, b: Any) -> Tensor:
    """Return the smaller of a and b, element by element. See `Minimum`."""
    return Minimum()(*_pair(a, b))


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """Return a where `condition` (an array, or what is true where it is not 0) holds, b elsewhere. See `Where`."""
    a, b = _pair(a, b)
    return Where(kernels.move(values(condition) != 0, a.device))(a, b)


def matmul(a: Any, b: Any) -> Tensor:
    """Return the matrix product a @ b. See `Matmul`."""
    return Matmul()(*_pair(a, b))
