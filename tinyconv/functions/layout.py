"""Images with channels first, (n,c,h,w), that stand in memory with channels last, (n,h,w,c), as kernels take them.

What a layer of channels first computes is laid out anew only where somebody asks for the numbers in that order: the
next such layer takes the tensor behind it, so that between the two nothing is copied, forward or backward.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from .. import autograd
from ..tensor import Formula, Function, Tensor, as_array, as_tensor
from .shape import transpose


class ToChannelsFirst(Function):
    """The same images with the axis of channels behind the batch's."""

    formula = Formula("y[n,c,i,j] = x[n,i,j,c]", "dx[n,i,j,c] = dy[n,c,i,j]")

    def forward(self, x: Any) -> Any:
        return x.transpose(0, 3, 1, 2)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy.transpose(0, 2, 3, 1),)

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Apply the operation to a tensor, of which the result is a view: `ChannelsFirst`."""
        (x,) = inputs
        result = ChannelsFirst(x)
        self.needs = (autograd.recording(),)  # also of what is asked for a gradient later
        if self.needs[0]:
            self.inputs, self.calls = (x.link() if autograd.is_lean() else x,), autograd.calls()
            result.creator = self
        return result


class ChannelsFirst(Tensor):
    """A tensor (n,c,h,w) whose numbers are those of `last`, (n,h,w,c); `data` is made when it is asked for."""

    def __init__(self, last: Tensor) -> None:
        self.last = last
        self.grad: Any = None
        self.creator: Function | None = None
        if last.logits is not None:
            self.logits = channels_first(last.logits)

    @cached_property
    def data(self) -> Any:
        """The array in the order of the axes."""
        return as_array(self.last.data.transpose(0, 3, 1, 2))

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are asked for: of `last`, whose users are this tensor's."""
        return self.last.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.last.requires_grad = value

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        n, h, w, c = self.last.shape
        return n, c, h, w

    @property
    def dtype(self) -> np.dtype:
        """Element type: float32 or float64."""
        return self.last.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return 4

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.last.size

    @property
    def device(self) -> str:
        """Where the array lives: "cpu" or "gpu"."""
        return self.last.device

    def as_first(self, array: Any) -> Any:
        """Return an array (n,h,w,c), such as the gradient of `last`, in the order of this tensor's axes."""
        return as_array(array.transpose(0, 3, 1, 2), array.dtype)

    def __reduce__(self) -> Any:
        return Tensor, (self.data,)


def channels_first(x: Any) -> Tensor:
    """Return images x (n,h,w,c) as (n,c,h,w), without a copy, or one (h,w,c) as (c,h,w). See `ToChannelsFirst`."""
    x = as_tensor(x)
    return ToChannelsFirst()(x) if x.ndim == 4 else transpose(x, (x.ndim - 1, *range(x.ndim - 1)))


def channels_last(x: Any) -> Tensor:
    """Return images x (n,c,h,w) as (n,h,w,c), or one image (c,h,w) as (h,w,c).

    Of what `channels_first` has returned it is the tensor that was given, and nothing is copied.
    """
    if isinstance(x, ChannelsFirst):
        return x.last
    x = as_tensor(x)
    batch = x.ndim - 3
    return transpose(x, (*range(batch), batch + 1, batch + 2, batch))


def by_elements(function: Callable[..., Tensor], x: Tensor, *settings: Any) -> Tensor:
    """Return `function` of x and settings, which treats each element by itself: in the order that x has in memory."""
    return channels_first(function(x.last, *settings)) if type(x) is ChannelsFirst else function(x, *settings)


def to_last(x: Any, axis: int) -> Tensor:
    """Return x with one of its axes as the last one, the others in their order."""
    x = as_tensor(x)
    axis %= x.ndim
    if axis == 1 and x.ndim == 4:
        return channels_last(x)
    return transpose(x, (*range(axis), *range(axis + 1, x.ndim), axis))


def from_last(x: Any, axis: int) -> Tensor:
    """Return what `to_last` was given."""
    x = as_tensor(x)
    axis %= x.ndim
    if axis == 1 and x.ndim == 4:
        return channels_first(x)
    return transpose(x, (*range(axis), x.ndim - 1, *range(axis, x.ndim - 1)))
