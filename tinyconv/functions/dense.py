"""The fully connected map."""

from collections.abc import Container, Iterator
from math import ceil
from typing import Any

import numpy as np

from .. import kernels
from ..autograd import Pieces
from ..tensor import Formula, Tensor, as_tensor
from .weighted import Needs, Weighted

# Gradients of weights of IN_PIECES bytes and more may be computed in pieces of about PIECE. That takes copies of x and
# dy, which shall be TIMES_COPIED times smaller.
IN_PIECES = 16 * 2**20
PIECE = 4 * 2**20
TIMES_COPIED = 4


class Dense(Weighted):
    """The fully connected map of x (…,m) by w (m,k) and b (k,), which may be left out.

    With `relu`, max(y, 0), whose dy is 0 where y is.
    """

    by_kernels = True
    formula = Formula("y = x @ w + b", "dx = dy @ wᵀ, dw = xᵀ @ dy, db = Σ dy")

    def __init__(self, relu: bool = False) -> None:
        self.relu = relu

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        self.x, self.w = x, w
        y = kernels.of(x).dense(x, w, b, self.relu)
        self.y = y if self.relu else None
        return y

    def gradients(self, dy: Any, needs: Needs) -> tuple[Any, Any, Any]:
        k = kernels.of(dy)
        if self.relu:
            dy = k.relu_backward(dy, self.y)
        dx = k.dense_backward_input(dy, self.w) if needs[0] else None
        dw = k.dense_backward_kernel(dy, self.x) if needs[1] else None
        return dx, dw, k.dense_backward_bias(dy) if needs[2] else None

    def deferred(self, dy: Any, may_wait: Container[int]) -> dict[int, Any]:
        w = self.w
        wanted = self.needs[1] and id(self.inputs[1]) in may_wait and type(self) is Dense
        if not wanted or w.nbytes < IN_PIECES or kernels.device(w) != "cpu" or not w.flags.c_contiguous:
            return {}
        if TIMES_COPIED * (self.x.size + dy.size) > w.size:
            return {}
        # Copies, since both may be arrays of other weights, which change before the last piece is asked for.
        x, dy = self.x.copy(), kernels.of(dy).relu_backward(dy, self.y) if self.relu else dy.copy()
        return {1: Pieces(_pieces(x, dy, w.shape), w.shape, w.dtype)}


def _pieces(x: Any, dy: Any, shape: tuple[int, int]) -> Iterator[tuple[slice, Any]]:
    """Compute dw = xᵀ·dy some rows at a time."""
    columns, x = shape[1], x.reshape(-1, shape[0])
    for first, end in _shares(shape, x.itemsize):
        dw = kernels.of(x).dense_backward_kernel(dy, np.ascontiguousarray(x[:, first:end]))
        yield slice(first * columns, end * columns), dw.reshape(-1)


def _shares(shape: tuple[int, int], itemsize: int) -> list[tuple[int, int]]:
    """Return the first row of each piece and the one past its last.

    No piece is less than half of another, as small products are added up in another order than large ones.
    """
    rows, columns = shape
    step = ceil(PIECE / (16 * columns * itemsize)) * 16
    count = max(1, (rows + step // 2) // step)
    return [(i * step, rows if i == count - 1 else (i + 1) * step) for i in range(count)]


def dense(x: Any, w: Any, b: Any = None, relu: bool = False) -> Tensor:
    """Return x @ w + b, rectified in the same pass with `relu`. See `Dense`.

    Raises ValueError when the last axis of x does not fit w.
    """
    x = as_tensor(x)
    w = as_tensor(w, like=x)
    if x.ndim < 1 or w.ndim != 2 or x.shape[-1] != w.shape[0]:
        raise ValueError(f"dense needs x (…,m) and w (m,k), got shapes {x.shape} and {w.shape}")
    return Dense(relu)(*((x, w) if b is None else (x, w, as_tensor(b, like=x))))
