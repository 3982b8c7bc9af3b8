"""Hinge losses, of targets −1 and 1 (0 and 1 are taken for these) or of classes; and of distributions and counts."""

from typing import Any

import numpy as np

from .. import functions as F
from ..tensor import Tensor
from .base import EPSILON, SameShape, fitting, related


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of max(1 − t·y, 0) over the last axis."""
    t, y = fitting(y_true, y_pred)
    return F.mean(F.maximum(1.0 - y * _signs(t), 0.0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of max(1 − t·y, 0)² over the last axis."""
    t, y = fitting(y_true, y_pred)
    return F.mean(F.maximum(1.0 - y * _signs(t), 0.0) ** 2, axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Return max(1 + max (1 − t)·y − Σ t·y, 0) of one-hot targets: how far the best other class is from losing by 1."""
    t, y = fitting(y_true, y_pred)
    return F.maximum(F.max(y * (1 - t), axis=-1) - F.sum(y * t, axis=-1) + 1.0, 0.0)


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """Return Σ t·ln(t/y) over the last axis; both are clipped to [ε, 1]. Source: Kullback & Leibler 1951."""
    t, y = related(y_true, y_pred)
    t = F.clip(t, EPSILON, 1) if isinstance(t, Tensor) else np.clip(t, EPSILON, 1)
    information = F.log(t) if isinstance(t, Tensor) else np.log(t)
    return F.sum((information - F.log(F.clip(y, EPSILON, 1))) * t, axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of y − t·ln(y + ε) over the last axis: counts t that a Poisson process of mean y gives."""
    t, y = fitting(y_true, y_pred)
    return F.mean(y - F.log(y + EPSILON) * t, axis=-1)


def _signs(t: Any) -> Any:
    """Return targets as −1 and 1, if they are 0 and 1."""
    return t * 2 - 1 if bool(((t == 0) | (t == 1)).all()) else t


class Hinge(SameShape):
    """max(1 − t·y, 0), averaged over the last axis."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: str | None = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return hinge(y_true, y_pred)


class SquaredHinge(SameShape):
    """max(1 − t·y, 0)², averaged over the last axis."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return squared_hinge(y_true, y_pred)


class CategoricalHinge(SameShape):
    """max(1 + max (1 − t)·y − Σ t·y, 0) of one-hot targets: see `categorical_hinge`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return categorical_hinge(y_true, y_pred)


class KLDivergence(SameShape):
    """Σ t·ln(t/y) of two distributions over the last axis: see `kl_divergence`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return kl_divergence(y_true, y_pred)


class Poisson(SameShape):
    """y − t·ln(y + ε), averaged over the last axis: see `poisson`."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "poisson", dtype: str | None = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return poisson(y_true, y_pred)
