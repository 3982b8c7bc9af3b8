"""What all metrics have in common: state that grows by batches, and means of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from .. import initializers, kernels, names, registry
from ..config import floatx
from ..layers.tracking import Measure
from ..tensor import Tensor, as_array
from ..tensor import values as as_values
from ..weighting import aligned


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


class Metric(Measure):
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


class MeanOfValues(Mean):
    """The mean of what a subclass computes in `values`."""

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """Return the value of each sample (n, …), or one value."""
        raise NotImplementedError(f"{type(self).__name__} defines no values")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in a batch, each sample with its weight (1 if None)."""
        super().update_state(self.values(as_values(y_true), as_values(y_pred)), sample_weight)


class MeanMetricWrapper(MeanOfValues):
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


class Sum(Metric):
    """The sum of given values (n, …), each sample's times its weight, since the last `reset_state`."""

    def __init__(self, name: str | None = "sum", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.total = self.add_variable(dtype="float64", name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in values (n, …), or one value; `sample_weight` (n,), (n,1) or (n, …) multiplies them (1 if None)."""
        values = as_values(values)
        weights = 1.0 if sample_weight is None else aligned(as_values(sample_weight), values.shape)
        self.total.assign_add((values * weights).sum(dtype=np.float64))

    def result(self) -> float:
        """Return the sum so far."""
        return self.total.item()


def alike(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return targets and predictions as arrays of as many axes: one of length 1 at the end of either goes."""
    t, y = as_values(y_true), as_values(y_pred)
    if t.ndim == y.ndim + 1 and t.shape[-1] == 1:
        t = t[..., 0]
    elif y.ndim == t.ndim + 1 and y.shape[-1] == 1:
        y = y[..., 0]
    return t, y
