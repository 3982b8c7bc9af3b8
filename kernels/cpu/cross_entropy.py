"""Cross-entropy on logits on the CPU: formulas and shapes in `reference/cross_entropy.py`.

The arrays are small, a row a sample, and NumPy's vector exponentials beat a compiled loop's, so this is NumPy too: the
rows stand as columns while they are added up, and temporary arrays are reused.
"""

import numpy as np

from .activation import shifted_columns, sigmoid, sum_of_classes


def softmax_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (loss (…), probabilities (…,k)) of `logits` and `targets` (…,k)."""
    log_p, probabilities = _log_softmax(logits)
    with np.errstate(invalid="ignore"):  # 0 · −∞: kernels hand NaN on in silence
        log_p *= targets.reshape(-1, targets.shape[-1]).T
    loss = sum_of_classes(log_p)
    np.negative(loss, out=loss)
    return loss.reshape(logits.shape[:-1]), probabilities


def softmax_cross_entropy_backward(dloss: np.ndarray, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return dlogits (…,k) = dloss · (p·Σ_j t_j − t)."""
    dlogits = probabilities * targets.sum(axis=-1, keepdims=True)
    dlogits -= targets
    dlogits *= dloss[..., None]
    return dlogits


def sparse_softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (loss (…), probabilities (…,k)) of `logits` (…,k) and int64 `labels` (…)."""
    log_p, probabilities = _log_softmax(logits)
    loss = log_p[labels.reshape(-1), np.arange(labels.size)]
    np.negative(loss, out=loss)
    return loss.reshape(labels.shape), probabilities


def sparse_softmax_cross_entropy_backward(
    dloss: np.ndarray, probabilities: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Return dlogits (…,k) = dloss · (p − onehot(label))."""
    dlogits = probabilities.copy()
    rows = dlogits.reshape(-1, dlogits.shape[-1])
    rows[np.arange(len(rows)), labels.reshape(-1)] -= 1
    dlogits *= dloss[..., None]
    return dlogits


def sigmoid_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (loss, probabilities) of `logits` and `targets`, all of one shape."""
    x = logits.reshape(-1)
    e = np.abs(x)
    np.negative(e, out=e)
    np.exp(e, out=e)
    loss = np.maximum(x, 0)
    with np.errstate(invalid="ignore"):  # ∞ − ∞ and ∞ · 0: kernels hand NaN on in silence
        loss -= x * targets.reshape(-1)
    loss += np.log1p(e)  # last, or a small loss would be rounded away beside a large logit
    return loss.reshape(logits.shape), sigmoid(logits)


def sigmoid_cross_entropy_backward(dloss: np.ndarray, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return dlogits = dloss · (p − t)."""
    dlogits = np.subtract(probabilities, targets, out=np.empty(probabilities.shape, probabilities.dtype))
    dlogits *= dloss
    return dlogits


def _log_softmax(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log p of `x` (…,k), in columns (k,rows), and p (…,k); the exponentials are taken once."""
    log_p = shifted_columns(x)
    p = np.exp(log_p)
    total = sum_of_classes(p)
    p /= total
    log_p -= np.log(total)
    return log_p, np.ascontiguousarray(p.T).reshape(x.shape)
