"""Depthwise convolution: each channel of the images has kernels of its own."""

from typing import Any

from .. import kernels
from ..kernels import Window
from ..tensor import Formula, Tensor, as_tensor
from .weighted import Needs, Weighted


class DepthwiseConv2D(Weighted):
    """The convolution of each channel of x (n,h,w,c) with kernels of its own, w (kh,kw,c,m), plus b (c·m,) if given.

    Strides are s, dilations d. With `relu`, max(y, 0), whose dy is 0 where y is. See `kernels/reference/depthwise.py`.
    """

    by_kernels = True
    formula = Formula(
        "y[n,i,j,c·m + t] = b[c·m + t] + Σ x[n, i·s + p·d, j·s + q·d, c]·w[p,q,c,t] over p, q",
        "dx[n, i·s + p·d, j·s + q·d, c] += Σ dy[n,i,j,c·m + t]·w[p,q,c,t] over t; "
        "dw[p,q,c,t] = Σ x[n, i·s + p·d, j·s + q·d, c]·dy[n,i,j,c·m + t] over n, i, j; "
        "db = Σ dy",
    )

    def __init__(self, window: Window, relu: bool = False) -> None:
        self.window, self.relu = window, relu

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        self.x, self.w = x, w
        y = kernels.of(x).depthwise_conv2d(x, w, b, self.window, self.relu)
        self.y = y if self.relu else None
        return y

    def gradients(self, dy: Any, needs: Needs) -> tuple[Any, Any, Any]:
        return kernels.of(dy).depthwise_conv2d_backward(dy, self.x, self.w, self.y, self.window, needs)


def depthwise_conv2d(
    x: Any,
    w: Any,
    b: Any = None,
    strides: tuple[int, int] = (1, 1),
    padding: str = "valid",
    dilation: tuple[int, int] = (1, 1),
    relu: bool = False,
) -> Tensor:
    """Convolve each channel of images x (n,h,w,c) with m kernels of its own, w (kh,kw,c,m), and add b (c·m,).

    With `relu`, rectify in the same pass. See `DepthwiseConv2D`. Raises ValueError when the channels of x do not fit w,
    or the window does not fit the image.
    """
    x, w = checked_depthwise(x, w)
    inputs = (x, w) if b is None else (x, w, as_tensor(b, like=x))
    return DepthwiseConv2D(Window(w.shape[:2], strides, padding, dilation), relu)(*inputs)


def checked_depthwise(x: Any, w: Any) -> tuple[Tensor, Tensor]:
    """Return images and kernels as tensors, after checking that they fit each other."""
    x = as_tensor(x)
    w = as_tensor(w, like=x)
    if x.ndim != 4 or w.ndim != 4 or x.shape[3] != w.shape[2]:
        raise ValueError(f"depthwise_conv2d needs x (n,h,w,c) and w (kh,kw,c,m), got shapes {x.shape} and {w.shape}")
    return x, w
