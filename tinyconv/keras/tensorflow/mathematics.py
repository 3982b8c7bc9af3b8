"""`tf.math`: operations element by element, reductions, comparisons."""

from typing import Any

from ... import functions as F
from ..operations import elementwise, neural, reduction
from ..operations.values import tensor
from ..vocabulary import missing, public, renamed

_REDUCTION = {
    "input_tensor": "x",
    "keep_dims": "keepdims",
    "reduction_indices": "axis",
}
_PLACE = {"dimension": "axis"}

globals().update({name: getattr(elementwise, name) for name in elementwise.NAMES})
abs, negative, sqrt, exp, log, square = (
    elementwise.abs,
    elementwise.negative,
    elementwise.sqrt,
    elementwise.exp,
    elementwise.log,
    elementwise.square,
)
divide = truediv = elementwise.divide
divide_no_nan, squared_difference = elementwise.divide_no_nan, elementwise.squared_difference
floordiv = elementwise.floordiv
mod = floormod = elementwise.mod
logical_not = elementwise.logical_not
is_nan, is_inf, is_finite = elementwise.isnan, elementwise.isinf, elementwise.isfinite

reduce_sum, reduce_mean, reduce_max, reduce_min, reduce_prod, reduce_any, reduce_all = (
    renamed(function, **_REDUCTION)
    for function in (
        *(reduction.sum, reduction.mean, reduction.max, reduction.min, reduction.prod, reduction.any, reduction.all),
    )
)
reduce_std, reduce_variance, reduce_logsumexp = (
    renamed(function, **_REDUCTION) for function in (reduction.std, reduction.var, reduction.logsumexp)
)
reduce_euclidean_norm = renamed(reduction.norm, **_REDUCTION)
argmax, argmin = renamed(reduction.argmax, **_PLACE), renamed(reduction.argmin, **_PLACE)
l2_normalize, confusion_matrix, bincount = reduction.l2_normalize, reduction.confusion_matrix, reduction.bincount
cumsum, top_k, in_top_k = reduction.cumsum, reduction.top_k, reduction.in_top_k
sigmoid, tanh, softplus = neural.sigmoid, neural.tanh, neural.softplus
softmax, log_softmax = renamed(neural.softmax, logits="x"), renamed(neural.log_softmax, logits="x")


def log_sigmoid(x: Any, name: str | None = None) -> Any:
    """Return ln σ(x), element by element."""
    return F.negative(neural.softplus(elementwise.negative(x)))


def add_n(inputs: Any, name: str | None = None) -> Any:
    """Return the sum of tensors."""
    total = inputs[0]
    for each in inputs[1:]:
        total = total + each
    return total


def clip_by_norm(t: Any, clip_norm: float, axes: Any = None, name: str | None = None) -> Any:
    """Return t, shrunk so that its norm over `axes` is at most `clip_norm`."""
    t = tensor(t)
    length = reduction.norm(t, "euclidean", axes, True)
    return t * float(clip_norm) / F.maximum(length, float(clip_norm))


def global_norm(t_list: Any, name: str | None = None) -> Any:
    """Return the norm of all tensors as one vector; those that are None do not count."""
    return F.sqrt(add_n([F.sum(elementwise.square(each)) for each in t_list if each is not None]))


def clip_by_global_norm(t_list: Any, clip_norm: float, use_norm: Any = None, name: str | None = None) -> Any:
    """Return tensors, shrunk so that their norm as one vector is at most `clip_norm`, and that norm."""
    length = global_norm(t_list) if use_norm is None else use_norm
    factor = F.divide(float(clip_norm), F.maximum(length, float(clip_norm)))
    return [each if each is None else tensor(each) * factor for each in t_list], length


def accumulate_n(inputs: Any, *_: Any, **__: Any) -> Any:
    """Return the sum of tensors."""
    return add_n(inputs)


__all__ = public(globals())
__getattr__ = missing("tensorflow.math", globals())
