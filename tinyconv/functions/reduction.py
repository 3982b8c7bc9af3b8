"""Reductions over axes: `axis` is None (all), an int, or several; `keepdims` leaves reduced axes with length 1."""

from collections.abc import Container, Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..autograd import Multiple
from ..tensor import Formula, Function, Tensor, as_tensor

Axis = int | Sequence[int] | None


class _Reduction(Function):
    """A reduction over axes; `defined_for_none` says whether no elements at all have one, as the sum of none is 0."""

    defined_for_none: ClassVar[bool] = False

    def __init__(self, axis: Axis, keepdims: bool) -> None:
        self.axis, self.keepdims = axis, keepdims

    def reduced_axes(self, x: Any) -> tuple[int, ...]:
        """Return the reduced axes as non-negative ints; remember the shapes before and after."""
        axes = tuple(range(x.ndim))
        if self.axis is not None:
            axis = self.axis if isinstance(self.axis, tuple | list) else (self.axis,)
            axes = tuple(one % x.ndim if -x.ndim <= one < x.ndim else one for one in axis)
            if len(set(axes)) != len(axes) or any(one >= x.ndim or one < 0 for one in axes):
                raise ValueError(f"{type(self).__name__} got axis {self.axis} for a tensor of {x.ndim} axes")
        self.shape = x.shape
        self.reduced_shape = tuple([1 if one in axes else length for one, length in enumerate(x.shape)])
        self.count = prod([x.shape[one] for one in axes])
        if self.count == 0 and not self.defined_for_none:
            name = type(self).__name__
            raise ValueError(f"{name} of no elements is not defined: axis {self.axis} of shape {x.shape} has none")
        return axes

    def keep_axes(self, dy: Any) -> Any:
        """Return `dy` with the reduced axes as axes of length 1, so that it broadcasts against the input."""
        return dy.reshape(self.reduced_shape)


def sum_in_double(x: Any, axes: tuple[int, ...], keepdims: bool = False) -> Any:
    """Return Σ x over `axes` in the dtype of x, added up in double: a long sum of float32 would lose digits."""
    return x.sum(axis=axes, dtype=np.float64, keepdims=keepdims).astype(x.dtype)


def _mean(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Return the mean of x over `axes`, added up in double."""
    return x.mean(axis=axes, dtype=np.float64, keepdims=keepdims).astype(x.dtype)


class Sum(_Reduction):
    """The sum over axes."""

    formula = Formula("y = Σ x", "dx = dy, repeated along the reduced axes")
    defined_for_none = True

    def forward(self, x: Any) -> Any:
        return sum_in_double(x, self.reduced_axes(x), self.keepdims)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (np.broadcast_to(self.keep_axes(dy), self.shape),)


class Mean(_Reduction):
    """The mean over axes."""

    formula = Formula("y = Σ x / count", "dx = dy/count, repeated along the reduced axes")

    def forward(self, x: Any) -> Any:
        return _mean(x, self.reduced_axes(x), self.keepdims)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (np.broadcast_to(self.keep_axes(dy) / self.count, self.shape),)


class Var(_Reduction):
    """The biased variance over axes. The mean depends on x too, but its contribution is Σ (x − mean) = 0."""

    formula = Formula("y = Σ (x − mean)² / count", "dx = dy·2·(x − mean)/count")

    def forward(self, x: Any) -> Any:
        axes = self.reduced_axes(x)
        self.centred = x - _mean(x, axes, True)
        return _mean(self.centred * self.centred, axes, self.keepdims)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (self.keep_axes(dy) * self.centred * (2 / self.count),)


class Max(_Reduction):
    """The largest element over axes."""

    formula = Formula("y = max x", "dx = dy/ties where x = y, else 0; ties: how many are largest (as in TensorFlow)")

    def forward(self, x: Any) -> Any:
        axes = self.reduced_axes(x)
        y = self.extreme(x, axes)
        self.chosen = x == y
        self.ties = self.chosen.sum(axis=axes, keepdims=True)
        return y if self.keepdims else y.squeeze(axes)

    def extreme(self, x: Any, axes: tuple[int, ...]) -> Any:
        return x.max(axis=axes, keepdims=True)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        with np.errstate(divide="ignore", invalid="ignore"):  # of NaN nothing is chosen: NaN for all, in silence
            return (self.chosen * (self.keep_axes(dy) / self.ties.astype(dy.dtype)),)


class Min(Max):
    """The smallest element over axes."""

    formula = Formula("y = min x", "dx = dy/ties where x = y, else 0; ties: how many are smallest (as in TensorFlow)")

    def extreme(self, x: Any, axes: tuple[int, ...]) -> Any:
        return x.min(axis=axes, keepdims=True)


class SumSquares(Function):
    """The sum of squares of all elements: the penalty of L2 regularization."""

    formula = Formula("y = Σ x²", "dx = 2·dy·x")

    def forward(self, x: Any) -> Any:
        self.x = x
        return kernels.of(x).sum_squares(x)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).scale(self.x, 2 * dy) if self.needs[0] else None,)

    def deferred(self, dy: Any, may_wait: Container[int]) -> dict[int, Any]:
        if self.inputs[0].creator or type(self) is not SumSquares:
            return {}
        return {0: Multiple(self.x, 2 * dy)}


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
