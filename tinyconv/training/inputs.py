"""What a model knows of its inputs and outputs, and the checks of data by it: the same for arrays and for datasets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..arguments import size
from ..data import ArrayDataset, Batch, Dataset
from ..data.arrays import as_data, per_name
from ..data.dataset import count, counted
from ..data.source_dataset import SourceDataset, as_dataset
from ..data.sources import DatasetSource
from ..objectives import Objective
from ..structure import flat, flat_shapes, is_structure, mapped, with_lists
from ..tensor import as_array
from ..weighting import aligned, class_weights

Shape = tuple[int | None, ...]
NO_SAMPLES = Batch(np.empty(0))


class CheckedArrays(ArrayDataset):
    """Arrays that a model has checked as a whole, so that their batches need not be checked again."""


def is_checked(data: Dataset) -> bool:
    """Return whether a dataset's batches need not be checked."""
    source = data.source if isinstance(data, SourceDataset) else None
    return isinstance(source.data if isinstance(source, DatasetSource) else data, CheckedArrays)


class DataChecks:
    """The part of a model that takes in data: arrays of the right shapes and dtype, and finite; else ValueError."""

    input_shape: Any  # a Shape, or None until it is known
    output_shape: Any
    dtype: str
    input_names: Sequence[str] = ("input",)
    output_names: Sequence[str] = ("output",)
    objectives: list[Objective]
    device = "cpu"  # where the weights are, and batches go
    steps_freely = False  # whether steps of the user's own are to be made, who knows what the data are
    predicts_freely = False  # the same of `predict`
    takes_any: ClassVar[bool] = False  # whether inputs may come in any structure, for a `call` of the user's own

    def last_activation(self) -> Any:
        """Return the name of the activation that the output comes from, None if it is not known; or a list of them."""
        raise NotImplementedError

    def require_built(self) -> None:
        """Raise ValueError when the model's input shape is not known yet."""
        raise NotImplementedError

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of `input_shape`, batch axis included."""
        raise NotImplementedError

    def checked(self, batch: Batch) -> Batch:
        """Return a batch, or all data, as arrays after checking them against the model and its losses.

        Inputs, targets and weights become an array each, or a list of one for each input or output.
        """
        if self.steps_freely:
            return self._as_given(batch)
        x = self.checked_inputs(batch.x)
        n = count(x)
        y = [None if each is None else as_data("y", each, self.dtype) for each in self._targets(batch.y)]
        for each in y:
            if each is not None and n != len(each):
                raise ValueError(f"x has {n} samples and y has {len(each)}: they must be as many")
        weights = None if batch.sample_weight is None else self._checked_weights(batch.sample_weight, n)
        self._check_loss()
        for objective, targets, shape in zip(self.objectives, y, self._output_shapes(), strict=True):
            if objective.loss is not None:
                objective.loss.check(targets, shape)
        return Batch(x, y[0] if len(y) == 1 else y, weights, batch.first)

    def _targets(self, y: Any) -> list[Any]:
        """Return the targets of each output; None of one that needs none, where y is missing or a dict of the others'.

        Where only some outputs have losses, a list may hold the targets of these.
        """
        needed = [each.loss is not None or bool(each.wanted or each.wanted_weighted) for each in self.objectives]
        if y is None:
            if any(needed):
                raise ValueError("targets y are missing: give an array of as many samples as x")
            return [None] * len(needed)
        by_name = isinstance(y, Mapping) and set(y) <= set(self.output_names)
        if self.takes_any and is_structure(y) and not by_name and len(flat(y)) == len(needed):
            return flat(y)
        names = [name for name, wanted in zip(self.output_names, needed, strict=True) if wanted]
        if not all(needed):
            if isinstance(y, Mapping):
                y = {**dict.fromkeys(self.output_names), **y}
            elif len(needed) > 1 and (not is_structure(y) or len(y) == len(names)):
                y = {**dict.fromkeys(self.output_names), **dict(zip(names, per_name("y", y, names), strict=True))}
        return per_name("y", y, self.output_names)

    def _as_given(self, batch: Batch) -> Batch:
        """Return the data of a model that makes its own steps: arrays of numbers, as many samples in each."""
        x, y, weights = (
            None if part is None else self._data(name, part)
            for name, part in zip(("x", "y", "sample_weight"), batch[:3], strict=True)
        )
        counts = {len(each) for part in (x, y, weights) if part is not None for each in flat(part)}
        if len(counts) > 1:
            raise ValueError(f"the arrays have {sorted(counts)} samples: they must be as many")
        return Batch(x, y, weights, batch.first)

    def _data(self, name: str, given: Any) -> Any:
        """Return arrays of numbers in the structure in which they are given."""
        if isinstance(given, Mapping) or is_structure(given):
            return mapped(lambda part: as_data(name, part, self.dtype), with_lists(given))
        return as_data(name, given, self.dtype)

    def checked_inputs(self, x: Any) -> Any:
        """Return x as an array, or a list of one for each input, checked; build a model that waited for it."""
        if self.takes_any and (isinstance(x, Mapping) or (is_structure(x) and len(flat(x)) > 1)):
            return self._checked_structure(x)
        arrays = [as_data("x", each, self.dtype) for each in per_name("x", x, self.input_names)]
        if len({len(array) for array in arrays}) > 1:
            raise ValueError(f"the arrays in x have {[len(array) for array in arrays]} samples: they must be as many")
        if self.input_shape is not None:
            shapes = self.input_shape if isinstance(self.input_shape, list) else [self.input_shape]
            given = zip(self.input_names, arrays, shapes, strict=True)
            arrays = [self._fitted(name, each, shape) for name, each, shape in given]
        if self.input_shape is None:
            self.build((None, *arrays[0].shape[1:]))
        self.require_built()
        self._settle_outputs()
        return arrays[0] if len(arrays) == 1 else arrays

    def _checked_structure(self, x: Any) -> Any:
        """Return a list or a dict of inputs, as the model's `call` takes them, as one of arrays."""
        arrays = self._data("x", x)
        counts = [len(array) for array in flat(arrays)]
        if len(set(counts)) > 1:
            raise ValueError(f"the arrays in x have {counts} samples: they must be as many")
        if self.input_shape is None:
            self.build(mapped(lambda array: (None, *array.shape[1:]), arrays))
        self.require_built()
        self._settle_outputs()
        return arrays

    def _settle_outputs(self) -> None:
        """Once a model with a `call` of its own is built, let `compile` know how many outputs it has."""

    def with_class_weight(self, batch: Batch, class_weight: Mapping[int, float]) -> Batch:
        """Return checked data with each sample, or each of its labels, weighted by its class, and by its own weight."""
        if self.steps_freely:
            labels = batch.y
            labels = labels.argmax(axis=-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels
            weights = class_weights(labels.reshape(len(labels)), class_weight)
            own = batch.sample_weight
            return batch._replace(sample_weight=weights if own is None else weights * own)
        if len(self.objectives) > 1:
            raise ValueError("class_weight is for a model of one output: use sample_weight")
        labels = batch.y
        if labels.ndim == len(self._output_shapes()[0]):
            labels = labels.argmax(axis=-1) if labels.shape[-1] > 1 else labels[..., 0]
        weights = class_weights(labels, class_weight)
        if batch.sample_weight is not None:
            weights = weights * aligned(batch.sample_weight, weights.shape)
        return batch._replace(sample_weight=weights)

    def as_dataset(
        self, name: str, given: Batch, batch_size: int | None, steps: int | None = None, shuffle: bool = False
    ) -> Dataset:
        """Return what `fit`, `evaluate` or `predict`, by name, was given as a dataset, checked if it is arrays.

        Its epochs have `steps` batches, or all if None. Without targets (`predict`) only inputs are checked.
        """
        steps = None if steps is None else size("steps_per_epoch" if name == "fit" else "steps", steps)
        data = as_dataset(given.x, shuffle, steps)
        if data is not None:
            for argument, value in (("y", given.y), ("batch_size", batch_size), ("sample_weight", given.sample_weight)):
                if value is not None:
                    raise ValueError(
                        f"{name} on a {type(given.x).__name__} takes no {argument}: its batches hold x, y and the "
                        "samples' weights"
                    )
            return data
        if name == "predict":
            parts = self._as_given(Batch(given.x)) if self.predicts_freely else Batch(self.checked_inputs(given.x))
        else:
            parts = self.checked(given)
        return self.checked_dataset(parts, batch_size, steps, shuffle)

    def checked_dataset(
        self, parts: Batch, batch_size: int | None, steps: int | None = None, shuffle: bool = False
    ) -> Dataset:
        """Return checked arrays as a dataset; its `steps` batches share all samples if no batch size is given."""
        if batch_size is None:
            batch_size = 32 if steps is None else -(-count(parts.x) // steps)
        arrays = CheckedArrays(*parts[:3], batch_size=batch_size, shuffle=shuffle)
        return arrays if steps is None else SourceDataset(DatasetSource(arrays), steps)

    def validation_dataset(self, given: Any, batch_size: int | None, steps: int | None = None) -> Dataset:
        """Return `validation_data` as a dataset, checked if it is arrays."""
        data = as_dataset(given, steps=None if steps is None else size("validation_steps", steps))
        if data is not None:
            return data
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            raise ValueError("validation_data must be (x, y), (x, y, sample_weight) or a Dataset")
        return self.as_dataset("evaluate", Batch(*given), batch_size, steps)

    def checked_batches(
        self, data: Dataset, number: int, class_weight: Mapping[int, float] | None = None, first: int = 0
    ) -> Iterator[Batch]:
        """Yield the batches of an epoch from batch `first` on, checked, weighted by classes if asked, on the device.

        One without samples, of a dataset that may have such, comes as `without_samples` makes it, on the CPU.
        To a GPU, each is copied while the one before is computed with.
        """
        whole = is_checked(data)
        batches: Iterable[Batch] = data.epoch(number) if whole else counted(data, number)
        if first:
            batches = islice(batches, first, None)
        if data.may_be_empty:
            batches = (self._ready(batch, whole, class_weight) for batch in batches)
        else:
            if not whole:
                batches = map(self.checked, batches)
            if class_weight is not None:
                batches = (self.with_class_weight(batch, class_weight) for batch in batches)
        if self.device == "cpu":
            return iter(batches)
        if len(self.input_names) > 1 or len(self.output_names) > 1:
            return (self.moved(batch) if count(batch.x) else batch for batch in batches)
        given: list[Batch] = []

        def parts() -> Iterator[Any]:
            for batch in batches:
                empty = not count(batch.x)
                given.append(batch if empty else Batch(None, first=batch.first))
                sent = (None, None, None) if empty else batch[:3]
                yield tuple(None if part is None else as_array(part, self.dtype) for part in sent)

        def received(sent: Any) -> Batch:
            batch = given.pop(0)
            return Batch(*sent)._replace(first=batch.first) if batch.x is None else batch

        return map(received, kernels.send_ahead(parts()))

    def _ready(self, batch: Batch, whole: bool, class_weight: Mapping[int, float] | None) -> Batch:
        """Return a batch checked, unless all were as a `whole`, and, if asked, weighted by classes."""
        if not count(batch.x):
            return self.without_samples(batch)
        batch = batch if whole else self.checked(batch)
        return batch if class_weight is None else self.with_class_weight(batch, class_weight)

    def without_samples(self, batch: Batch) -> Batch:
        """Return what stands for a batch that has no samples."""
        return NO_SAMPLES

    def moved(self, part: Any) -> Any:
        """Return a batch, or a part of one, on the model's device; on a GPU as numbers of the model's dtype."""
        if self.device == "cpu" or part is None:
            return part
        if isinstance(part, Batch):
            return Batch(self.moved(part.x), self.moved(part.y), self.moved(part.sample_weight), part.first)
        if isinstance(part, list | dict):
            return mapped(self.moved, part)
        return kernels.move(as_array(part, self.dtype), self.device)

    def _checked_weights(self, sample_weight: Any, n: int) -> Any:
        """Return weights of n samples as an array for all outputs, or a list of one for each."""
        given = [sample_weight]
        if isinstance(sample_weight, Mapping) or (
            len(self.output_names) > 1 and isinstance(sample_weight, list | tuple) and np.ndim(sample_weight[0]) > 0
        ):
            given = per_name("sample_weight", sample_weight, self.output_names)
        weights = [as_data("sample_weight", each, self.dtype) for each in given]
        for weight, shape in zip(weights, self._output_shapes(), strict=False):
            whole = (n, *(own or size for own, size in zip(shape[1:-1], weight.shape[1:], strict=False)))
            try:
                aligned(weight, whole)
                fits = len(weight) == n
            except ValueError:
                fits = False
            if not fits:
                raise ValueError(f"sample_weight must have shape ({n},), got {weight.shape}")
        return weights[0] if len(given) == 1 else weights

    def _fitted(self, name: str, x: np.ndarray, shape: Shape) -> np.ndarray:
        """Return data for an input of `shape`; a last axis of length 1 may be missing or too many, as in Keras."""
        given = x.shape
        if given[1:] == shape[1:]:
            return x
        if x.ndim == len(shape) - 1 and shape[-1] == 1:
            x = x[..., None]
        elif x.ndim == len(shape) + 1 and x.shape[-1] == 1:
            x = x[..., 0]
        if x.ndim == len(shape) and all(size in (None, own) for own, size in zip(x.shape[1:], shape[1:], strict=True)):
            return x
        needed = ", ".join(["n", *("any" if size is None else str(size) for size in shape[1:])])
        hint = ": a single sample needs a first axis of length 1 (x[None])" if given == shape[1:] else ""
        what = "x" if len(self.input_names) == 1 else f'x for input "{name}"'
        raise ValueError(f"{what} has shape {given}, the model needs ({needed}){hint}")

    def _check_loss(self) -> None:
        """Refuse losses that do not fit the activations that the outputs come from."""
        last = self.last_activation()
        last = last if isinstance(last, list) else [last] * len(self.objectives)
        for objective, name, shape in zip(self.objectives, last, self._output_shapes(), strict=True):
            objective.check_activation(name, shape)

    def _output_shapes(self) -> list[Shape]:
        return flat_shapes(self.output_shape)
