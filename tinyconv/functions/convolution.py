"""Two-dimensional convolution (cross-correlation, as every framework calls it)."""

from typing import Any

from .. import kernels
from ..kernels import Window
from ..tensor import Function, Tensor, as_tensor


class Conv2D(Function):
    """y[n,i,j,k] = b[k] + Σ x[n, i·s + p·d, j·s + q·d, c]·w[p,q,c,k] over p, q, c; the gradients are its transposes.

    x (n,h,w,c), w (kh,kw,c/groups,k), b (k,) or left out. See `kernels/reference/convolution.py`.
    """

    def __init__(self, window: Window, groups: int = 1) -> None:
        self.window, self.groups = window, groups

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        self.x, self.w = x, w
        return kernels.of(x).conv2d(x, w, b, self.window, self.groups)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        k = kernels.of(dy)
        dx = dw = None
        if self.needs[0]:
            dx = k.conv2d_backward_input(dy, self.w, self.window, self.groups, self.x.shape[1:3])
        if self.needs[1]:
            dw = k.conv2d_backward_kernel(dy, self.x, self.window, self.groups)
        if len(self.needs) == 2:
            return dx, dw
        return dx, dw, k.conv2d_backward_bias(dy) if self.needs[2] else None


def conv2d(
    x: Any,
    w: Any,
    b: Any = None,
    strides: tuple[int, int] = (1, 1),
    padding: str = "valid",
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Tensor:
    """Convolve images x (n,h,w,c) with kernels w (kh,kw,c/groups,k) and add b (k,). See `Conv2D`.

    Raises ValueError when the channels of x do not fit w and `groups`, or the window does not fit the image.
    """
    x = as_tensor(x)
    w = as_tensor(w, like=x)
    if x.ndim != 4 or w.ndim != 4:
        raise ValueError(f"conv2d needs x (n,h,w,c) and w (kh,kw,c/groups,k), got shapes {x.shape} and {w.shape}")
    if x.shape[3] != w.shape[2] * groups or w.shape[3] % groups:
        raise ValueError(
            f"conv2d: {x.shape[3]} channels of x do not fit w of shape {w.shape} with groups={groups}: "
            f"needed {w.shape[2] * groups} channels, and {w.shape[3]} filters divisible by the groups"
        )
    inputs = (x, w) if b is None else (x, w, as_tensor(b, like=x))
    return Conv2D(Window(w.shape[:2], strides, padding, dilation), groups)(*inputs)
