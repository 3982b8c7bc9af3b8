"""Differentiable operations on tensors: pure functions, each with its formula and gradient.

A class such as `Relu` is one application of an operation, with `forward` and `backward` on plain arrays; a lower-case
function such as `relu` applies it to tensors.
"""

from . import operators
from .activation import leaky_relu, linear, relu, sigmoid, softmax, tanh
from .arithmetic import add, divide, matmul, maximum, minimum, multiply, power, subtract, where
from .convolution import conv2d
from .cross_entropy import sigmoid_cross_entropy, softmax_cross_entropy, sparse_softmax_cross_entropy
from .dense import dense
from .dropout import dropout
from .elementwise import absolute, cast, clip, exp, log, negative, sqrt
from .normalization import batch_norm, layer_norm, scale_shift
from .pooling import average_pool2d, global_average_pool2d, max_pool2d
from .reduction import max, mean, min, sum, sum_squares, var
from .shape import concatenate, getitem, pad, reshape, stack, transpose

__all__ = [
    "absolute",
    "add",
    "average_pool2d",
    "batch_norm",
    "cast",
    "clip",
    "concatenate",
    "conv2d",
    "dense",
    "divide",
    "dropout",
    "exp",
    "getitem",
    "global_average_pool2d",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "min",
    "minimum",
    "multiply",
    "negative",
    "pad",
    "power",
    "relu",
    "reshape",
    "scale_shift",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
    "sqrt",
    "stack",
    "subtract",
    "sum",
    "sum_squares",
    "tanh",
    "transpose",
    "var",
    "where",
]

operators.attach()
