"""Cross-entropies.

One of probabilities that come straight from softmax or sigmoid is computed from their logits, as Keras on TensorFlow
does: exact where probabilities have rounded to 0 or 1. Other probabilities are clipped to [ε, 1 − ε] with ε = 1e-7.
"""

from typing import Any

import numpy as np

from .. import functions as F
from .. import kernels
from ..tensor import Tensor, as_array, as_tensor, values
from .base import EPSILON, Loss, SameShape


class CrossEntropy(Loss):
    """Cross-entropy from probabilities or, with `from_logits`, from what would go into softmax or sigmoid."""

    def __init__(
        self, from_logits: bool, axis: int, reduction: str | None, name: str | None, dtype: str | None
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.axis = self.axis_of_classes = axis

    def classes_last(self, y_true: Any, y_pred: Tensor) -> tuple[Any, Tensor]:
        """Return targets as an array, and predictions, with their axis of classes as the last one."""
        t = as_array(y_true, y_pred.dtype)
        if self.axis in (-1, y_pred.ndim - 1):
            return t, y_pred
        return np.moveaxis(t, self.axis, -1), F.to_last(y_pred, self.axis)

    def logits(self, y_pred: Tensor) -> Tensor | None:
        """Return the logits of the prediction, or None where only probabilities are known."""
        return y_pred if self.from_logits else y_pred.logits

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "from_logits": self.from_logits, "axis": self.axis}

    def check_range(self, y_true: np.ndarray, classes: int) -> None:
        """Refuse targets outside 0 … 1."""
        outside = (y_true < 0) | (y_true > 1)
        if outside.any():
            raise ValueError(f"loss {self.name} needs targets in 0 … 1, got {y_true[outside].flat[0]}")


class CategoricalCrossentropy(CrossEntropy, SameShape):
    """−Σ t·ln p of one-hot (or soft) targets t and probabilities p, both (n,k).

    `label_smoothing` s takes t(1 − s) + s/k for t. The k classes lie along `axis`.
    """

    outputs = ("softmax",)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, axis, reduction, name, dtype)
        self.label_smoothing = smoothing(label_smoothing)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        t, y_pred = self.classes_last(y_true, y_pred)
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / t.shape[-1]
        logits = self.logits(y_pred)
        if logits is not None:
            return F.softmax_cross_entropy(logits, t)
        p = F.clip(y_pred / F.sum(y_pred, axis=-1, keepdims=True), EPSILON, 1 - EPSILON)
        return -F.sum(F.log(p) * t, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}

    def hint(self, y_true: np.ndarray, output_shape: tuple[int | None, ...]) -> str:
        """Return the likely fix for targets of the wrong shape."""
        if y_true.ndim == 1 or y_true.shape[-1] == 1:
            return ": one-hot them with to_categorical, or use sparse_categorical_crossentropy"
        return super().hint(y_true, output_shape)


class OfLabels(Loss):
    """A loss whose targets are labels (n,) or (n,1), whole numbers in 0 … k − 1, of an output (n,k)."""

    ignore_class: int | None = None  # a label besides, of what does not count

    def prepared(self, y_true: Any, y_pred: Tensor) -> Any:
        """Return the labels on the prediction's device."""
        return kernels.move(self.targets(y_true, y_pred.shape), y_pred.device)

    def targets(self, y_true: Any, output_shape: tuple[int | None, ...]) -> np.ndarray:
        """Return the labels as (n, …), without an axis of length 1 at the end."""
        y_true = values(y_true)
        if y_true.ndim == len(output_shape) and y_true.shape[-1] == 1:
            y_true = y_true[..., 0]
        axis = self.axis_of_classes % len(output_shape)
        if y_true.shape[1:] != (*output_shape[1:axis], *output_shape[axis + 1 :]):
            raise ValueError(
                f"loss {self.name} got targets of shape {y_true.shape}, needs whole numbers of shape (n,): "
                "one-hot targets go with categorical_crossentropy"
            )
        return y_true

    def check_range(self, y_true: np.ndarray, classes: int) -> None:
        """Refuse labels that are not whole or not in 0 … classes − 1."""
        outside = (y_true < 0) | (y_true >= classes) | (y_true != np.floor(y_true))
        if self.ignore_class is not None:
            outside &= y_true != self.ignore_class
        if outside.any():
            raise ValueError(
                f"loss {self.name} needs labels in 0 … {classes - 1}, got {y_true[outside].flat[0]}: "
                f"the last layer has {classes} units"
            )


