"""Correlations of targets and predictions."""

from typing import Any

import numpy as np

from .base import MeanOfValues, alike

EPSILON = 1e-7


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> np.ndarray:
    """Return Σ (t − t̄)(y − ȳ)/√(Σ (t − t̄)²·Σ (y − ȳ)²), with means t̄ and ȳ over `axis`; not a number for constants."""
    t, y = (np.asarray(each, np.float64) for each in alike(y_true, y_pred))
    t, y = (each - each.mean(axis=axis, keepdims=True) for each in (t, y))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (t * y).mean(axis=axis) / (t.std(axis=axis) * y.std(axis=axis))


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> np.ndarray:
    """Return 2·cov(t, y)/(var t + var y + (t̄ − ȳ)² + ε), over `axis`: 1 where y is t, not only a multiple of it."""
    t, y = (np.asarray(each, np.float64) for each in alike(y_true, y_pred))
    means = t.mean(axis=axis) - y.mean(axis=axis)
    covariance = ((t - t.mean(axis=axis, keepdims=True)) * (y - y.mean(axis=axis, keepdims=True))).mean(axis=axis)
    return 2 * covariance / (t.var(axis=axis) + y.var(axis=axis) + means**2 + EPSILON)


class PearsonCorrelation(MeanOfValues):
    """The mean over the samples of the correlation over `axis`: see `pearson_correlation`."""

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """Return the correlation of each sample."""
        return pearson_correlation(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {**super().get_config(), "axis": self.axis}


class ConcordanceCorrelation(PearsonCorrelation):
    """The mean over the samples of the concordance over `axis`: see `concordance_correlation`.

    Source: Lin 1989, "A concordance correlation coefficient to evaluate reproducibility".
    """

    def __init__(self, name: str | None = "concordance_correlation", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(name, dtype, axis)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """Return the concordance of each sample."""
        return concordance_correlation(y_true, y_pred, self.axis)
