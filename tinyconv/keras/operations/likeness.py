"""How like each other two images are, and what else is computed from the neighbours of a pixel."""

from typing import Any

import numpy as np

from ... import functions as F
from . import shaping
from .elementwise import _both
from .values import Values, as_type, tensor


def _in_floats(x: Any) -> Any:
    """Return images in floats: whole numbers of a type as shares of its largest."""
    x = tensor(x)
    if isinstance(x, Values) and x.dtype.kind in "iu":
        return as_type(as_type(x, "float32") / np.float32(np.iinfo(x.dtype).max), "float32")
    return x


def _pair(a: Any, b: Any, max_val: Any) -> tuple[Any, Any, float]:
    """Return two images in floats, and the largest value on their scale."""
    whole = np.asarray(a).dtype if isinstance(a, np.ndarray) else None
    largest = float(np.asarray(max_val))
    if whole is not None and whole.kind in "iu":
        largest /= np.iinfo(whole).max
    return *_both(_in_floats(a), _in_floats(b)), largest


def psnr(a: Any, b: Any, max_val: Any, name: str | None = None) -> Any:
    """Return the peak signal-to-noise ratio of each image, 10·log₁₀(max²/mean (a − b)²), in decibels."""
    a, b, largest = _pair(a, b, max_val)
    difference = a - b
    error = F.mean(difference * difference, axis=(-3, -2, -1))
    return float(20 * np.log10(largest)) - F.log(error) * float(10 / np.log(10))


def ssim(
    img1: Any,
    img2: Any,
    max_val: Any,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Any:
    """Return the structural similarity of each image: the mean of ((2μ₁μ₂+c₁)(2σ₁₂+c₂))/((μ₁²+μ₂²+c₁)(σ₁²+σ₂²+c₂)).

    Means μ, variances σ² and the covariance σ₁₂ are those of a Gaussian window, c₁ = (k₁·max)², c₂ = (k₂·max)²
    (Wang, Bovik, Sheikh, Simoncelli, 2004).
    """
    x, y, largest = _pair(img1, img2, max_val)
    front = tuple(x.shape[:-3])
    x, y = (F.reshape(each, (-1, *each.shape[-3:])) for each in (x, y))
    if min(x.shape[1:3]) < filter_size:
        raise ValueError(f"ssim needs images of {filter_size}×{filter_size} pixels at least, got {tuple(x.shape[1:3])}")
    window = _gaussian(filter_size, filter_sigma, x.shape[-1], x.dtype)
    mean = lambda z: F.depthwise_conv2d(z, window, None, (1, 1), "valid", (1, 1))  # noqa: E731
    c1, c2 = (k1 * largest) ** 2, (k2 * largest) ** 2
    means, product = mean(x), mean(y)
    means, product = means * means + product * product, means * product * 2.0
    light = (product + c1) / (means + c1)
    contrast = (mean(x * y) * 2.0 - product + c2) / (mean(x * x + y * y) - means + c2)
    value = F.mean(light * contrast, axis=(1, 2, 3))
    return F.reshape(value, front) if len(front) != 1 else value


def _gaussian(size: int, sigma: float, channels: int, dtype: Any) -> Any:
    """Return the kernel (size, size, channels, 1) of a Gaussian window whose sum is 1."""
    square = (np.arange(size) - (size - 1) / 2) ** 2
    weights = np.exp(-0.5 * (square[:, None] + square[None, :]) / sigma**2)
    kernel = np.repeat((weights / weights.sum())[:, :, None, None], channels, axis=2)
    return tensor(kernel.astype(dtype))


def sobel_edges(image: Any) -> Any:
    """Return Sobel's slopes downwards and to the right, (n, h, w, c, 2), the image mirrored at its edges."""
    x = _in_floats(image)
    n, h, w, c = x.shape
    down = np.outer([-1, 0, 1], [1, 2, 1])
    kernel = np.repeat(np.stack([down, down.T], -1)[:, :, None, :], c, axis=2)
    x = shaping.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "reflect")
    slopes = F.depthwise_conv2d(x, tensor(kernel.astype(x.dtype)), None, (1, 1), "valid", (1, 1))
    return F.reshape(slopes, (n, h, w, c, 2))


# Columns: Y, U, V of red, green and blue, and back (Rec. 601).
YUV = np.array([[0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512], [0.114, 0.43601035, -0.10001026]])
RGB = np.array([[1.0, 1.0, 1.0], [0.0, -0.394642334, 2.03206185], [1.13988303, -0.58062185, 0.0]])


def rgb_to_yuv(images: Any) -> Any:
    """Return images in luma and two differences of colour."""
    return _mixed(images, YUV)


def yuv_to_rgb(images: Any) -> Any:
    """Return images of luma and two differences of colour in red, green and blue."""
    return _mixed(images, RGB)


def _mixed(images: Any, colours: np.ndarray) -> Any:
    x = _in_floats(images)
    return F.matmul(x, tensor(colours.astype(x.dtype)))
