"""Objectives: what each output of a model is trained towards, and how far a run has come."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from . import losses, metrics
from .batches import per_name
from .losses import Loss
from .tensor import Tensor


class Objective:
    """The loss of one output, its weight in the total, and the metrics; `name` is empty for a model's only output."""

    def __init__(self, name: str, loss: Loss, weight: float, wanted: Sequence[Any]) -> None:
        self.name, self.loss, self.weight, self.wanted = name, loss, weight, list(wanted)
        self.metrics: list[Any] | None = None
        for metric in self.wanted:
            metrics.get(metric, (2,), (None, 2))

    def log_name(self, what: str) -> str:
        """Return the name that logs have for something of this output."""
        return f"{self.name}_{what}" if self.name else what

    def resolve(self, y: Any, output_shape: Any) -> list[Any]:
        """Return the metrics; "accuracy" is resolved at the first batch, when the targets' shape is known."""
        if self.metrics is None:
            self.metrics = [metrics.get(metric, np.shape(y), output_shape) for metric in self.wanted]
        return self.metrics

    def check_activation(self, last: str | None, output_shape: Any) -> None:
        """Refuse a loss that does not fit the activation that the output comes from."""
        fitting = self.loss.outputs
        if fitting is None or last is None:
            return
        if self.loss.from_logits:
            if last in ("softmax", "sigmoid"):
                raise ValueError(
                    f"loss {self.loss.name} has from_logits=True, but the last layer already ends in {last}: "
                    "remove one of the two"
                )
        elif last not in fitting:
            other = "from_logits=True" if last == "linear" else "a loss that fits"
            raise ValueError(
                f"loss {self.loss.name} needs probabilities from {fitting[0]}, but the last layer ends in {last}: "
                f'use activation="{fitting[0]}" there, or {other}'
            )
        if last == "softmax" and output_shape[-1] == 1:
            raise ValueError(
                'softmax over one unit is always 1: use activation="sigmoid" with loss binary_crossentropy'
            )


def make_objectives(names: Sequence[str], loss: Any, loss_weights: Any, wanted: Any) -> list[Objective]:
    """Return an objective for each output of these names, from what `compile` was given.

    One loss serves all outputs; else loss, weights and metrics come as a list in the outputs' order or a dict by name.
    """
    if len(names) == 1:
        if isinstance(wanted, str):
            raise ValueError(f'metrics must be a list, such as ["{wanted}"]')
        weight = 1.0 if loss_weights is None else per_name("loss_weights", loss_weights, names)[0]
        loss = per_name("loss", loss, names)[0] if isinstance(loss, list | tuple | Mapping) else loss
        wanted = wanted.get(names[0], []) if isinstance(wanted, Mapping) else wanted or []
        return [Objective("", losses.get(loss), float(weight), [wanted] if isinstance(wanted, str) else wanted)]
    each = per_name("loss", loss, names) if isinstance(loss, list | tuple | Mapping) else [loss] * len(names)
    weights = [1.0] * len(names) if loss_weights is None else per_name("loss_weights", loss_weights, names)
    if isinstance(wanted, Mapping):
        per_name("metrics", {**dict.fromkeys(names), **wanted}, names)
        lists = [wanted.get(name) or [] for name in names]
    else:
        lists = [[]] * len(names) if not wanted else per_name("metrics", wanted, names)
    lists = [list(one) if isinstance(one, list | tuple) else [one] if one else [] for one in lists]
    return [Objective(*parts) for parts in zip(names, map(losses.get, each), map(float, weights), lists, strict=True)]


class RunningMetrics:
    """The mean total loss of an epoch so far, each output's metrics and, where there are several outputs, its loss."""

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self.objectives, self.started = objectives, False
        self.loss = metrics.Mean()
        self.losses = [metrics.Mean() for _ in objectives] if len(objectives) > 1 else []

    def add(self, total: Tensor, parts: Sequence[Tensor], targets: Sequence[Any], outputs: Sequence[Tensor]) -> None:
        """Take in a batch; the metrics start afresh with the first."""
        count = len(outputs[0])
        self.loss.add(total.data.astype(np.float64), count)
        for mean, part in zip(self.losses, parts, strict=False):
            mean.add(part.data.astype(np.float64), count)
        for objective, y, y_pred in zip(self.objectives, targets, outputs, strict=True):
            for metric in objective.resolve(y, (None, *y_pred.shape[1:])):
                if not self.started:
                    metric.reset_state()
                metric.update_state(y, y_pred.data)
        self.started = True

    def by_name(self) -> dict[str, Any]:
        """Return the running means by name, the loss first."""
        named = {"loss": self.loss}
        named |= {
            objective.log_name("loss"): mean for objective, mean in zip(self.objectives, self.losses, strict=False)
        }
        if self.started:
            for objective in self.objectives:
                named |= {objective.log_name(metric.name): metric for metric in objective.metrics or []}
        return named

    def logs(self) -> dict[str, float]:
        """Return the means so far by name."""
        return {name: metric.result() for name, metric in self.by_name().items()}


class LazyLogs(Mapping[str, float]):
    """The logs of a batch on a GPU, fetched only when somebody looks: that is to wait for them."""

    def __init__(self, running: RunningMetrics) -> None:
        self.by_name = {name: copy(metric) for name, metric in running.by_name().items()}

    def __getitem__(self, name: str) -> float:
        return self.by_name[name].result()

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)

    def __repr__(self) -> str:
        return repr(dict(self))
