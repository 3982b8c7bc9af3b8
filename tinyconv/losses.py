"""Losses, with Keras's names, arguments and defaults.

A loss gives one value a sample; the value that training minimises is Σ weightᵢ·lossᵢ / samples ("sum_over_batch_size").
A cross-entropy of probabilities that come straight from softmax or sigmoid is computed from their logits, as Keras on
TensorFlow does: exact where probabilities have rounded to 0 or 1. Other probabilities are clipped to [ε, 1 − ε] with
ε = 1e-7.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from . import functions as F
from . import kernels, registry
from .names import look_up, snake_case
from .tensor import Tensor, as_array, as_tensor, values
from .weighting import aligned

EPSILON = 1e-7


class Loss:
    """Base of all losses: a subclass writes `call`. `outputs` names the last activations that fit, None being any.

    `reduction` is "sum_over_batch_size", the mean, which "mean" means too, or "sum".
    """

    outputs: ClassVar[tuple[str, ...] | None] = None
    from_logits = False
    reduction = "sum_over_batch_size"
    _name: str | None = None

    def __init__(
        self, name: str | None = None, reduction: str = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        look_up("reduction", reduction, dict.fromkeys(("sum_over_batch_size", "mean", "sum")))
        if dtype not in (None, "float32", "float64"):
            raise ValueError(
                f'dtype must be None, "float32" or "float64", got {dtype!r}: a loss has its output\'s dtype'
            )
        self._name, self.reduction = name, reduction

    @property
    def name(self) -> str:
        """The loss's name: Keras's of its class if it was not given another."""
        return self._name or snake_case(type(self).__name__)

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample (n,) or of each of its parts (n, …); both are tensors of one dtype."""
        raise NotImplementedError(f"{type(self).__name__} defines no call")

    def targets(self, y_true: Any, output_shape: tuple[int | None, ...]) -> np.ndarray:
        """Return the targets of a batch in the shape that `call` needs; raise ValueError if they cannot fit.

        Targets (n,) of an output (n,1) become (n,1). Otherwise it is for the subclass to know what fits.
        """
        y_true = values(y_true)
        return y_true[..., None] if y_true.ndim == len(output_shape) - 1 and output_shape[-1] == 1 else y_true

    def prepared(self, y_true: Any, y_pred: Tensor) -> Any:
        """Return the targets as `call` is given them: a tensor of the prediction's dtype, on its device."""
        y_true = as_array(self.targets(y_true, y_pred.shape), y_pred.dtype)
        return Tensor(kernels.move(y_true, y_pred.device))

    def check(self, y_true: Any, output_shape: tuple[int | None, ...]) -> None:
        """Refuse targets that no training could mean: of a wrong shape, infinite or out of range."""
        y_true = self.targets(y_true, output_shape)
        if y_true.dtype.kind == "f" and not np.isfinite(y_true).all():
            raise ValueError(f"targets must be finite, got {y_true[~np.isfinite(y_true)].flat[0]}")
        self.check_range(y_true, int(output_shape[-1] or 0))

    def check_range(self, y_true: np.ndarray, classes: int) -> None:
        """Refuse targets out of the loss's range."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Return the loss of a batch, each sample's multiplied by its weight and all reduced: a tensor of one element.

        `sample_weight` is (n,) or (n,1), or has a weight for each of the losses (n, …) that `call` returns.
        """
        y_pred = as_tensor(y_pred)
        losses = self.call(self.prepared(y_true, y_pred), y_pred)
        if sample_weight is not None:
            weights = kernels.move(as_array(sample_weight, losses.dtype), y_pred.device)
            losses = losses * aligned(weights, losses.shape)
        return F.sum(losses) if self.reduction == "sum" else F.mean(losses)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss, under Keras's names."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the loss that `get_config` described."""
        return registry.from_config(cls, config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class LossFunctionWrapper(Loss):
    """A function of (targets, predictions) as a loss: it returns the loss of each sample, or of the whole batch."""

    def __init__(
        self,
        fn: Callable[[Tensor, Tensor], Any],
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(name or str(getattr(fn, "__name__", type(fn).__name__)), reduction)
        self.fn = fn

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return what the function returns."""
        return as_tensor(self.fn(y_true, y_pred), like=y_pred)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss; of the function its description, see `registry`."""
        return {**super().get_config(), "fn": registry.serialize(self.fn)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the loss that `get_config` described."""
        fn = config["fn"]
        return cls(**{**config, "fn": registry.deserialize(fn, "loss") if isinstance(fn, Mapping) else fn})


class _SameShape(Loss):
    """A loss whose targets have the shape of the output."""

    def targets(self, y_true: Any, output_shape: tuple[int | None, ...]) -> np.ndarray:
        """Return the targets in the shape of the output; raise ValueError if they cannot fit."""
        y_true = super().targets(y_true, output_shape)
        if y_true.shape[1:] != output_shape[1:]:
            wanted = ("n", *output_shape[1:])
            raise ValueError(
                f"loss {self.name} got targets of shape {y_true.shape}, needs ({', '.join(map(str, wanted))})"
                + self.hint(y_true, output_shape)
            )
        return y_true

    def hint(self, y_true: np.ndarray, output_shape: tuple[int | None, ...]) -> str:
        """Return the likely fix for targets of the wrong shape."""
        return f": the last layer has {output_shape[-1]} units"


class _CrossEntropy(Loss):
    """Cross-entropy from probabilities or, with `from_logits`, from what would go into softmax or sigmoid."""

    def __init__(self, from_logits: bool, reduction: str, name: str | None, dtype: str | None) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits

    def logits(self, y_pred: Tensor) -> Tensor | None:
        """Return the logits of the prediction, or None where only probabilities are known."""
        return y_pred if self.from_logits else y_pred.logits

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "from_logits": self.from_logits}

    def check_range(self, y_true: np.ndarray, classes: int) -> None:
        """Refuse targets outside 0 … 1."""
        outside = (y_true < 0) | (y_true > 1)
        if outside.any():
            raise ValueError(f"loss {self.name} needs targets in 0 … 1, got {y_true[outside].flat[0]}")


class CategoricalCrossentropy(_CrossEntropy, _SameShape):
    """−Σ t·ln p of one-hot (or soft) targets t and probabilities p, both (n,k).

    `label_smoothing` s takes t(1 − s) + s/k for t.
    """

    outputs = ("softmax",)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        *,
        reduction: str = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, reduction, name, dtype)
        self.label_smoothing = _smoothing(label_smoothing)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        t = as_array(y_true, y_pred.dtype)
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / t.shape[-1]
        logits = self.logits(y_pred)
        if logits is not None:
            return F.softmax_cross_entropy(logits, t)
        p = F.clip(y_pred / F.sum(y_pred, axis=-1, keepdims=True), EPSILON, 1 - EPSILON)
        return -F.sum(F.log(p) * t, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss; the classes are on Keras's `axis` −1."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing, "axis": -1}

    def hint(self, y_true: np.ndarray, output_shape: tuple[int | None, ...]) -> str:
        """Return the likely fix for targets of the wrong shape."""
        if y_true.ndim == 1 or y_true.shape[-1] == 1:
            return ": one-hot them with to_categorical, or use sparse_categorical_crossentropy"
        return super().hint(y_true, output_shape)


class SparseCategoricalCrossentropy(_CrossEntropy):
    """−ln p[label] of labels (n,) or (n,1), whole numbers in 0 … k − 1, and probabilities p (n,k)."""

    outputs = ("softmax",)

    def __init__(
        self,
        from_logits: bool = False,
        *,
        reduction: str = "sum_over_batch_size",
        name: str | None = "sparse_categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, reduction, name, dtype)

    def prepared(self, y_true: Any, y_pred: Tensor) -> Any:
        """Return the labels on the prediction's device."""
        return kernels.move(self.targets(y_true, y_pred.shape), y_pred.device)

    def targets(self, y_true: Any, output_shape: tuple[int | None, ...]) -> np.ndarray:
        """Return the labels as (n, …), without an axis of length 1 at the end."""
        y_true = values(y_true)
        if y_true.ndim == len(output_shape) and y_true.shape[-1] == 1:
            y_true = y_true[..., 0]
        if y_true.shape[1:] != output_shape[1:-1]:
            raise ValueError(
                f"loss {self.name} got targets of shape {y_true.shape}, needs whole numbers of shape (n,): "
                "one-hot targets go with categorical_crossentropy"
            )
        return y_true

    def check_range(self, y_true: np.ndarray, classes: int) -> None:
        """Refuse labels that are not whole or not in 0 … classes − 1."""
        outside = (y_true < 0) | (y_true >= classes) | (y_true != np.floor(y_true))
        if outside.any():
            raise ValueError(
                f"loss {self.name} needs labels in 0 … {classes - 1}, got {y_true[outside].flat[0]}: "
                f"the last layer has {classes} units"
            )

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        logits = self.logits(y_pred)
        if logits is None:
            logits = F.log(F.clip(y_pred, EPSILON, 1 - EPSILON))
        return F.sparse_softmax_cross_entropy(logits, y_true)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss; Keras's `ignore_class` is not offered."""
        return {**super().get_config(), "ignore_class": None}


class BinaryCrossentropy(_CrossEntropy, _SameShape):
    """−t·ln p − (1 − t)·ln(1 − p) of targets t and probabilities p, averaged over the last axis.

    `label_smoothing` s takes t(1 − s) + s/2 for t.
    """

    outputs = ("sigmoid",)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        *,
        reduction: str = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, reduction, name, dtype)
        self.label_smoothing = _smoothing(label_smoothing)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        t = as_array(y_true, y_pred.dtype)
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / 2
        logits = self.logits(y_pred)
        if logits is not None:
            return F.mean(F.sigmoid_cross_entropy(logits, t), axis=-1)
        p = F.clip(y_pred, EPSILON, 1 - EPSILON)
        return -F.mean(F.log(p) * t + F.log(1 - p) * (1 - t), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss; the classes are on Keras's `axis` −1."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing, "axis": -1}


class MeanSquaredError(_SameShape):
    """(t − y)² of targets t and predictions y, averaged over the last axis."""

    def __init__(
        self,
        reduction: str = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return F.mean((y_pred - as_array(y_true, y_pred.dtype)) ** 2, axis=-1)


def _smoothing(label_smoothing: float) -> float:
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be in 0 … 1, got {label_smoothing}")
    return float(label_smoothing)


LOSSES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
}
registry.add_kind("loss", "keras.losses", Loss, LOSSES, [LossFunctionWrapper])


def get(loss: str | Mapping[str, Any] | Callable[..., Any] | Loss) -> Loss:
    """Return a loss by name ("categorical_crossentropy"), from its description, of a function, or the given one."""
    if isinstance(loss, Loss):
        return loss
    found = loss
    if isinstance(loss, Mapping):
        found = registry.deserialize(loss, "loss")
    elif not callable(loss):
        found = registry.find("loss", loss)
    if isinstance(found, type) and issubclass(found, Loss):
        found = found()
    return found if isinstance(found, Loss) else LossFunctionWrapper(found)  # type: ignore[arg-type]
