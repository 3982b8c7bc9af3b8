"""Metrics: running means over an epoch, with Keras's names and arguments."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from . import initializers, kernels, names, registry
from .config import floatx
from .tensor import Tensor, as_array
from .tensor import values as as_values
from .weighting import aligned


class Variable(Tensor):
    """A number or array of a metric's state, which `assign` changes; a tensor otherwise."""

    def __init__(self, data: Any, name: str | None = None) -> None:
        super().__init__(data)
        self.name = name

    def assign(self, value: Any) -> None:
        """Set the value; one number serves for all elements."""
        value = as_array(value, self.dtype)
        if value.shape != self.shape:
            if value.size != 1:
                raise ValueError(f"variable {self.name} has shape {self.shape}, it cannot be set to {value.shape}")
            value = value.reshape(()) * np.ones_like(value, shape=self.shape)
        self.data = value

    def assign_add(self, value: Any) -> None:
        """Add to the value, and go to the device of what is added."""
        value = as_values(value)
        self.assign(kernels.move(self.data, kernels.device(value)) + value)

    def assign_sub(self, value: Any) -> None:
        """Subtract from the value, and go to the device of what is subtracted."""
        self.assign_add(-as_values(value))


class Metric:
    """Base of all metrics: a subclass writes `update_state` and `result`, and keeps its state by `add_weight`.

    Targets and predictions of a batch come as arrays, where the model is. `result` gives a number, or what has one.
    """

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        self.name = name or names.automatic(type(self).__name__)
        self.dtype = dtype or floatx()
        self._variables: list[Variable] = []

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: str | None = None,
        name: str | None = None,
    ) -> Variable:
        """Return a new variable of the state, with what `initializer` draws; `reset_state` sets all to 0."""
        values = initializers.get(initializer or "zeros")(tuple(shape), dtype or self.dtype)
        self._variables.append(Variable(values, name))
        return self._variables[-1]

    add_weight = add_variable

    @property
    def variables(self) -> list[Variable]:
        """The variables that `add_weight` made."""
        return list(self._variables)

    def reset_state(self) -> None:
        """Forget all samples: every variable is set to 0."""
        for variable in self._variables:
            variable.assign(0)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch, each sample with its weight (1 if None)."""
        raise NotImplementedError(f"{type(self).__name__} defines no update_state")

    def result(self) -> Any:
        """Return the value so far."""
        raise NotImplementedError(f"{type(self).__name__} defines no result")

    def __call__(self, *batch: Any, **named: Any) -> Any:
        """Take in a batch and return the value so far."""
        self.update_state(*batch, **named)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric, state apart."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the metric that `get_config` described."""
        return registry.from_config(cls, config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class Mean(Metric):
    """The mean of given values (n, …), each sample with its weight, since the last `reset_state`."""

    def __init__(self, name: str | None = "mean", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget all samples."""
        # From the first batch on arrays of no axes, on a GPU if the values are there. They are never added to in place:
        # a copy of the metric keeps what it saw.
        self.total, self.count = 0.0, 0.0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in values (n, …), or one value; a sample of several values counts once, as their mean.

        `sample_weight` (n,), (n,1) or (n, …) weighs samples or single values (1 if None).
        """
        values = as_values(values)
        if not values.size:
            return
        size = values.size / len(values) if values.ndim else 1  # values of one sample
        if sample_weight is None:
            self.total = self.total + values.sum(dtype=np.float64) / size
            self.count = self.count + values.size / size
        else:
            weights = as_values(sample_weight)
            fitting = aligned(weights, values.shape)
            self.total = self.total + (values * fitting).sum(dtype=np.float64) / size
            self.count = self.count + weights.sum(dtype=np.float64) * (values.size / weights.size) / size

    def add(self, value: Any, weight: float = 1.0) -> None:
        """Take in one value, a number or an array of one element: quicker than `update_state`."""
        self.total = self.total + value * weight
        self.count = self.count + weight

    def result(self) -> float:
        """Return the mean so far; 0 before any sample. On a GPU, this waits for it."""
        return float(self.total / self.count) if self.count else 0.0


class _MeanOfValues(Mean):
    """The mean of what a subclass computes in `values`."""

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """Return the value of each sample (n, …), or one value."""
        raise NotImplementedError(f"{type(self).__name__} defines no values")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in a batch, each sample with its weight (1 if None)."""
        super().update_state(self.values(as_values(y_true), as_values(y_pred)), sample_weight)


class MeanMetricWrapper(_MeanOfValues):
    """The mean of a function of (targets, predictions): it returns the value of each sample (n, …), or one value."""

    def __init__(self, fn: Callable[[Any, Any], Any], name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name or str(getattr(fn, "__name__", type(fn).__name__)), dtype)
        self.fn = fn

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """Return what the function returns; targets (n,) of predictions (n,1) are given to it as (n,1)."""
        if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
            y_true = y_true[..., None]
        return as_values(self.fn(as_array(y_true, y_pred.dtype), y_pred))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric; of the function its description, see `registry`."""
        return {**super().get_config(), "fn": registry.serialize(self.fn)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the metric that `get_config` described."""
        fn = config["fn"]
        return cls(**{**config, "fn": registry.deserialize(fn, "metric") if isinstance(fn, Mapping) else fn})


class BinaryAccuracy(_MeanOfValues):
    """The share of samples whose prediction is on the same side of `threshold` as the target."""

    def __init__(self, name: str | None = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {**super().get_config(), "threshold": self.threshold}

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return, for each sample, the part of its outputs that are right."""
        return ((y_pred > self.threshold) == y_true.reshape(y_pred.shape)).mean(axis=-1)


class CategoricalAccuracy(_MeanOfValues):
    """The share of samples whose largest prediction is that of the class that the one-hot target names."""

    def __init__(self, name: str | None = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return 1 for each sample that is right, else 0."""
        return (y_true.argmax(axis=-1) == y_pred.argmax(axis=-1)).astype(np.float64)


class SparseCategoricalAccuracy(_MeanOfValues):
    """The share of samples whose largest prediction is that of the label."""

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return 1 for each sample that is right, else 0."""
        return (y_true.reshape(y_pred.shape[:-1]) == y_pred.argmax(axis=-1)).astype(np.float64)


class TopKCategoricalAccuracy(_MeanOfValues):
    """The share of samples whose one-hot target's class is among the `k` largest predictions.

    As in TensorFlow's `in_top_k`, classes that tie with the k-th largest count as within.
    """

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.k = k

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {**super().get_config(), "k": self.k}

    def labels(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the class of each sample."""
        return y_true.argmax(axis=-1)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return 1 for each sample whose class is among the first k, else 0."""
        chosen = np.take_along_axis(y_pred, self.labels(y_true, y_pred)[..., None], axis=-1)
        return ((y_pred > chosen).sum(axis=-1) < self.k).astype(np.float64)


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """The share of samples whose label is among the `k` largest predictions."""

    def __init__(
        self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: str | None = None
    ) -> None:
        super().__init__(k, name, dtype)

    def labels(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the class of each sample."""
        return y_true.reshape(y_pred.shape[:-1]).astype(np.int64)


METRICS: dict[str, type[Metric]] = {
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
}
registry.add_kind("metric", "keras.metrics", Metric, {**METRICS, "accuracy": None}, [Mean, MeanMetricWrapper])


def direction(name: str) -> str | None:
    """Return which way a log of this name gets better: "max" for accuracies, "min" for losses and errors, else None."""
    words = set(re.split("[^a-z]+", name.lower()))
    if words & {"acc", "accuracy"}:
        return "max"
    return "min" if words & {"loss", "error"} else None


def get(metric: Any, target_shape: tuple[int, ...], output_shape: tuple[int | None, ...]) -> Metric:
    """Return a metric by name, from its description, of a function, or the given one.

    "accuracy" and "acc" mean what Keras resolves them to: binary for one output, sparse categorical for targets that
    are class numbers, categorical for one-hot targets. The metric then goes by the name it was asked for.
    """
    if isinstance(metric, Metric):
        return metric
    found = metric
    if isinstance(metric, Mapping):
        found = registry.deserialize(metric, "metric")
    elif metric in ("accuracy", "acc"):
        if output_shape[-1] == 1:
            return BinaryAccuracy(metric)
        if len(target_shape) < len(output_shape) or target_shape[-1] == 1:
            return SparseCategoricalAccuracy(metric)
        return CategoricalAccuracy(metric)
    elif not callable(metric):
        found = registry.find("metric", metric)
    if isinstance(found, type) and issubclass(found, Metric):
        found = found()
    return found if isinstance(found, Metric) else MeanMetricWrapper(found)
