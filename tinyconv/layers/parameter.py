"""Parameter: a weight of a layer."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import initializers, kernels
from ..config import floatx
from ..names import automatic
from ..randomness import draws_repeat
from ..tensor import Tensor, as_array, values
from .tracking import Part

Penalty = Callable[[Tensor], Tensor]
Rule = Callable[[Tensor], Any]


class Parameter(Tensor, Part):
    """A weight: a leaf tensor with a name ("kernel"), a path ("conv2d/kernel") perhaps a penalty and a constraint."""

    def __init__(
        self,
        data: np.ndarray,
        path: str,
        trainable: bool = True,
        regularizer: Penalty | None = None,
        constraint: Rule | None = None,
    ) -> None:
        super().__init__(data, requires_grad=trainable)
        self.path, self.regularizer, self.constraint = path, regularizer, constraint

    def __repr__(self) -> str:
        rest = "" if self.trainable else ", trainable=False"
        return f'Parameter("{self.path}", shape={self.shape}, dtype={self.dtype}, device={self.device}{rest})'

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def trainable(self) -> bool:
        """Whether training changes the weight."""
        return self.requires_grad

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.requires_grad = bool(value)

    @property
    def value(self) -> Tensor:
        """The weight itself, as a tensor."""
        return self

    def assign(self, value: Any) -> "Parameter":
        """Replace the values by those of a tensor, an array or a number, of this shape; gradients do not see it.

        The weight is returned. Where draws repeat, as while a layer is tried, the weight stays as it is.
        """
        new = as_array(values(value), self.dtype)
        if new.shape != self.shape:
            raise ValueError(f"weight {self.path} has shape {self.shape}, assign got {new.shape}")
        if not draws_repeat():
            self.data[...] = kernels.move(new, self.device)
        return self

    def assign_add(self, value: Any) -> "Parameter":
        """Add a tensor, an array or a number to the values: see `assign`."""
        return self.assign(self.data + as_array(values(value), self.dtype))

    def assign_sub(self, value: Any) -> "Parameter":
        """Take a tensor, an array or a number off the values: see `assign`."""
        return self.assign(self.data - as_array(values(value), self.dtype))


class Variable(Parameter):
    """A weight of one's own, which a layer that has it as an attribute takes for its own.

    `initializer` is its first value, a number or an array, or, with `shape`, an initializer's name, object or function.
    """

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        if dtype not in (None, "float32", "float64"):
            raise ValueError(f'a variable holds "float32" or "float64", got dtype={dtype!r}')
        if isinstance(initializer, str) or callable(initializer):
            if shape is None:
                raise ValueError(f"a variable that is drawn by {initializer!r} needs its shape: give shape=(…)")
            first = initializers.get(initializer)
            value = initializers.first_values(first, tuple(shape), dtype or floatx())
        else:
            value = as_array(values(initializer), dtype or floatx()).copy()
            if shape is not None and value.shape != tuple(shape):
                raise ValueError(f"a variable of shape {tuple(shape)} cannot begin with a value of {value.shape}")
        super().__init__(value, name or automatic("variable"), trainable)
