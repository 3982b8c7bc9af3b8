"""The circle loss, of embeddings."""

from typing import Any

import numpy as np

from .. import functions as F
from .. import kernels
from ..arguments import positive
from ..tensor import Tensor, as_tensor, values
from .base import Loss


class Circle(Loss):
    """Draws embeddings (n,d) of one label together, and those of different labels apart: for vectors of length 1.

    With distances dᵢⱼ = max(1 − eᵢ·eⱼ, 0), margin m, and for each sample i the others P of its label and those N of
    another,

        softplus(ln Σ exp(−γ·(m + d)·(m − d)) over P + ln Σ exp(γ·max(1 + m − d, 0)·(1 − m − d)) over N)

    What has no P or no N has no loss, and no share in the mean. With `remove_diagonal` False a sample is of its own P.
    Source: Sun et al. 2020, "Circle loss: a unified perspective of pair similarity optimization".
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.gamma, self.margin = positive("gamma", gamma), margin
        self.remove_diagonal = remove_diagonal

    def targets(self, y_true: Any, output_shape: tuple[int | None, ...]) -> np.ndarray:
        """Return the labels as (n,)."""
        y_true = values(y_true)
        if len(output_shape) != 2 or y_true.ndim not in (1, 2) or y_true.shape[1:] not in ((), (1,)):
            raise ValueError(
                f"loss {self.name} needs embeddings (n, d) and a label for each (n,), got {y_true.shape} for an output "
                f"{output_shape}"
            )
        return y_true.reshape(-1)

    def prepared(self, y_true: Any, y_pred: Tensor) -> Any:
        """Return the labels on the prediction's device."""
        return kernels.move(self.targets(y_true, y_pred.shape), y_pred.device)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        alike = y_true[:, None] == y_true
        others = ~alike
        if self.remove_diagonal:
            alike &= kernels.move(~np.eye(len(y_true), dtype=bool), y_pred.device)
        d = F.maximum(1 - F.matmul(y_pred, F.transpose(y_pred)), 0.0)
        near = (d + self.margin) * (d - self.margin) * self.gamma
        far = F.maximum(1 + self.margin - d, 0.0) * (1 - self.margin - d) * self.gamma
        has_both = alike.any(axis=1) & others.any(axis=1)
        both = _log_sum_exp(near, alike) + _log_sum_exp(far, others)
        return F.softplus(both) * has_both.astype(y_pred.dtype)

    def counts(self, y_true: Any, losses: Any) -> Any:
        """Return 1 for each sample that has both kinds of others."""
        return (losses > 0).astype(losses.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        own = {"gamma": self.gamma, "margin": self.margin, "remove_diagonal": self.remove_diagonal}
        return {**super().get_config(), **own}


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: None = None,
    ref_embeddings: None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """Return the loss of each embedding. See `Circle`; the references are those of the batch itself, None."""
    if ref_labels is not None or ref_embeddings is not None:
        raise ValueError("circle compares the embeddings of a batch with each other: leave out ref_labels")
    y = as_tensor(y_pred)
    loss = Circle(gamma, margin, remove_diagonal)
    return loss.call(loss.prepared(y_true, y), y)


def _log_sum_exp(x: Tensor, among: Any) -> Tensor:
    """Return ln Σ exp(x) of each row of x (n,n), over the places that are `among`; 0 for a row that has none."""
    largest = np.where(among, x.data, -np.inf).max(axis=1, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0).astype(x.dtype)
    total = F.sum(F.exp(F.where(among, x - largest, 0.0)) * among.astype(x.dtype), axis=1)
    return F.log(total + (~among.any(axis=1)).astype(x.dtype)) + largest[:, 0]
