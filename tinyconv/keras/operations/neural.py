"""Operations of networks: activations, convolutions, pooling, cross-entropies."""

from typing import Any

import numpy as np

from ... import functions as F
from ...offered import NotOfferedArgumentError
from ...tensor import Tensor
from .elementwise import _both
from .reduction import sum as sum_over
from .values import Values, as_type, tensor, whole


def _floats(x: Any) -> Any:
    x = tensor(x)
    return as_type(x, "float32") if isinstance(x, Values) else x


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0, name: Any = None) -> Any:
    """Return max(x, 0); `alpha` is the slope below the threshold."""
    return F.relu(_floats(x), alpha, max_value, threshold)


def leaky_relu(features: Any, alpha: float = 0.2, name: str | None = None, **named: float) -> Any:
    """Return x where it is positive, `alpha`·x elsewhere."""
    return F.leaky_relu(_floats(features), float(named.get("negative_slope", alpha)))


def softmax(x: Any, axis: int = -1, name: str | None = None) -> Any:
    """Return eˣ/Σ eˣ, the sum along an axis."""
    x = _floats(x)
    if axis in (-1, x.ndim - 1):
        return F.softmax(x)
    order = _to_end(x.ndim, axis)
    return F.transpose(F.softmax(F.transpose(x, order)), order)


def log_softmax(x: Any, axis: int = -1, name: str | None = None) -> Any:
    """Return the logarithm of the softmax along an axis."""
    x = _floats(x)
    if axis in (-1, x.ndim - 1):
        return F.log_softmax(x)
    order = _to_end(x.ndim, axis)
    return F.transpose(F.log_softmax(F.transpose(x, order)), order)


def _to_end(ndim: int, axis: int) -> tuple[int, ...]:
    """Return the order of axes in which one and the last have changed places."""
    order = list(range(ndim))
    order[axis], order[-1] = order[-1], order[axis]
    return tuple(order)


def _activation(name: str) -> Any:
    def compute(x: Any, *given: Any, name: str | None = None, **named: Any) -> Any:
        return function(_floats(x), *given, **named)

    function = getattr(F, name)
    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"Return {name} of x, element by element."
    return compute


sigmoid, tanh, elu, selu, softplus, softsign, silu, relu6, gelu, hard_sigmoid = (
    _activation(name)
    for name in ["sigmoid", "tanh", "elu", "selu", "softplus", "softsign", "silu", "relu6", "gelu", "hard_sigmoid"]
)


def _pair(given: Any) -> tuple[int, int]:
    """Return height and width of a size that TensorFlow takes: a number, two, or four of which the middle two count."""
    given = whole(given)
    if isinstance(given, int):
        return given, given
    given = list(given)
    if len(given) == 4:
        given = given[1:3]
    return (given[0], given[0]) if len(given) == 1 else (given[0], given[1])


def _layout(data_format: Any) -> None:
    if data_format not in (None, "NHWC", "channels_last"):
        raise NotOfferedArgumentError(
            f"tinyconv.keras does not offer images of {data_format} here: they are (n, h, w, c)"
        )


def conv2d(
    input: Any,
    filters: Any = None,
    strides: Any = 1,
    padding: str = "VALID",
    data_format: Any = None,
    dilations: Any = 1,
    name: str | None = None,
    **named: Any,
) -> Any:
    """Return the convolution of images (n, h, w, c) with filters (kh, kw, c, k)."""
    _layout(data_format)
    x, w = _both(_floats(input), named.get("filter", filters))
    return F.conv2d(x, w, None, _pair(strides), _padding(padding), _pair(dilations))


def _padding(padding: Any) -> str:
    if not isinstance(padding, str):
        raise NotOfferedArgumentError(
            f'tinyconv.keras takes padding="SAME" or "VALID", got {padding}: use tf.pad before'
        )
    return padding.lower()


def depthwise_conv2d(
    input: Any, filter: Any, strides: Any = 1, padding: str = "VALID", data_format: Any = None, dilations: Any = 1
) -> Any:
    """Return the convolution of each channel of images with filters of its own (kh, kw, c, m)."""
    _layout(data_format)
    x, w = _both(_floats(input), filter)
    return F.depthwise_conv2d(x, w, None, _pair(strides), _padding(padding), _pair(dilations))


