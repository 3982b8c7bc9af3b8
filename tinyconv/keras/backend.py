"""`keras.backend`: what a session has in common, and mathematics on tensors and symbols."""

import sys
from collections import Counter
from typing import Any

import numpy as np

from .. import config, names
from ..layers.graph import SymbolicTensor
from ..saving.keras1 import DIMENSIONS
from ..tensor import Tensor
from . import tensorflow as tf
from .operations import Values, classic, drawing, elementwise, making, neural, products, reduction, shaping
from .operations.values import as_type, tensor
from .symbolic import Function, evaluate, gradients, learning_phase, placeholder, set_learning_phase
from .tape import Variable
from .tensorflow.settings import block, nothing, setting
from .vocabulary import missing, public

tensorflow_backend = sys.modules[__name__]
floatx, set_floatx = config.floatx, config.set_floatx
image_data_format, set_image_data_format = config.image_data_format, config.set_image_data_format
function, eval = Function, evaluate
set_session = manual_variable_initialization = reset_uids = print_summary = nothing
get_session, name_scope, get_graph = setting, block, setting
symbolic = tf.function

# Mathematics.
globals().update({name: getattr(elementwise, name) for name in elementwise.NAMES})
for _module, _names in (
    (elementwise, "abs square sqrt exp log clip"),
    (reduction, "sum max min prod var std any all logsumexp cumsum"),
    (making, "eye shape size stop_gradient cast"),
    (shaping, "reshape expand_dims squeeze flatten stack tile"),
    (products, "dot batch_dot"),
    (neural, "relu softmax softplus softsign sigmoid tanh categorical_crossentropy"),
    (neural, "sparse_categorical_crossentropy binary_crossentropy"),
    (drawing, "dropout"),
    (
        classic,
        "mean argmax argmin batch_flatten permute_dimensions transpose gather repeat repeat_elements reverse "
        "l2_normalize hard_sigmoid elu in_top_k switch conv1d conv2d depthwise_conv2d pool2d bias_add resize_images "
        "spatial_2d_padding batch_normalization",
    ),
):
    globals().update({_name: getattr(_module, _name) for _name in _names.split()})
concatenate = shaping.concat
map_fn = tf.map_fn

_epsilon = [1e-7]
_uids: Counter[str] = Counter()


def backend() -> str:
    """Return the framework that a script is to take this for."""
    return "tensorflow"


def epsilon() -> float:
    """Return what is added to keep a division or a logarithm finite."""
    return _epsilon[0]


def set_epsilon(value: float) -> None:
    """Choose what `epsilon` returns."""
    _epsilon[0] = float(value)


def clear_session() -> None:
    """Start automatic names afresh."""
    names.clear_session()


