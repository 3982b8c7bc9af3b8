"""What all losses have in common: how targets meet predictions, and how the losses of samples become one number."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from .. import functions as F
from .. import kernels, registry
from ..names import look_up, snake_case
from ..tensor import Tensor, as_array, as_tensor, values
from ..weighting import aligned

EPSILON = 1e-7  # Keras's `backend.epsilon()`
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none")


class Loss:
    """Base of all losses: a subclass writes `call`. `outputs` names the last activations that fit, None being any.

    `reduction` is "sum_over_batch_size", the mean, which "mean" means too; "sum"; "mean_with_sample_weight", which is
    Σ weight·loss/Σ weight; or "none" or None, each loss by itself.
    """

    outputs: ClassVar[tuple[str, ...] | None] = None
    from_logits = False
    axis_of_classes = -1  # of the output
    reduction: str | None = "sum_over_batch_size"
    _name: str | None = None

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        if reduction is not None:
            look_up("reduction", reduction, dict.fromkeys(REDUCTIONS))
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
        if is_computed(y_true) and y_true.shape == y_pred.shape:
            return F.cast(y_true, y_pred.dtype.name) if y_true.dtype != y_pred.dtype else y_true
        y_true = as_array(self.targets(y_true, y_pred.shape), y_pred.dtype)
        return Tensor(kernels.move(y_true, y_pred.device))

    def check(self, y_true: Any, output_shape: tuple[int | None, ...]) -> None:
        """Refuse targets that no training could mean: of a wrong shape, infinite or out of range."""
        y_true = self.targets(y_true, output_shape)
        if y_true.dtype.kind == "f" and not np.isfinite(y_true).all():
            raise ValueError(f"targets must be finite, got {y_true[~np.isfinite(y_true)].flat[0]}")
        self.check_range(y_true, int(output_shape[self.axis_of_classes] or 0))

    def check_range(self, y_true: np.ndarray, classes: int) -> None:
        """Refuse targets out of the loss's range."""

    def counts(self, y_true: Any, losses: Any) -> Any:
        """Return 1 for each of the losses (n, …) that counts, 0 for one without a share in the mean; None if all do."""
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Return the loss of a batch, each sample's times its weight and all reduced to a tensor of one element.

        `sample_weight` is (n,) or (n,1), or has a weight for each of the losses (n, …) that `call` returns.
        """
        y_pred = as_tensor(y_pred)
        y_true = self.prepared(y_true, y_pred)
        losses = self.call(y_true, y_pred)
        weights = None
        if sample_weight is not None:
            weights = aligned(kernels.move(as_array(sample_weight, losses.dtype), y_pred.device), losses.shape)
        counts = self.counts(y_true, losses.data)
        if counts is not None:
            if self.reduction in ("sum_over_batch_size", "mean"):
                counts = counts * (counts.size / np.maximum(counts.sum(), 1)).astype(counts.dtype)
            weights = counts if weights is None else weights * counts
        if weights is not None:
            losses = losses * weights
        if self.reduction in (None, "none"):
            return losses
        if self.reduction == "sum":
            return F.sum(losses)
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            return F.sum(losses) / np.broadcast_to(weights, losses.shape).sum()
        return F.mean(losses)

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


class SameShape(Loss):
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


def is_computed(y_true: Any) -> bool:
    """Return whether targets are computed from what has gradients, as the predictions are."""
    return isinstance(y_true, Tensor) and (y_true.creator is not None or y_true.requires_grad)


def related(y_true: Any, y_pred: Any) -> tuple[Any, Tensor]:
    """Return targets and predictions as `fitting` does; targets that are computed are a tensor, with a gradient."""
    y = as_tensor(y_pred)
    if is_computed(y_true) and y_true.shape == y.shape:
        return F.cast(y_true, y.dtype.name) if y_true.dtype != y.dtype else y_true, y
    return fitting(y_true, y_pred)


def fitting(y_true: Any, y_pred: Any) -> tuple[Any, Tensor]:
    """Return targets and predictions, arrays or tensors, as an array of one dtype and shape and a tensor.

    Where one has an axis of length 1 at its end that the other lacks, it is left away, or given to a vector.
    """
    y = as_tensor(y_pred)
    t = kernels.move(as_array(y_true, y.dtype), y.device)
    if t.ndim == y.ndim + 1 and t.shape[-1] == 1:
        return (t, y[:, None]) if y.ndim == 1 else (t[..., 0], y)
    if y.ndim == t.ndim + 1 and y.shape[-1] == 1:
        return (t[:, None], y) if t.ndim == 1 else (t, y[..., 0])
    return t, y
