"""Objectives: what each output of a model is trained towards, and how far a run has come."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy, deepcopy
from typing import Any, Self

import numpy as np

from . import kernels, losses, metrics
from .data.arrays import per_name
from .losses import Loss
from .tensor import Tensor, values

Metrics = list[metrics.Metric]


class Objective:
    """The loss of one output, its weight in the total, and its metrics; `name` is empty for a model's only output.

    `loss` is None for an output that is trained towards nothing. `metrics` count every sample once, `weighted_metrics`
    by its weight.
    """

    def __init__(
        self, name: str, loss: Loss | None, weight: float, wanted: Sequence[Any], wanted_weighted: Sequence[Any]
    ) -> None:
        self.name, self.loss, self.weight = name, loss, weight
        self.wanted, self.wanted_weighted = list(wanted), list(wanted_weighted)
        self.metrics: tuple[Metrics, Metrics] | None = None
        self.in_use = False  # by a run: another inside it has metrics of its own
        for metric in (*self.wanted, *self.wanted_weighted):
            metrics.metric_of(metric, (2,), (None, 2))

    def log_name(self, what: str) -> str:
        """Return the name that logs have for something of this output."""
        return f"{self.name}_{what}" if self.name else what

    def resolved(self, y: Any, output_shape: Any) -> tuple[Metrics, Metrics]:
        """Return metrics and weighted metrics; "accuracy" is resolved once the shape of the targets is known."""
        if self.metrics is None:
            shape = np.shape(values(y))
            self.metrics = tuple(  # type: ignore[assignment]
                [metrics.metric_of(metric, shape, output_shape) for metric in each]
                for each in (self.wanted, self.wanted_weighted)
            )
        assert self.metrics is not None
        return self.metrics

    def check_activation(self, last: str | None, output_shape: Any) -> None:
        """Refuse a loss that does not fit the activation that the output comes from."""
        fitting = None if self.loss is None else self.loss.outputs
        if self.loss is None or fitting is None or last is None:
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


def make_objectives(
    names: Sequence[str], loss: Any, loss_weights: Any, wanted: Any, wanted_weighted: Any
) -> list[Objective]:
    """Return an objective for each output of these names, from what `compile` was given.

    One loss serves all outputs; else loss, weights and metrics come as a list in the outputs' order or a dict by name.
    """
    weights = _for_outputs("loss_weights", 1.0 if loss_weights is None else loss_weights, names)
    for weight in weights:
        if not isinstance(weight, int | float | np.number) or not np.isfinite(weight):
            raise ValueError(f"loss_weights must be finite numbers, got {weight!r}")
    several = len(names) > 1
    if several and loss_weights is not None and not isinstance(loss_weights, list | tuple | Mapping):
        raise ValueError(f"loss_weights needs a list or a dict of {len(names)} numbers, got {loss_weights!r}")
    given = zip(
        names if several else [""],
        [None if each is None else losses.loss_of(each) for each in _for_outputs("loss", loss, names)],
        map(float, weights),
        _metrics_for_outputs("metrics", wanted, names),
        _metrics_for_outputs("weighted_metrics", wanted_weighted, names),
        strict=True,
    )
    return [Objective(*parts) for parts in given]


def _for_outputs(what: str, given: Any, names: Sequence[str]) -> list[Any]:
    """Return what is given for each output: in a list in their order, in a dict by name, or one for all."""
    if isinstance(given, Mapping) and "class_name" not in given:
        return per_name(what, {**dict.fromkeys(names, 1.0 if what == "loss_weights" else None), **given}, names)
    if isinstance(given, list | tuple):
        if len(given) != len(names):
            raise ValueError(f"{what} needs one for each output ({', '.join(names)}), got {len(given)}")
        return list(given)
    return [given] * len(names)


def _metrics_for_outputs(what: str, given: Any, names: Sequence[str]) -> list[list[Any]]:
    """Return the metrics of each output: of a single one from a list, else from a list of lists, or from a dict."""
    if isinstance(given, str):
        raise ValueError(f'{what} must be a list, such as ["{given}"]')
    if not given:
        return [[] for _ in names]
    if isinstance(given, Mapping):
        per_name(what, {**dict.fromkeys(names), **given}, names)
        each = [given.get(name) for name in names]
    elif len(names) == 1 and not (len(given) == 1 and isinstance(given[0], list | tuple)):
        each = [given]
    else:
        each = per_name(what, list(given), names) if len(names) > 1 else list(given)
    return [list(one) if isinstance(one, list | tuple) else [one] if one else [] for one in each]


class RunningMetrics:
    """The mean total loss of an epoch so far, each output's metrics and, where there are several outputs, its loss.

    All losses are weighted by the sizes of their batches, those of single outputs too: as Keras counts when it runs
    eagerly (in a TensorFlow graph it counts a short last batch of theirs in full, so that they do not add up).

    Used by `with`, it has the model's own metric objects, afresh; if another run has them at the moment, copies.
    """

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self.objectives = objectives
        self.loss = metrics.Mean("loss")
        trained = [objective.loss is not None for objective in objectives]
        self.losses = [  # of each output, or of none
            metrics.Mean(objective.log_name("loss")) if known else None
            for objective, known in zip(objectives, trained, strict=True)
            if sum(trained) > 1
        ]
        self.reported: dict[str, Any] | None = None  # what a step of the user's own has returned
        self.metrics: list[tuple[Metrics, Metrics]] | None = None  # of each output, from the first batch on
        self.nested = False

    def __enter__(self) -> Self:
        self.nested = any(objective.in_use for objective in self.objectives)
        if not self.nested:
            for objective in self.objectives:
                objective.in_use = True
        return self

    def __exit__(self, *_: Any) -> None:
        if not self.nested:
            for objective in self.objectives:
                objective.in_use = False

    def add(
        self,
        total: Tensor,
        parts: Sequence[Tensor | None],
        targets: Sequence[Any],
        outputs: Sequence[Tensor],
        weights: Sequence[Any],
    ) -> None:
        """Take in a batch: its total loss and, of each output, loss, targets, predictions and samples' weights."""
        count = len(outputs[0])
        self.loss.add(total.data.astype(np.float64), count)
        for mean, part in zip(self.losses, parts, strict=False):
            if mean is not None and part is not None:
                mean.add(part.data.astype(np.float64), count)
        self.update(targets, outputs, weights)

    def update(self, targets: Sequence[Any], outputs: Sequence[Tensor], weights: Sequence[Any]) -> None:
        """Take a batch into the metrics of each output."""
        if self.metrics is None:
            self.metrics = self._afresh(targets, outputs)
        for (plain, weighted), y, y_pred, weight in zip(self.metrics, targets, outputs, weights, strict=True):
            for metric in plain:
                metric.update_state(y, y_pred.data)
            for metric in weighted:
                metric.update_state(y, y_pred.data, weight)

    def _afresh(self, targets: Sequence[Any], outputs: Sequence[Tensor]) -> list[tuple[Metrics, Metrics]]:
        """Return the metrics of each output, without any samples."""
        found = [
            objective.resolved(y, (None, *y_pred.shape[1:]))
            for objective, y, y_pred in zip(self.objectives, targets, outputs, strict=True)
        ]
        found = deepcopy(found) if self.nested else found
        for pair in found:
            for metric in (*pair[0], *pair[1]):
                metric.reset_state()
        return found

    def by_name(self) -> dict[str, metrics.Metric]:
        """Return the running means by name, the loss first; of two of one name the weighted goes by "weighted_…"."""
        named: dict[str, metrics.Metric] = {"loss": self.loss}
        named |= {mean.name: mean for mean in self.losses if mean is not None}
        return self._with_metrics(named)

    def compiled(self) -> dict[str, metrics.Metric]:
        """Return the metrics that `compile` was given, by name."""
        return self._with_metrics({})

    def _with_metrics(self, named: dict[str, metrics.Metric]) -> dict[str, metrics.Metric]:
        for objective, pair in zip(self.objectives, self.metrics or [], strict=False):
            for metrics_, prefix in zip(pair, ("", "weighted_"), strict=True):
                for metric in metrics_:
                    name = objective.log_name(metric.name)
                    named[_unused(objective.log_name(prefix + metric.name) if name in named else name, named)] = metric
        return named

    def logs(self) -> dict[str, float]:
        """Return the means so far by name."""
        if self.reported is not None:
            return self.reported
        return {name: number(metric.result()) for name, metric in self.by_name().items()}


