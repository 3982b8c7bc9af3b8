"""The area under a curve of shares that thresholds trace out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functions as F
from ..autograd import no_grad
from ..names import look_up
from ..tensor import values as as_values
from .confusion import COUNTS, Counting, counted, even_levels, share

CURVES = dict.fromkeys(("ROC", "PR"))
SUMMATIONS = dict.fromkeys(("interpolation", "minoring", "majoring"))
EPSILON = 1e-7


class AUC(Counting):
    """The area under the curve of TP/(TP + FN) over FP/(FP + TN) ("ROC"), or of TP/(TP + FP) over TP/(TP + FN) ("PR").

    Between `num_thresholds` thresholds the curve is straight in counts ("interpolation": for PR after Davis & Goadrich
    2006, "The relationship between precision-recall and ROC curves"), or a step. `multi_label` computes an area for
    each column and averages them by `label_weights`; without it these weigh the columns' counts.
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        if thresholds is None and num_thresholds < 2:
            raise ValueError(f"num_thresholds must be at least 2, got {num_thresholds}")
        look_up("curve", curve, CURVES)
        look_up("summation_method", summation_method, SUMMATIONS)
        if num_labels and not multi_label:
            raise ValueError(f"num_labels is for multi_label=True, got num_labels={num_labels}")
        self.given = None if thresholds is None else sorted(thresholds)
        inner = even_levels(num_thresholds)[1:-1] if self.given is None else self.given
        self.num_thresholds, self.curve, self.summation_method = len(inner) + 2, curve, summation_method
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else np.asarray(label_weights, np.float64)
        self.labels = num_labels
        super().__init__([-EPSILON, *inner, 1 + EPSILON], name, dtype)

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, from just below 0 to just above 1."""
        return [float(level) for level in self.levels]

    def begin(self, shape: tuple[int, ...]) -> None:
        """Make the counts, once the number of labels is known."""
        if not self.multi_label:
            super().begin(shape)
        elif self.labels:
            super().begin((*shape, self.labels))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch, each sample with its weight (1 if None)."""
        y = as_values(y_pred)
        if self.multi_label and not self.labels:
            self.labels = y.shape[-1]
            self.begin((self.num_thresholds,))
        if self.from_logits:
            with no_grad():
                y = as_values(F.sigmoid(y))
        super().update_state(y_true, y, sample_weight)

    def take_in(self, t: np.ndarray, y: np.ndarray, weights: np.ndarray) -> None:
        """Add to the counts."""
        if not self.multi_label:
            return super().take_in(t, y, weights if self.label_weights is None else weights * self.label_weights)
        if y.ndim != 2 or y.shape[1] != self.labels:
            raise ValueError(f"metric {self.name} got predictions of shape {y.shape}, needs (n, {self.labels})")
        columns = [counted(t[:, label], y[:, label], weights[:, label], self.levels) for label in range(y.shape[1])]
        for name in COUNTS:
            getattr(self, name).assign_add(np.stack([column[name] for column in columns], axis=1))
        return None

    def result(self) -> float:
        """Return the area so far; 0 before any sample."""
        if self.multi_label and not self.labels:
            return 0.0
        tp, fp, tn, fn = (self.count(name) for name in COUNTS)
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated(tp, fp, fn)
        else:
            x, y = (share(fp, tn), share(tp, fn)) if self.curve == "ROC" else (share(tp, fn), share(tp, fp))
            heights = {
                "interpolation": (y[:-1] + y[1:]) / 2,
                "minoring": np.minimum(y[:-1], y[1:]),
                "majoring": np.maximum(y[:-1], y[1:]),
            }[self.summation_method]
            areas = ((x[:-1] - x[1:]) * heights).sum(axis=0)
        return float(np.average(areas, weights=self.label_weights if self.multi_label else None))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = ("num_thresholds", "curve", "summation_method", "multi_label", "num_labels", "from_logits")
        weights = None if self.label_weights is None else self.label_weights.tolist()
        config = {**super().get_config(), **{name: getattr(self, name) for name in own}, "label_weights": weights}
        return config if self.given is None else {**config, "thresholds": self.given}


def _interpolated(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """Return the area under precision over recall, true positives growing linearly with all positives in between."""
    positives = tp + fp
    grown, more = tp[:-1] - tp[1:], positives[:-1] - positives[1:]
    slope = np.divide(grown, more, out=np.zeros_like(grown), where=more > 0)
    intercept = tp[1:] - slope * positives[1:]
    both = (positives[:-1] > 0) & (positives[1:] > 0)
    ratio = np.divide(positives[:-1], positives[1:], out=np.ones_like(grown), where=both)
    true = tp[1:] + fn[1:]
    parts = slope * (grown + intercept * np.log(ratio))
    return np.divide(parts, true, out=np.zeros_like(parts), where=true > 0).sum(axis=0)
