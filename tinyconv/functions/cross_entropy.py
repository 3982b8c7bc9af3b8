"""Cross-entropy on logits, one loss a sample. Formulas: `kernels/reference/cross_entropy.py`."""

from typing import Any

import numpy as np

from .. import kernels
from ..tensor import Formula, Function, Tensor, as_tensor, values


class SoftmaxCrossEntropy(Function):
    """The cross-entropy of targets t and the softmax of x over the last axis; the targets get no gradient."""

    formula = Formula("y = −Σ t·ln softmax(x)", "dx = dy·(softmax(x)·Σ t − t)")

    def __init__(self, targets: Any) -> None:
        self.targets = targets

    def forward(self, logits: Any) -> Any:
        loss, self.probabilities = kernels.of(logits).softmax_cross_entropy(logits, self.targets)
        return loss

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).softmax_cross_entropy_backward(dy, self.probabilities, self.targets),)


class SparseSoftmaxCrossEntropy(Function):
    """The cross-entropy of class numbers and the softmax of x over the last axis."""

    formula = Formula("y = −ln softmax(x)[label]", "dx = dy·(softmax(x) − [class = label])")

    def __init__(self, labels: Any) -> None:
        self.labels = labels

    def forward(self, logits: Any) -> Any:
        loss, self.probabilities = kernels.of(logits).sparse_softmax_cross_entropy(logits, self.labels)
        return loss

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).sparse_softmax_cross_entropy_backward(dy, self.probabilities, self.labels),)


class SigmoidCrossEntropy(Function):
    """The cross-entropy of targets t and the sigmoid of x, element by element; the targets get no gradient."""

    formula = Formula("y = −t·ln σ(x) − (1 − t)·ln(1 − σ(x))", "dx = dy·(σ(x) − t)")

    def __init__(self, targets: Any) -> None:
        self.targets = targets

    def forward(self, logits: Any) -> Any:
        loss, self.probabilities = kernels.of(logits).sigmoid_cross_entropy(logits, self.targets)
        return loss

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).sigmoid_cross_entropy_backward(dy, self.probabilities, self.targets),)


def softmax_cross_entropy(logits: Any, targets: Any) -> Tensor:
    """Return the cross-entropy of `targets` (…,k) and softmax(logits (…,k)). See `SoftmaxCrossEntropy`."""
    logits = as_tensor(logits)
    targets = as_tensor(targets, like=logits).to(logits.device)
    if targets.shape != logits.shape:
        raise ValueError(f"softmax_cross_entropy needs one shape, got logits {logits.shape}, targets {targets.shape}")
    return SoftmaxCrossEntropy(targets.data)(logits)


def sparse_softmax_cross_entropy(logits: Any, labels: Any) -> Tensor:
    """Return the cross-entropy of class numbers `labels` (…) and softmax(logits (…,k)).

    See `SparseSoftmaxCrossEntropy`. Raises ValueError when a label is not in 0 … k − 1.
    """
    logits = as_tensor(logits)
    labels = values(labels)
    if labels.shape != logits.shape[:-1]:
        raise ValueError(f"sparse_softmax_cross_entropy needs labels {logits.shape[:-1]}, got {labels.shape}")
    whole = labels.astype(np.int64)
    outside = (whole != labels) | (whole < 0) | (whole >= logits.shape[-1])
    # On a GPU the answer would have to be waited for; there the kernel gives such a sample a loss of NaN.
    if kernels.device(labels) == "cpu" and outside.any():
        raise ValueError(f"labels must be integers in 0 … {logits.shape[-1] - 1}, got {labels[outside].flat[0]}")
    return SparseSoftmaxCrossEntropy(kernels.move(whole, logits.device))(logits)


def sigmoid_cross_entropy(logits: Any, targets: Any) -> Tensor:
    """Return, element by element, the cross-entropy of `targets` and sigmoid(logits). See `SigmoidCrossEntropy`."""
    logits = as_tensor(logits)
    targets = as_tensor(targets, like=logits).to(logits.device)
    if targets.shape != logits.shape:
        raise ValueError(f"sigmoid_cross_entropy needs one shape, got logits {logits.shape}, targets {targets.shape}")
    return SigmoidCrossEntropy(targets.data)(logits)
