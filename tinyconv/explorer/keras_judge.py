"""Live Keras beside the recorded gradients: the same operations on the same numbers, differentiated by TensorFlow.

Only where Keras 3 is installed with TensorFlow. Each operation that Keras has is computed in float64 from the recorded
inputs, and its gradients from the recorded gradient of the result. Draws of dropout are each library's own: what draws
is not compared.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..functions.activation import LeakyRelu, Relu, Sigmoid, Softmax, Tanh
from ..functions.arithmetic import Add, Divide, Maximum, Minimum, Multiply, Subtract
from ..functions.convolution import Conv2D
from ..functions.cross_entropy import SigmoidCrossEntropy, SoftmaxCrossEntropy, SparseSoftmaxCrossEntropy
from ..functions.dense import Dense
from ..functions.depthwise import DepthwiseConv2D
from ..functions.normalization import BatchNorm
from ..functions.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from ..functions.rectifier import Rectifier
from ..functions.reduction import Mean, Sum, SumSquares
from ..functions.shape import Concatenate, Reshape, Transpose
from ..functions.smooth import Elu, Gelu, LogSoftmax, Selu, Silu, Softplus, Softsign
from ..functions.transposed import Conv2DTranspose
from .checks import agreement
from .recording import Operation, Recording

Compute = Callable[..., Any]  # (keras, function, *inputs) → the result


def installed() -> bool:
    """Return whether there is a Keras on TensorFlow to ask."""
    return all(find_spec(package) is not None for package in ("keras", "tensorflow"))


def version() -> str | None:
    """Return Keras's version, None where it is not installed, is older than 3, or computes on something else."""
    if not installed():
        return None
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its notes on the machine's CPU
    import keras

    found = str(keras.__version__)
    return found if int(found.partition(".")[0]) >= 3 and keras.backend.backend() == "tensorflow" else None


def check_keras(recording: Recording, operation: Operation) -> tuple[float, str] | None:
    """Compare what an operation handed on with Keras's gradients: the largest difference, relative, and the verdict.

    None for an operation that Keras does not have in this form. `version()` must have found a Keras.
    """
    compute = COMPUTE.get(type(operation.function))
    dy = recording.values[operation.output].gradient
    if compute is None or dy is None or (type(operation.function) is BatchNorm and operation.function.ceiling):
        return None
    import keras
    import tensorflow

    arrays = [recording.values[number].array.astype(np.float64) for number in operation.inputs]
    inputs = [tensorflow.constant(array) for array in arrays]
    with tensorflow.GradientTape() as tape:
        tape.watch(inputs)
        y = compute(keras, operation.function, *inputs)
    if tuple(y.shape) != dy.shape:
        return None
    found = tape.gradient(y, inputs, output_gradients=tensorflow.constant(dy.astype(np.float64)))
    passed = [None if dx is None else np.asarray(tensorflow.convert_to_tensor(dx)) for dx in found]
    return agreement(recording, operation, passed)


def _convolution(keras: Any, f: Any, x: Any, w: Any, b: Any = None) -> Any:
    ops, window = keras.ops, f.window
    parts = zip(ops.split(x, f.groups, -1), ops.split(w, f.groups, -1), strict=True)  # TensorFlow has no groups on CPUs
    y = ops.concatenate(
        [ops.conv(x_g, w_g, window.strides, window.padding, dilation_rate=window.dilation) for x_g, w_g in parts], -1
    )
    return y if b is None else y + b


def _depthwise(keras: Any, f: Any, x: Any, w: Any, b: Any = None) -> Any:
    window = f.window
    y = keras.ops.depthwise_conv(x, w, window.strides, window.padding, dilation_rate=window.dilation)
    return y if b is None else y + b


def _transposed(keras: Any, f: Any, x: Any, w: Any, b: Any = None) -> Any:
    window = f.window
    y = keras.ops.conv_transpose(x, w, window.strides, window.padding, dilation_rate=window.dilation)
    return y if b is None else y + b


def _dense(keras: Any, f: Any, x: Any, w: Any, b: Any = None) -> Any:
    y = keras.ops.matmul(x, w)
    return y if b is None else y + b


def _batch_norm(keras: Any, f: Any, x: Any, *learnt: Any) -> Any:
    mean, variance = keras.ops.moments(x, tuple(range(len(x.shape) - 1)))
    gamma, beta = f.gamma_and_beta(learnt, None)
    return keras.ops.batch_normalization(x, mean, variance, -1, beta, gamma, f.epsilon)


def _targets(f: Any) -> Any:
    return np.asarray(f.targets, np.float64)


COMPUTE: dict[type, Compute] = {
    Conv2D: _convolution,
    DepthwiseConv2D: _depthwise,
    Conv2DTranspose: _transposed,
    Dense: _dense,
    BatchNorm: _batch_norm,
    MaxPool2D: lambda keras, f, x: keras.ops.max_pool(x, f.window.size, f.window.strides, f.window.padding),
    AveragePool2D: lambda keras, f, x: keras.ops.average_pool(x, f.window.size, f.window.strides, f.window.padding),
    GlobalAveragePool2D: lambda keras, f, x: keras.ops.mean(x, (1, 2)),
    Relu: lambda keras, f, x: keras.activations.relu(x),
    LeakyRelu: lambda keras, f, x: keras.activations.leaky_relu(x, f.slope),
    Rectifier: lambda keras, f, x: keras.activations.relu(x, *f.settings),
    Sigmoid: lambda keras, f, x: keras.activations.sigmoid(x),
    Tanh: lambda keras, f, x: keras.activations.tanh(x),
    Elu: lambda keras, f, x: keras.activations.elu(x, f.alpha),
    Selu: lambda keras, f, x: keras.activations.selu(x),
    Gelu: lambda keras, f, x: keras.activations.gelu(x, f.approximate),
    Silu: lambda keras, f, x: keras.activations.silu(x),
    Softplus: lambda keras, f, x: keras.activations.softplus(x),
    Softsign: lambda keras, f, x: keras.activations.softsign(x),
    Softmax: lambda keras, f, x: keras.activations.softmax(x),
    LogSoftmax: lambda keras, f, x: keras.activations.log_softmax(x),
    Add: lambda keras, f, a, b: keras.ops.add(a, b),
    Subtract: lambda keras, f, a, b: keras.ops.subtract(a, b),
    Multiply: lambda keras, f, a, b: keras.ops.multiply(a, b),
    Divide: lambda keras, f, a, b: keras.ops.divide(a, b),
    Maximum: lambda keras, f, a, b: keras.ops.maximum(a, b),
    Minimum: lambda keras, f, a, b: keras.ops.minimum(a, b),
    Concatenate: lambda keras, f, *parts: keras.ops.concatenate(parts, f.axis),
    Reshape: lambda keras, f, x: keras.ops.reshape(x, f.shape),
    Transpose: lambda keras, f, x: keras.ops.transpose(x, f.order),
    Mean: lambda keras, f, x: keras.ops.mean(x, f.axis, f.keepdims),
    Sum: lambda keras, f, x: keras.ops.sum(x, f.axis, f.keepdims),
    SumSquares: lambda keras, f, x: keras.ops.sum(keras.ops.square(x)),
    SoftmaxCrossEntropy: lambda keras, f, x: keras.ops.categorical_crossentropy(_targets(f), x, from_logits=True),
    SparseSoftmaxCrossEntropy: lambda keras, f, x: keras.ops.sparse_categorical_crossentropy(
        np.asarray(f.labels), x, from_logits=True
    ),
    SigmoidCrossEntropy: lambda keras, f, x: keras.ops.binary_crossentropy(_targets(f), x, from_logits=True),
}
