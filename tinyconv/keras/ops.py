"""`keras.ops`: NumPy's words, and those of networks, for tensors and symbols."""

from typing import Any

import numpy as np

from .. import functions as F
from ..config import floatx
from ..layers.graph import SymbolicTensor
from ..symbol import on_symbols
from .operations import Values, elementwise, held, making, neural, products, reduction, shaping
from .operations.classic import conv2d, depthwise_conv2d, pool2d
from .operations.values import as_type, tensor, whole
from .tensorflow import control
from .tensorflow import image as images
from .vocabulary import missing, public, renamed

_SAME = (
    (elementwise, " ".join(name for name in elementwise.NAMES if name not in ("pow", "asin", "acos", "atan"))),
    (elementwise, "abs negative square sqrt exp log divide mod logical_not isnan isinf isfinite where clip"),
    (reduction, "max min prod any all var std logsumexp sort cumsum top_k in_top_k bincount take_along_axis"),
    (making, "cast convert_to_numpy eye full_like linspace meshgrid zeros_like ones_like stop_gradient is_tensor"),
    (shaping, "expand_dims squeeze stack tile repeat flip roll take moveaxis unstack broadcast_to"),
    (products, "matmul tensordot einsum"),
    (neural, "relu relu6 elu selu sigmoid softplus softsign silu tanh softmax log_softmax hard_sigmoid"),
)
for _module, _names in _SAME:
    globals().update({_name: getattr(_module, _name) for _name in _names.split()})
convert_to_tensor = making.convert_to_tensor
absolute, swish, true_divide, power = elementwise.abs, neural.silu, elementwise.divide, vars(elementwise)["pow"]
arcsin, arccos, arctan = (vars(elementwise)[name] for name in ("asin", "acos", "atan"))
floor_divide, remainder = elementwise.floordiv, elementwise.mod
amax, amin, dot = reduction.max, reduction.min, products.dot
leaky_relu = renamed(neural.leaky_relu, x="features")
binary_crossentropy, categorical_crossentropy = neural.binary_crossentropy, neural.categorical_crossentropy
sparse_categorical_crossentropy = neural.sparse_categorical_crossentropy
cond, while_loop, vectorized_map = control.cond, control.while_loop, control.vectorized_map


def _floats(x: Any) -> Any:
    x = tensor(x)
    return as_type(x, floatx()) if isinstance(x, Values) else x


@on_symbols
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean of x over `axis`, of whole numbers as floats."""
    return reduction.mean(_floats(x), axis, keepdims)


@on_symbols
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the sum of x over `axis`; truth values count as 0 and 1."""
    x = tensor(x)
    return reduction.sum(as_type(x, "int32") if x.dtype == bool else x, axis, keepdims)


average = mean


@on_symbols
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """Return how many elements are not 0."""
    return held(np.asarray(np.count_nonzero(np.asarray(x), axis=axis)).astype(np.int32))


@on_symbols
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the middle one of the elements, in their order, over `axis`; without a gradient."""
    return held(np.asarray(np.median(np.asarray(_floats(x)), axis=axis, keepdims=keepdims)))


@on_symbols
def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the place of the largest element along `axis`, or among all."""
    return _place(np.argmax, x, axis, keepdims)


@on_symbols
def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the place of the smallest element along `axis`, or among all."""
    return _place(np.argmin, x, axis, keepdims)


def _place(find: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    return as_type(find(np.asarray(x), axis=axis, keepdims=keepdims), "int32")


@on_symbols
def argsort(x: Any, axis: int | None = -1) -> Any:
    """Return the places of the elements in their order along `axis`."""
    return as_type(np.argsort(np.asarray(x), axis=axis, kind="stable"), "int32")


@on_symbols
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the norm of x over `axis`: ord=2, 1, or infinity."""
    return reduction.norm(_floats(x), "euclidean" if ord is None else ord, axis, keepdims)


@on_symbols
def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """Return x divided by its norm along `axis`."""
    x = _floats(x)
    return x / F.maximum(norm(x, order, axis, True), 1e-12 if epsilon is None else epsilon)


@on_symbols
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Return the mean and the biased variance of x over `axes`."""
    return reduction.moments(_floats(x), axes, None, keepdims)


def shape(x: Any) -> tuple[Any, ...]:
    """Return the shape as a tuple, None in it where a length is open."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(shape(x))


def size(x: Any) -> int:
    """Return the number of elements."""
    return int(np.prod(shape(x)))


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Return a tensor of 0."""
    return making.zeros(shape, dtype or floatx())


def ones(shape: Any, dtype: Any = None) -> Any:
    """Return a tensor of 1."""
    return making.ones(shape, dtype or floatx())


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return a tensor of one value."""
    return making.full(shape, fill_value, dtype or floatx())


