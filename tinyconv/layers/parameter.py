"""Parameter: a weight of a layer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import kernels
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

    def assign(self, value: Any) -> None:
        """Replace the values by those of a tensor, an array or a number, of this shape; gradients do not see it.

        Where draws repeat, as while a layer is tried, the weight stays as it is.
        """
        new = as_array(values(value), self.dtype)
        if new.shape != self.shape:
            raise ValueError(f"weight {self.path} has shape {self.shape}, assign got {new.shape}")
        if not draws_repeat():
            self.data[...] = kernels.move(new, self.device)

    def assign_add(self, value: Any) -> None:
        """Add a tensor, an array or a number to the values: see `assign`."""
        self.assign(self.data + as_array(values(value), self.dtype))

    def assign_sub(self, value: Any) -> None:
        """Take a tensor, an array or a number off the values: see `assign`."""
        self.assign(self.data - as_array(values(value), self.dtype))
