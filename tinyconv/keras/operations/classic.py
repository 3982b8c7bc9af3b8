"""Operations that Keras's backend alone has, or by other arguments."""

from typing import Any

import numpy as np

from ... import functions as F
from ... import initializers
from ...config import floatx, image_data_format
from ...offered import NotOfferedArgumentError
from . import neural, reduction, shaping
from .elementwise import where
from .making import cast
from .values import Values, tensor, whole


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean of x over `axis`; truth values count as 0 and 1."""
    x = tensor(x)
    return reduction.mean(cast(x, floatx()) if isinstance(x, Values) and x.dtype == bool else x, axis, keepdims)


def argmax(x: Any, axis: Any = -1) -> Any:
    """Return the place of the largest element along `axis`."""
    return reduction.argmax(x, axis)


def argmin(x: Any, axis: Any = -1) -> Any:
    """Return the place of the smallest element along `axis`."""
    return reduction.argmin(x, axis)


def batch_flatten(x: Any) -> Any:
    """Return the elements of each row in one row."""
    x = tensor(x)
    return shaping.reshape(x, (x.shape[0], -1))


def permute_dimensions(x: Any, pattern: Any) -> Any:
    """Return x with its axes in another order."""
    return shaping.transpose(x, pattern)


def transpose(x: Any) -> Any:
    """Return x with its axes in reversed order."""
    return shaping.transpose(x)


def gather(reference: Any, indices: Any) -> Any:
    """Return the rows of x at places."""
    return shaping.gather(reference, indices)


def repeat(x: Any, n: int) -> Any:
    """Return each row of x (m, k) n times, (m, n, k)."""
    return shaping.repeat(shaping.expand_dims(x, 1), n, axis=1)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Return x with each element along an axis repeated."""
    return shaping.repeat(x, rep, axis=axis)


def reverse(x: Any, axes: Any) -> Any:
    """Return x with the order along axes reversed."""
    return shaping.reverse(x, axes)


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """Return x/√max(Σ x², 1e-12), the sum over `axis`."""
    return reduction.l2_normalize(x, axis)


def hard_sigmoid(x: Any) -> Any:
    """Return 0.2·x + 0.5 held between 0 and 1."""
    return F.keras2_hard_sigmoid(tensor(x))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return x where it is positive, `alpha`·(eˣ − 1) elsewhere."""
    return F.elu(tensor(x), alpha)


def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Return for each row of `predictions` whether its target is among the k largest."""
    return reduction.in_top_k(targets, predictions, k)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """Return one of two values, or of functions that give them: element by element where the condition is an array."""
    first, second = (each() if callable(each) else each for each in (then_expression, else_expression))
    chosen = np.asarray(condition)
    if chosen.ndim == 0:
        return first if chosen else second
    chosen = chosen.astype(bool).reshape(chosen.shape + (1,) * (np.ndim(first) - chosen.ndim))
    return where(chosen, first, second)


def _last(x: Any, data_format: str | None) -> tuple[Any, bool]:
    """Return images with their channels last, and whether they had them first."""
    layout = data_format or image_data_format()
    if layout not in ("channels_last", "channels_first"):
        raise ValueError(f'data_format must be "channels_last" or "channels_first", got {layout!r}')
    first = layout == "channels_first"
    return (F.transpose(tensor(x), (0, 2, 3, 1)) if first else tensor(x)), first


def _as_given(y: Any, first: bool) -> Any:
    return F.transpose(y, (0, 3, 1, 2)) if first else y


def conv2d(
    x: Any,
    kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Return the convolution of images with kernels (kh, kw, c, k)."""
    x, first = _last(x, data_format)
    return _as_given(neural.conv2d(x, kernel, strides, padding, None, dilation_rate), first)


def conv1d(
    x: Any,
    kernel: Any,
    strides: int = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int = 1,
) -> Any:
    """Return the convolution of rows (n, w, c) with kernels (kw, c, k), as that of images of one row."""
    if data_format == "channels_first" or padding == "causal":
        raise NotOfferedArgumentError('tinyconv.keras offers conv1d with channels last and padding="valid" or "same"')
    x, kernel = shaping.expand_dims(x, 1), shaping.expand_dims(kernel, 0)
    return shaping.squeeze(neural.conv2d(x, kernel, (1, strides), padding, None, (1, dilation_rate)), 1)


def depthwise_conv2d(
    x: Any,
    depthwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Return the convolution of each channel of images with kernels of its own."""
    x, first = _last(x, data_format)
    return _as_given(neural.depthwise_conv2d(x, depthwise_kernel, strides, padding, None, dilation_rate), first)


def pool2d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """Return the largest value, or with pool_mode="avg" the mean, of each window."""
    if pool_mode not in ("max", "avg"):
        raise ValueError(f'pool_mode must be "max" or "avg", got {pool_mode!r}')
    x, first = _last(x, data_format)
    pool = neural.max_pool if pool_mode == "max" else neural.avg_pool
    return _as_given(pool(x, pool_size, strides, padding), first)


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """Return x + b, b along the axis of the channels."""
    b = tensor(bias)
    layout = data_format or image_data_format()
    if layout == "channels_first" and np.ndim(x) > 2:
        b = F.reshape(b, (-1,) + (1,) * (np.ndim(x) - 2))
    return F.add(tensor(x), b)


def resize_images(
    x: Any, height_factor: int, width_factor: int, data_format: str | None = None, interpolation: str = "nearest"
) -> Any:
    """Return images enlarged by whole factors."""
    x, first = _last(x, data_format)
    return _as_given(F.upsample2d(x, (height_factor, width_factor), interpolation), first)


def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Return images with a margin of 0."""
    x, first = _last(x, data_format)
    pads = [(each, each) if isinstance(each, int) else tuple(each) for each in padding]
    return _as_given(F.pad(x, [(0, 0), *pads, (0, 0)]), first)


def batch_normalization(
    x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3
) -> Any:
    """Return gamma·(x − mean)/√(var + epsilon) + beta."""
    if axis not in (-1, np.ndim(x) - 1):
        raise NotOfferedArgumentError(f"K.batch_normalization normalizes the last axis here, got axis={axis}")
    return neural.batch_normalization(x, mean, var, beta, gamma, epsilon)


def random_variable(shape: Any, initializer: Any, dtype: Any = None) -> np.ndarray:
    """Return what an initializer draws."""
    return np.asarray(initializers.first_values(initializer, tuple(whole(shape)), str(dtype or floatx())))
