"""The GPU kernels: the operations of `reference` on CuPy arrays, in CUDA.

Results are the same bits at every run: sums are taken in a fixed order, and no two threads add to one number.
`launch.py` holds the policy on compilation and launches. Nothing is compiled before it is first used.
"""

from .activation import (
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softmax,
    softmax_backward,
    tanh,
    tanh_backward,
)
from .arithmetic import add, clip, scale, sum_squares
from .convolution import (
    conv2d,
    conv2d_backward,
    conv2d_backward_bias,
    conv2d_backward_input,
    conv2d_backward_kernel,
    conv2d_pooled,
    conv2d_pooled_backward,
)
from .cross_entropy import (
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    sparse_softmax_cross_entropy,
    sparse_softmax_cross_entropy_backward,
)
from .dense import dense, dense_backward_bias, dense_backward_input, dense_backward_kernel
from .dropout import dropout, dropout_backward, random_bits
from .pooling import (
    average_pool2d,
    average_pool2d_backward,
    global_average_pool2d,
    global_average_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from .update import (
    adadelta_inplace,
    adagrad_inplace,
    adam_inplace,
    decay_inplace,
    momentum_inplace,
    nadam_inplace,
    rmsprop_inplace,
    sgd_inplace,
)

__all__ = [
    "adadelta_inplace",
    "adagrad_inplace",
    "adam_inplace",
    "add",
    "average_pool2d",
    "average_pool2d_backward",
    "clip",
    "conv2d",
    "conv2d_backward",
    "conv2d_backward_bias",
    "conv2d_backward_input",
    "conv2d_backward_kernel",
    "conv2d_pooled",
    "conv2d_pooled_backward",
    "decay_inplace",
    "dense",
    "dense_backward_bias",
    "dense_backward_input",
    "dense_backward_kernel",
    "dropout",
    "dropout_backward",
    "global_average_pool2d",
    "global_average_pool2d_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "momentum_inplace",
    "nadam_inplace",
    "random_bits",
    "relu",
    "relu_backward",
    "rmsprop_inplace",
    "scale",
    "sgd_inplace",
    "sigmoid",
    "sigmoid_backward",
    "sigmoid_cross_entropy",
    "sigmoid_cross_entropy_backward",
    "softmax",
    "softmax_backward",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
    "sparse_softmax_cross_entropy",
    "sparse_softmax_cross_entropy_backward",
    "sum_squares",
    "tanh",
    "tanh_backward",
]
