"""Two-dimensional convolution, with strides, padding, dilation and groups.

As everywhere in deep learning, "convolution" does not flip its kernel: it is the cross-correlation of the image with
the kernel (Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.1). With x̃ the zero-padded image, s the
strides, d the dilation,

    y[n,p,q,k] = b[k] + Σ_{i,j,c} x̃[n, p·s_h + i·d_h, q·s_w + j·d_w, c] · w[i,j,c,k]

Every function below is this sum, one tap (i, j) at a time. With `groups` > 1 the channels are cut into that many equal
runs, and the g-th run of outputs sees the g-th run of inputs only (Krizhevsky et al. 2012, section 3.2).
"""

from collections.abc import Iterator

import numpy as np

from ..shared import Ceiling, Needs
from ..window import NO_GRADIENT, POOL_2X2, Pair, Window
from . import activation, pooling
from .normalization import scale_shift
from .taps import crop, pad, taps


def conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, window: Window, groups: int, relu: bool) -> np.ndarray:
    """Return y (n,oh,ow,k), the convolution of images `x` (n,h,w,c) with kernel `w` (kh,kw,c/groups,k) plus `b` (k,).

    `b` may be None. `window` has the kernel's size, the strides, padding and dilation. The formula is the module's;
    with `relu`, max(y, 0). Raises ValueError when the window is larger than an unpadded image.
    """
    n, height, width, _ = x.shape
    image = height, width
    y = np.zeros((n, *window.output(*image), w.shape[3]), x.dtype)
    for x_g, w_g, y_g in by_group(groups, pad(x, window, 0.0), w, y):
        for i, j, cells in taps(x_g, window, image):
            y_g += cells @ w_g[i, j]
    if b is not None:
        y += b
    return activation.relu(y) if relu else y


def conv2d_backward(
    dy: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    y: np.ndarray | None,
    window: Window,
    groups: int,
    needs: Needs,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return dx, dw and db, the gradients of `x`, `w` and the bias, each None unless `needs` says so.

    `y` is what `conv2d` returned if that was with `relu`, which passes dy on where y > 0; otherwise None.
    """
    if y is not None:
        dy = activation.relu_backward(dy, y)
    return (
        conv2d_backward_input(dy, w, window, groups, x.shape[1:3]) if needs[0] else None,
        conv2d_backward_kernel(dy, x, window, groups) if needs[1] else None,
        conv2d_backward_bias(dy) if needs[2] else None,
    )


def conv2d_scaled(
    x: np.ndarray, w: np.ndarray, scale_and_shift: np.ndarray, window: Window, groups: int, ceiling: Ceiling
) -> np.ndarray:
    """Return (x ∗ w)·scale + shift (n,oh,ow,k), or min(max(·, 0), ceiling), for the rows of `scale_and_shift` (2,k).

    So a convolution and a batch normalization by known mean and variance are one: see
    `normalization.fold_normalization`.
    """
    y, (scale, shift) = conv2d(x, w, None, window, groups, False), scale_and_shift
    return scale_shift(y, np.zeros_like(scale), scale, shift, ceiling)


def conv2d_pooled(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, window: Window, groups: int, relu: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return (y, argmax), both (n,oh/2,ow/2,k): the largest of each 2×2 square of `conv2d`'s result, and which it was.

    `argmax` (uint8) is 0 … 3 in row-major order, or with `relu` NO_GRADIENT where the largest is not above 0 and hands
    no gradient on. An odd last row or column is dropped. See `pooling.max_pool2d`.
    """
    y, argmax = pooling.max_pool2d(conv2d(x, w, b, window, groups, relu), POOL_2X2)
    return y, (np.where(y > 0.0, argmax, NO_GRADIENT) if relu else argmax).astype(np.uint8)


def conv2d_pooled_backward(
    dy: np.ndarray,
    argmax: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    window: Window,
    groups: int,
    needs: Needs,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return what `conv2d_backward` does, from `dy` and `argmax`, both (n,oh/2,ow/2,k): whose gradient each dy is."""
    dy = pooling.max_pool2d_backward(dy, argmax, POOL_2X2, window.output(*x.shape[1:3]))
    return conv2d_backward(dy, x, w, None, window, groups, needs)


def conv2d_backward_input(dy: np.ndarray, w: np.ndarray, window: Window, groups: int, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c), the gradient of the images, from `dy` (n,oh,ow,k); `image` is (h, w).

    Each product x̃·w of the forward sum hands dy·w back to the cell x̃ it came from, and padding is dropped:

        dx̃[n, p·s_h + i·d_h, q·s_w + j·d_w, c] += Σ_k dy[n,p,q,k] · w[i,j,c,k]

    which is the transposed convolution (Goodfellow et al. 2016, section 9.5; Dumoulin & Visin 2016, section 4).
    """
    (top, bottom), (left, right) = window.pads(*image)
    channels = w.shape[2] * groups
    padded = np.zeros((len(dy), top + image[0] + bottom, left + image[1] + right, channels), dy.dtype)
    for dx_g, w_g, dy_g in by_group(groups, padded, w, dy):
        for i, j, cells in taps(dx_g, window, image):
            cells += dy_g @ w_g[i, j].T
    return crop(padded, window, image)


def conv2d_backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window, groups: int) -> np.ndarray:
    """Return dw (kh,kw,c/groups,k), the gradient of the kernel, from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c).

        dw[i,j,c,k] = Σ_{n,p,q} x̃[n, p·s_h + i·d_h, q·s_w + j·d_w, c] · dy[n,p,q,k]

    All positions share the kernel, so its gradient is a sum over all of them (Goodfellow et al. 2016, section 9.5).
    """
    _, height, width, channels = x.shape
    dw = np.empty((*window.size, channels // groups, dy.shape[3]), dy.dtype)
    for x_g, dy_g, dw_g in by_group(groups, pad(x, window, 0.0), dy, dw):
        for i, j, cells in taps(x_g, window, (height, width)):
            dw_g[i, j] = cells.reshape(-1, cells.shape[3]).T @ dy_g.reshape(-1, dy_g.shape[3])
    return dw


def conv2d_backward_bias(dy: np.ndarray) -> np.ndarray:
    """Return db (k,) = Σ_{n,p,q} dy[n,p,q,k], the gradient of the bias, from `dy` (n,oh,ow,k)."""
    # Summed in double: a float32 total of 100,000 positions would lose its last two digits.
    return dy.sum(axis=(0, 1, 2), dtype=np.float64).astype(dy.dtype)


def by_group(groups: int, *arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Cut the last axis of each array into `groups` equal runs; yield, group by group, the views on them."""
    return zip(*(np.split(array, groups, axis=-1) for array in arrays), strict=True)
