"""Steps of the user's own: `train_step`, `test_step`, `predict_step`, `compute_loss`, `compute_metrics`, as in Keras.

A model that defines none of them, and has no metrics of its own, takes the short way of `Stepping`; one that does takes
these methods, which do the same. What a step gets is what `fit` got: x, or a tuple of x, y and perhaps the samples'
weights, floating-point numbers as tensors and others as arrays. What it returns, a dict of numbers, is reported.
Source: keras/src/trainers/trainer.py and keras/src/backend/tensorflow/trainer.py, Keras 3.
"""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from .. import functions as F
from ..autograd import no_grad
from ..data import Batch
from ..data.dataset import count
from ..objectives import CompiledMetrics, RunningMetrics, number
from ..structure import flat, mapped
from ..tensor import Tensor, as_array, as_tensor
from .step import Stepping

STEPS = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")


class OwnStepping(Stepping):
    """What a model whose steps the user has written does with a batch."""

    own_steps: ClassVar[frozenset[str]] = frozenset()  # those of `STEPS` that a subclass defines
    _running: RunningMetrics | None = None  # of the run that is on, or was last

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.own_steps = cls.own_steps | (set(STEPS) & set(vars(cls)))

    @property
    def metrics(self) -> list[Any]:
        """All metrics: of the loss, of `compile`, of outputs' losses, and those that are attributes."""
        raise NotImplementedError

    def _compiled_measures(self) -> list[Any]:
        """Return the mean of the loss, the metrics that `compile` was given, as one, the means of outputs' losses."""
        if not self.compiled:
            return []
        if self._running is None or self._running.objectives is not self.objectives:
            self._running = RunningMetrics(self.objectives)
        given = any(objective.wanted or objective.wanted_weighted for objective in self.objectives)
        found = [CompiledMetrics(self._running, self._by_output)] if given else []
        return [self._running.loss, *found, *(mean for mean in self._running.losses if mean is not None)]

    def reset_metrics(self) -> None:
        """Forget all samples that the metrics have seen."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the values of all metrics by name."""
        found: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            found |= result if isinstance(result, dict) else {metric.name: result}
        return found

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """Return the loss that `compile` was given, of targets and outputs, plus what layers add to it."""
        outputs = [as_tensor(each) for each in self._by_output(y_pred)]
        targets = self._by_output(y)
        weights = self._by_output(sample_weight)
        total, parts = self._sum_of_losses(targets, outputs, weights)
        for mean, part in zip(self._running.losses if self._running else (), parts, strict=False):
            if mean is not None and part is not None:
                mean.add(part.data.astype(np.float64), len(outputs[0]))
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Take a batch into the metrics that `compile` was given, and return the values of all metrics by name."""
        for metric in self._compiled_measures():
            if isinstance(metric, CompiledMetrics):
                metric.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def train_step(self, data: Any) -> dict[str, Any]:
        """Make one update on a batch, and return the values of all metrics by name."""
        x, y, sample_weight = _parts(data)
        y_pred = self(x, training=True)
        loss = self._loss_of(x, y, y_pred, sample_weight, True)
        weights = self.trainable_weights
        for weight in weights:
            weight.grad = None
        if loss.requires_grad:
            (loss if loss.size == 1 else F.sum(loss)).backward()
        gradients = self.reduce_gradients([weight.grad for weight in weights], count(x))
        if self.keeps_gradients:
            self.gradients = gradients
        if weights and self.optimizer is not None:
            self.optimizer.apply(gradients, weights)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Take a batch into all metrics, without training, and return their values by name."""
        x, y, sample_weight = _parts(data)
        y_pred = self(x, training=False)
        self._loss_of(x, y, y_pred, sample_weight, False)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for a batch."""
        return self(_parts(data)[0], training=False)

    def _loss_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Tensor:
        """Return the loss of a batch by `compute_loss`, and take it into the mean."""
        told = {"training": training} if "training" in inspect.signature(self.compute_loss).parameters else {}
        loss = as_tensor(self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **told))
        if self._running is not None:
            self._running.loss.add(loss.data.astype(np.float64).mean(), count(x))
        return loss

    def _by_output(self, given: Any) -> list[Any]:
        """Return what is given for the outputs, or for all of them, as a list in their order."""
        n = len(self.objectives)
        if isinstance(given, Mapping) and set(given) <= set(self.output_names):
            return [given.get(name) for name in self.output_names]
        return flat(given) if n > 1 and isinstance(given, list | tuple | dict) else [given] * n

    def _begin(self, running: RunningMetrics) -> None:
        """Begin a run: find out whether the user's own steps are to be made, and have all metrics forget."""
        self.steps_freely = self._steps_freely()
        if self.steps_freely:
            self._running = running
            self.reset_metrics()

    def _steps_freely(self) -> bool:
        """Return whether there are steps of the user's own, or metrics that layers have."""
        return bool(self.own_steps - {"predict_step"}) or bool(self._own_metrics())

    def _own_metrics(self) -> list[Any]:
        """Return the metrics that the model and the layers within have as attributes."""
        raise NotImplementedError

    def _train_freely(self, batch: Batch, running: RunningMetrics) -> None:
        """Make the user's step of training."""
        for weight in self.trainable_weights:
            weight.grad = None
        with self._computing(batch):
            running.reported = _reported(self.train_step(self._given(batch)), "train_step")

    def _test_freely(self, batch: Batch, running: RunningMetrics) -> None:
        """Make the user's step of evaluation."""
        with no_grad(), self._computing(batch):
            running.reported = _reported(self.test_step(self._given(batch)), "test_step")

    def _given(self, batch: Batch) -> Any:
        """Return a batch as a step gets it."""
        parts = [mapped(self._as_tensors, part) for part in batch[:3] if part is not None]
        if batch.y is None and batch.sample_weight is not None:
            parts.insert(1, None)
        return parts[0] if len(parts) == 1 and not isinstance(parts[0], list) else tuple(parts)

    def _as_tensors(self, part: Any) -> Any:
        """Return an array of floating-point numbers as a tensor, and any other as it is."""
        return Tensor(as_array(part, self.dtype)) if part.dtype.kind == "f" else part

    def _in_order(self, logs: Mapping[str, Any]) -> list[Any]:
        """Return what `evaluate` reports, the metrics in their order before what else a step has returned."""
        if not self.steps_freely:
            return list(logs.values())
        names: list[str] = []
        for metric in self.metrics:
            names += metric.result() if isinstance(metric, CompiledMetrics) else [metric.name]
        known = [name for name in dict.fromkeys(names) if name in logs]
        return [logs[name] for name in [*known, *sorted(set(logs) - set(known))]]


def _parts(data: Any) -> tuple[Any, Any, Any]:
    """Return x, y and the samples' weights of what a step was given, None for what is not there."""
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) > 3:
        raise ValueError(f"a step gets x, y and sample_weight, got a tuple of {len(data)}")
    x, y, weight = (*data, None, None)[:3]
    return x, y, weight


def _reported(logs: Any, step: str) -> dict[str, Any]:
    """Return what a step has returned as numbers by name, in the names' order; those of a dict within among them."""
    if not isinstance(logs, Mapping):
        raise TypeError(f"{step} must return a dict of numbers by name, got {type(logs).__name__}")
    found: dict[str, Any] = {}
    for name in sorted(logs):
        value = logs[name]
        inner = {each: number(one) for each, one in value.items()} if isinstance(value, Mapping) else None
        found |= {name: number(value)} if inner is None else inner
    return found
