"""What weights are held to: after each update a constraint puts its weight back where it may be.

Keras's names, arguments and defaults. A norm is that of Euclid over `axis`: 0 is for the columns of a dense kernel
(inputs, units), [0, 1, 2] for the filters of a convolution's kernel (kh, kw, c, filters). Sources: Srebro & Shraibman
2005 (max-norm); Hinton et al. 2012, "Improving neural networks by preventing co-adaptation", section 2.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeAlias

from . import functions as F
from . import registry
from .names import snake_case
from .tensor import Tensor

EPSILON = 1e-7  # Keras's `backend.epsilon()`, added to a norm that is divided by
Axis: TypeAlias = int | Sequence[int]


class Constraint:
    """Base of all constraints: a subclass writes `__call__`; its attributes are its configuration."""

    def __call__(self, w: Tensor) -> Tensor:
        """Return what weights `w` become: a tensor of their shape."""
        raise NotImplementedError(f"{type(self).__name__} constrains nothing")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal constraint."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the constraint that `get_config` described."""
        return registry.from_config(cls, config)


class MaxNorm(Constraint):
    """w·min(‖w‖, max_value)/(ε + ‖w‖): no norm over `axis` is above `max_value`."""

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Tensor) -> Tensor:
        """Return the weights with longer ones scaled down."""
        norms = _norms(w, self.axis)
        return w * (F.minimum(norms, self.max_value) / (norms + EPSILON))


class NonNeg(Constraint):
    """max(w, 0): no weight is negative."""

    def __call__(self, w: Tensor) -> Tensor:
        """Return the weights with 0 in place of the negative ones."""
        return F.maximum(w, 0.0)


class UnitNorm(Constraint):
    """w/(ε + ‖w‖): every norm over `axis` is 1."""

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        """Return the weights scaled to norm 1."""
        return w / (_norms(w, self.axis) + EPSILON)


class MinMaxNorm(Constraint):
    """w·(rate·clip(‖w‖) + (1 − rate)·‖w‖)/(ε + ‖w‖): norms over `axis` go from `min_value` to `max_value`.

    With a `rate` below 1 they go there step by step.
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Tensor) -> Tensor:
        """Return the weights scaled towards norms that may be."""
        norms = _norms(w, self.axis)
        desired = F.clip(norms, self.min_value, self.max_value) * self.rate + norms * (1 - self.rate)
        return w * (desired / (norms + EPSILON))


def _norms(w: Tensor, axis: Axis) -> Tensor:
    """Return the norms of `w` over `axis`, which stays with length 1."""
    axes = tuple(axis) if isinstance(axis, Sequence) else axis
    return F.sqrt(F.sum(w * w, axes, keepdims=True))


# As Keras also calls them.
max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm

CONSTRAINTS: dict[str, type[Constraint]] = {
    snake_case(kind.__name__): kind for kind in (MaxNorm, NonNeg, UnitNorm, MinMaxNorm)
}
# Names for `get`: with those of Keras 1.
NAMES = {**CONSTRAINTS, "maxnorm": MaxNorm, "nonneg": NonNeg, "unitnorm": UnitNorm}
registry.add_kind("constraint", "keras.constraints", Constraint, NAMES)

Rule: TypeAlias = Callable[[Tensor], Any]


def get(identifier: str | dict[str, Any] | Rule | type[Constraint] | None) -> Rule | None:
    """Return a constraint by name ("max_norm"), from its description, None, or the given object or function."""
    return registry.made("constraint", identifier)


def serialize(constraint: Any) -> Any:
    """Return the description of a constraint, see `registry.serialize`."""
    return registry.serialize(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the constraint that `serialize`, or Keras, has described; `custom_objects` has one's own by name."""
    return registry.made_with("constraint", config, custom_objects)
