"""Counts of right and wrong yes-or-no answers at thresholds, and what is made of them: precision, recall, AUC, …

A prediction above a threshold is a yes. Each prediction counts with its sample's weight.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from .. import kernels
from ..arguments import fraction
from ..tensor import values as as_values
from ..weighting import aligned
from .base import Metric, alike

Thresholds: TypeAlias = float | Sequence[float] | None
COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class Counting(Metric):
    """Base of metrics that count, at each threshold; `counts` names what: one of `COUNTS`, or several.

    With `top_k` only the k largest predictions of a sample can be a yes; `class_id` looks at one class alone.
    """

    counts: ClassVar[tuple[str, ...]] = COUNTS
    top_k: int | None = None
    class_id: int | None = None

    def __init__(self, thresholds: Sequence[float], name: str | None, dtype: str | None) -> None:
        super().__init__(name, dtype)
        self.levels = np.asarray(thresholds, self.dtype)
        self.begin((len(self.levels),))

    def begin(self, shape: tuple[int, ...]) -> None:
        """Make the counts, 0 each."""
        for count in self.counts:
            setattr(self, count, self.add_variable(shape, dtype="float64", name=count))

    def count(self, name: str) -> np.ndarray:
        """Return one of the counts so far."""
        return getattr(self, name).numpy()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch, each sample with its weight (1 if None)."""
        t, y = (kernels.move(array, "cpu") for array in alike(y_true, y_pred))
        y = y.astype(self.levels.dtype)
        if t.shape != y.shape:
            raise ValueError(f"metric {self.name} got targets of shape {t.shape} and predictions of shape {y.shape}")
        weights = np.ones(y.shape)
        if sample_weight is not None:
            weights = weights * aligned(kernels.move(as_values(sample_weight), "cpu"), y.shape)
        if self.top_k is not None:
            first = np.argsort(-y, axis=-1, kind="stable")[..., : self.top_k]
            kept = np.zeros(y.shape, bool)
            np.put_along_axis(kept, first, True, axis=-1)
            y = np.where(kept, y, -np.inf)
        if self.class_id is not None:
            t, y, weights = (array[..., self.class_id] for array in (t, y, weights))
        self.take_in(t != 0, y, weights)

    def take_in(self, t: np.ndarray, y: np.ndarray, weights: np.ndarray) -> None:
        """Add to the counts."""
        for name, count in counted(t, y, weights, self.levels).items():
            if name in self.counts:
                getattr(self, name).assign_add(count)


def counted(t: np.ndarray, y: np.ndarray, weights: np.ndarray, levels: np.ndarray) -> dict[str, np.ndarray]:
    """Return the sums of weights of right and wrong yes and no of predictions y at each of some levels, by name."""
    order = np.argsort(levels)
    # How many levels each prediction is above.
    above = np.searchsorted(levels[order], y.ravel(), side="left")
    found = {}
    for kind, chosen in (("positives", t.ravel()), ("negatives", ~t.ravel())):
        at = np.bincount(above[chosen], weights.ravel()[chosen], len(levels) + 1)
        yes, no = np.empty(len(levels)), np.empty(len(levels))
        yes[order] = at[::-1].cumsum()[::-1][1:]
        no[order] = at.cumsum()[:-1]
        if kind == "positives":
            found["true_positives"], found["false_negatives"] = yes, no
        else:
            found["false_positives"], found["true_negatives"] = yes, no
    return found


def share(part: Any, other: Any) -> Any:
    """Return part/(part + other), 0 where both are."""
    whole = part + other
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


def _levels(thresholds: Thresholds, default: float) -> list[float]:
    if thresholds is None:
        return [default]
    several = list(thresholds) if isinstance(thresholds, Sequence) else [thresholds]
    return [fraction("thresholds", level) for level in several]