class SparseCategoricalCrossentropy(OfLabels, CrossEntropy):
    """−ln p[label] of labels (n,) or (n,1), whole numbers in 0 … k − 1, and probabilities p (n,k).

    What has the label `ignore_class`, as pixels without a class have in pictures of segments, has no loss, and no share
    in the mean.
    """

    outputs = ("softmax",)

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, axis, reduction, name, dtype)
        self.ignore_class = ignore_class

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        if self.axis not in (-1, y_pred.ndim - 1):
            y_pred = F.to_last(y_pred, self.axis)
        logits = self.logits(y_pred)
        if logits is None:
            logits = F.log(F.clip(y_pred, EPSILON, 1 - EPSILON))
        if self.ignore_class is None:
            return F.sparse_softmax_cross_entropy(logits, y_true)
        counts = y_true != self.ignore_class
        losses = F.sparse_softmax_cross_entropy(logits, np.where(counts, y_true, 0))
        return losses * counts.astype(losses.dtype)

    def counts(self, y_true: Any, losses: Any) -> Any:
        """Return 1 for each loss but those of the class to be ignored, where there is one."""
        return None if self.ignore_class is None else (y_true != self.ignore_class).astype(losses.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss; Keras's leaves `axis` out, so it is there only if need be."""
        config = {**super().get_config(), "ignore_class": self.ignore_class}
        return {name: value for name, value in config.items() if name != "axis" or value != -1}


class CategoricalGeneralizedCrossEntropy(OfLabels):
    """(1 − p[label]^q)/q of labels (n,) or (n,1) and probabilities p (n,k): between −ln p, for q → 0, and 1 − p.

    The larger q, the less a wrong label counts. Source: Zhang & Sabuncu 2018, "Generalized cross entropy loss for
    training deep neural networks with noisy labels".
    """

    outputs = ("softmax",)

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        if not 0 < q < 1:
            raise ValueError(f"q must be above 0 and below 1, got {q}")
        self.q = q

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        classes = kernels.move(np.arange(y_pred.shape[-1]), y_pred.device)
        one_hot = (y_true[..., None] == classes).astype(y_pred.dtype)
        return (1 - F.sum(y_pred * one_hot, axis=-1) ** self.q) * (1 / self.q)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "q": self.q}


class BinaryCrossentropy(CrossEntropy, SameShape):
    """−t·ln p − (1 − t)·ln(1 − p) of targets t and probabilities p, averaged over `axis`.

    `label_smoothing` s takes t(1 − s) + s/2 for t.
    """

    outputs = ("sigmoid",)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, axis, reduction, name, dtype)
        self.label_smoothing = smoothing(label_smoothing)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        t, y_pred = self.classes_last(y_true, y_pred)
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / 2
        logits = self.logits(y_pred)
        if logits is not None:
            return F.mean(F.sigmoid_cross_entropy(logits, t), axis=-1)
        p = F.clip(y_pred, EPSILON, 1 - EPSILON)
        return -F.mean(F.log(p) * t + F.log(1 - p) * (1 - t), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def smoothing(label_smoothing: float) -> float:
    """Return `label_smoothing` after checking that it is in 0 … 1."""
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be in 0 … 1, got {label_smoothing}")
    return float(label_smoothing)


def of_samples(loss: Loss, y_true: Any, y_pred: Any) -> Tensor:
    """Return the loss of each sample."""
    y = as_tensor(y_pred)
    return loss.call(loss.prepared(y_true, y), y)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Return −Σ t·ln p of each sample over `axis`. See `CategoricalCrossentropy`."""
    return of_samples(CategoricalCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """Return −ln p[label] of each sample, classes along `axis`. See `SparseCategoricalCrossentropy`."""
    return of_samples(SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis), y_true, y_pred)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Tensor:
    """Return (1 − p[label]^q)/q of each sample. See `CategoricalGeneralizedCrossEntropy`."""
    return of_samples(CategoricalGeneralizedCrossEntropy(q), y_true, y_pred)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Return the mean of −t·ln p − (1 − t)·ln(1 − p) over `axis`. See `BinaryCrossentropy`."""
    return of_samples(BinaryCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)
