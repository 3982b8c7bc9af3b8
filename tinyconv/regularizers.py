"""Penalties on weights, added to the loss; Keras's names, arguments and defaults."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from . import functions as F
from . import kernels, registry
from .arguments import known, not_negative
from .tensor import Tensor

LEAST = 1e-12  # a squared length counts as no less


class Regularizer:
    """Base of all penalties: a subclass writes `__call__` and, to be saved, `get_config`."""

    def __call__(self, w: Tensor) -> Tensor:
        """Return the penalty of weights `w`, a tensor of one element."""
        raise NotImplementedError(f"{type(self).__name__} penalises nothing")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal penalty."""
        raise NotImplementedError(f"{type(self).__name__} defines no get_config")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the penalty that `get_config` described."""
        return registry.from_config(cls, config)


class L1L2(Regularizer):
    """Penalty l1·Σ|w| + l2·Σw². Note that Keras's l2 has no factor ½: TensorFlow's `l2_loss` is `L2(0.5)`."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        if l1 < 0 or l2 < 0:
            raise ValueError(f"a penalty must not be negative, got l1={l1}, l2={l2}")
        self.l1, self.l2 = l1, l2

    def __call__(self, w: Tensor) -> Tensor:
        """Return the penalty of weights `w`, a tensor of one element."""
        if not self.l1:
            return F.sum_squares(w) * self.l2
        penalty = F.sum(F.absolute(w)) * self.l1
        return penalty + F.sum_squares(w) * self.l2 if self.l2 else penalty

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal penalty."""
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """Penalty l1·Σ|w|."""

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal penalty."""
        return {"l1": self.l1}


class L2(L1L2):
    """Penalty l2·Σw²."""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal penalty."""
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """Penalty factor·mean |uᵢ·uⱼ| of all pairs of rows of a matrix, or of its columns, brought to length 1.

    `mode` is "rows" or "columns". It is 0 where they are orthogonal.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor, self.mode = not_negative("factor", factor), known("mode", mode, ("rows", "columns"))

    def __call__(self, w: Tensor) -> Tensor:
        """Return the penalty of a matrix `w`, a tensor of one element."""
        if len(w.shape) != 2:
            raise ValueError(f"OrthogonalRegularizer is for a matrix, as the kernel of Dense is, got shape {w.shape}")
        vectors = w if self.mode == "rows" else F.transpose(w)
        count = len(vectors)
        unit = vectors / F.sqrt(F.maximum(F.sum(vectors * vectors, 1, keepdims=True), LEAST))
        products = F.absolute(F.matmul(unit, F.transpose(unit)))
        apart = products * kernels.move(1 - np.eye(count, dtype=w.dtype), w.device)
        return F.sum(apart) * (self.factor / max(1, count * (count - 1)))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal penalty."""
        return {"factor": self.factor, "mode": self.mode}


# As Keras also calls them.
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

REGULARIZERS: dict[str, type[Regularizer]] = {
    "l1": L1,
    "l2": L2,
    "l1l2": L1L2,
    "orthogonal_regularizer": OrthogonalRegularizer,
}


def _l1_l2() -> L1L2:
    """Return what Keras documents for the name "l1_l2": both penalties at 0.01, though `L1L2()` alone has none."""
    return L1L2(0.01, 0.01)


# Names for `get`, which are Keras's of classes and Keras 2's of functions.
NAMES: dict[str, Callable[[], Regularizer]] = {**REGULARIZERS, "l1_l2": _l1_l2}
registry.add_kind("regularizer", "keras.regularizers", Regularizer, NAMES)


def get(identifier: Any) -> Any:
    """Return a penalty by name ("l1", "l2", "l1_l2"), from its description, a class, None, or the given object.

    Any function from a tensor to a tensor of one element may be given.
    """
    if isinstance(identifier, str):
        found = registry.find("regularizer", identifier)
        return found() if found is _l1_l2 else registry.made("regularizer", found)
    return registry.made("regularizer", identifier)


def serialize(regularizer: Any) -> Any:
    """Return the description of a regularizer, see `registry.serialize`."""
    return registry.serialize(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the regularizer that `serialize`, or Keras, has described; `custom_objects` has one's own by name."""
    return registry.made_with("regularizer", config, custom_objects)
