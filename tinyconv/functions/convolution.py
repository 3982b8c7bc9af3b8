"""Two-dimensional convolution (cross-correlation, as every framework calls it)."""

from typing import Any

from .. import kernels
from ..kernels import Window
from ..tensor import Formula, Function, Tensor, as_tensor
from .recomputed import TwoConvolutions
from .weighted import Needs, Weighted


class _Convolution(Weighted):
    """A convolution, which in a lean graph may stand for the first one before it, too."""

    def trim(self) -> Function:
        first = self.inputs[0].creator
        if self.needs[0] and type(first) is Conv2D and TwoConvolutions.pays(first, self.x):
            return TwoConvolutions(first, self, self.x)
        return self


class Conv2D(_Convolution):
    """The convolution of images x (n,h,w,c) with kernels w (kh,kw,c/groups,k), plus b (k,), which may be left out.

    Strides are s, dilations d. With `relu`, max(y, 0), whose dy is 0 where y is. See
    `kernels/reference/convolution.py`.
    """

    by_kernels = True
    formula = Formula(
        "y[n,i,j,k] = b[k] + Σ x[n, i·s + p·d, j·s + q·d, c]·w[p,q,c,k] over p, q, c",
        "dx[n, i·s + p·d, j·s + q·d, c] += Σ dy[n,i,j,k]·w[p,q,c,k] over k; "
        "dw[p,q,c,k] = Σ x[n, i·s + p·d, j·s + q·d, c]·dy[n,i,j,k] over n, i, j; "
        "db[k] = Σ dy[n,i,j,k]",
    )

    def __init__(self, window: Window, groups: int = 1, relu: bool = False) -> None:
        self.window, self.groups, self.relu = window, groups, relu

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        self.x, self.w = x, w
        y = kernels.of(x).conv2d(x, w, b, self.window, self.groups, self.relu)
        self.kept = y if self.relu else None
        return y

    def algorithm(self, *arrays: Any) -> str:
        return kernels.algorithm_of(*arrays[:2], self.window, self.groups)

    def gradients(self, dy: Any, needs: Needs) -> tuple[Any, Any, Any]:
        arrays = dy, self.x, self.w, self.kept
        return kernels.of(dy).conv2d_backward(*arrays, self.window, self.groups, needs)


class Conv2DPooled(_Convolution):
    """A convolution, see `Conv2D`, and max pooling over squares of 2×2, see `MaxPool2D`, in one pass."""

    by_kernels = True
    formula = Formula(
        "y = max over each 2×2 square of Conv2D(x, w, b)",
        "dy goes to the first largest of its square, then on as in Conv2D",
    )

    def __init__(self, window: Window, groups: int = 1, relu: bool = False) -> None:
        self.window, self.groups, self.relu = window, groups, relu

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        self.x, self.w = x, w
        y, self.kept = kernels.of(x).conv2d_pooled(x, w, b, self.window, self.groups, self.relu)
        return y

    def algorithm(self, *arrays: Any) -> str:
        return kernels.algorithm_of(*arrays[:2], self.window, self.groups)

    def gradients(self, dy: Any, needs: Needs) -> tuple[Any, Any, Any]:
        arrays = dy, self.kept, self.x, self.w
        return kernels.of(dy).conv2d_pooled_backward(*arrays, self.window, self.groups, needs)


def conv2d(
    x: Any,
    w: Any,
    b: Any = None,
    strides: tuple[int, int] = (1, 1),
    padding: str = "valid",
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    relu: bool = False,
    pooled: bool = False,
) -> Tensor:
    """Convolve images x (n,h,w,c) with kernels w (kh,kw,c/groups,k), add b (k,) and, with `relu`, rectify: one pass.

    With `pooled`, only the largest of each 2×2 square remains, as after `max_pool2d`. See `Conv2D`.
    Raises ValueError when the channels of x do not fit w and `groups`, or the window does not fit the image.
    """
    x, w = checked_convolution(x, w, groups)
    inputs = (x, w) if b is None else (x, w, as_tensor(b, like=x))
    function = Conv2DPooled if pooled else Conv2D
    return function(Window(w.shape[:2], strides, padding, dilation), groups, relu)(*inputs)


def checked_convolution(x: Any, w: Any, groups: int) -> tuple[Tensor, Tensor]:
    """Return images and kernels as tensors, after checking that they fit each other."""
    x = as_tensor(x)
    w = as_tensor(w, like=x)
    if x.ndim != 4 or w.ndim != 4:
        raise ValueError(f"conv2d needs x (n,h,w,c) and w (kh,kw,c/groups,k), got shapes {x.shape} and {w.shape}")
    if x.shape[3] != w.shape[2] * groups or w.shape[3] % groups:
        raise ValueError(
            f"conv2d: {x.shape[3]} channels of x do not fit w of shape {w.shape} with groups={groups}: "
            f"needed {w.shape[2] * groups} channels, and {w.shape[3]} filters divisible by the groups"
        )
    return x, w
