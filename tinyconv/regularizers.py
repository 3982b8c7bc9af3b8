"""Penalties on weights, added to the loss; Keras's names, arguments and defaults."""

from collections.abc import Callable
from typing import Any, Self

from . import functions as F
from . import registry
from .tensor import Tensor


class L1L2:
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

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the penalty that `get_config` described."""
        return registry.from_config(cls, config)


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


REGULARIZERS: dict[str, type[L1L2]] = {"l1": L1, "l2": L2, "l1l2": L1L2}


def _l1_l2() -> L1L2:
    """Return what Keras documents for the name "l1_l2": both penalties at 0.01, though `L1L2()` alone has none."""
    return L1L2(0.01, 0.01)


# Names for `get`, which are Keras's of classes and Keras 2's of functions.
NAMES: dict[str, Callable[[], L1L2]] = {**REGULARIZERS, "l1_l2": _l1_l2}
registry.add_kind("regularizer", "keras.regularizers", L1L2, NAMES)


def get(regularizer: Any) -> Any:
    """Return a penalty by name ("l1", "l2", "l1_l2"), from its description, a class, None, or the given object.

    Any function from a tensor to a tensor of one element may be given.
    """
    if isinstance(regularizer, str):
        found = registry.find("regularizer", regularizer)
        return found() if found is _l1_l2 else registry.made("regularizer", found)
    return registry.made("regularizer", regularizer)
