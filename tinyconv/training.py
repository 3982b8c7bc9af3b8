"""Trainer: compile, fit, evaluate and predict, with Keras's arguments and meaning.

The reported loss and metrics of an epoch are running means over its batches, weighted by their sizes, while the weights
change; validation runs after the epoch, with the weights it ended with.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import kernels, optimizers
from .autograd import no_grad
from .batches import ArrayBatches, Batch, Batches, as_data, count, per_name, select, split
from .callbacks import Callback, CallbackList, History, ProgressBar
from .callbacks.progress import format_logs
from .layers import Parameter
from .layers.graph import flat
from .layers.layer import size
from .losses import Loss
from .objectives import LazyLogs, Objective, RunningMetrics, make_objectives
from .tensor import Tensor, as_array

Shape = tuple[int | None, ...]


class Trainer:
    """What a model can do once it can be called: learn, be measured, predict."""

    trainable_weights: list[Parameter]
    losses: list[Tensor]
    input_shape: Any  # a Shape, or None until it is known
    output_shape: Any
    dtype: str

    input_names: Sequence[str] = ("input",)
    output_names: Sequence[str] = ("output",)
    optimizer: optimizers.Optimizer | None = None
    objectives: list[Objective]
    stop_training = False
    device = "cpu"  # where the weights are, and batches go

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Compute the model's output, or a list of outputs."""
        raise NotImplementedError

    def last_activation(self) -> Any:
        """Return the name of the activation that the output comes from, None if it is not known; or a list of them."""
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
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
    ) -> None:
        """Choose how the model learns: an optimizer, a loss and a list of metrics, each by name or as an object.

        A model of several outputs adds up their losses, each times its weight in `loss_weights` (1 if None). One loss
        serves all; else losses, weights and lists of metrics come in a list in the outputs' order, or in a dict by the
        names of the layers that the outputs come from. Raises ValueError for an unknown name, with the nearest.
        """
        if loss is None:
            raise ValueError('compile needs a loss, such as loss="categorical_crossentropy"')
        objectives = make_objectives(self.output_names, loss, loss_weights, metrics)
        self.optimizer = optimizers.get(optimizer)
        self.objectives = objectives
        self.stop_training = False

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
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
    ) -> History:
        """Train for epochs `initial_epoch` … `epochs` − 1 and return the history.

        `x` and `y` are arrays of n samples (`batch_size` 32 if None), or lists or dicts of them where the model has
        several inputs or outputs, or `x` is a `Batches` object and `y` None.
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
                if len(self.objectives) > 1:
                    raise ValueError("class_weight is for a model of one output: use sample_weight")
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
                running = RunningMetrics(self.objectives)
                for step, batch in enumerate(self._sent(data.epoch(epoch, optimizer.iterations))):
                    listeners.params["batch"] = count(batch[0])
                    listeners.on_train_batch_begin(step)
                    with self._memory_errors_explained(count(batch[0])):
                        self._train(batch, running)
                    listeners.on_train_batch_end(step, running.logs() if self.device == "cpu" else LazyLogs(running))
                    if self.stop_training:
                        break
                logs = running.logs()
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
            print(format_logs(logs))
        return logs if return_dict else _flat(logs)

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = 0) -> Any:
        """Return the model's output for every sample of x, computed in batches (32 if None); or a list of outputs."""
        x = self._inputs(x)
        step = size("batch_size", 32 if batch_size is None else batch_size)
        with no_grad(), self._memory_errors_explained(min(step, count(x))):
            found = [self(self._moved(select(x, slice(at, at + step)))) for at in range(0, count(x), step)]
            if not isinstance(found[0], list):
                return np.concatenate([y.numpy() for y in found])
            return [np.concatenate([y.numpy() for y in column]) for column in zip(*found, strict=True)]

    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None, *, return_dict: bool = False) -> Any:
        """Make one update on a batch and return its loss, and its metrics if there are any, before the update."""
        self._require_compiled()
        running = RunningMetrics(self.objectives)
        self._train(self._data(x, y, sample_weight), running)
        logs = running.logs()
        return logs if return_dict else _flat(logs)

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss of a batch, and its metrics if there are any."""
        self._require_compiled()
        arrays = self._data(x, y, sample_weight)
        logs = self._measure(ArrayBatches(*arrays, batch_size=count(arrays[0])))
        return logs if return_dict else _flat(logs)

    def _train(self, batch: Batch, running: RunningMetrics) -> None:
        """Make one update: forward, loss, backward, optimizer."""
        x, y, sample_weight = (self._moved(part) for part in batch)
        loss = self._total_loss(x, y, sample_weight, True, running)
        weights = self.trainable_weights
        for weight in weights:
            weight.grad = None
        loss.backward()
        assert self.optimizer is not None
        self.optimizer.apply([weight.grad for weight in weights], weights)
        for weight in weights:
            weight.grad = None

    def _measure(self, data: ArrayBatches) -> dict[str, float]:
        """Return loss and metrics over all batches, without training."""
        running = RunningMetrics(self.objectives)
        with no_grad():
            for x, y, sample_weight in self._sent(data.epoch(0, 0)):
                with self._memory_errors_explained(count(x)):
                    self._total_loss(x, y, sample_weight, False, running)
        return running.logs()

    @contextmanager
    def _memory_errors_explained(self, count: int) -> Iterator[None]:
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
        if isinstance(part, list):
            return [self._moved(each) for each in part]
        return part if self.device == "cpu" or part is None else kernels.move(as_array(part, self.dtype), self.device)

    def _sent(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yield the batches on the model's device: to a GPU, each is copied while the one before is computed with."""
        if self.device == "cpu":
            return batches
        if len(self.input_names) > 1 or len(self.output_names) > 1:
            return ((self._moved(x), self._moved(y), self._moved(weights)) for x, y, weights in batches)
        return kernels.send_ahead(self._checked(batch) for batch in batches)

    def _checked(self, batch: Batch) -> Batch:
        """Return a batch bound for a GPU as numbers of the model's dtype; there, wrong labels could not be refused."""
        self._check_targets(batch[1])
        x, y, sample_weight = (None if part is None else as_array(part, self.dtype) for part in batch)
        return x, y, sample_weight

    def _total_loss(self, x: Any, y: Any, sample_weight: Any, training: bool, running: RunningMetrics) -> Tensor:
        """Compute the outputs of a batch, and return their losses plus the penalties of regularised weights."""
        outputs, targets = flat(self(x, training=training)), self._listed(y, self.objectives)
        given = zip(self.objectives, targets, outputs, self._listed(sample_weight, self.objectives), strict=True)
        parts = [objective.loss(target, output, weight) for objective, target, output, weight in given]
        weighted = [
            part if objective.weight == 1 else part * objective.weight
            for objective, part in zip(self.objectives, parts, strict=True)
        ]
        total = weighted[0]
        for term in [*weighted[1:], *self.losses]:
            total = total + term
        running.add(total, parts, targets, outputs)
        return total

    def _data(self, x: Any, y: Any, sample_weight: Any = None) -> Batch:
        """Return (x, y, sample_weight) as arrays after checking them against the model and its losses."""
        if y is None:
            raise ValueError("targets y are missing: give an array of as many samples as x")
        x = self._inputs(x)
        y = [as_data("y", each, self.dtype) for each in per_name("y", y, self.output_names)]
        for each in y:
            if count(x) != len(each):
                raise ValueError(f"x has {count(x)} samples and y has {len(each)}: they must be as many")
        if sample_weight is not None:
            single = len(y) == 1 or isinstance(sample_weight, np.ndarray)
            weights = [sample_weight] if single else per_name("sample_weight", sample_weight, self.output_names)
            weights = [as_data("sample_weight", each, self.dtype) for each in weights]
            for weight in weights:
                if weight.shape != (count(x),):
                    raise ValueError(f"sample_weight must have shape ({count(x)},), got {weight.shape}")
            sample_weight = weights[0] if single else weights
        self._check_loss()
        self._check_targets(y)
        return x, y[0] if len(y) == 1 else y, sample_weight

    def _inputs(self, x: Any) -> Any:
        """Return x as an array, or a list of one for each input, checked; build a model that waited for it."""
        arrays = [as_data("x", each, self.dtype) for each in per_name("x", x, self.input_names)]
        if len({len(array) for array in arrays}) > 1:
            raise ValueError(f"the arrays in x have {[len(array) for array in arrays]} samples: they must be as many")
        self._check_shape(arrays)
        self._build_for(arrays[0])
        return arrays[0] if len(arrays) == 1 else arrays

    def _build_for(self, x: np.ndarray) -> None:
        """Build a model that waited for data; refuse one without layers."""
        if self.input_shape is None:
            self.build((None, *x.shape[1:]))
        self.require_built()

    def _check_shape(self, arrays: Sequence[np.ndarray]) -> None:
        """Refuse arrays of shapes that the built model does not take."""
        shapes = self.input_shape if isinstance(self.input_shape, list) else [self.input_shape]
        for name, x, shape in zip(self.input_names, arrays, shapes, strict=True):
            if shape is not None and x.shape[1:] != shape[1:]:
                needed = ", ".join(["n", *map(str, shape[1:])])
                hint = ""
                if x.shape == shape[1:]:
                    hint = ": a single sample needs a first axis of length 1 (x[None])"
                elif (*x.shape[1:], 1) == shape[1:]:
                    hint = ": add the channel axis (x[..., None])"
                what = "x" if len(arrays) == 1 else f'x for input "{name}"'
                raise ValueError(f"{what} has shape {x.shape}, the model needs ({needed}){hint}")

    def _check_loss(self) -> None:
        """Refuse losses that do not fit the activations that the outputs come from."""
        for objective, last, shape in zip(
            self.objectives, flat(self.last_activation()), self._output_shapes(), strict=True
        ):
            objective.check_activation(last, shape)

    def _check_targets(self, y: Any) -> None:
        """Refuse targets that no training could mean."""
        for objective, targets, shape in zip(
            self.objectives, self._listed(y, self.objectives), self._output_shapes(), strict=True
        ):
            objective.loss.check(targets, shape)

    def _output_shapes(self) -> list[Shape]:
        return self.output_shape if isinstance(self.output_shape, list) else [self.output_shape]

    def _listed(self, part: Any, names: Sequence[Any]) -> list[Any]:
        """Return a part of a batch as a list, an entry for each of the names."""
        return part if isinstance(part, list) else [part] * len(names)

    def _require_compiled(self) -> optimizers.Optimizer:
        if self.optimizer is None:
            raise ValueError("compile the model first: model.compile(optimizer=..., loss=..., metrics=[...])")
        return self.optimizer


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
