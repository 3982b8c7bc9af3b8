"""`tensorflow` for scripts: its operations on tensors, its tape, its images and data, its settings.

Floats are tinyconv's tensors, and what a script computes with them has gradients; whole numbers, truth values and words
are arrays that answer `.numpy()`. There are no graphs of TensorFlow 1, no export, no distribution: one line says so.
"""

import builtins
from typing import Any

from ... import initializers
from ...tensor import Tensor
from ..operations import DType, Shape, TensorSpec, elementwise, making, products, reduction, shaping
from ..operations.neural import sigmoid, tanh
from ..operations.values import tensor
from ..tape import GradientTape, Module, Variable, custom_gradient
from ..vocabulary import missing, public, renamed
from . import data, image, nn, settings, strings, train
from . import mathematics as math
from . import random_numbers as random
from . import reading as io
from .control import case, cond, map_fn, numpy_function, print, py_function, vectorized_map, while_loop
from .settings import autograph, config, debugging, errors, get_logger, logging, profiler, summary, sysconfig, test

__version__ = VERSION = "2.15.1"  # the last whose keras is Keras 2
newaxis = None

float16, float32, float64, double, half = (
    DType(each) for each in ("float16", "float32", "float64", "float64", "float16")
)
bfloat16, int8, int16, int32, int64 = (DType(each) for each in ("bfloat16", "int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64, string = (DType(each) for each in ("uint8", "uint16", "uint32", "uint64", "str"))
globals()["bool"] = DType("bool")
as_dtype = DType
TensorShape, EagerTensor = Shape, Tensor
UnconnectedGradients = settings.SimpleNamespace(NONE="none", ZERO="zero")
RaggedTensorSpec = settings.setting

constant, convert_to_tensor, cast, identity = making.constant, tensor, making.cast, making.identity
zeros, ones, fill, eye, range, linspace = (
    making.zeros,
    making.ones,
    making.fill,
    making.eye,
    making.range,
    making.linspace,
)
zeros_like, ones_like, meshgrid = making.zeros_like, making.ones_like, making.meshgrid
shape, size, rank, is_tensor, stop_gradient = (
    making.shape,
    making.size,
    making.rank,
    making.is_tensor,
    making.stop_gradient,
)

_ELEMENTWISE = [
    "add",
    "subtract",
    "multiply",
    "maximum",
    "minimum",
    "pow",
    "floor",
    "round",
    "sign",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
]
_COMPARISONS = ["equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "logical_and", "logical_or"]
globals().update({name: getattr(elementwise, name) for name in _ELEMENTWISE + _COMPARISONS})
divide = truediv = elementwise.divide
abs, negative, sqrt, exp, log, square = (
    *(elementwise.abs, elementwise.negative, elementwise.sqrt, elementwise.exp, elementwise.log, elementwise.square),
)
ceil, rsqrt, logical_not = math.ceil, math.rsqrt, math.logical_not
mod = floormod = elementwise.mod
floordiv, add_n, accumulate_n = elementwise.floordiv, math.add_n, math.add_n
clip_by_norm, clip_by_global_norm, global_norm = math.clip_by_norm, math.clip_by_global_norm, math.global_norm
squared_difference = elementwise.squared_difference
mul, sub, div = vars(elementwise)["multiply"], vars(elementwise)["subtract"], divide  # of TensorFlow 0 and 1
depth_to_space, space_to_depth = shaping.depth_to_space, shaping.space_to_depth
where = renamed(elementwise.where, x="x1", y="x2")
clip_by_value = renamed(elementwise.clip, t="x", clip_value_min="x_min", clip_value_max="x_max")
is_nan = math.is_nan

reduce_sum, reduce_mean, reduce_max, reduce_min = math.reduce_sum, math.reduce_mean, math.reduce_max, math.reduce_min
reduce_prod, reduce_any, reduce_all = math.reduce_prod, math.reduce_any, math.reduce_all
reduce_logsumexp, cumsum = math.reduce_logsumexp, math.cumsum
argmax, argmin, argsort, sort = math.argmax, math.argmin, reduction.argsort, reduction.sort
norm = renamed(reduction.norm, tensor="x")

reshape, concat, stack = renamed(shaping.reshape, tensor="tensor_"), shaping.concat, shaping.stack
expand_dims = renamed(shaping.expand_dims, dim="axis")
squeeze = renamed(shaping.squeeze, squeeze_dims="axis")
transpose, tile, repeat, unstack, split = (
    shaping.transpose,
    shaping.tile,
    shaping.repeat,
    shaping.unstack,
    shaping.split,
)
reverse, pad, slice = renamed(shaping.reverse, tensor="tensor_"), renamed(shaping.pad, tensor="tensor_"), shaping.slice_
roll, broadcast_to, gather, gather_nd = shaping.roll, shaping.broadcast_to, shaping.gather, shaping.gather_nd
boolean_mask, one_hot, unique = renamed(shaping.boolean_mask, tensor="tensor_"), shaping.one_hot, shaping.unique
tensor_scatter_nd_update = shaping.tensor_scatter_nd_update
matmul, tensordot, einsum = products.matmul, products.tensordot, products.einsum


class linalg:  # noqa: N801, the name that scripts know
    """`tf.linalg`."""

    matmul, einsum, tensordot = (
        staticmethod(products.matmul),
        staticmethod(products.einsum),
        staticmethod(products.tensordot),
    )
    norm, l2_normalize = staticmethod(reduction.norm), staticmethod(reduction.l2_normalize)
    eye = staticmethod(making.eye)
    matrix_transpose, global_norm = staticmethod(products.matrix_transpose), staticmethod(math.global_norm)


class version:  # noqa: N801, the name that scripts know
    """`tf.version`."""

    VERSION = VERSION
    GIT_VERSION = COMPILER_VERSION = "unknown"


def to_float(x: Any, name: str | None = None) -> Any:
    """Return x in float32."""
    return making.cast(x, "float32")


def to_int32(x: Any, name: str | None = None) -> Any:
    """Return x in whole numbers."""
    return making.cast(x, "int32")


zeros_initializer, ones_initializer, constant_initializer = (
    *(initializers.Zeros, initializers.Ones, initializers.Constant),
)
random_normal_initializer, random_uniform_initializer, truncated_normal_initializer = (
    *(initializers.RandomNormal, initializers.RandomUniform, initializers.TruncatedNormal),
)
function = settings.unchanged
no_op = group = global_variables_initializer = local_variables_initializer = initialize_all_variables = settings.setting
name_scope = variable_scope = device = init_scope = control_dependencies = settings.block
Session = InteractiveSession = settings.Session
ConfigProto = GPUOptions = OptimizerOptions = RunOptions = settings.setting
get_default_graph = Graph = settings.setting
reset_default_graph = enable_eager_execution = disable_eager_execution = settings.nothing
enable_v2_behavior = disable_v2_behavior = enable_v2_tensorshape = disable_v2_tensorshape = settings.nothing
random_normal, random_uniform, truncated_normal = random.normal, random.uniform, random.truncated_normal
set_random_seed, random_shuffle, random_crop = random.set_seed, random.shuffle, image.random_crop
read_file, write_file, gfile = io.read_file, io.write_file, io.gfile


def executing_eagerly() -> builtins.bool:
    """Return True: what a script computes is there at once."""
    return True


def get_static_value(value: Any) -> Any:
    """Return the values as an array."""
    return value.numpy()


def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Any:
    """Return x after checking its shape."""
    x = tensor(x)
    if len(x.shape) != len(shape) or any(b not in (None, a) for a, b in zip(x.shape, shape, strict=True)):
        raise ValueError(f"ensure_shape needs {tuple(shape)}, got {x.shape}")
    return x


class experimental:  # noqa: N801, the name that scripts know
    """`tf.experimental`."""

    class numpy:  # noqa: N801
        """`tf.experimental.numpy`."""

        experimental_enable_numpy_behavior = staticmethod(settings.nothing)


WHY = {
    "distribute tpu": "one machine trains; leave the strategy and its scope out",
    "lite saved_model estimator raw_ops feature_column": "model.export writes ONNX, model.save Keras's own files",
    "placeholder placeholder_with_default get_variable get_collection trainable_variables": (
        "there are no graphs of TensorFlow 1: compute with tensors, or with layers of keras"
    ),
    "gradients hessians": "use tf.GradientTape, or K.gradients on the symbols of a model",
    "TensorArray RaggedTensor SparseTensor sparse ragged": "arrays and lists hold what belongs together",
    "hub compat": "compat.v1 has settings alone",
    "TFRecordReader FixedLenFeature": "files of records are TensorFlow's: keep images and arrays",
}
__all__ = public(globals())
__getattr__ = missing("tensorflow", globals(), WHY)

from . import compat  # it takes its names from here
