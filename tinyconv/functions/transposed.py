"""Transposed convolution: the gradient of a convolution with respect to its input, as an operation of its own."""

from typing import Any

from .. import kernels
from ..kernels import Window
from ..tensor import Formula, Tensor, as_tensor
from .weighted import Needs, Weighted

Pair = tuple[int, int]


class Conv2DTranspose(Weighted):
    """The transposed convolution of x (n,h,w,c) by w (kh,kw,k,c), plus b (k,), which may be left out.

    It is what the backward pass of `Conv2D` does to reach its input: each x[n,i,j] is spread over a window of y, times
    w. So its own backward pass is a convolution: dx is dy convolved with w, and dw is that convolution's kernel
    gradient, with dy as its images and x as the gradient of its result. Strides are s, dilations d. Source: Dumoulin &
    Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.
    """

    formula = Formula(
        "y = b, then y[n, i·s + p·d, j·s + q·d, k] += Σ x[n,i,j,c]·w[p,q,k,c] over c, less the padding",
        "dx[n,i,j,c] = Σ dy[n, i·s + p·d, j·s + q·d, k]·w[p,q,k,c] over p, q, k; "
        "dw[p,q,k,c] = Σ dy[n, i·s + p·d, j·s + q·d, k]·x[n,i,j,c] over n, i, j; "
        "db = Σ dy",
    )

    def __init__(self, window: Window, image: Pair) -> None:
        self.window, self.image = window, image

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        self.x, self.w = x, w
        y = kernels.of(x).conv2d_backward_input(x, w, self.window, 1, self.image)
        if b is not None:
            y += b
        return y

    def gradients(self, dy: Any, needs: Needs) -> tuple[Any, Any, Any]:
        k = kernels.of(dy)
        dx = k.conv2d(dy, self.w, None, self.window, 1, False) if needs[0] else None
        dw = k.conv2d_backward_kernel(self.x, dy, self.window, 1) if needs[1] else None
        return dx, dw, k.conv2d_backward_bias(dy) if needs[2] else None


def conv2d_transpose(
    x: Any,
    w: Any,
    b: Any = None,
    strides: Pair = (1, 1),
    padding: str = "valid",
    output_padding: Pair | None = None,
    dilation: Pair = (1, 1),
) -> Tensor:
    """Spread each cell of images x (n,h,w,c) over a window, by w (kh,kw,k,c), and add b (k,). See `Conv2DTranspose`.

    The result is of the size that `transposed_size` gives. Raises ValueError when the channels of x do not fit w.
    """
    x = as_tensor(x)
    w = as_tensor(w, like=x)
    if x.ndim != 4 or w.ndim != 4 or x.shape[3] != w.shape[3]:
        raise ValueError(f"conv2d_transpose needs x (n,h,w,c) and w (kh,kw,k,c), got shapes {x.shape} and {w.shape}")
    window = Window(w.shape[:2], strides, padding, dilation)
    inputs = (x, w) if b is None else (x, w, as_tensor(b, like=x))
    return Conv2DTranspose(window, transposed_size(window, x.shape[1:3], output_padding))(*inputs)


def transposed_size(window: Window, image: Pair, output_padding: Pair | None = None) -> Pair:
    """Return (height, width) of what a transposed convolution makes of an image of that size.

    Several sizes would be convolved to n cells: with a window that spans k cells, and strides s, Keras chooses

        valid:  n·s + max(k − s, 0)     or, with an output padding o,   (n − 1)·s + k + o
        same:   n·s                     or                              (n − 1)·s + (k mod 2) + o

    Raises ValueError for an output padding that makes a size which the convolution would not bring back to n.
    """
    pairs = zip(image, window.strides, window.span, output_padding or (None, None), strict=True)
    if window.padding == "valid":
        sizes = [n * s + max(k - s, 0) if o is None else (n - 1) * s + k + o for n, s, k, o in pairs]
    else:
        sizes = [n * s if o is None else (n - 1) * s + k % 2 + o for n, s, k, o in pairs]
    made = sizes[0], sizes[1]
    if min(made) < 1 or window.output(*made) != tuple(image):
        raise ValueError(
            f"output_padding {output_padding} would make images of {made[0]}×{made[1]}, which the convolution does not "
            f"bring back to {image[0]}×{image[1]}: leave it out, or try the strides less 1"
        )
    return made
