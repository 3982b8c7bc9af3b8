"""Metrics: running means over an epoch, with Keras's names and arguments."""

from typing import Any

import numpy as np

from .names import look_up
from .tensor import values as as_values


class Metric:
    """A mean of one value a sample, over everything since the last `reset_state`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reset_state()

    def reset_state(self) -> None:
        """Forget all samples."""
        # From the first batch on arrays of no axes, on a GPU if the values are there. They are never added to in place:
        # a copy of the metric keeps what it saw.
        self.total, self.count = 0.0, 0.0

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the value of each sample."""
        raise NotImplementedError(f"{type(self).__name__} defines no values")

    def update_state(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> None:
        """Take in a batch, each sample with its weight (1 if None)."""
        values = self.values(as_values(y_true), as_values(y_pred))
        if sample_weight is None:
            self.total = self.total + values.sum(dtype=np.float64)
            self.count = self.count + values.size
        else:
            weights = as_values(sample_weight)
            self.total = self.total + (values * weights).sum(dtype=np.float64)
            self.count = self.count + weights.sum(dtype=np.float64)

    def result(self) -> float:
        """Return the mean so far; 0 before any sample. On a GPU, this waits for it."""
        return float(self.total / self.count) if self.count else 0.0


class Mean(Metric):
    """The mean of given values, such as the losses of batches, each weighted by the batch's size."""

    def __init__(self, name: str = "mean") -> None:
        super().__init__(name)

    def add(self, value: Any, weight: float = 1.0) -> None:
        """Take in one value: a number, or an array of one element."""
        self.total = self.total + value * weight
        self.count = self.count + weight


class BinaryAccuracy(Metric):
    """The part of samples whose prediction is on the target's side of `threshold`."""

    def __init__(self, name: str = "binary_accuracy", *, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = threshold

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return, for each sample, the part of its outputs that are right."""
        return ((y_pred > self.threshold) == y_true.reshape(y_pred.shape)).mean(axis=-1)


class CategoricalAccuracy(Metric):
    """The part of samples whose largest prediction stands where the one-hot target has its largest."""

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(name)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return 1 for each sample that is right, else 0."""
        return (y_true.argmax(axis=-1) == y_pred.argmax(axis=-1)).astype(np.float64)


class SparseCategoricalAccuracy(Metric):
    """The part of samples whose largest prediction is that of the label."""

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(name)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return 1 for each sample that is right, else 0."""
        return (y_true.reshape(y_pred.shape[:-1]) == y_pred.argmax(axis=-1)).astype(np.float64)


class TopKCategoricalAccuracy(Metric):
    """The part of samples whose one-hot target's class is among the `k` largest predictions.

    As in TensorFlow's `in_top_k`, classes that tie with the k-th largest count as within.
    """

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy") -> None:
        super().__init__(name)
        self.k = k

    def labels(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the class of each sample."""
        return y_true.argmax(axis=-1)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return 1 for each sample whose class is among the first k, else 0."""
        chosen = np.take_along_axis(y_pred, self.labels(y_true, y_pred)[..., None], axis=-1)
        return ((y_pred > chosen).sum(axis=-1) < self.k).astype(np.float64)


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """The part of samples whose label is among the `k` largest predictions."""

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy") -> None:
        super().__init__(k, name)

    def labels(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the class of each sample."""
        return y_true.reshape(y_pred.shape[:-1]).astype(np.int64)


METRICS: dict[str, type[Metric]] = {
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
}


def get(metric: str | Metric, target_shape: tuple[int, ...], output_shape: tuple[int | None, ...]) -> Metric:
    """Return a metric by name or the given one.

    "accuracy" and "acc" mean what Keras resolves them to: binary for one output, sparse categorical for targets that
    are class numbers, categorical for one-hot targets. The metric then goes by the name it was asked for.
    """
    if isinstance(metric, Metric):
        return metric
    if metric not in ("accuracy", "acc"):
        kinds: dict[str, Any] = METRICS
        return look_up("metric", metric, {**kinds, "accuracy": None})()
    if output_shape[-1] == 1:
        return BinaryAccuracy(metric)
    if len(target_shape) < len(output_shape) or target_shape[-1] == 1:
        return SparseCategoricalAccuracy(metric)
    return CategoricalAccuracy(metric)
