"""Cross-entropy on logits on the GPU: formulas and shapes in `reference/cross_entropy.py`."""

import cupy
import numpy as np

from .activation import rows_of
from .launch import launch


def softmax_cross_entropy(logits: cupy.ndarray, targets: cupy.ndarray) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return (loss (…), probabilities (…,k)) of `logits` and `targets` (…,k), in one pass over each row."""
    loss, probabilities = _results(logits)
    args = logits, targets, loss, probabilities, logits.shape[-1]
    launch("cross_entropy.cu", "softmax_cross_entropy", logits.dtype, rows_of(logits), args)
    return loss, probabilities


def softmax_cross_entropy_backward(
    dloss: cupy.ndarray, probabilities: cupy.ndarray, targets: cupy.ndarray
) -> cupy.ndarray:
    """Return dlogits (…,k) = dloss · (p·Σ_j t_j − t)."""
    dlogits = cupy.empty(probabilities.shape, probabilities.dtype)
    args = dloss, probabilities, targets, dlogits, probabilities.shape[-1]
    launch("cross_entropy.cu", "softmax_cross_entropy_backward", dlogits.dtype, rows_of(dlogits), args)
    return dlogits


def sparse_softmax_cross_entropy(logits: cupy.ndarray, labels: cupy.ndarray) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return (loss (…), probabilities (…,k)) of `logits` (…,k) and int64 `labels` (…).

    The loss of a label that is not 0 ≤ label < k is NaN: an error could not be raised without waiting for the GPU.
    """
    loss, probabilities = _results(logits)
    args = logits, labels.astype(np.int64, copy=False), loss, probabilities, logits.shape[-1]
    launch("cross_entropy.cu", "sparse_softmax_cross_entropy", logits.dtype, rows_of(logits), args)
    return loss, probabilities


def sparse_softmax_cross_entropy_backward(
    dloss: cupy.ndarray, probabilities: cupy.ndarray, labels: cupy.ndarray
) -> cupy.ndarray:
    """Return dlogits (…,k) = dloss · (p − onehot(label))."""
    dlogits = cupy.empty(probabilities.shape, probabilities.dtype)
    args = dloss, probabilities, labels.astype(np.int64, copy=False), dlogits, probabilities.shape[-1]
    launch("cross_entropy.cu", "sparse_softmax_cross_entropy_backward", dlogits.dtype, dlogits.size, args)
    return dlogits


def sigmoid_cross_entropy(logits: cupy.ndarray, targets: cupy.ndarray) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return (loss, probabilities) of `logits` and `targets`, all of one shape."""
    loss = cupy.empty(logits.shape, logits.dtype)
    probabilities = cupy.empty(logits.shape, logits.dtype)
    args = logits, targets, loss, probabilities
    launch("cross_entropy.cu", "sigmoid_cross_entropy", logits.dtype, logits.size, args)
    return loss, probabilities


def sigmoid_cross_entropy_backward(
    dloss: cupy.ndarray, probabilities: cupy.ndarray, targets: cupy.ndarray
) -> cupy.ndarray:
    """Return dlogits = dloss · (p − t)."""
    return _sigmoid_cross_entropy_backward(dloss, probabilities, targets)


def _results(logits: cupy.ndarray) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return room for the loss (…) and the probabilities (…,k) of `logits` (…,k)."""
    return cupy.empty(logits.shape[:-1], logits.dtype), cupy.empty(logits.shape, logits.dtype)


_sigmoid_cross_entropy_backward = cupy.ElementwiseKernel(
    "T dloss, T p, T t", "T dlogits", "dlogits = dloss * (p - t)", "tinyconv_sigmoid_cross_entropy_backward"
)
