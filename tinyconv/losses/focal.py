"""Losses for classes of very different sizes: focal cross-entropies, and overlaps of regions.

Sources: Lin et al. 2017, "Focal loss for dense object detection"; Milletari et al. 2016, "V-Net" (Dice); Salehi et al.
2017, "Tversky loss function for image segmentation".
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from .. import functions as F
from ..tensor import Tensor
from .base import EPSILON, SameShape, fitting
from .cross_entropy import CrossEntropy, of_samples, smoothing

Axis: TypeAlias = int | Sequence[int] | None


class BinaryFocalCrossentropy(CrossEntropy, SameShape):
    """(1 − q)^gamma times the binary cross-entropy, where q is the probability of what is right: y or 1 − y.

    With `apply_class_balancing` targets 1 weigh `alpha`, targets 0 weigh 1 − alpha.
    """

    outputs = ("sigmoid",)

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, axis, reduction, name, dtype)
        self.label_smoothing = smoothing(label_smoothing)
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        t, y = self.classes_last(*fitting(y_true, y_pred))
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / 2
        logits = self.logits(y)
        if logits is not None:
            y = F.sigmoid(logits)
            losses = F.sigmoid_cross_entropy(logits, t)
        else:
            p = F.clip(y, EPSILON, 1 - EPSILON)
            losses = -(F.log(p) * t + F.log(1 - p) * (1 - t))
        losses = (1 - (y * t + (1 - y) * (1 - t))) ** self.gamma * losses
        if self.apply_class_balancing:
            losses = losses * (t * self.alpha + (1 - t) * (1 - self.alpha))
        return F.mean(losses, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        own = ("label_smoothing", "apply_class_balancing", "alpha", "gamma")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


class CategoricalFocalCrossentropy(CrossEntropy, SameShape):
    """−Σ alpha·(1 − p)^gamma·t·ln p of one-hot targets t and probabilities p, clipped to [ε, 1 − ε]."""

    outputs = ("softmax",)

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, axis, reduction, name, dtype)
        self.label_smoothing = smoothing(label_smoothing)
        self.alpha, self.gamma = alpha, gamma

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        t, y = self.classes_last(*fitting(y_true, y_pred))
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / t.shape[-1]
        if self.from_logits:
            y = F.softmax(y)
        p = F.clip(y / F.sum(y, axis=-1, keepdims=True), EPSILON, 1 - EPSILON)
        return -F.sum((1 - p) ** self.gamma * F.log(p) * (t * self.alpha), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        own = ("label_smoothing", "alpha", "gamma")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return the focal binary cross-entropy of each sample. See `BinaryFocalCrossentropy`."""
    loss = BinaryFocalCrossentropy(apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis)
    return of_samples(loss, y_true, y_pred)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return the focal cross-entropy of each sample. See `CategoricalFocalCrossentropy`."""
    loss = CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing, axis)
    return of_samples(loss, y_true, y_pred)


def dice(y_true: Any, y_pred: Any, axis: Axis = None) -> Tensor:
    """Return 1 − 2·Σ t·y/(Σ t + Σ y + ε) over `axis`, or over all of the batch if None."""
    t, y = fitting(y_true, y_pred)
    over = _axes(axis)
    return 1 - F.sum(y * t, over) * 2.0 / (F.sum(y, over) + t.sum(axis=over) + EPSILON)


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None) -> Tensor:
    """Return 1 − I/(I + alpha·Σ t·(1 − y) + beta·Σ (1 − t)·y + ε), where I = Σ t·y, over `axis` or all if None.

    So, as in Keras, `alpha` is for what was missed and `beta` for what was wrongly found.
    """
    t, y = fitting(y_true, y_pred)
    over = _axes(axis)
    both, missed, wrong = F.sum(y * t, over), F.sum((1 - y) * t, over), F.sum(y * (1 - t), over)
    return 1 - both / (both + missed * alpha + wrong * beta + EPSILON)


def _axes(axis: Axis) -> Any:
    return tuple(axis) if isinstance(axis, Sequence) else axis


class Dice(SameShape):
    """How little two regions overlap: see `dice`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Axis = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of the batch, or of the axes that are left."""
        return dice(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "axis": self.axis}


class Tversky(SameShape):
    """How little two regions overlap, with weights for what is missed and what is wrongly found: see `tversky`."""

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Axis = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.alpha, self.beta, self.axis = alpha, beta, axis

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of the batch, or of the axes that are left."""
        return tversky(y_true, y_pred, self.alpha, self.beta, self.axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta, "axis": self.axis}
