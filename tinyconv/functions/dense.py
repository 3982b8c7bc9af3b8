"""The fully connected map."""

from typing import Any

from .. import kernels
from ..tensor import Formula, Tensor, as_tensor
from .weighted import Needs, Weighted


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


def dense(x: Any, w: Any, b: Any = None, relu: bool = False) -> Tensor:
    """Return x @ w + b, rectified in the same pass with `relu`. See `Dense`.

    Raises ValueError when the last axis of x does not fit w.
    """
    x = as_tensor(x)
    w = as_tensor(w, like=x)
    if x.ndim < 1 or w.ndim != 2 or x.shape[-1] != w.shape[0]:
        raise ValueError(f"dense needs x (…,m) and w (m,k), got shapes {x.shape} and {w.shape}")
    return Dense(relu)(*((x, w) if b is None else (x, w, as_tensor(b, like=x))))
