"""Normalization to vectors of norm 1, and of mean square 1."""

from collections.abc import Sequence
from typing import Any

from .. import functions as F
from ..arguments import axis_and_axes, not_negative
from ..tensor import Tensor
from .graph import Shape
from .layer import OneInput
from .normalization import last_lengths

LEAST = 1e-12  # a norm counts as no less


def unit_vectors(x: Tensor, axes: Sequence[int], least: float) -> Tensor:
    """Return x/max(‖x‖, least), with norms over `axes`."""
    return x / F.sqrt(F.maximum(F.sum(x * x, tuple(axes), keepdims=True), least**2))


class UnitNormalization(OneInput):
    """y = x/max(‖x‖, 10⁻¹²), with norms over `axis`, one or several."""

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.axis, self.axes = axis_and_axes(axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        rank = len(input_shape)
        if any(not -rank < axis < rank or axis == 0 for axis in self.axes):
            raise ValueError(f"its axis must be one of 1 … {rank - 1}, or several, and is {self.axis}")
        return input_shape

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x with norms of 1."""
        return unit_vectors(x, self.axes, LEAST)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "axis": self.axis}


class RMSNormalization(OneInput):
    """y = scale·x/√(mean x² + ε), with means over `axis`: the last, or several that together are the last ones.

    The weight, scale, has the lengths of these axes. Source: Zhang & Sennrich 2019, "Root mean square layer
    normalization".
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-6,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable, input_shape=input_shape)
        self.axis, self.axes = axis_and_axes(axis)
        self.epsilon = not_negative("epsilon", epsilon)

    def build(self, input_shape: Shape) -> None:
        """Make the scale."""
        self.lengths = last_lengths(self.axes, input_shape)
        self.scale = self.add_weight(self.lengths, "ones", name="scale")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        lengths = last_lengths(self.axes, input_shape)
        if self.built and lengths != self.lengths:
            raise ValueError(f"its scale was built for {' × '.join(map(str, self.lengths))} features")
        return input_shape

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x normalized."""
        root = F.sqrt(F.mean(x * x, tuple(self.axes), keepdims=True) + self.epsilon)
        return x / root * self.scale

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        axis = sorted(self.axes) if self.built else self.axis  # as in Keras, where building makes it a list
        return {**super().get_config(), "axis": axis, "epsilon": self.epsilon}