def bias_add(value: Any, bias: Any, data_format: Any = None, name: str | None = None) -> Any:
    """Return x + b, b along the last axis."""
    _layout(data_format)
    return F.add(*_both(value, bias))


def max_pool(input: Any, ksize: Any, strides: Any = None, padding: Any = "VALID", data_format: Any = None) -> Any:
    """Return the largest value of each window."""
    _layout(data_format)
    size = _pair(ksize)
    return F.max_pool2d(_floats(input), size, size if strides is None else _pair(strides), _padding(padding))


def avg_pool(input: Any, ksize: Any, strides: Any = None, padding: Any = "VALID", data_format: Any = None) -> Any:
    """Return the mean of each window."""
    _layout(data_format)
    size = _pair(ksize)
    return F.average_pool2d(_floats(input), size, size if strides is None else _pair(strides), _padding(padding))


def pool2d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: Any = None,
    pool_mode: str = "max",
) -> Any:
    """Return the largest value, or the mean, of each window."""
    return (max_pool if pool_mode == "max" else avg_pool)(x, pool_size, strides, padding, data_format)


def l2_loss(t: Any, name: str | None = None) -> Any:
    """Return Σ x²/2."""
    return F.sum_squares(tensor(t)) / 2


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Any:
    """Return the cross-entropy of targets and softmax(logits), for each row."""
    logits = _floats(logits)
    return F.softmax_cross_entropy(logits, np.asarray(labels, logits.dtype))


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Any:
    """Return the cross-entropy of class numbers and softmax(logits), for each row."""
    return F.sparse_softmax_cross_entropy(_floats(logits), np.asarray(labels))


def sigmoid_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Any:
    """Return the cross-entropy of targets and sigmoid(logits), element by element."""
    logits = _floats(logits)
    return F.sigmoid_cross_entropy(logits, np.asarray(labels, logits.dtype))


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: float, name: str | None = None
) -> Any:
    """Return scale·(x − mean)/√(variance + epsilon) + offset."""
    x = tensor(x)
    y = (x - tensor(mean)) / F.sqrt(tensor(variance) + variance_epsilon)
    y = y if scale is None else y * tensor(scale)
    return y if offset is None else y + tensor(offset)


EPSILON = 1e-7


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Return −Σ t·ln y for each row, y scaled to a sum of 1 and held off 0."""
    t, y = _both(target, output)
    if from_logits:
        return F.softmax_cross_entropy(y, t.data)
    if y.logits is not None:
        return F.softmax_cross_entropy(y.logits, t.data)
    y = F.clip(y / sum_over(y, axis, True), EPSILON, 1 - EPSILON)
    return F.negative(sum_over(t * F.log(y), axis))


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Return −ln y of each row's class, y held off 0."""
    y, labels = tensor(output), np.asarray(target)
    if labels.ndim == y.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if from_logits:
        return F.sparse_softmax_cross_entropy(y, labels)
    if y.logits is not None:
        return F.sparse_softmax_cross_entropy(y.logits, labels)
    return F.sparse_softmax_cross_entropy(F.log(F.clip(y, EPSILON, 1 - EPSILON)), labels)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Return −t·ln y − (1 − t)·ln(1 − y), element by element, y held off 0 and 1."""
    t, y = _both(target, output)
    if from_logits:
        return F.sigmoid_cross_entropy(y, t.data)
    if isinstance(y, Tensor) and y.logits is not None:
        return F.sigmoid_cross_entropy(y.logits, t.data)
    y = F.clip(y, EPSILON, 1 - EPSILON)
    return F.negative(t * F.log(y) + (1.0 - t) * F.log(1.0 - y))


def local_response_normalization(
    input: Any, depth_radius: int = 5, bias: float = 1, alpha: float = 1, beta: float = 0.5, name: str | None = None
) -> Any:
    """Return x/(bias + α·Σ x²)^β, the sum over the channels at most `depth_radius` away (Krizhevsky et al., 2012)."""
    x, r = _floats(input), int(depth_radius)
    near = F.pad(x * x, [(0, 0)] * (x.ndim - 1) + [(r, r)])
    total = near[..., : x.shape[-1]]
    for shift in range(1, 2 * r + 1):
        total = total + near[..., shift : shift + x.shape[-1]]
    return x * (total * float(alpha) + float(bias)) ** -float(beta)
