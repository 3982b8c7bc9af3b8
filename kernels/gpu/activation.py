"""Activations on the GPU: formulas and shapes in `reference/activation.py`."""

import cupy

from .launch import launch


def relu(x: cupy.ndarray) -> cupy.ndarray:
    """Return y = max(x, 0); NaN stays NaN."""
    return _relu(x)


def relu_backward(dy: cupy.ndarray, y: cupy.ndarray) -> cupy.ndarray:
    """Return dx = dy where y > 0, else 0."""
    return _relu_backward(dy, y)


def leaky_relu(x: cupy.ndarray, slope: float) -> cupy.ndarray:
    """Return y = x where x > 0, else slope·x."""
    return leaky_relu_backward(x, x, slope)


def leaky_relu_backward(dy: cupy.ndarray, x: cupy.ndarray, slope: float) -> cupy.ndarray:
    """Return dx = dy where x > 0, else slope·dy. Forward is the same function with dy = x."""
    return _leaky_relu_backward(dy, x, dy.dtype.type(slope))


def sigmoid(x: cupy.ndarray) -> cupy.ndarray:
    """Return y = 1 / (1 + e⁻ˣ), written so that no exponential overflows."""
    return _sigmoid(x)


def sigmoid_backward(dy: cupy.ndarray, y: cupy.ndarray) -> cupy.ndarray:
    """Return dx = dy · y · (1 − y)."""
    return _sigmoid_backward(dy, y)


def tanh(x: cupy.ndarray) -> cupy.ndarray:
    """Return y = tanh x."""
    return _tanh(x)


def tanh_backward(dy: cupy.ndarray, y: cupy.ndarray) -> cupy.ndarray:
    """Return dx = dy · (1 − y²)."""
    return _tanh_backward(dy, y)


def softmax(x: cupy.ndarray) -> cupy.ndarray:
    """Return y (…,k), the softmax of each row of `x` (…,k). A row that holds NaN or +∞ becomes NaN."""
    y = cupy.empty(x.shape, x.dtype)
    launch("activation.cu", "softmax", x.dtype, rows_of(x), (x, y, x.shape[-1]))
    return y


def softmax_backward(dy: cupy.ndarray, y: cupy.ndarray) -> cupy.ndarray:
    """Return dx_j = y_j · (dy_j − Σ_i dy_i·y_i)."""
    dx = cupy.empty(y.shape, y.dtype)
    launch("activation.cu", "softmax_backward", y.dtype, rows_of(y), (dy, y, dx, y.shape[-1]))
    return dx


def rows_of(x: cupy.ndarray) -> int:
    """Return how many rows `x` (…,k) has that are not empty."""
    return x.size // max(1, x.shape[-1])


# The comparison is false for NaN, which stays. A prefix keeps the names from those of CUDA's own functions.
_relu = cupy.ElementwiseKernel("T x", "T y", "y = x <= 0 ? (T)0 : x", "tinyconv_relu")

_relu_backward = cupy.ElementwiseKernel("T dy, T y", "T dx", "dx = y > 0 ? dy : (T)0", "tinyconv_relu_backward")

_leaky_relu_backward = cupy.ElementwiseKernel(
    "T dy, T x, T slope", "T dx", "dx = x > 0 ? dy : slope * dy", "tinyconv_leaky_relu_backward"
)

_sigmoid = cupy.ElementwiseKernel(
    "T x", "T y", "y = (x >= 0 ? (T)1 : exp(x)) / (1 + exp(-fabs(x)))", "tinyconv_sigmoid"
)

_sigmoid_backward = cupy.ElementwiseKernel("T dy, T y", "T dx", "dx = dy * y * (1 - y)", "tinyconv_sigmoid_backward")

_tanh = cupy.ElementwiseKernel("T x", "T y", "y = tanh(x)", "tinyconv_tanh")

_tanh_backward = cupy.ElementwiseKernel("T dy, T y", "T dx", "dx = dy * (1 - y * y)", "tinyconv_tanh_backward")
