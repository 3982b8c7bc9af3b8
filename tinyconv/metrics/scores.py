"""The F-score of classes, and the share of variance that a regression explains."""

from typing import Any

import numpy as np

from .. import kernels
from ..names import look_up
from ..tensor import values as as_values
from .base import Metric

EPSILON = 1e-7


class _PerColumn(Metric):
    """Base of metrics whose state is sums of a batch's columns, made with the first batch."""

    _direction = "up"
    sums: tuple[str, ...]
    columns: int | None = None

    def begun(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return targets, predictions and weights (n, columns) on the CPU, and make the state if need be."""
        t, y = (kernels.move(as_values(array), "cpu").astype(np.float64) for array in (y_true, y_pred))
        t = t[:, None] if t.ndim == 1 and y.ndim == 2 and y.shape[1] == 1 else t
        if t.ndim != 2 or t.shape != y.shape:
            raise ValueError(
                f"metric {self.name} needs targets and predictions (n, columns), got {t.shape} and {y.shape}"
            )
        if self.columns is None:
            self.columns = y.shape[1]
            for name in self.sums:
                setattr(self, name, self.add_variable((self.columns,), dtype="float64", name=name))
        weights = np.ones(len(y)) if sample_weight is None else kernels.move(as_values(sample_weight), "cpu")
        return t, y, np.broadcast_to(weights if weights.ndim == 2 else weights[:, None], y.shape)

    def sum_of(self, name: str) -> np.ndarray:
        """Return one of the sums so far."""
        return getattr(self, name).numpy()


class FBetaScore(_PerColumn):
    """(1 + beta²)·precision·recall/(beta²·precision + recall) of each class of one-hot targets.

    The largest prediction of a sample is its yes; with a `threshold` all above it are. `average` None gives an array,
    "macro" the classes' mean, "weighted" that by their true samples; "micro" counts all classes together.
    """

    sums = ("true_positives", "false_positives", "false_negatives")

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        if average is not None:
            look_up("average", average, dict.fromkeys(("micro", "macro", "weighted")))
        if not beta > 0:
            raise ValueError(f"beta must be above 0, got {beta}")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"threshold must be above 0 and at most 1, got {threshold}")
        self.average, self.beta, self.threshold = average, beta, threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch, each sample with its weight (1 if None)."""
        t, y, weights = self.begun(y_true, y_pred, sample_weight)
        if self.threshold is None:
            yes = (y >= y.max(axis=-1, keepdims=True)) & (np.abs(y) > 1e-9)
        else:
            yes = y > self.threshold
        for name, counted in zip(self.sums, (yes * t, yes * (1 - t), (1 - yes) * t), strict=True):
            getattr(self, name).assign_add((counted * weights).sum(axis=0))

    def result(self) -> Any:
        """Return the score so far, or an array of scores; 0 before any sample."""
        if self.columns is None:
            return 0.0
        tp, fp, fn = (self.sum_of(name) for name in self.sums)
        if self.average == "micro":
            tp, fp, fn = (np.asarray(count.sum()) for count in (tp, fp, fn))
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        scores = (1 + self.beta**2) * precision * recall / (self.beta**2 * precision + recall + EPSILON)
        if self.average is None:
            return scores
        if self.average == "weighted":
            return float((scores * (tp + fn)).sum() / ((tp + fn).sum() + EPSILON))
        return float(scores.mean())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """2·precision·recall/(precision + recall) of each class: see `FBetaScore`."""

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {argument: value for argument, value in super().get_config().items() if argument != "beta"}


class R2Score(_PerColumn):
    """1 − Σ (t − y)²/Σ (t − mean)², the share of the targets' variance that is explained, of each column.

    `class_aggregation` None gives an array, "uniform_average" the columns' mean, "variance_weighted_average" that by
    their variance. `num_regressors` p > 0 adjusts it: 1 − (1 − R²)(n − 1)/(n − p − 1).
    """

    sums = ("squared_sum", "sum", "residual", "count")

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        if class_aggregation is not None:
            known = ("uniform_average", "variance_weighted_average")
            look_up("class_aggregation", class_aggregation, dict.fromkeys(known))
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable(dtype="float64", name="num_samples")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch, each sample with its weight (1 if None)."""
        t, y, weights = self.begun(y_true, y_pred, sample_weight)
        for name, part in zip(self.sums, (t * t, t, (t - y) ** 2, np.ones_like(t)), strict=True):
            getattr(self, name).assign_add((part * weights).sum(axis=0))
        self.num_samples.assign_add(t.size)

    def result(self) -> Any:
        """Return the score so far, or an array of scores; 0 before any sample."""
        if self.columns is None:
            return 0.0
        squares, total, residual, count = (self.sum_of(name) for name in self.sums)
        spread = squares - total * total / count
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1 - residual / spread
        scores = np.where(np.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (spread * scores).sum() / spread.sum()
        n = self.num_samples.item()
        if self.num_regressors and self.num_regressors < n - 1:
            scores = 1 - (1 - scores) * (n - 1) / (n - self.num_regressors - 1)
        return scores if np.ndim(scores) else float(scores)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}
