"""Depthwise convolution: each channel of the images has kernels of its own, and no output sees two channels.

    y[n,p,q,c·m + t] = b[c·m + t] + Σ_{i,j} x̃[n, p·s_h + i·d_h, q·s_w + j·d_w, c] · w[i,j,c,t]     x̃: x in its padding

with m kernels a channel, the multiplier, and t = 0 … m − 1 (Howard et al. 2017, "MobileNets", section 3.1; Chollet
2017, "Xception", section 2). It is `conv2d` with as many groups as channels, its kernel (kh,kw,c,m) for (kh,kw,1,c·m).
"""

import numpy as np

from ..shared import Ceiling, Needs
from ..window import Window
from . import activation
from .convolution import conv2d_backward_bias
from .normalization import scale_shift
from .taps import crop, pad, taps


def depthwise_conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, window: Window, relu: bool) -> np.ndarray:
    """Return y (n,oh,ow,c·m) of images `x` (n,h,w,c), kernel `w` (kh,kw,c,m) and bias `b` (c·m,) or None.

    With `relu`, max(y, 0). Raises ValueError when the window is larger than an unpadded image.
    """
    n, height, width, channels = x.shape
    image = height, width
    y = np.zeros((n, *window.output(*image), channels, w.shape[3]), x.dtype)
    for i, j, cells in taps(pad(x, window, 0.0), window, image):
        y += cells[..., None] * w[i, j]
    y = y.reshape(*y.shape[:3], channels * w.shape[3])
    if b is not None:
        y += b
    return activation.relu(y) if relu else y


def depthwise_conv2d_scaled(
    x: np.ndarray, w: np.ndarray, scale_and_shift: np.ndarray, window: Window, ceiling: Ceiling
) -> np.ndarray:
    """Return what `convolution.conv2d_scaled` does, of a depthwise convolution (n,oh,ow,c·m)."""
    y, (scale, shift) = depthwise_conv2d(x, w, None, window, False), scale_and_shift
    return scale_shift(y, np.zeros_like(scale), scale, shift, ceiling)


def depthwise_conv2d_backward(
    dy: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    y: np.ndarray | None,
    window: Window,
    needs: Needs,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return dx, dw and db, the gradients of `x`, `w` and the bias, each None unless `needs` says so.

    `y` is what `depthwise_conv2d` returned if that was with `relu`, which passes dy on where y > 0; otherwise None.

        dx̃[n, p·s_h + i·d_h, q·s_w + j·d_w, c] += Σ_t dy[n,p,q,c·m + t] · w[i,j,c,t]     padding is dropped
        dw[i,j,c,t] = Σ_{n,p,q} x̃[n, p·s_h + i·d_h, q·s_w + j·d_w, c] · dy[n,p,q,c·m + t]
        db[k]       = Σ_{n,p,q} dy[n,p,q,k]
    """
    if y is not None:
        dy = activation.relu_backward(dy, y)
    image = x.shape[1:3]
    by_channel = dy.reshape(*dy.shape[:3], *w.shape[2:])
    padded = pad(x, window, 0.0)
    dx, dw = np.zeros_like(padded), np.empty_like(w)
    for (i, j, cells), (_, _, gradients) in zip(taps(padded, window, image), taps(dx, window, image), strict=True):
        gradients += (by_channel * w[i, j]).sum(axis=-1)
        dw[i, j] = (cells[..., None] * by_channel).sum(axis=(0, 1, 2), dtype=np.float64)  # see conv2d_backward_bias
    return (
        crop(dx, window, image) if needs[0] else None,
        dw if needs[1] else None,
        conv2d_backward_bias(dy) if needs[2] else None,
    )
