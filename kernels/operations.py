"""The operations that every backend offers, each named once, with the module that has it.

`cpu`, `gpu` and `reference` each have these modules, and in them functions of these names with the same parameters. A
backend's package takes them over from here:

    globals().update(load(__name__))

An operation that is added to the three modules of its name is added to this list, and nowhere else in the kernels.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

# Most have a gradient in a function of the same name and `_backward`; an optimizer's step changes its weight in place.
OPERATIONS: dict[str, tuple[str, ...]] = {
    "activation": (
        *("leaky_relu", "leaky_relu_backward", "relu", "relu_backward", "sigmoid", "sigmoid_backward"),
        *("softmax", "softmax_backward", "tanh", "tanh_backward"),
    ),
    "arithmetic": ("add", "add_scaled", "clip", "scale", "sum_squares", "weighted_sum_inplace"),
    "convolution": (
        *("conv2d", "conv2d_backward", "conv2d_backward_bias", "conv2d_backward_input", "conv2d_backward_kernel"),
        *("conv2d_pooled", "conv2d_pooled_backward", "conv2d_scaled"),
    ),
    "cross_entropy": (
        *("sigmoid_cross_entropy", "sigmoid_cross_entropy_backward"),
        *("softmax_cross_entropy", "softmax_cross_entropy_backward"),
        *("sparse_softmax_cross_entropy", "sparse_softmax_cross_entropy_backward"),
    ),
    "dense": ("dense", "dense_backward_bias", "dense_backward_input", "dense_backward_kernel"),
    "depthwise": ("depthwise_conv2d", "depthwise_conv2d_backward", "depthwise_conv2d_scaled"),
    "dropout": ("dropout", "dropout_backward", "gaussian_noise", "random_bits"),
    "layer_norm": ("layer_norm", "layer_norm_backward"),
    "normalization": (
        *("batch_norm", "batch_norm_backward", "fold_normalization", "scale_shift", "scale_shift_backward"),
    ),
    "padding": ("pad",),
    "pooling": (
        *("average_pool2d", "average_pool2d_backward", "global_average_pool2d", "global_average_pool2d_backward"),
        *("max_pool2d", "max_pool2d_backward"),
    ),
    "rectifier": ("prelu", "prelu_backward", "rectifier", "rectifier_backward"),
    "resampling": ("resize_bilinear",),
    "smooth": (
        *("elu", "elu_backward", "gelu", "gelu_backward", "selu", "selu_backward", "silu", "silu_backward"),
        *("softplus", "softplus_backward", "softsign", "softsign_backward"),
    ),
    "update": (
        *("adadelta_inplace", "adagrad_inplace", "adam_inplace", "decay_inplace", "momentum_inplace"),
        *("nadam_inplace", "rmsprop_inplace", "sgd_inplace"),
    ),
    "warp": ("warp", "warp_backward"),
}

NAMES = sorted(name for names in OPERATIONS.values() for name in names)


def load(backend: str) -> dict[str, Callable[..., Any]]:
    """Return the operations of a backend's package by name, each from its module."""
    return {
        name: getattr(import_module(f"{backend}.{module}"), name)
        for module, names in OPERATIONS.items()
        for name in names
    }
