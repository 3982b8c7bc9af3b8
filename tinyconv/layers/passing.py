"""Layers that pass their input on: Identity, and ActivityRegularization, which penalises it."""

from collections.abc import Sequence
from typing import Any

from .. import regularizers
from ..arguments import not_negative
from ..tensor import Tensor
from .layer import OneInput


class Identity(OneInput):
    """y = x."""

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x."""
        return x


class ActivityRegularization(Identity):
    """y = x; adds l1·Σ|x| + l2·Σx², divided by the number of samples, to the loss."""

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.l1, self.l2 = not_negative("l1", l1), not_negative("l2", l2)
        self.activity_regularizer = regularizers.L1L2(self.l1, self.l2)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        config = {**super().get_config(), "l1": self.l1, "l2": self.l2}
        return {name: value for name, value in config.items() if name != "activity_regularizer"}
