"""The fully connected map."""

from collections.abc import Iterator
from math import ceil
from typing import Any

import numpy as np

from .. import kernels
from ..autograd import Pieces
from ..tensor import Formula, Tensor, as_tensor
from .weighted import Needs, Weighted

# Gradients of weights from so many bytes on may be computed in pieces, of at most so many.
IN_PIECES = 16 * 2**20
PIECE = 4 * 2**20


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

    def gradients_in_pieces(self, dy: Any) -> dict[int, Pieces]:
        w = self.w
        if not self.needs[1] or self.inputs[1].creator or w.nbytes < IN_PIECES or kernels.device(w) != "cpu":
            return {}
        # Copies, since both may be arrays of other weights, which change before the last piece is asked for.
        x, dy = self.x.copy(), kernels.of(dy).relu_backward(dy, self.y) if self.relu else dy.copy()
        return {1: Pieces(_pieces(x, dy, w.shape), w.shape, w.dtype)}


def _pieces(x: Any, dy: Any, shape: tuple[int, int]) -> Iterator[tuple[slice, Any]]:
    """Compute dw = xᵀ·dy by some rows at a time, about as many each time: the same sums as of all at once."""
    (rows, columns), x = shape, x.reshape(-1, shape[0])
    count = ceil(rows * columns * x.itemsize / PIECE)
    step = ceil(rows / count / 16) * 16
    for first in range(0, rows, step):
        dw = kernels.of(x).dense_backward_kernel(dy, np.ascontiguousarray(x[:, first : first + step]))
        yield slice(first * columns, first * columns + dw.size), dw.reshape(-1)


def dense(x: Any, w: Any, b: Any = None, relu: bool = False) -> Tensor:
    """Return x @ w + b, rectified in the same pass with `relu`. See `Dense`.

    Raises ValueError when the last axis of x does not fit w.
    """
    x = as_tensor(x)
    w = as_tensor(w, like=x)
    if x.ndim < 1 or w.ndim != 2 or x.shape[-1] != w.shape[0]:
        raise ValueError(f"dense needs x (…,m) and w (m,k), got shapes {x.shape} and {w.shape}")
    return Dense(relu)(*((x, w) if b is None else (x, w, as_tensor(b, like=x))))
