"""Activations with arguments or weights: LeakyReLU, PReLU, ELU."""

from collections.abc import Sequence
from typing import Any

from .. import constraints, initializers, regularizers
from .. import functions as F
from ..arguments import not_negative
from ..registry import describe
from ..tensor import Tensor
from .graph import Shape
from .layer import OneInput
from .window import known


class LeakyReLU(OneInput):
    """y = x where x > 0, else negative_slope·x. See `functions.leaky_relu`."""

    def __init__(
        self,
        negative_slope: float = 0.3,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.negative_slope = not_negative("negative_slope", negative_slope)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the rectified input."""
        return F.by_elements(F.leaky_relu, x, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "negative_slope": self.negative_slope}


class PReLU(OneInput):
    """y = x where x > 0, else alpha·x with slopes that are learnt. See `functions.prelu`.

    There is one slope for each number of a sample, but for the axes in `shared_axes` (from 1) only one for all: [1, 2]
    gives an image one a channel.
    """

    def __init__(
        self,
        alpha_initializer: str | initializers.Initializer = "zeros",
        alpha_regularizer: str | regularizers.L1L2 | None = None,
        alpha_constraint: str | constraints.Rule | None = None,
        shared_axes: int | Sequence[int] | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable, input_shape=input_shape)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes and list(shared_axes)
        if any(axis < 1 for axis in self.shared_axes or []):
            raise ValueError(f"shared_axes are numbered from 1, got {self.shared_axes}")

    def build(self, input_shape: Shape) -> None:
        """Make the slopes, of the shape of a sample with 1 for each shared axis."""
        given: Any = {"regularizer": self.alpha_regularizer, "constraint": self.alpha_constraint, "name": "alpha"}
        self.alpha = self.add_weight(self.slopes_of(input_shape), self.alpha_initializer, **given)

    def slopes_of(self, input_shape: Shape) -> tuple[int, ...]:
        """Return the shape of the slopes for inputs of `input_shape`."""
        shared = self.shared_axes or []
        return tuple(1 if axis in shared else known("slopes", length) for axis, length in enumerate(input_shape[1:], 1))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        if max(self.shared_axes or [0]) >= len(input_shape):
            raise ValueError(f"it has no axis {max(self.shared_axes or [0])} to share: shared_axes={self.shared_axes}")
        slopes = self.slopes_of(input_shape)
        if self.built and slopes != self.alpha.shape:
            raise ValueError(f"its slopes were built for {self.alpha.shape}")
        return input_shape

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the rectified input."""
        return F.prelu(x, self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "alpha_initializer": describe(self.alpha_initializer),
            "alpha_regularizer": describe(self.alpha_regularizer),
            "alpha_constraint": describe(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }


class ELU(OneInput):
    """y = x where x > 0, else alpha·(eˣ − 1). See `functions.elu`."""

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.alpha = not_negative("alpha", alpha)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the exponential linear unit of x."""
        return F.by_elements(F.elu, x, self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "alpha": self.alpha}