def image_dim_ordering() -> str:
    """Return where images have their channels, in the words of Keras 1: "tf" or "th"."""
    return {layout: word for word, layout in DIMENSIONS.items() if word != "default"}[config.image_data_format()]


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Choose where images have their channels, in the words of Keras 1: "tf" or "th"."""
    config.set_image_data_format(DIMENSIONS.get(dim_ordering, dim_ordering))


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Any:
    """Return a variable that holds `value`."""
    return Variable(value, dtype=dtype or floatx(), name=name, constraint=constraint)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """Return `value` as a tensor; one number fills `shape`."""
    return making.constant(value, dtype or floatx(), shape)


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Return a variable of 0."""
    return variable(np.zeros(shape), dtype, name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Return a variable of 1."""
    return variable(np.ones(shape), dtype, name)


def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Return a tensor of 0 in the shape of another."""
    return making.zeros_like(x, dtype)


def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Return a tensor of 1 in the shape of another."""
    return making.ones_like(x, dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Any:
    """Return the numbers from `start` up to `stop`, which is not among them."""
    return making.range(start, stop, step, dtype)


def one_hot(indices: Any, num_classes: int) -> Any:
    """Return for each class number a row that is 1 at its place, and 0 elsewhere."""
    return shaping.one_hot(indices, num_classes)


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None, **old: float
) -> Any:
    """Return normally distributed numbers."""
    return drawing.normal(shape, mean, old.get("std", stddev), dtype or floatx(), seed)


def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None, **old: float
) -> Any:
    """Return numbers from `minval` up to `maxval`, which is not among them."""
    return drawing.uniform(shape, old.get("low", minval), old.get("high", maxval), dtype or floatx(), seed)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return normally distributed numbers, none more than two deviations off."""
    return drawing.truncated_normal(shape, mean, stddev, dtype or floatx(), seed)


def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return 1 with the probability p, else 0."""
    return drawing.binomial(shape, p, dtype or floatx(), seed)


random_bernoulli = random_binomial


def random_normal_variable(shape: Any, mean: float, scale: float, dtype: Any = None, *_: Any, **__: Any) -> Any:
    """Return a variable of normally distributed numbers."""
    return variable(np.asarray(random_normal(shape, mean, scale, dtype)), dtype)


def random_uniform_variable(shape: Any, low: float, high: float, dtype: Any = None, *_: Any, **__: Any) -> Any:
    """Return a variable of numbers between two bounds."""
    return variable(np.asarray(random_uniform(shape, low, high, dtype)), dtype)


def get_value(x: Any) -> Any:
    """Return the values of a variable, a weight or a rate."""
    return float(x) if isinstance(x, float) else np.array(x)[()]


def set_value(x: Any, value: Any) -> None:
    """Set the values of a variable, a weight or a rate."""
    if not hasattr(x, "assign"):
        raise ValueError(f"set_value sets a variable, a weight or an optimizer's rate, got a {type(x).__name__}")
    x.assign(value)


def batch_get_value(xs: Any) -> list[Any]:
    """Return the values of several variables."""
    return [get_value(x) for x in xs]


batch_get = batch_get_value


def batch_set_value(tuples: Any) -> None:
    """Set the values of several variables, each given as (variable, value)."""
    for x, value in tuples:
        set_value(x, value)


def update(x: Any, new_x: Any) -> Any:
    """Give a variable another value; one that is a symbol is an update for `K.function`."""
    return (x, new_x) if isinstance(new_x, SymbolicTensor) else x.assign(new_x)


def update_add(x: Any, increment: Any) -> Any:
    """Add to a variable."""
    return update(x, x + increment)


def update_sub(x: Any, decrement: Any) -> Any:
    """Take off a variable."""
    return update(x, x - decrement)


def moving_average_update(x: Any, value: Any, momentum: float) -> Any:
    """Let a variable follow a value: momentum·x + (1 − momentum)·value."""
    return update(x, x * momentum + value * (1 - momentum))


def int_shape(x: Any) -> tuple[Any, ...] | None:
    """Return the shape as a tuple, None in it where a length is open."""
    return tuple(x.shape) if hasattr(x, "shape") else None


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(x.shape)


def dtype(x: Any) -> str:
    """Return the name of the element type."""
    return str(np.dtype(x.dtype))


def count_params(x: Any) -> int:
    """Return the number of elements."""
    return int(np.prod(x.shape))


def is_keras_tensor(x: Any) -> bool:
    """Return whether x is a symbol."""
    return isinstance(x, SymbolicTensor)


def is_tensor(x: Any) -> bool:
    """Return whether x is a tensor, whole numbers among them, or a symbol."""
    return isinstance(x, Tensor | Values | SymbolicTensor)


is_variable = is_tensor


def is_sparse(x: Any) -> bool:
    """Return False: no array is sparse here."""
    return False


def is_placeholder(x: Any) -> bool:
    """Return whether x is a symbol that is computed from nothing."""
    return isinstance(x, SymbolicTensor) and not x.node.inputs


def cast_to_floatx(x: Any) -> Any:
    """Return x in the default type."""
    return np.asarray(x, floatx()) if not isinstance(x, Tensor) else as_type(x, floatx())


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Return x where layers train, else `alt`: each a value, or a function that gives it."""
    told = bool(learning_phase() if training is None else training)
    chosen = x if told else alt
    return chosen() if callable(chosen) and not isinstance(chosen, SymbolicTensor) else chosen


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Return x where layers do not train, else `alt`."""
    return in_train_phase(alt, x, training)


def print_tensor(x: Any, message: str = "", summarize: int = 3) -> Any:
    """Print a tensor, and return it; a symbol is returned alone."""
    if not isinstance(x, SymbolicTensor):
        print(message, np.asarray(x))
    return x


def get_uid(prefix: str = "") -> int:
    """Return how often a name has been asked for."""
    _uids[prefix] += 1
    return _uids[prefix]


def foldl(fn: Any, elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """Return what comes of a function of two arguments, from the first element to the last."""
    rows = list(tensor(elems))
    total = rows.pop(0) if initializer is None else initializer
    for row in rows:
        total = fn(total, row)
    return total


def learning_phase_scope(value: Any) -> Any:
    """Return a `with` block; layers train or not by how they are called."""
    return block(value)


def _get_available_gpus() -> list[str]:
    """Return the graphics cards that TensorFlow would use: none."""
    return []


__all__ = public(globals())
__getattr__ = missing("keras.backend", globals(), {"rnn ctc_batch_cost ctc_decode": "it is for images"})
