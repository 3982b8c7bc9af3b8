"""`compiled_loss` and `compiled_metrics`: what a training step of one's own called in tf.keras 2.2 to 2.15."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functions as F
from ..models import Model
from ..objectives import CompiledMetrics
from ..tensor import Tensor, as_tensor
from .eras import Era
from .spelling import Patch


class CompiledLoss:
    """The losses that a model's `compile` was given, without what layers add."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Sequence[Tensor] | None = None
    ) -> Tensor:
        """Return the loss of a batch plus those that are given besides; the mean that is reported takes it in."""
        model = self.model
        parts = [model._by_output(each) for each in (y_true, y_pred, sample_weight)]
        total: Any = 0.0
        for objective, y, output, weight in zip(model.objectives, *parts, strict=True):
            if objective.loss is not None:
                total = total + objective.weight * objective.loss(y, output, weight)
        for loss in regularization_losses or ():
            total = total + F.sum(loss)
        total = as_tensor(total)
        if model._running is not None:
            model._running.loss.add(total.data.astype(np.float64), len(parts[1][0]))
        return total


def compiled_metrics(model: Any) -> CompiledMetrics:
    """Return the metrics that a model's `compile` was given, as one."""
    model._compiled_measures()  # they are the model's from its first run on, or from now on
    return CompiledMetrics(model._running, model._by_output)


def patches(era: Era) -> list[Patch]:
    """Return both as properties of models."""
    if not era.old:
        return []
    return [(Model, "compiled_loss", property(CompiledLoss)), (Model, "compiled_metrics", property(compiled_metrics))]
