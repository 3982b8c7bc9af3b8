"""Trainer: compile, fit, evaluate and predict, with Keras's arguments and meaning.

The reported loss and metrics of an epoch are running means over its batches, weighted by their sizes, while the weights
change; validation runs after the epoch, with the weights it ended with.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import numpy as np

from . import kernels, losses, metrics, optimizers
from .autograd import no_grad
from .batches import ArrayBatches, Batch, Batches, as_data, split
from .callbacks import Callback, CallbackList, History, ProgressBar
from .callbacks.progress import spell
from .layers import Parameter
from .layers.layer import size
from .losses import Loss
from .tensor import Tensor, as_array

Shape = tuple[int | None, ...]


class Trainer:
    """What a model can do once it can be called: learn, be measured, predict."""

    trainable_weights: list[Parameter]
    losses: list[Tensor]
    input_shape: Any  # a Shape, or None until it is known
    output_shape: Any
    dtype: str

    optimizer: optimizers.Optimizer | None = None
    loss: Loss
    stop_training = False
    device = "cpu"  # where the weights are, and batches go

    def __call__(self, x: Any, training: bool = False) -> Tensor:
        """Compute the model's output."""
        raise NotImplementedError

    def last_activation(self) -> str | None:
        """Return the name of the activation that the output comes from, or None if it is not known."""
        raise NotImplementedError

    def require_built(self) -> None:
        """Raise ValueError when the model's input shape is not known yet."""
        raise NotImplementedError

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of `input_shape`, batch axis included."""
        raise NotImplementedError

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "rmsprop",
        loss: str | Loss | None = None,
        metrics: Sequence[str | metrics.Metric] | None = None,
    ) -> None:
        """Choose how the model learns: an optimizer, a loss and metrics, each by name or as an object.

        Raises ValueError for an unknown name (the nearest is suggested).
        """
        if loss is None:
            raise ValueError('compile needs a loss, such as loss="categorical_crossentropy"')
        if isinstance(metrics, str):
            raise ValueError(f'metrics must be a list, such as ["{metrics}"]')
        self.optimizer = optimizers.get(optimizer)
        self.loss = losses.get(loss)
        self.stop_training = False
        self._wanted = list(metrics or [])
        self._metrics: list[Any] | None = None
        self._check_metric_names()

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
    ) -> History:
        """Train for epochs `initial_epoch` … `epochs` − 1 and return the history.

        `x` and `y` are arrays of n samples (`batch_size` 32 if None), or `x` is a `Batches` object and `y` None.
        `verbose` 0 is silent, 1 ("auto") a progress bar, 2 one line an epoch. `validation_data` is (x, y) or
        (x, y, sample_weight); without it, `validation_split` takes the last part of the samples. `class_weight` maps a
        class to the weight of its samples' losses, `sample_weight` (n,) weights each. Raises ValueError for data that
        the model or its loss cannot take, before any weight changes.
        """
        optimizer = self._require_compiled()
        if isinstance(x, Batches):
            given = {"y": y, "batch_size": batch_size, "class_weight": class_weight, "sample_weight": sample_weight}
            extra = [name for name, value in given.items() if value is not None]
            if validation_split:
                extra.append("validation_split")
            if extra:
                raise ValueError(f"fit on Batches takes no {extra[0]}: its batches hold x, y and the samples' weights")
        if not isinstance(epochs, int) or epochs < 1 or not initial_epoch >= 0:
            raise ValueError(f"epochs must be at least 1 and initial_epoch at least 0, got {epochs}, {initial_epoch}")
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'verbose must be "auto", 0, 1 or 2, got {verbose!r}')
        batch_size = size("batch_size", 32 if batch_size is None else batch_size)
        if isinstance(x, Batches):
            data = x
        else:
            arrays = self._data(x, y, sample_weight)
            if validation_split and validation_data is None:
                arrays, validation_data = split(arrays, validation_split)
            if class_weight is not None:
                arrays = (*arrays[:2], _weigh(arrays[1], arrays[2], class_weight))
            data = ArrayBatches(*arrays, batch_size=batch_size, shuffle=shuffle)
        validation = None
        if validation_data is not None:
            if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
                raise ValueError("validation_data must be (x, y) or (x, y, sample_weight)")
            validation = ArrayBatches(*self._data(*validation_data), batch_size=batch_size)

        history = History()
        shown = [] if verbose == 0 else [ProgressBar(animate=verbose != 2)]
        listeners = CallbackList([history, *(callbacks or []), *shown], self)
        listeners.params["epochs"] = epochs
        self.stop_training = False
        try:
            listeners.on_train_begin()
            for epoch in range(initial_epoch, epochs):
                listeners.params["steps"] = data.steps(epoch)
                listeners.on_epoch_begin(epoch)
                tracker = _Tracker()
                for step, batch in enumerate(self._sent(data.epoch(epoch, optimizer.iterations))):
                    listeners.params["batch"] = len(batch[0])
                    listeners.on_train_batch_begin(step)
                    with self._room_for(len(batch[0])):
                        self._train(batch, tracker)
                    listeners.on_train_batch_end(step, tracker.logs() if self.device == "cpu" else _Pending(tracker))
                    if self.stop_training:
                        break
                logs = tracker.logs()
                if validation is not None:
                    logs |= {f"val_{name}": value for name, value in self._measure(validation).items()}
                listeners.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            listeners.on_train_end()
        finally:
            for bar in shown:
                bar.stop()
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        *,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and the metrics on arrays x and y, without training: a list, or a dict by name.

        Without metrics the loss is returned alone.
        """
        self._require_compiled()
        arrays = self._data(x, y, sample_weight)
        logs = self._measure(
            ArrayBatches(*arrays, batch_size=size("batch_size", 32 if batch_size is None else batch_size))
        )
        if verbose:
            print(spell(logs))
        return logs if return_dict else _flat(logs)

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = 0) -> np.ndarray:
        """Return the model's output for every sample of the array x, computed in batches (32 if None)."""
        x = as_data("x", x, self.dtype)
        self._check_shape(x)
        self._build_for(x)
        step = size("batch_size", 32 if batch_size is None else batch_size)
        with no_grad():
            parts = (x[at : at + step] for at in range(0, len(x), step))
            with self._room_for(min(step, len(x))):
                return np.concatenate([self(self._moved(part)).numpy() for part in parts])

    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None, *, return_dict: bool = False) -> Any:
        """Make one update on a batch and return its loss, and its metrics if there are any, before the update."""
        self._require_compiled()
        tracker = _Tracker()
        self._train(self._data(x, y, sample_weight), tracker)
        logs = tracker.logs()
        return logs if return_dict else _flat(logs)

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss of a batch, and its metrics if there are any."""
        self._require_compiled()
        arrays = self._data(x, y, sample_weight)
        logs = self._measure(ArrayBatches(*arrays, batch_size=len(arrays[0])))
        return logs if return_dict else _flat(logs)

    def _train(self, batch: tuple[Any, Any, Any], tracker: "_Tracker") -> None:
        """Make one update: forward, loss, backward, optimizer."""
        x, y, sample_weight = (self._moved(part) for part in batch)
        y_pred = self(x, training=True)
        loss = self._total_loss(y, y_pred, sample_weight)
        weights = self.trainable_weights
        for weight in weights:
            weight.grad = None
        loss.backward()
        assert self.optimizer is not None
        self.optimizer.apply([weight.grad for weight in weights], weights)
        tracker.add(loss, self._resolve_metrics(y), y, y_pred, len(x))
        for weight in weights:
            weight.grad = None

    def _measure(self, data: ArrayBatches) -> dict[str, float]:
        """Return loss and metrics over all batches, without training."""
        tracker = _Tracker()
        with no_grad():
            for x, y, sample_weight in self._sent(data.epoch(0, 0)):
                with self._room_for(len(x)):
                    y_pred = self(x)
                    loss = self._total_loss(y, y_pred, sample_weight)
                    tracker.add(loss, self._resolve_metrics(y), y, y_pred, len(x))
        return tracker.logs()

    @contextmanager
    def _room_for(self, count: int) -> Iterator[None]:
        """Say of a GPU's memory that runs out in the `with` block which batch it ran out on, and which to try."""
        try:
            yield
        except MemoryError as error:
            if self.device == "cpu":
                raise
            fix = f"try batch_size={count // 2}" if count > 1 else "the model needs a larger GPU, or the CPU"
            raise MemoryError(f"a batch of {count} does not fit on the GPU ({error}): {fix}") from None

    def _moved(self, part: Any) -> Any:
        """Return a part of a batch on the model's device; on a GPU as numbers of the model's dtype."""
        return part if self.device == "cpu" or part is None else kernels.move(as_array(part, self.dtype), self.device)

    def _sent(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yield the batches on the model's device: to a GPU, each is copied while the one before is computed with."""
        if self.device == "cpu":
            return batches
        return kernels.send_ahead(self._checked(batch) for batch in batches)

    def _checked(self, batch: Batch) -> Batch:
        """Return a batch bound for a GPU as numbers of the model's dtype; there, wrong labels could not be refused."""
        self.loss.check(batch[1], self.output_shape)
        x, y, sample_weight = (None if part is None else as_array(part, self.dtype) for part in batch)
        return x, y, sample_weight

    def _total_loss(self, y: Any, y_pred: Tensor, sample_weight: Any) -> Tensor:
        """Return the loss of a batch plus the penalties of regularised weights."""
        loss = self.loss(y, y_pred, sample_weight)
        for penalty in self.losses:
            loss = loss + penalty
        return loss

    def _data(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[Any, Any, Any]:
        """Return (x, y, sample_weight) as arrays after checking them against the model and its loss."""
        if y is None:
            raise ValueError("targets y are missing: give an array of as many samples as x")
        x, y = as_data("x", x, self.dtype), as_data("y", y, self.dtype)
        self._check_shape(x)
        if len(x) != len(y):
            raise ValueError(f"x has {len(x)} samples and y has {len(y)}: they must be as many")
        if sample_weight is not None:
            sample_weight = as_data("sample_weight", sample_weight, self.dtype)
            if sample_weight.shape != (len(x),):
                raise ValueError(f"sample_weight must have shape ({len(x)},), got {sample_weight.shape}")
        self._build_for(x)
        self._check_loss()
        self.loss.check(y, self.output_shape)
        return x, y, sample_weight

    def _build_for(self, x: np.ndarray) -> None:
        """Build a model that waited for data; refuse one without layers."""
        if self.input_shape is None:
            self.build((None, *x.shape[1:]))
        self.require_built()

    def _check_shape(self, x: np.ndarray) -> None:
        """Refuse x of a shape that the built model does not take."""
        if self.input_shape is not None and x.shape[1:] != self.input_shape[1:]:
            needed = ", ".join(["n", *map(str, self.input_shape[1:])])
            hint = ""
            if x.shape == self.input_shape[1:]:
                hint = ": a single sample needs a first axis of length 1 (x[None])"
            elif (*x.shape[1:], 1) == self.input_shape[1:]:
                hint = ": add the channel axis (x[..., None])"
            raise ValueError(f"x has shape {x.shape}, the model needs ({needed}){hint}")

    def _check_loss(self) -> None:
        """Refuse a loss that does not fit the model's last activation."""
        fitting, last = self.loss.outputs, self.last_activation()
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
        if last == "softmax" and self.output_shape[-1] == 1:
            raise ValueError(
                'softmax over one unit is always 1: use activation="sigmoid" with loss binary_crossentropy'
            )

    def _check_metric_names(self) -> None:
        for metric in self._wanted:
            metrics.get(metric, (2,), (None, 2))

    def _resolve_metrics(self, y: Any) -> list[Any]:
        """Return the metrics; "accuracy" is resolved at the first batch, when the targets' shape is known."""
        if self._metrics is None:
            self._metrics = [metrics.get(metric, np.shape(y), self.output_shape) for metric in self._wanted]
        return self._metrics

    def _require_compiled(self) -> optimizers.Optimizer:
        if self.optimizer is None:
            raise ValueError("compile the model first: model.compile(optimizer=..., loss=..., metrics=[...])")
        return self.optimizer


class _Tracker:
    """The running loss and metrics of an epoch."""

    def __init__(self) -> None:
        self.loss = metrics.Mean()
        self.metrics: list[Any] | None = None

    def add(self, loss: Tensor, tracked: list[Any], y: Any, y_pred: Tensor, count: int) -> None:
        """Take in a batch of `count` samples; the metrics start afresh with the first."""
        if self.metrics is None:
            self.metrics = tracked
            for metric in tracked:
                metric.reset_state()
        self.loss.add(loss.data.astype(np.float64), count)
        for metric in self.metrics:
            metric.update_state(y, y_pred.data)

    def tracked(self) -> dict[str, Any]:
        """Return the running means by name, the loss first."""
        return {"loss": self.loss, **{metric.name: metric for metric in self.metrics or []}}

    def logs(self) -> dict[str, float]:
        """Return the means so far by name."""
        return {name: metric.result() for name, metric in self.tracked().items()}


class _Pending(Mapping[str, float]):
    """The logs of a batch on a GPU, fetched only when somebody looks: that is to wait for them."""

    def __init__(self, tracker: _Tracker) -> None:
        self.tracked = {name: copy(metric) for name, metric in tracker.tracked().items()}

    def __getitem__(self, name: str) -> float:
        return self.tracked[name].result()

    def __iter__(self) -> Iterator[str]:
        return iter(self.tracked)

    def __len__(self) -> int:
        return len(self.tracked)

    def __repr__(self) -> str:
        return repr(dict(self))


def _flat(logs: dict[str, float]) -> float | list[float]:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _weigh(y: np.ndarray, sample_weight: np.ndarray | None, class_weight: Mapping[int, float]) -> np.ndarray:
    """Return each sample's weight: its class's, times its own if given."""
    labels = y.argmax(axis=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(-1).astype(int)
    missing = sorted(set(np.unique(labels).tolist()) - set(class_weight))
    if missing:
        raise ValueError(f"class_weight must name every class of y, it lacks {missing}")
    weights = np.zeros(max(class_weight) + 1)
    weights[list(class_weight)] = list(class_weight.values())
    return weights[labels] if sample_weight is None else weights[labels] * sample_weight