class CompiledMetrics(metrics.Metric):
    """The metrics that `compile` was given, of all outputs, as one: what a model's `metrics` has of them.

    `outputs` makes a list, in the order of the outputs, of what is given for them.
    """

    def __init__(self, running: RunningMetrics, outputs: Callable[[Any], list[Any]]) -> None:
        super().__init__("compile_metrics")
        self.running, self.outputs = running, outputs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of targets and outputs."""
        self.running.update(self.outputs(y_true), self.outputs(y_pred), self.outputs(sample_weight))

    def result(self) -> Any:
        """Return the values so far by name."""
        return {name: metric.result() for name, metric in self.running.compiled().items()}

    def reset_state(self) -> None:
        """Forget all samples."""
        for metric in self.running.compiled().values():
            metric.reset_state()


def _unused(name: str, named: Mapping[str, Any]) -> str:
    """Return `name`, with a number behind it where it is taken: metrics of one name are all reported."""
    number, free = 1, name
    while free in named:
        free, number = f"{name}_{number}", number + 1
    return free


def number(result: Any) -> Any:
    """Return a metric's result, one number in any form, as a Python float; several as an array."""
    if type(result) is float:
        return result
    found = values(result)
    return float(found.item()) if found.size == 1 else kernels.move(found, "cpu")


class LazyLogs(Mapping[str, float]):
    """The logs of a batch on a GPU, fetched only when somebody looks: that is to wait for them."""

    def __init__(self, running: RunningMetrics) -> None:
        # A mean is a number that is not there yet, and its copy keeps it; what else there is may change in place.
        self.results = {
            name: copy(metric).result if isinstance(metric, metrics.Mean) else _keep(metric.result())
            for name, metric in running.by_name().items()
        }

    def __getitem__(self, name: str) -> float:
        return number(self.results[name]())

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        return repr(dict(self))


def _keep(result: Any) -> Any:
    value = number(result)
    return lambda: value
