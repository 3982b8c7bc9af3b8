"""Losses and distances as metrics: means over an epoch of what a loss computes."""

from typing import Any, ClassVar

import numpy as np

from .. import losses
from ..autograd import no_grad
from ..losses import Loss
from ..tensor import as_tensor
from ..tensor import values as as_values
from ..weighting import aligned
from .base import Mean, MeanOfValues, alike


class LossMetric(MeanOfValues):
    """The mean of a loss's values, those of an epoch; a subclass says which loss."""

    sign: ClassVar[float] = 1.0
    _direction = "down"  # as Keras marks which way is better

    def __init__(self, loss: Loss, name: str | None, dtype: str | None) -> None:
        super().__init__(name, dtype)
        self.loss = loss

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """Return the loss of each sample."""
        with no_grad():
            y = as_tensor(y_pred)
            return as_values(self.loss.call(self.loss.prepared(y_true, y), y)) * self.sign


class MeanSquaredError(LossMetric):
    """The mean of (t − y)²."""

    def __init__(self, name: str | None = "mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(losses.MeanSquaredError(), name, dtype)


class MeanAbsoluteError(LossMetric):
    """The mean of |t − y|."""

    def __init__(self, name: str | None = "mean_absolute_error", dtype: str | None = None) -> None:
        super().__init__(losses.MeanAbsoluteError(), name, dtype)


class MeanAbsolutePercentageError(LossMetric):
    """The mean of 100·|t − y|/|t|."""

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: str | None = None) -> None:
        super().__init__(losses.MeanAbsolutePercentageError(), name, dtype)


class MeanSquaredLogarithmicError(LossMetric):
    """The mean of (ln(1 + t) − ln(1 + y))²."""

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: str | None = None) -> None:
        super().__init__(losses.MeanSquaredLogarithmicError(), name, dtype)


class LogCoshError(LossMetric):
    """The mean of ln cosh(y − t)."""

    def __init__(self, name: str | None = "logcosh", dtype: str | None = None) -> None:
        super().__init__(losses.LogCosh(), name, dtype)


class Hinge(LossMetric):
    """The mean of max(1 − t·y, 0), targets being −1 and 1, or 0 and 1."""

    def __init__(self, name: str | None = "hinge", dtype: str | None = None) -> None:
        super().__init__(losses.Hinge(), name, dtype)


class SquaredHinge(LossMetric):
    """The mean of max(1 − t·y, 0)²."""

    def __init__(self, name: str | None = "squared_hinge", dtype: str | None = None) -> None:
        super().__init__(losses.SquaredHinge(), name, dtype)


class CategoricalHinge(LossMetric):
    """The mean of max(1 + max (1 − t)·y − Σ t·y, 0)."""

    def __init__(self, name: str | None = "categorical_hinge", dtype: str | None = None) -> None:
        super().__init__(losses.CategoricalHinge(), name, dtype)


class KLDivergence(LossMetric):
    """The mean of Σ t·ln(t/y)."""

    def __init__(self, name: str | None = "kl_divergence", dtype: str | None = None) -> None:
        super().__init__(losses.KLDivergence(), name, dtype)


class Poisson(LossMetric):
    """The mean of y − t·ln y."""

    def __init__(self, name: str | None = "poisson", dtype: str | None = None) -> None:
        super().__init__(losses.Poisson(), name, dtype)


class CosineSimilarity(LossMetric):
    """The mean of t·y/(‖t‖‖y‖) over `axis`: 1 where they point the same way. The loss of this name is its negative."""

    sign, _direction = -1.0, "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(losses.CosineSimilarity(axis), name, dtype)
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric; Keras's leaves `axis` out, so it is there only if need be."""
        return super().get_config() | ({} if self.axis == -1 else {"axis": self.axis})


class BinaryCrossentropy(LossMetric):
    """The mean of −t·ln p − (1 − t)·ln(1 − p)."""

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing}
        return {**super().get_config(), **own}


class CategoricalCrossentropy(LossMetric):
    """The mean of −Σ t·ln p of one-hot targets."""

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(losses.CategoricalCrossentropy(from_logits, label_smoothing, axis), name, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing, "axis": self.axis}
        return {**super().get_config(), **own}


class SparseCategoricalCrossentropy(LossMetric):
    """The mean of −ln p[label].

    As in Keras, what has the label `ignore_class` counts as a loss of 0, or where there are weights with a weight of 0.
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(losses.SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis), name, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in a batch, each sample with its weight (1 if None)."""
        if self.ignore_class is not None and sample_weight is not None:
            counts = self.loss.targets(y_true, as_values(y_pred).shape) != self.ignore_class
            sample_weight = aligned(as_values(sample_weight), counts.shape) * counts
        super().update_state(y_true, y_pred, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "ignore_class": self.ignore_class,
            "axis": self.axis,
        }


class RootMeanSquaredError(Mean):
    """The root of the mean of (t − y)² over all samples."""

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in a batch, each sample with its weight (1 if None)."""
        t, y = alike(y_true, y_pred)
        super().update_state((y - t.astype(y.dtype)) ** 2, sample_weight)

    def result(self) -> float:
        """Return the root of the mean so far."""
        return float(np.sqrt(super().result()))
