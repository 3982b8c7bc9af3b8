"""Losses of numbers: how far predictions y are from targets t, each averaged over the last axis.

Each is a function of (targets, predictions), which returns the loss of each sample, and a class.
"""

from typing import Any

import numpy as np

from .. import functions as F
from ..arguments import positive
from ..tensor import Tensor
from .base import EPSILON, SameShape, fitting, related


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of (t − y)²."""
    t, y = related(y_true, y_pred)
    return F.mean((y - t) ** 2, axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of |t − y|."""
    t, y = related(y_true, y_pred)
    return F.mean(F.absolute(y - t), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of 100·|t − y|/max(|t|, ε)."""
    t, y = fitting(y_true, y_pred)
    return F.mean(F.absolute((y - t) / np.maximum(np.abs(t), EPSILON)), axis=-1) * 100.0


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of (ln(1 + t) − ln(1 + y))², where numbers below ε count as ε."""
    t, y = fitting(y_true, y_pred)
    return F.mean((F.log(F.maximum(y, EPSILON) + 1.0) - np.log(np.maximum(t, EPSILON) + 1)) ** 2, axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Return the mean of (t − y)²/2 where |t − y| ≤ delta, else delta·|t − y| − delta²/2.

    Source: Huber 1964, "Robust estimation of a location parameter".
    """
    t, y = related(y_true, y_pred)
    away = F.absolute(y - t)
    return F.mean(F.where(away.data <= delta, away * away * 0.5, away * delta - 0.5 * delta**2), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of ln cosh(y − t), computed as d + ln(1 + e⁻²ᵈ) − ln 2."""
    t, y = related(y_true, y_pred)
    away = y - t
    return F.mean(away + F.softplus(away * -2.0) - np.log(2.0), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Return −t·y/(‖t‖‖y‖) over `axis`: −1 where they point the same way. Norms count as no less than ε."""
    t, y = related(y_true, y_pred)
    norms = F.sqrt(F.maximum(F.sum(y * y, axis, keepdims=True), EPSILON**2))
    if isinstance(t, Tensor):
        unit = t / F.sqrt(F.maximum(F.sum(t * t, axis, keepdims=True), EPSILON**2))
    else:
        unit = t / np.sqrt(np.maximum((t * t).sum(axis=axis, keepdims=True), EPSILON**2))
    return -F.sum(y / norms * unit, axis)


class MeanSquaredError(SameShape):
    """(t − y)² of targets t and predictions y, averaged over the last axis."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(SameShape):
    """|t − y|, averaged over the last axis."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return mean_absolute_error(y_true, y_pred)


class MeanAbsolutePercentageError(SameShape):
    """100·|t − y|/|t|, averaged over the last axis."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return mean_absolute_percentage_error(y_true, y_pred)


class MeanSquaredLogarithmicError(SameShape):
    """(ln(1 + t) − ln(1 + y))², averaged over the last axis."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return mean_squared_logarithmic_error(y_true, y_pred)


class Huber(SameShape):
    """Squared near the target, absolute from `delta` on: see `huber`."""

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = positive("delta", delta)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return huber(y_true, y_pred, self.delta)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss; Keras's leaves `delta` out, so it is there only if need be."""
        return super().get_config() | ({} if self.delta == 1 else {"delta": self.delta})


class LogCosh(SameShape):
    """ln cosh(y − t), averaged over the last axis: see `log_cosh`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return log_cosh(y_true, y_pred)


class CosineSimilarity(SameShape):
    """−t·y/(‖t‖‖y‖) over `axis`: see `cosine_similarity`."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return cosine_similarity(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss; Keras's leaves `axis` out, so it is there only if need be."""
        return super().get_config() | ({} if self.axis == -1 else {"axis": self.axis})
