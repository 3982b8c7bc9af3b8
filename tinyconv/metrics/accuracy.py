"""Accuracies: shares of right answers."""

from typing import Any

import numpy as np

from ..config import floatx
from ..tensor import Tensor
from ..tensor import values as as_values
from .base import MeanOfValues, alike


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """Return 1 for each number on the same side of `threshold` as its target, else 0."""
    t, y = alike(y_true, y_pred)
    return _numbers((y > threshold) == t)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 for each sample whose largest prediction is that of its one-hot target, else 0."""
    return _numbers(as_values(y_true).argmax(axis=-1) == as_values(y_pred).argmax(axis=-1))


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 for each sample whose largest prediction is that of its label, else 0."""
    best = as_values(y_pred).argmax(axis=-1)
    return _numbers(as_values(y_true).reshape(best.shape) == best)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """Return 1 for each sample whose one-hot target's class is among the `k` largest predictions, else 0."""
    return _numbers(TopKCategoricalAccuracy(k).values(as_values(y_true), as_values(y_pred)))


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """Return 1 for each sample whose label is among the `k` largest predictions, else 0."""
    t, y = as_values(y_true), as_values(y_pred)
    return _numbers(SparseTopKCategoricalAccuracy(k).values(t, y).reshape(t.shape))


def _numbers(right: Any) -> Tensor:
    return Tensor(right.astype(floatx()))


class Accuracy(MeanOfValues):
    """The share of predictions that equal their targets."""

    _direction = "up"  # as Keras marks which way is better

    def __init__(self, name: str | None = "accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """Return 1 for each number that is right, else 0."""
        t, y = alike(y_true, y_pred)
        return (t == y).astype(np.float64)


class BinaryAccuracy(MeanOfValues):
    """The share of samples whose prediction is on the same side of `threshold` as the target."""

    _direction = "up"  # as Keras marks which way is better

    def __init__(self, name: str | None = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {**super().get_config(), "threshold": self.threshold}

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return, for each sample, the part of its outputs that are right."""
        return ((y_pred > self.threshold) == y_true.reshape(y_pred.shape)).mean(axis=-1)


class CategoricalAccuracy(MeanOfValues):
    """The share of samples whose largest prediction is that of the class that the one-hot target names."""

    _direction = "up"  # as Keras marks which way is better

    def __init__(self, name: str | None = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return 1 for each sample that is right, else 0."""
        return (y_true.argmax(axis=-1) == y_pred.argmax(axis=-1)).astype(np.float64)


class SparseCategoricalAccuracy(MeanOfValues):
    """The share of samples whose largest prediction is that of the label."""

    _direction = "up"  # as Keras marks which way is better

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return 1 for each sample that is right, else 0."""
        return (y_true.reshape(y_pred.shape[:-1]) == y_pred.argmax(axis=-1)).astype(np.float64)


class TopKCategoricalAccuracy(MeanOfValues):
    """The share of samples whose one-hot target's class is among the `k` largest predictions.

    As in TensorFlow's `in_top_k`, classes that tie with the k-th largest count as within.
    """

    _direction = "up"  # as Keras marks which way is better

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.k = k

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {**super().get_config(), "k": self.k}

    def labels(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the class of each sample."""
        return y_true.argmax(axis=-1)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return 1 for each sample whose class is among the first k, else 0."""
        chosen = np.take_along_axis(y_pred, self.labels(y_true, y_pred)[..., None], axis=-1)
        return ((y_pred > chosen).sum(axis=-1) < self.k).astype(np.float64)


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """The share of samples whose label is among the `k` largest predictions."""

    def __init__(
        self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: str | None = None
    ) -> None:
        super().__init__(k, name, dtype)

    def labels(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the class of each sample."""
        return y_true.reshape(y_pred.shape[:-1]).astype(np.int64)