class ThresholdCount(Counting):
    """Base of the four counts: of predictions above each of some `thresholds` (0.5 if None), or of the others."""

    def __init__(self, thresholds: Thresholds = None, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(_levels(thresholds, 0.5), name, dtype)
        self.thresholds = thresholds

    def result(self) -> Any:
        """Return the count so far, of several thresholds an array of counts."""
        return _one_or_several(self.count(self.counts[0]))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {**super().get_config(), "thresholds": self.thresholds}


def _one_or_several(found: np.ndarray) -> Any:
    return float(found[0]) if len(found) == 1 else found


class TruePositives(ThresholdCount):
    """The number of yes that are right."""

    counts = ("true_positives",)


class FalsePositives(ThresholdCount):
    """The number of yes that are wrong."""

    counts = ("false_positives",)


class TrueNegatives(ThresholdCount):
    """The number of no that are right."""

    counts = ("true_negatives",)


class FalseNegatives(ThresholdCount):
    """The number of no that are wrong."""

    counts = ("false_negatives",)


class _Share(Counting):
    """The share of one count in the sum of two."""

    _direction = "up"  # as Keras marks which way is better

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(_levels(thresholds, 0.5 if top_k is None else -1e10), name, dtype)
        self.thresholds, self.top_k, self.class_id = thresholds, top_k, class_id

    def result(self) -> Any:
        """Return the share so far, of several thresholds an array of shares; 0 where there was nothing to count."""
        first, second = (self.count(name) for name in self.counts)
        return _one_or_several(share(first, second))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = {"thresholds": self.thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **own}


class Precision(_Share):
    """The share of yes that are right: TP/(TP + FP)."""

    counts = ("true_positives", "false_positives")


class Recall(_Share):
    """The share of what is true that is found: TP/(TP + FN)."""

    counts = ("true_positives", "false_negatives")


def even_levels(count: int) -> list[float]:
    """Return `count` thresholds from 0 to 1."""
    if count < 1:
        raise ValueError(f"num_thresholds must be at least 1, got {count}")
    return [0.5] if count == 1 else [0.0, *((i + 1) / (count - 1) for i in range(count - 2)), 1.0]


class _AtLeast(Counting):
    """The best of one share among the thresholds at which another one is at least what is asked for."""

    _direction = "up"
    asked: ClassVar[str]  # the argument
    constrained: ClassVar[tuple[str, str]]  # its share: of the first count in the sum of both
    wanted: ClassVar[tuple[str, str]]

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: str | None
    ) -> None:
        super().__init__(even_levels(num_thresholds), name, dtype)
        setattr(self, self.asked, fraction(self.asked, value))
        self.num_thresholds, self.class_id = num_thresholds, class_id

    def result(self) -> float:
        """Return the largest share; 0 where no threshold gives what is asked for."""
        held, free = (share(*(self.count(name) for name in pair)) for pair in (self.constrained, self.wanted))
        return float(np.max(free, where=held >= getattr(self, self.asked), initial=0.0))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = {"num_thresholds": self.num_thresholds, self.asked: getattr(self, self.asked), "class_id": self.class_id}
        return {**super().get_config(), **own}


_PRECISION = ("true_positives", "false_positives")
_RECALL = ("true_positives", "false_negatives")
_SPECIFICITY = ("true_negatives", "false_positives")


class SensitivityAtSpecificity(_AtLeast):
    """The best TP/(TP + FN) where TN/(TN + FP) is at least `specificity`."""

    asked, constrained, wanted = "specificity", _SPECIFICITY, _RECALL

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_AtLeast):
    """The best TN/(TN + FP) where TP/(TP + FN) is at least `sensitivity`."""

    asked, constrained, wanted = "sensitivity", _RECALL, _SPECIFICITY

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_AtLeast):
    """The best TP/(TP + FP) where TP/(TP + FN) is at least `recall`."""

    asked, constrained, wanted = "recall", _RECALL, _PRECISION

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_AtLeast):
    """The best TP/(TP + FN) where TP/(TP + FP) is at least `precision`."""

    asked, constrained, wanted = "precision", _PRECISION, _RECALL

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
