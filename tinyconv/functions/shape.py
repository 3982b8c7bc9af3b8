"""Functions that move elements without changing them. Their gradients move the elements back."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from .. import kernels
from ..tensor import Formula, Function, Tensor, as_tensor, values


class Reshape(Function):
    """The same numbers in another shape, in the same row-major order."""

    by_kernels = True
    formula = Formula("y = x in another shape", "dx = dy in the shape of x")

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x: Any) -> Any:
        self.source = x.shape
        return x.reshape(self.shape)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy.reshape(self.source),)


class Transpose(Function):
    """The same numbers with the axes in another order."""

    formula = Formula("y = x with its axes in another order", "dx = dy with its axes in the order of x")

    def __init__(self, axes: tuple[int, ...] | None) -> None:
        self.axes = axes

    def forward(self, x: Any) -> Any:
        self.order = self.axes if self.axes is not None else tuple(reversed(range(x.ndim)))
        return x.transpose(self.order)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy.transpose(tuple(np.argsort(self.order).tolist())),)


class GetItem(Function):
    """Some of the elements, by any index that NumPy takes; an element taken twice gets both gradients."""

    formula = Formula("y = x[index]", "dx = 0, then dx[index] += dy")

    def __init__(self, index: Any) -> None:
        self.index = tuple(_index_part(part) for part in (index if isinstance(index, tuple) else (index,)))

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return x[self.index_on(kernels.device(x))]

    def index_on(self, device: str) -> tuple[Any, ...]:
        """Return the index with its arrays on `device`."""
        return tuple(kernels.move(part, device) if isinstance(part, np.ndarray) else part for part in self.index)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        # Only arrays of places can name an element twice. They are served in the CPU's memory, where what falls on one
        # element is added in the order of dy, always the same (a GPU would add in the order in which threads arrive),
        # and in double: a place may be named a million times.
        repeats = any(isinstance(part, np.ndarray) and part.dtype != bool for part in self.index)
        device = kernels.device(dy)
        dy = kernels.move(dy, "cpu") if repeats else dy
        dx = np.zeros_like(dy, np.float64 if repeats else dy.dtype, shape=self.shape)
        if repeats:
            np.add.at(dx, self.index, dy)
        else:
            dx[self.index_on(device)] = dy
        return (kernels.move(dx.astype(dy.dtype, copy=False), device),)


def _index_part(part: Any) -> Any:
    """Return the index of one axis, or more, as None, ..., a slice or an int, or else as an array in the CPU's memory.

    A list, a tuple or a range is an array of places. A tensor's numbers, which are floating, must be whole ones.
    """
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, int | np.integer) and not isinstance(part, bool):
        return int(part)
    array = kernels.move(values(part), "cpu")
    if isinstance(part, Tensor) or array.size == 0:
        places = array.astype(np.int64) if array.dtype != bool else array
        if (places != array).any():
            raise IndexError(f"a tensor that is an index holds whole numbers, got {array[places != array][0]}")
        return places
    return array


class Concatenate(Function):
    """Arrays one after another along an axis."""

    formula = Formula("y = x₁, x₂, … along an axis", "dxᵢ = the part of dy where xᵢ lies")

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *arrays: Any) -> Any:
        self.ends = list(accumulate(array.shape[self.axis] for array in arrays))
        return np.concatenate(arrays, axis=self.axis)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        before = (slice(None),) * (self.axis % dy.ndim)
        return tuple(dy[(*before, slice(start, end))] for start, end in pairwise([0, *self.ends]))


class Stack(Function):
    """Arrays of one shape side by side along a new axis."""

    formula = Formula("y = x₁, x₂, … along a new axis", "dxᵢ = the slice of dy where xᵢ lies")

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *arrays: Any) -> Any:
        return np.stack(arrays, axis=self.axis)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return tuple(np.moveaxis(dy, self.axis, 0))


class Pad(Function):
    """An array with a constant around it."""

    by_kernels = True
    formula = Formula("y = x inside, value around it", "dx = dy inside")

    def __init__(self, pads: Sequence[tuple[int, int]], value: float) -> None:
        self.pads, self.value = pads, value

    def forward(self, x: Any) -> Any:
        self.inside = tuple(
            slice(before, before + length) for (before, _), length in zip(self.pads, x.shape, strict=True)
        )
        return kernels.of(x).pad(x, self.pads, self.value)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy[self.inside],)


def reshape(x: Any, *shape: Any) -> Tensor:
    """Return x in `shape` (ints, or one tuple); one length may be −1. See `Reshape`."""
    return Reshape(tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int | np.integer) else shape)(
        as_tensor(x)
    )


def transpose(x: Any, axes: tuple[int, ...] | None = None) -> Tensor:
    """Return x with its axes in the order `axes`, reversed if None. See `Transpose`."""
    x = as_tensor(x)
    if axes is not None and sorted(axis % x.ndim for axis in axes) != list(range(x.ndim)):
        raise ValueError(f"transpose needs each of the {x.ndim} axes once, got axes={axes}")
    return Transpose(None if axes is None else tuple(axis % x.ndim for axis in axes))(x)


def getitem(x: Any, index: Any) -> Tensor:
    """Return x[index]. See `GetItem`."""
    return GetItem(index)(as_tensor(x))


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Tensor:
    """Join tensors that agree on every axis but `axis`. See `Concatenate`."""
    return Concatenate(axis)(*(as_tensor(tensor) for tensor in tensors))


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new `axis`. See `Stack`."""
    return Stack(axis)(*(as_tensor(tensor) for tensor in tensors))


def pad(x: Any, pads: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """Surround x with `value`: `pads` is a (before, after) pair for every axis. See `Pad`."""
    return Pad(pads, value)(as_tensor(x))
