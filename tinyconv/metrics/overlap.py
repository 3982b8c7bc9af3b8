"""Intersection over union of classes, as segmentation is measured.

Source: Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) challenge".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import kernels
from ..tensor import values as as_values
from ..weighting import aligned
from .base import Metric

EPSILON = 1e-7


class IoU(Metric):
    """The mean, over `target_class_ids`, of TP/(TP + FP + FN), where a class occurs.

    Targets and predictions are labels 0 … `num_classes` − 1; one-hot, or scores, along `axis` if they are not
    `sparse_y_true` and `sparse_y_pred`. Other labels do not count, nor do targets of `ignore_class`. (Keras cuts
    weights to whole numbers, unless it is given a dtype.)
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        if not all(0 <= label < num_classes for label in target_class_ids):
            raise ValueError(f"target_class_ids must be in 0 … {num_classes - 1}, got {target_class_ids}")
        self.num_classes, self.target_class_ids = num_classes, list(target_class_ids)
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        # Samples of each true class (rows) that were taken for each class (columns).
        self.total_cm = self.add_variable((num_classes, num_classes), dtype="float64", name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch, each sample, or each of its places, with its weight (1 if None)."""
        t, y = (kernels.move(as_values(array), "cpu") for array in (y_true, y_pred))
        t = (t if self.sparse_y_true else t.argmax(axis=self.axis)).astype(np.int64)
        y = (y if self.sparse_y_pred else y.argmax(axis=self.axis)).astype(np.int64).ravel()
        weights = np.ones(t.shape)
        if sample_weight is not None:
            weights = weights * aligned(kernels.move(as_values(sample_weight), "cpu"), t.shape)
        t, weights, n = t.ravel(), weights.ravel(), self.num_classes
        if len(t) != len(y):
            raise ValueError(f"metric {self.name} got {len(t)} targets and {len(y)} predictions")
        counts = (t >= 0) & (t < n) & (y >= 0) & (y < n)
        if self.ignore_class is not None:
            counts &= t != self.ignore_class
        self.total_cm.assign_add(np.bincount((t * n + y)[counts], weights[counts], n * n).reshape(n, n))

    def result(self) -> float:
        """Return the mean so far; 0 before any sample."""
        matrix = self.total_cm.numpy()
        both = np.diag(matrix)
        either = matrix.sum(axis=0) + matrix.sum(axis=1) - both
        both, either = both[self.target_class_ids], either[self.target_class_ids]
        occurs = either > 1e-9
        return float((both[occurs] / (either[occurs] + EPSILON)).sum() / (occurs.sum() + EPSILON))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _without(config: dict[str, Any], *arguments: str) -> dict[str, Any]:
    return {argument: value for argument, value in config.items() if argument not in arguments}


class BinaryIoU(IoU):
    """`IoU` of two classes; predictions of at least `threshold` are of class 1."""

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch, each sample, or each of its places, with its weight (1 if None)."""
        super().update_state(y_true, as_values(y_pred) >= self.threshold, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**_without(super().get_config(), *own), "threshold": self.threshold}


class MeanIoU(IoU):
    """`IoU` of all classes."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        every = range(num_classes)
        super().__init__(num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return _without(super().get_config(), "target_class_ids")


class OneHotIoU(IoU):
    """`IoU` of one-hot targets."""

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return _without(super().get_config(), "sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """`IoU` of all classes, of one-hot targets."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return _without(super().get_config(), "sparse_y_true")
