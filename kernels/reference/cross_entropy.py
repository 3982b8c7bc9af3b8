"""Cross-entropy on logits: the last layer's activation and the loss in one operation.

Together they are stable where the two apart take log 0, and their gradient is the plain difference p − t (Goodfellow,
Bengio & Courville 2016, "Deep Learning", sections 6.2.2.2 and 6.2.2.3; Bishop 2006, sections 4.3.2 and 4.3.4). All
return the loss of each sample, averaging being left to the caller, and the probabilities, which backward needs.
"""

import numpy as np

from .activation import sigmoid


def softmax_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (loss (…), probabilities (…,k)) of `logits` and `targets`, both (…,k).

    loss = −Σ_j t_j·log p_j with p = softmax(logits). The targets need not sum to 1.
    """
    log_p = log_softmax(logits)
    return -(targets * log_p).sum(axis=-1), np.exp(log_p)


def softmax_cross_entropy_backward(dloss: np.ndarray, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return dlogits (…,k) = dloss · (p·Σ_j t_j − t), from `dloss` (…)."""
    return dloss[..., None] * (probabilities * targets.sum(axis=-1, keepdims=True) - targets)


def sparse_softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (loss (…), probabilities (…,k)) of `logits` (…,k) and int64 `labels` (…), 0 ≤ label < k.

    loss = −log p_label with p = softmax(logits): `softmax_cross_entropy` of one-hot targets.
    """
    log_p = log_softmax(logits)
    return -np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0], np.exp(log_p)


def sparse_softmax_cross_entropy_backward(
    dloss: np.ndarray, probabilities: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Return dlogits (…,k) = dloss · (p − onehot(label)), from `dloss` (…)."""
    one_hot = np.arange(probabilities.shape[-1]) == labels[..., None]
    return dloss[..., None] * (probabilities - one_hot)


def sigmoid_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (loss, probabilities) of `logits` and `targets`, element by element, all of one shape.

    With p = sigmoid(x), loss = −t·log p − (1 − t)·log(1 − p) = max(x, 0) − x·t + log(1 + e^{−|x|}): the last form
    neither overflows nor loses small losses.
    """
    loss = np.maximum(logits, 0.0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return loss, sigmoid(logits)


def sigmoid_cross_entropy_backward(dloss: np.ndarray, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return dlogits = dloss · (p − t), element by element."""
    return dloss * (probabilities - targets)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Return log p (…,k) with log p_j = z_j − log Σ_i e^{z_i}, where z = x − max x on the last axis."""
    z = x - x.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