def array(x: Any, dtype: Any = None) -> Any:
    """Return x as a tensor."""
    return tensor(x, dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """Return the numbers from `start` up to `stop`, which is not among them; up to `start` if that is all."""
    return making.range(start, stop, 1 if step is None else step, dtype)


@on_symbols
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """Return for each class number a row that is 1 at its place, and 0 elsewhere."""
    return shaping.one_hot(x, num_classes, 1, 0, axis, dtype or floatx())


@on_symbols
def concatenate(xs: Any, axis: int = 0) -> Any:
    """Return tensors one after another along an axis."""
    return shaping.concat(xs, axis)


@on_symbols
def hstack(xs: Any) -> Any:
    """Return tensors one after another along the second axis."""
    return shaping.concat(xs, 0 if np.ndim(xs[0]) == 1 else 1)


@on_symbols
def vstack(xs: Any) -> Any:
    """Return tensors one after another along the first axis."""
    return shaping.concat([tensor(each)[None] if np.ndim(each) == 1 else each for each in xs], 0)


@on_symbols
def reshape(x: Any, newshape: Any) -> Any:
    """Return the elements in another shape; one length may be −1."""
    return shaping.reshape(x, newshape)


@on_symbols
def ravel(x: Any) -> Any:
    """Return all elements in one row."""
    return shaping.flatten(x)


@on_symbols
def transpose(x: Any, axes: Any = None) -> Any:
    """Return x with its axes in another order, reversed if none is given."""
    return shaping.transpose(x, axes)


@on_symbols
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Return x with two axes exchanged."""
    order = list(range(np.ndim(x)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return shaping.transpose(x, order)


@on_symbols
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Return so many equal parts along an axis, or the parts between places."""
    x, given = tensor(x), whole(indices_or_sections)
    if isinstance(given, int):
        return shaping.split(x, given, axis)
    ends = [*given, x.shape[axis]]
    return shaping.split(x, np.diff([0, *ends]).tolist(), axis)


@on_symbols
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """Return x with a margin: of one value, or mirrored at the edge ("reflect", "symmetric")."""
    pads = np.broadcast_to(np.asarray(pad_width), (np.ndim(x), 2))
    return shaping.pad(x, pads, mode, constant_values or 0)


@on_symbols
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """Return the part of x that begins somewhere and has a shape."""
    return shaping.slice_(inputs, start_indices, shape)


@on_symbols
def scatter_update(inputs: Any, indices: Any, updates: Any) -> Any:
    """Return x with other values at places, each a row of `indices`; without a gradient."""
    return shaping.tensor_scatter_nd_update(inputs, indices, updates)


@on_symbols
def nonzero(x: Any) -> tuple[Any, ...]:
    """Return the places where x is not 0, an array for each axis."""
    return tuple(as_type(each, "int32") for each in np.nonzero(np.asarray(x)))


@on_symbols
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Return where two values are close."""
    return np.asarray(np.isclose(np.asarray(x1), np.asarray(x2), rtol, atol, equal_nan)).view(Values)


@on_symbols
def gelu(x: Any, approximate: bool = True) -> Any:
    """Return the Gaussian error linear unit of x."""
    return F.gelu(_floats(x), approximate)


@on_symbols
def log_sigmoid(x: Any) -> Any:
    """Return ln σ(x), element by element."""
    return F.negative(F.softplus(F.negative(_floats(x))))


@on_symbols
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Return the convolution of images with kernels (kh, kw, c, k)."""
    return conv2d(inputs, kernel, strides, padding, data_format, dilation_rate)


@on_symbols
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Return the convolution of each channel of images with kernels of its own."""
    return depthwise_conv2d(inputs, kernel, strides, padding, data_format, dilation_rate)


@on_symbols
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Return the largest value of each window."""
    return pool2d(inputs, pool_size, pool_size if strides is None else strides, padding, data_format)


@on_symbols
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Return the mean of each window."""
    return pool2d(inputs, pool_size, pool_size if strides is None else strides, padding, data_format, "avg")


@on_symbols
def _resize(images_: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False, **_: Any) -> Any:
    return images.resize(images_, size, interpolation, antialias=antialias)


@on_symbols
def _patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> Any:
    return shaping.extract_patches(images, size, size if strides is None else strides, dilation_rate, padding)


class _Images:
    """`keras.ops.image`."""

    resize, extract_patches = staticmethod(_resize), staticmethod(_patches)
    rgb_to_grayscale, rgb_to_hsv = staticmethod(images.rgb_to_grayscale), staticmethod(images.rgb_to_hsv)
    hsv_to_rgb = staticmethod(images.hsv_to_rgb)

    def __getattr__(self, name: str) -> Any:
        return missing("keras.ops.image", vars(_Images))(name)


image = _Images()


def fori_loop(lower: int, upper: int, body_fun: Any, init_val: Any) -> Any:
    """Return what comes of a value that a function of (number, value) changes again and again."""
    for number in range(int(lower), int(upper)):
        init_val = body_fun(number, init_val)
    return init_val


def map(f: Any, xs: Any) -> Any:
    """Return what a function gives for each part along the first axis, side by side."""
    return control.map_fn(f, xs)


def is_symbolic(x: Any) -> bool:
    """Return whether x is a symbol."""
    return isinstance(x, SymbolicTensor)


__all__ = public(globals())
__getattr__ = missing("keras.ops", globals())
