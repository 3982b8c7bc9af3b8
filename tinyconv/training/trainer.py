"""Trainer: compile, fit, evaluate and predict, with Keras's arguments and meaning.

The reported loss and metrics of an epoch are running means over its batches, weighted by their sizes, while the weights
change; validation runs after the epoch, with the weights it ended with. The loss is Σ weightᵢ·lossᵢ / samples, whatever
the weights; `weighted_metrics` are Σ weightᵢ·valueᵢ / Σ weightᵢ, and `metrics` know no weights: as in Keras.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from .. import optimizers, registry
from ..arguments import size, whole
from ..autograd import no_grad
from ..callbacks import Callback, CallbackList, History, ProgressBar
from ..data import Batch, Dataset
from ..data.arrays import split
from ..data.dataset import count, is_dataset
from ..layers import Parameter
from ..layers.graph import flat
from ..losses import Loss
from ..objectives import LazyLogs, RunningMetrics, make_objectives
from ..randomness import first_sample
from ..tensor import Tensor
from .inputs import CheckedArrays, DataChecks, counted

Callbacks: TypeAlias = Callback | Sequence[Callback] | None


class Trainer(DataChecks):
    """What a model can do once it can be called: learn, be measured, predict."""

    optimizer: optimizers.Optimizer | None = None
    history: History | None = None  # of the last `fit`
    stop_training = stop_evaluating = stop_predicting = False  # a callback sets them to True
    batch_samples = 0  # of the batch that `fit` has in hand
    _compiled: Mapping[str, Any] | None = None  # the arguments of `compile`

    @property
    def trainable_weights(self) -> list[Parameter]:
        """Weights that training changes."""
        raise NotImplementedError

    @property
    def losses(self) -> list[Tensor]:
        """Penalties of the regularised weights."""
        raise NotImplementedError

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute the model's output, or a list of outputs."""
        raise NotImplementedError

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        *,
        weighted_metrics: Any = None,
    ) -> None:
        """Choose how the model learns: an optimizer, a loss and a list of metrics.

        Each comes by name, as an object, or as a function of (targets, predictions). `weighted_metrics` count each
        sample by its weight. A model of several outputs adds up their losses, each times its weight in `loss_weights`
        (1 if None). One loss serves all; else losses, weights and lists of metrics come in a list in the outputs'
        order, or in a dict by the names of the layers that the outputs come from. Raises ValueError for an unknown
        name, with the nearest.
        """
        if loss is None:
            raise ValueError('compile needs a loss, such as loss="categorical_crossentropy"')
        objectives = make_objectives(self.output_names, loss, loss_weights, metrics, weighted_metrics)
        self.optimizer = optimizers.get(optimizer)
        self.objectives = objectives
        self.stop_training = False
        self._compiled = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
        }

    def get_compile_config(self) -> dict[str, Any]:
        """Return the description of what `compile` was given, in Keras's words; {} before `compile`."""
        if self._compiled is None:
            return {}
        return registry.serialize({"optimizer": self.optimizer, **self._compiled})

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as `get_compile_config`, or Keras's, describes. What speeds up Keras alone is passed over."""
        keras_only = ("run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss")
        self.compile(**{name: value for name, value in config.items() if name not in keras_only})

    @property
    def loss(self) -> Loss:
        """The loss of the output, or of the first of several."""
        return self.objectives[0].loss

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
    ) -> History:
        """Train for epochs `initial_epoch` … `epochs` − 1 and return the history.

        `x` and `y` are arrays of n samples (`batch_size` 32 if None), or lists or dicts of them where the model has
        several inputs or outputs, or `x` is a `Dataset` and `y` None.
        `verbose` 0 is silent, 1 ("auto") a progress bar, 2 one line an epoch. `validation_data` is (x, y),
        (x, y, sample_weight) or a `Dataset`; without it, `validation_split` takes the last part of the samples.
        `class_weight` maps a class to the weight of its samples' losses (1 if it is not named), `sample_weight` (n,)
        weights each. Raises ValueError for data that the model or its loss cannot take: of arrays before any weight
        changes, of a dataset at the batch.
        """
        optimizer = self._require_compiled()
        epochs, initial_epoch = size("epochs", epochs), whole("initial_epoch", initial_epoch)
        data: Dataset
        if is_dataset(x):
            _refuse("fit", y=y, batch_size=batch_size, sample_weight=sample_weight)
            if validation_split:
                raise ValueError("fit on a Dataset takes no validation_split: give validation_data")
            data = x
        else:
            arrays = self.checked(Batch(x, y, sample_weight))
            if validation_split and validation_data is None:
                arrays, held_out = split(arrays, validation_split)
                validation_data = held_out[:3]
            data = CheckedArrays(*arrays[:3], batch_size=32 if batch_size is None else batch_size, shuffle=shuffle)
        validation = None if validation_data is None else self.validation_dataset(validation_data, batch_size)
        data.updates = optimizer.iterations - sum(data.steps(epoch) for epoch in range(initial_epoch))
        if self.input_shape is not None and not self.trainable_weights:
            warnings.warn("the model has no weights that training changes: all its layers are frozen", stacklevel=2)

        self.history = history = History()
        self.stop_training = False
        logs: dict[str, float] = {}
        with self._listening(callbacks, verbose, epochs, data.steps(initial_epoch), history) as listeners:
            listeners.on_train_begin()
            for epoch in range(initial_epoch, epochs):
                assert listeners.params is not None
                listeners.params["steps"] = data.steps(epoch)
                listeners.on_epoch_begin(epoch)
                with RunningMetrics(self.objectives) as running:
                    for step, batch in enumerate(self.batches(data, epoch, class_weight)):
                        self.batch_samples = count(batch.x)
                        listeners.on_train_batch_begin(step)
                        self._train(batch, running)
                        listeners.on_train_batch_end(step, self._logs(running))
                        if self.stop_training:
                            break
                    logs = running.logs()
                if validation is not None:
                    logs |= {f"val_{name}": value for name, value in self._measure(validation, listeners).items()}
                listeners.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            listeners.on_train_end(logs)
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        *,
        callbacks: Callbacks = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and the metrics on arrays x and y, or on a `Dataset` x, without training.

        They come as a list, or as a dict by name; without metrics the loss is returned alone.
        """
        self._require_compiled()
        data: Dataset
        if is_dataset(x):
            _refuse("evaluate", y=y, batch_size=batch_size, sample_weight=sample_weight)
            data = x
        else:
            arrays = self.checked(Batch(x, y, sample_weight))
            data = CheckedArrays(*arrays[:3], batch_size=32 if batch_size is None else batch_size)
        with self._listening(callbacks, verbose, 1, data.steps(0)) as listeners:
            logs = self._measure(data, listeners)
        return logs if return_dict else _flat(logs)

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: int | str = "auto", *, callbacks: Callbacks = None
    ) -> Any:
        """Return the model's output for every sample of x, computed in batches (32 if None); or a list of outputs.

        `x` is an array, a list or dict of them for several inputs, or a `Dataset`, whose targets are passed over.
        `verbose` "auto" is a bar on a terminal, 1 prints a line at the end, too.
        """
        data: Dataset
        if is_dataset(x):
            _refuse("predict", batch_size=batch_size)
            data = x
        else:
            data = CheckedArrays(self.checked_inputs(x), batch_size=32 if batch_size is None else batch_size)
        self.stop_predicting = False
        found: list[list[np.ndarray]] = []
        with self._listening(callbacks, verbose, 1, data.steps(0)) as listeners:
            listeners.on_predict_begin()
            batches = data.epoch(0) if isinstance(data, CheckedArrays) else counted(data, 0)
            for step, given in enumerate(batches):
                x = given.x if isinstance(data, CheckedArrays) else self.checked_inputs(given.x)
                batch = Batch(self.moved(x))
                listeners.on_predict_batch_begin(step)
                with no_grad(), self._computing(batch):
                    found.append([y.numpy() for y in flat(self(batch.x))])
                outputs = found[-1] if isinstance(self.output_shape, list) else found[-1][0]
                listeners.on_predict_batch_end(step, {"outputs": outputs})
                if self.stop_predicting:
                    break
            listeners.on_predict_end()
        columns = [np.concatenate(column) for column in zip(*found, strict=True)]
        return columns if isinstance(self.output_shape, list) else columns[0]

    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Make one update on a batch and return its loss, and its metrics if there are any, before the update."""
        self._require_compiled()
        batch = self.checked(Batch(x, y, sample_weight))
        if class_weight is not None:
            batch = self.with_class_weight(batch, class_weight)
        with RunningMetrics(self.objectives) as running:
            self._train(self.moved(batch), running)
            logs = running.logs()
        return logs if return_dict else _flat(logs)

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss of a batch, and its metrics if there are any."""
        self._require_compiled()
        batch = self.checked(Batch(x, y, sample_weight))
        with RunningMetrics(self.objectives) as running:
            self._test(self.moved(batch), running)
            logs = running.logs()
        return logs if return_dict else _flat(logs)

    def reduce_gradients(self, gradients: list[Any], samples: int) -> list[Any]:
        """Return the gradients (arrays, or None for a weight without) that the optimizer is to get.

        They are those of the mean loss of a batch of `samples` samples: themselves here. Whoever trains in several
        processes returns the mean of all, each weighted by its samples.
        """
        return gradients

    def _train(self, batch: Batch, running: RunningMetrics) -> None:
        """Make one update: forward, loss, backward, optimizer."""
        with self._computing(batch):
            loss = self._total_loss(batch, True, running)
            weights = self.trainable_weights
            for weight in weights:
                weight.grad = None
            if loss.requires_grad:
                loss.backward()
            gradients = self.reduce_gradients([weight.grad for weight in weights], count(batch.x))
            assert self.optimizer is not None
            if weights:
                self.optimizer.apply(gradients, weights)
            for weight in weights:
                weight.grad = None

    def _test(self, batch: Batch, running: RunningMetrics) -> None:
        """Take a batch into the running means, without training."""
        with no_grad(), self._computing(batch):
            self._total_loss(batch, False, running)

    def _measure(self, data: Dataset, listeners: CallbackList) -> dict[str, float]:
        """Return loss and metrics over all batches, without training."""
        self.stop_evaluating = False
        listeners.on_test_begin()
        with RunningMetrics(self.objectives) as running:
            for step, batch in enumerate(self.batches(data, 0)):
                listeners.on_test_batch_begin(step)
                self._test(batch, running)
                listeners.on_test_batch_end(step, self._logs(running))
                if self.stop_evaluating:
                    break
            logs = running.logs()
        listeners.on_test_end(logs)
        return logs

    def _total_loss(self, batch: Batch, training: bool, running: RunningMetrics) -> Tensor:
        """Compute the outputs of a batch, and return their losses plus the penalties of regularised weights."""
        outputs = flat(self(batch.x, training=training))
        targets, weights = ([part] * len(outputs) if not isinstance(part, list) else part for part in batch[1:3])
        given = zip(self.objectives, targets, outputs, weights, strict=True)
        parts = [objective.loss(target, output, weight) for objective, target, output, weight in given]
        weighted = [
            part if objective.weight == 1 else part * objective.weight
            for objective, part in zip(self.objectives, parts, strict=True)
        ]
        total = weighted[0]
        for term in [*weighted[1:], *self.losses]:
            total = total + term
        running.add(total, parts, targets, outputs, weights)
        return total

    def _logs(self, running: RunningMetrics) -> Mapping[str, float]:
        """Return the means so far; on a GPU they are fetched when somebody looks."""
        return running.logs() if self.device == "cpu" else LazyLogs(running)

    @contextmanager
    def _listening(
        self, callbacks: Callbacks, verbose: int | str, epochs: int, steps: int, history: History | None = None
    ) -> Iterator[CallbackList]:
        """Have callbacks, the history and a progress bar listen, in this order; take the bar down in the end."""
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'verbose must be "auto", 0, 1 or 2, got {verbose!r}')
        listeners = CallbackList(callbacks, self, {"verbose": verbose, "epochs": epochs, "steps": steps})
        if history is not None:
            listeners.append(history)
        if verbose != 0:
            listeners.append(ProgressBar(animate=verbose != 2))
        try:
            yield listeners
        finally:
            for callback in listeners.callbacks:
                if isinstance(callback, ProgressBar):
                    callback.stop()

    @contextmanager
    def _computing(self, batch: Batch) -> Iterator[None]:
        """Compute with a batch in the `with` block: as the part of a larger one that it is, see `Dataset.shard`.

        Where a GPU's memory runs out, say on which batch, and which to try.
        """
        try:
            with first_sample(batch.first):
                yield
        except MemoryError as error:
            if self.device == "cpu":
                raise
            n = count(batch.x)
            fix = f"try batch_size={n // 2}" if n > 1 else "the model needs a larger GPU, or the CPU"
            raise MemoryError(f"a batch of {n} does not fit on the GPU ({error}): {fix}") from None

    def _require_compiled(self) -> optimizers.Optimizer:
        if self.optimizer is None:
            raise ValueError("compile the model first: model.compile(optimizer=..., loss=..., metrics=[...])")
        return self.optimizer


def _refuse(method: str, **given: Any) -> None:
    """Refuse arguments that say of arrays what a dataset says itself."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"{method} on a Dataset takes no {name}: its batches hold x, y and the samples' weights")


def _flat(logs: dict[str, float]) -> float | list[float]:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
