"""Trainer: compile, fit, evaluate and predict, with Keras's arguments and meaning.

The reported loss and metrics of an epoch are running means over its batches, weighted by their sizes, while the weights
change; validation runs after the epoch, with the weights it ended with. The loss is Σ weightᵢ·lossᵢ / samples, whatever
the weights; `weighted_metrics` are Σ weightᵢ·valueᵢ / Σ weightᵢ, and `metrics` know no weights: as in Keras.
"""

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import optimizers, registry
from ..arguments import size, whole
from ..autograd import no_grad
from ..callbacks import Callback, CallbackList, History
from ..config import is_interactive_logging_enabled
from ..data import Batch, Dataset
from ..data.arrays import split
from ..data.dataset import as_batch, count, counted
from ..data.source_dataset import as_dataset
from ..distributed import Communicator
from ..objectives import Objective, RunningMetrics, make_objectives
from ..structure import flat, mapped, packed, with_lists
from ..tensor import Tensor
from .inputs import is_checked
from .rows import Rows
from .together import Together

Callbacks: TypeAlias = Callback | Sequence[Any] | None


class Trainer(Together):
    """What a model can do once it can be called: learn, be measured, predict."""

    history: History | None = None  # of the last `fit`
    stop_evaluating = stop_predicting = False  # a callback sets them to True, and stop_training
    _compiled: Mapping[str, Any] | None = None  # the arguments of `compile`

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        *,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        distributed: Communicator | None = None,
    ) -> None:
        """Choose how the model learns: an optimizer, a loss and a list of metrics.

        Each comes by name, as an object, or as a function of (targets, predictions). `weighted_metrics` count each
        sample by its weight. A model of several outputs adds up their losses, each times its weight in `loss_weights`
        (1 if None). One loss serves all; else losses, weights and lists of metrics come in a list in the outputs'
        order, or in a dict by the names of the layers that the outputs come from. Without a loss, what layers add by
        `add_loss` is minimised, or what a step of the user's own minimises. What chooses how a framework runs the step,
        from `run_eagerly` on, changes nothing. Raises ValueError for an unknown name, with the nearest.
        """
        given = {"loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics}
        objectives = self._objectives(given)
        self.optimizer = optimizers.get(optimizer)
        self.objectives = objectives
        self.stop_training = False
        vars(self)["distributed"] = distributed
        vars(self)["_compiled"] = given  # past `__setattr__`: what is compiled is not a part of the model
        self._running = None
        self._settle_outputs()

    def _objectives(self, given: Mapping[str, Any]) -> list[Objective]:
        """Return what each output is trained towards; of a model that does not know its outputs yet, none."""
        several = any(isinstance(given[name], list | tuple | Mapping) for name in ("loss", "loss_weights"))
        if self.takes_any and self.output_shape is None and (several or isinstance(given["metrics"], Mapping)):
            return []
        self._name_outputs()
        return make_objectives(self.output_names, *given.values())

    def _name_outputs(self) -> bool:
        """Return whether outputs were named: those of a model that knows its outputs have their names."""
        return False

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compiled is not None

    def get_compile_config(self) -> dict[str, Any]:
        """Return the description of what `compile` was given, in Keras's words; {} before `compile`."""
        if self._compiled is None:
            return {}
        return registry.serialize({"optimizer": self.optimizer, **self._compiled})

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as `get_compile_config`, or Keras's, describes."""
        self.compile(**config)

    @property
    def loss(self) -> Any:
        """The loss of the output, or of the first of several, None if there is none; or what a subclass has set."""
        own = vars(self).get("_own_loss")
        return own if own is not None or not self.compiled else self.objectives[0].loss

    @loss.setter
    def loss(self, value: Any) -> None:
        vars(self)["_own_loss"] = value

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
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Collection[int] = 1,
    ) -> History:
        """Train for epochs `initial_epoch` … `epochs` − 1 and return the history.

        `x` and `y` are arrays of n samples (`batch_size` 32 if None), or lists or dicts of them where the model has
        several inputs or outputs. Or `x` alone is what gives batches: a `Dataset`; a `PyDataset`, or whatever has
        batches by number; a generator or iterator; what can be gone through again, as PyTorch's `DataLoader`.
        `steps_per_epoch` makes epochs of so many batches, see `data.source_dataset`.
        `verbose` 0 is silent, 1 ("auto") a progress bar, 2 one line an epoch. `validation_data` is (x, y),
        (x, y, sample_weight) or what gives batches; without it, `validation_split` takes the last part of the samples.
        Validation takes place after each `validation_freq` epochs, or after those, counted from 1, that it names; on
        `validation_steps` batches from the first on, or all; arrays in batches of `validation_batch_size`.
        `class_weight` maps a class to the weight of its samples' losses (1 if it is not named), `sample_weight` (n,)
        weights each. Raises ValueError for data that the model or its loss cannot take: of arrays before any weight
        changes, of what gives batches at the batch.
        """
        optimizer = self._require_compiled()
        self.steps_freely = self._steps_freely()
        epochs, initial_epoch = size("epochs", epochs), whole("initial_epoch", initial_epoch)
        freq = _frequency(validation_freq)
        held_batch_size = batch_size if validation_batch_size is None else validation_batch_size
        given = Batch(x, y, sample_weight)
        validation = None
        if validation_split and validation_data is None:
            if as_dataset(x) is not None:
                raise ValueError("fit on a Dataset takes no validation_split: give validation_data")
            given, held_out = split(self.checked(given), validation_split)
            validation = self.checked_dataset(held_out, held_batch_size, validation_steps)
            data = self.checked_dataset(given, batch_size, steps_per_epoch, shuffle)
        else:
            data = self.as_dataset("fit", given, batch_size, steps_per_epoch, shuffle)
            if validation_data is not None:
                validation = self.validation_dataset(validation_data, held_batch_size, validation_steps)
        if self.distributed is not None:
            run = {"epochs": epochs, "initial_epoch": initial_epoch, "class_weight": class_weight, "freq": freq}
            self._begin_together(data, validation, run)
            data, validation = self.share_of(data), None if validation is None else self.share_of(validation)
        if "train_step" in self.own_steps:
            pass  # it knows what is to be called on what
        elif self.input_shape is None:
            self.checked_inputs(as_batch(data.first()).x)  # builds the model, so that callbacks find its weights
        elif not self.trainable_weights:
            warnings.warn("the model has no weights that training changes: all its layers are frozen", stacklevel=2)

        self.stop_training = self.keeps_gradients = False
        self.begin_at = None
        logs: dict[str, float] = {}
        steps = data.steps(initial_epoch)
        with self._stepping(), self._listening(callbacks, verbose, epochs, steps, fitting=True) as listeners:
            self.history = history = next(each for each in listeners.callbacks if isinstance(each, History))
            listeners.on_train_begin()
            if self.distributed is not None:
                self._take_over()
            begin, first = self.begin_at or (initial_epoch, 0)
            data.updates = optimizer.iterations - data.updates_before(begin) - first
            for epoch in range(begin, epochs):
                if not data.ready():
                    break
                assert listeners.params is not None
                listeners.params["steps"] = data.steps(epoch)
                listeners.on_epoch_begin(epoch)
                with RunningMetrics(self.objectives) as running:
                    self._begin(running)
                    train = self._step_of_training()
                    for step, batch in enumerate(self.checked_batches(data, epoch, class_weight, first), first):
                        self.batch_samples = count(batch.x)
                        if not self.batch_samples and self.distributed is None:
                            self._train_on_none()
                            continue
                        listeners.on_train_batch_begin(step)
                        train(batch, running)
                        listeners.on_train_batch_end(step, self._logs(running))
                        if self._stops():
                            break
                    # A run that was backed up after the last batch of an epoch has only the epoch's end before it.
                    logs = dict(running.logs()) if running.metrics is not None or running.reported is not None else {}
                first = 0
                if self.distributed is not None:
                    self._end_epoch(epoch)
                due = epoch + 1 in freq if isinstance(freq, Collection) else (epoch + 1) % freq == 0
                if validation is not None and due and validation.ready():
                    logs |= {f"val_{name}": value for name, value in self._measure(validation, listeners).items()}
                listeners.on_epoch_end(epoch, logs)
                if self._stops():
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
        steps: int | None = None,
        callbacks: Callbacks = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and the metrics on arrays x and y, or on what gives batches, without training.

        `x` is as in `fit`; only the first `steps` batches count, if that is given. Loss and metrics come as a list, or
        as a dict by name; without metrics the loss is returned alone.
        """
        self._require_compiled()
        self.steps_freely = self._steps_freely()
        data = self.share_of(self.as_dataset("evaluate", Batch(x, y, sample_weight), batch_size, steps))
        with self._listening(callbacks, verbose, 1, data.steps(0)) as listeners:
            logs = self._measure(data, listeners)
        return logs if return_dict else self._flat(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Callbacks = None,
    ) -> Any:
        """Return the model's output, or a list or dict of outputs, for every sample of x, in batches (32 if None).

        `x` is an array, a list or dict of them for several inputs, or what gives batches, as in `fit`, whose targets
        are passed over; only the first `steps` batches count, if that is given.
        `verbose` "auto" is a bar on a terminal, 1 prints a line at the end, too.
        """
        self.predicts_freely = "predict_step" in self.own_steps
        data = self.as_dataset("predict", Batch(x), batch_size, steps).complete()
        self.stop_predicting = False
        rows = Rows(data.samples if is_checked(data) and steps is None else None)
        form: Any = None
        with self._listening(callbacks, verbose, 1, data.steps(0)) as listeners:
            listeners.on_predict_begin()
            checked = is_checked(data)
            for step, given in enumerate(data.epoch(0) if checked else counted(data, 0)):
                if data.may_be_empty and not count(given.x):
                    continue
                check = self._as_given if self.predicts_freely else self._only_inputs
                batch = self.moved(Batch(given.x) if checked else check(Batch(given.x)))
                listeners.on_predict_batch_begin(step)
                with no_grad(), self._computing(batch):
                    form = self.predict_step(self._given(batch)) if self.predicts_freely else self(batch.x)
                arrays = [y.numpy() for y in flat(form)]
                rows.add(arrays)
                outputs = arrays[0] if isinstance(form, Tensor) else arrays
                listeners.on_predict_batch_end(step, {"outputs": outputs})
                if self.stop_predicting:
                    break
            listeners.on_predict_end()
        columns = rows.arrays()
        if not columns:  # no batch has samples
            form = mapped(len, self.output_shape)
            shapes = self._output_shapes()
            columns = [np.empty((0, *(length or 0 for length in shape[1:])), self.dtype) for shape in shapes]
        return packed(with_lists(form), columns)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the model's output for the samples of x, computed at once; or a list or dict of outputs.

        Of a single small image this takes less time than `predict`, which makes ready for batches and callbacks.
        """
        if "predict_step" in self.own_steps:
            return self.predict(x, batch_size=max(1, count(with_lists(x))), verbose=0)
        if (known := self._computed_at_once(x)) is not None:
            return known
        batch = self.moved(self._only_inputs(Batch(x)))
        with no_grad(), self._computing(batch):
            form = self(batch.x)
        given = [each for each in flat(batch.x) if isinstance(each, np.ndarray)]
        own = [y.numpy() for y in flat(form)]
        own = [y.copy() if any(np.may_share_memory(y, each) for each in given) else y for y in own]
        return packed(with_lists(form), own)

    def _computed_at_once(self, x: Any) -> Any:
        """Return the arrays of the outputs for an x that needs no preparation, None where there is no short way."""
        return None

    def _only_inputs(self, batch: Batch) -> Batch:
        return Batch(self.checked_inputs(batch.x))

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Make one update on a batch and return its loss, and its metrics if there are any, before the update."""
        self._require_compiled()
        self.steps_freely = self._steps_freely()
        batch = self.checked(Batch(x, y, sample_weight))
        if class_weight is not None:
            batch = self.with_class_weight(batch, class_weight)
        batch = self._own_share(batch)
        with RunningMetrics(self.objectives) as running:
            self._begin(running)
            self._step_of_training()(self.moved(batch), running)
            logs = dict(running.logs())
        return logs if return_dict else self._flat(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss of a batch, and its metrics if there are any."""
        self._require_compiled()
        self.steps_freely = self._steps_freely()
        batch = self.checked(Batch(x, y, sample_weight))
        batch = self._own_share(batch)
        with RunningMetrics(self.objectives) as running:
            self._begin(running)
            if count(batch.x):
                (self._test_freely if self.steps_freely else self._test)(self.moved(batch), running)
            if self.distributed is not None:
                self._test_on_no_share(batch, running)
                self._sum_logs(running, count(batch.x))
            logs = dict(running.logs())
        return logs if return_dict else self._flat(logs)

    def _measure(self, data: Dataset, listeners: CallbackList) -> dict[str, float]:
        """Return loss and metrics over all batches, without training."""
        self.stop_evaluating = False
        listeners.on_test_begin()
        before = self._running
        with RunningMetrics(self.objectives) as running:
            self._begin(running)
            test, seen = self._test_freely if self.steps_freely else self._test, 0
            for step, batch in enumerate(self.checked_batches(data, 0)):
                if not count(batch.x):
                    if self.distributed is not None:
                        self._test_on_no_share(batch, running)
                    continue
                seen += count(batch.x)
                listeners.on_test_batch_begin(step)
                test(batch, running)
                listeners.on_test_batch_end(step, self._logs(running))
                if self.stop_evaluating:
                    break
            if self.distributed is not None:
                self._sum_logs(running, seen)
            logs = dict(running.logs())
        self._running = running if before is None else before
        listeners.on_test_end(logs)
        return logs

    def _flat(self, logs: dict[str, float]) -> float | list[float]:
        values = self._in_order(logs)
        return values[0] if len(values) == 1 else values

    def _listening(
        self, callbacks: Callbacks, verbose: int | str, epochs: int, steps: int | None, fitting: bool = False
    ) -> CallbackList:
        """Have callbacks, in `fit` a history, and a progress bar listen, in this order; take the bar down at last."""
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'verbose must be "auto", 0, 1 or 2, got {verbose!r}')
        if verbose == "auto" and not is_interactive_logging_enabled():
            verbose = 2
        listeners = CallbackList(
            callbacks,
            add_history=fitting,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )
        self._callbacks_here(listeners)
        return listeners


def _frequency(validation_freq: int | Collection[int]) -> int | Collection[int]:
    """Return `validation_freq` after checking that it is a number of epochs, or epochs."""
    if isinstance(validation_freq, Collection):
        return [size("validation_freq", epoch) for epoch in validation_freq]
    return size("validation_freq", validation_freq)
