"""Reductions over axes: `axis` is None (all), an int, or several; `keepdims` leaves reduced axes with length 1."""

from math import prod
from typing import Any

import numpy as np

from .. import kernels
from ..tensor import Function, Tensor, as_tensor

Axis = int | tuple[int, ...] | None


class _Reduction(Function):
    """A reduction; `spread` brings the gradient back to a shape that broadcasts against the input."""

    def __init__(self, axis: Axis, keepdims: bool) -> None:
        self.axis, self.keepdims = axis, keepdims

    def settle(self, x: Any) -> tuple[int, ...]:
        """Return the reduced axes as non-negative ints; remember the input's shape."""
        axis = range(x.ndim) if self.axis is None else self.axis if isinstance(self.axis, tuple) else (self.axis,)
        axes = tuple(one % x.ndim if -x.ndim <= one < x.ndim else one for one in axis)
        if len(set(axes)) != len(axes) or any(one >= x.ndim or one < 0 for one in axes):
            raise ValueError(f"{type(self).__name__} got axis {self.axis} for a tensor of {x.ndim} axes")
        self.shape = x.shape
        self.kept = tuple(1 if one in axes else length for one, length in enumerate(x.shape))
        self.count = prod(x.shape[one] for one in axes)
        return axes

    def spread(self, dy: Any) -> Any:
        return dy.reshape(self.kept)


class Sum(_Reduction):
    """y = Σ x; dx = dy, repeated along the reduced axes."""

    def forward(self, x: Any) -> Any:
        return x.sum(axis=self.settle(x), keepdims=self.keepdims)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (np.broadcast_to(self.spread(dy), self.shape),)


class Mean(_Reduction):
    """y = Σ x / count; dx = dy / count, repeated along the reduced axes."""

    def forward(self, x: Any) -> Any:
        return x.mean(axis=self.settle(x), keepdims=self.keepdims)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (np.broadcast_to(self.spread(dy) / self.count, self.shape),)


class Var(_Reduction):
    """y = Σ (x − mean)² / count, the biased variance; dx = dy·2(x − mean)/count.

    The mean depends on x too, but its contribution is Σ (x − mean) = 0.
    """

    def forward(self, x: Any) -> Any:
        axes = self.settle(x)
        self.centred = x - x.mean(axis=axes, keepdims=True)
        return (self.centred * self.centred).mean(axis=axes, keepdims=self.keepdims)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (self.spread(dy) * self.centred * (2 / self.count),)


class Max(_Reduction):
    """y = max x; dy goes to the largest element, in equal parts where several are largest (as in TensorFlow)."""

    def forward(self, x: Any) -> Any:
        axes = self.settle(x)
        y = self.extreme(x, axes)
        self.chosen = x == y
        self.ties = self.chosen.sum(axis=axes, keepdims=True)
        return y if self.keepdims else y.squeeze(axes)

    def extreme(self, x: Any, axes: tuple[int, ...]) -> Any:
        return x.max(axis=axes, keepdims=True)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (self.chosen * (self.spread(dy) / self.ties.astype(dy.dtype)),)


class Min(Max):
    """y = min x; dy goes to the smallest element, in equal parts where several are smallest (as in TensorFlow)."""

    def extreme(self, x: Any, axes: tuple[int, ...]) -> Any:
        return x.min(axis=axes, keepdims=True)


class SumSquares(Function):
    """y = Σ x² over all elements; dx = 2·dy·x. The penalty of L2 regularisation."""

    def forward(self, x: Any) -> Any:
        self.x = x
        return kernels.of(x).sum_squares(x)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).scale(self.x, 2 * dy),)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:  # the name the field knows
    """Return the sum of x over `axis`. See `Sum`."""
    return Sum(axis, keepdims)(as_tensor(x))


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean of x over `axis`. See `Mean`."""
    return Mean(axis, keepdims)(as_tensor(x))


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the biased variance of x over `axis`. See `Var`."""
    return Var(axis, keepdims)(as_tensor(x))


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:  # the name the field knows
    """Return the largest element of x over `axis`. See `Max`."""
    return Max(axis, keepdims)(as_tensor(x))


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:  # the name the field knows
    """Return the smallest element of x over `axis`. See `Min`."""
    return Min(axis, keepdims)(as_tensor(x))


def sum_squares(x: Any) -> Tensor:
    """Return the sum of the squares of all elements of x. See `SumSquares`."""
    return SumSquares()(as_tensor(x))
