"""Losses, with Keras's names, arguments and defaults.

A loss gives one value a sample; the value that training minimises is Σ weightᵢ·lossᵢ / samples ("sum_over_batch_size").
A cross-entropy of probabilities that come straight from softmax or sigmoid is computed from their logits, as Keras on
TensorFlow does: exact where probabilities have rounded to 0 or 1. Other probabilities are clipped to [ε, 1 − ε] with
ε = 1e-7.
"""

from typing import Any, ClassVar

import numpy as np

from . import functions as F
from . import kernels
from .names import look_up, snake_case
from .tensor import Tensor, as_array, values

EPSILON = 1e-7


class Loss:
    """Base of all losses. `outputs` names the last activations that fit, None being any."""

    outputs: ClassVar[tuple[str, ...] | None] = None
    from_logits = False

    @property
    def name(self) -> str:
        """Keras's name of the loss."""
        return snake_case(type(self).__name__)

    def call(self, y_true: np.ndarray, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample (n,)."""
        raise NotImplementedError(f"{type(self).__name__} defines no call")

    def targets(self, y_true: Any, output_shape: tuple[int | None, ...]) -> np.ndarray:
        """Return the targets of a batch in the shape that `call` needs; raise ValueError if they cannot fit."""
        y_true = values(y_true)
        if y_true.ndim == len(output_shape) - 1 and output_shape[-1] == 1:
            y_true = y_true[..., None]
        if y_true.shape[1:] != output_shape[1:]:
            wanted = ("n", *output_shape[1:])
            raise ValueError(
                f"loss {self.name} got targets of shape {y_true.shape}, needs ({', '.join(map(str, wanted))})"
                + self.hint(y_true, output_shape)
            )
        return y_true

    def hint(self, y_true: np.ndarray, output_shape: tuple[int | None, ...]) -> str:
        """Return the likely fix for targets of the wrong shape."""
        return f": the last layer has {output_shape[-1]} units"

    def check(self, y_true: Any, output_shape: tuple[int | None, ...]) -> None:
        """Refuse targets that no training could mean: of a wrong shape, infinite or out of range."""
        y_true = self.targets(y_true, output_shape)
        if y_true.dtype.kind == "f" and not np.isfinite(y_true).all():
            raise ValueError(f"targets must be finite, got {y_true[~np.isfinite(y_true)].flat[0]}")
        self.check_range(y_true, int(output_shape[-1] or 0))

    def check_range(self, y_true: np.ndarray, classes: int) -> None:
        """Refuse targets out of the loss's range."""

    def __call__(self, y_true: Any, y_pred: Tensor, sample_weight: np.ndarray | None = None) -> Tensor:
        """Return the mean loss of a batch, each sample multiplied by its weight: a tensor of one element."""
        losses = self.call(kernels.move(self.targets(y_true, y_pred.shape), y_pred.device), y_pred)
        if sample_weight is not None:
            weights = kernels.move(as_array(sample_weight, losses.dtype), y_pred.device)
            losses = losses * weights.reshape(weights.shape + (1,) * (losses.ndim - weights.ndim))
        return F.mean(losses)


class _CrossEntropy(Loss):
    """Cross-entropy from probabilities or, with `from_logits`, from what would go into softmax or sigmoid."""

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = from_logits

    def logits(self, y_pred: Tensor) -> Tensor | None:
        """Return the logits of the prediction, or None where only probabilities are known."""
        return y_pred if self.from_logits else y_pred.logits

    def check_range(self, y_true: np.ndarray, classes: int) -> None:
        """Refuse targets outside 0 … 1."""
        outside = (y_true < 0) | (y_true > 1)
        if outside.any():
            raise ValueError(f"loss {self.name} needs targets in 0 … 1, got {y_true[outside].flat[0]}")


class CategoricalCrossentropy(_CrossEntropy):
    """−Σ t·ln p for one-hot (or soft) targets t (n,k). `label_smoothing` s uses t(1 − s) + s/k."""

    outputs = ("softmax",)

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__(from_logits)
        self.label_smoothing = _smoothing(label_smoothing)

    def call(self, y_true: np.ndarray, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        t = as_array(y_true, y_pred.dtype)
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / t.shape[-1]
        logits = self.logits(y_pred)
        if logits is not None:
            return F.softmax_cross_entropy(logits, t)
        p = F.clip(y_pred / F.sum(y_pred, axis=-1, keepdims=True), EPSILON, 1 - EPSILON)
        return -F.sum(F.log(p) * t, axis=-1)

    def hint(self, y_true: np.ndarray, output_shape: tuple[int | None, ...]) -> str:
        """Return the likely fix for targets of the wrong shape."""
        if y_true.ndim == 1 or y_true.shape[-1] == 1:
            return ": one-hot them with to_categorical, or use sparse_categorical_crossentropy"
        return super().hint(y_true, output_shape)


class SparseCategoricalCrossentropy(_CrossEntropy):
    """−ln p[label] for labels (n,) or (n,1), whole numbers in 0 … k − 1."""

    outputs = ("softmax",)

    def targets(self, y_true: Any, output_shape: tuple[int | None, ...]) -> np.ndarray:
        """Return the labels as (n, …), without an axis of length 1 at the end."""
        y_true = values(y_true)
        if y_true.ndim == len(output_shape) and y_true.shape[-1] == 1:
            y_true = y_true[..., 0]
        if y_true.shape[1:] != output_shape[1:-1]:
            raise ValueError(
                f"loss {self.name} got targets of shape {y_true.shape}, needs whole numbers of shape (n,): "
                "one-hot targets go with categorical_crossentropy"
            )
        return y_true

    def check_range(self, y_true: np.ndarray, classes: int) -> None:
        """Refuse labels that are not whole or not in 0 … classes − 1."""
        outside = (y_true < 0) | (y_true >= classes) | (y_true != np.floor(y_true))
        if outside.any():
            raise ValueError(
                f"loss {self.name} needs labels in 0 … {classes - 1}, got {y_true[outside].flat[0]}: "
                f"the last layer has {classes} units"
            )

    def call(self, y_true: np.ndarray, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        logits = self.logits(y_pred)
        if logits is None:
            logits = F.log(F.clip(y_pred, EPSILON, 1 - EPSILON))
        return F.sparse_softmax_cross_entropy(logits, y_true)


class BinaryCrossentropy(_CrossEntropy):
    """−t·ln p − (1 − t)·ln(1 − p), averaged over the last axis. `label_smoothing` s uses t(1 − s) + s/2."""

    outputs = ("sigmoid",)

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__(from_logits)
        self.label_smoothing = _smoothing(label_smoothing)

    def call(self, y_true: np.ndarray, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        t = as_array(y_true, y_pred.dtype)
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / 2
        logits = self.logits(y_pred)
        if logits is not None:
            return F.mean(F.sigmoid_cross_entropy(logits, t), axis=-1)
        p = F.clip(y_pred, EPSILON, 1 - EPSILON)
        return -F.mean(F.log(p) * t + F.log(1 - p) * (1 - t), axis=-1)


class MeanSquaredError(Loss):
    """(y − ŷ)², averaged over the last axis."""

    def call(self, y_true: np.ndarray, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return F.mean((y_pred - as_array(y_true, y_pred.dtype)) ** 2, axis=-1)


def _smoothing(label_smoothing: float) -> float:
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be in 0 … 1, got {label_smoothing}")
    return float(label_smoothing)


LOSSES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
}


def get(loss: str | Loss) -> Loss:
    """Return a loss by name ("categorical_crossentropy") or the given one."""
    return loss if isinstance(loss, Loss) else look_up("loss", loss, LOSSES)()
