"""Differentiable operations on tensors: pure functions, each with its formula and gradient.

A class such as `Relu` is one application of an operation, with `forward` and `backward` on plain arrays, and says its
`formula` (`python -m tinyconv.functions` lists them); a lower-case function such as `relu` applies it to tensors. On
symbols, as `tc.Input` makes them, all of them give symbols: `on_symbols`.
"""

from ..symbol import on_symbols
from . import operators
from .activation import hard_sigmoid, keras2_hard_sigmoid, leaky_relu, linear, relu, relu6, sigmoid, softmax, tanh
from .arithmetic import add, divide, matmul, maximum, minimum, multiply, power, subtract, where
from .composed import (
    celu,
    glu,
    hard_shrink,
    hard_silu,
    hard_tanh,
    log_sigmoid,
    mish,
    soft_shrink,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)
from .convolution import conv2d
from .cross_entropy import sigmoid_cross_entropy, softmax_cross_entropy, sparse_softmax_cross_entropy
from .dense import dense
from .depthwise import depthwise_conv2d
from .dropout import dropout
from .elementwise import absolute, cast, clip, exp, log, negative, sqrt, to_device
from .layout import ChannelsFirst as ChannelsFirst
from .layout import by_elements, channels_first, channels_last, from_last, to_last
from .noise import gaussian_noise, spatial_dropout2d
from .normalization import batch_norm, layer_norm, scale_shift
from .pooling import average_pool2d, global_average_pool2d, max_pool2d
from .rectifier import prelu
from .reduction import max, mean, min, sum, sum_squares, var
from .resampling import resize
from .resizing import upsample2d
from .scaled import conv2d_scaled, depthwise_conv2d_scaled, fold_normalization
from .shape import concatenate, getitem, pad, reshape, stack, transpose
from .smooth import elu, exponential, gelu, log_softmax, selu, silu, softplus, softsign
from .synchronized import synchronized_batch_norm
from .transposed import conv2d_transpose
from .warp import warp

__all__ = [
    "absolute",
    "add",
    "average_pool2d",
    "batch_norm",
    "by_elements",
    "cast",
    "celu",
    "channels_first",
    "channels_last",
    "clip",
    "concatenate",
    "conv2d",
    "conv2d_scaled",
    "conv2d_transpose",
    "dense",
    "depthwise_conv2d",
    "depthwise_conv2d_scaled",
    "divide",
    "dropout",
    "elu",
    "exp",
    "exponential",
    "fold_normalization",
    "from_last",
    "gaussian_noise",
    "gelu",
    "getitem",
    "global_average_pool2d",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "keras2_hard_sigmoid",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log",
    "log_sigmoid",
    "log_softmax",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mish",
    "multiply",
    "negative",
    "pad",
    "power",
    "prelu",
    "relu",
    "relu6",
    "reshape",
    "resize",
    "scale_shift",
    "selu",
    "sigmoid",
    "sigmoid_cross_entropy",
    "silu",
    "soft_shrink",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparse_softmax_cross_entropy",
    "sparsemax",
    "spatial_dropout2d",
    "sqrt",
    "squareplus",
    "stack",
    "subtract",
    "sum",
    "sum_squares",
    "synchronized_batch_norm",
    "tanh",
    "tanh_shrink",
    "threshold",
    "to_device",
    "to_last",
    "transpose",
    "upsample2d",
    "var",
    "warp",
    "where",
]

for _name in __all__:
    globals()[_name] = on_symbols(globals()[_name])
    globals()[_name].__module__ = __name__  # where a pickle finds it

operators.attach(globals())
