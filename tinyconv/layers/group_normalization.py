"""Group normalization."""

from collections.abc import Sequence
from math import prod
from typing import Any

from .. import constraints, initializers, regularizers
from .. import functions as F
from ..arguments import size
from ..tensor import Tensor
from .graph import Shape
from .normalization import Scaled, channel_axis
from .window import known


class GroupNormalization(Scaled):
    """Normalizes groups of each sample's channels, over all its places, then scales by gamma and adds beta.

    With `groups` of −1 each channel is a group by itself. For each group, of mean μ and variance σ²,

        y = (x − μ)/√(σ² + ε)·γ + β

    Weights: gamma and beta, (channels,). See `functions.layer_norm`. Source: Wu & He 2018, "Group normalization".
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | initializers.Initializer = "zeros",
        gamma_initializer: str | initializers.Initializer = "ones",
        beta_regularizer: str | regularizers.L1L2 | None = None,
        gamma_regularizer: str | regularizers.L1L2 | None = None,
        beta_constraint: str | constraints.Rule | None = None,
        gamma_constraint: str | constraints.Rule | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(
            epsilon,
            center,
            scale,
            (beta_initializer, beta_regularizer, beta_constraint),
            (gamma_initializer, gamma_regularizer, gamma_constraint),
            name=name,
            dtype=dtype,
            trainable=trainable,
            input_shape=input_shape,
        )
        self.groups = groups if groups == -1 else size("groups", groups)
        self.axis = axis

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta where wanted."""
        self.channels = known("channels", input_shape[self.axis])
        if self.groups == -1:
            self.groups = self.channels  # so it is described from now on, as in Keras
        self.make_gamma_and_beta((self.channels,))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        channels = known("channels", input_shape[channel_axis(self.axis, input_shape)])
        if self.built and channels != self.channels:
            raise ValueError(f"its weights were built for {self.channels} channels")
        if channels % self.groups:
            raise ValueError(f"its {channels} channels cannot be divided by groups={self.groups}")
        return input_shape

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x normalized."""
        if self.axis in (-1, x.ndim - 1):
            return self.normalize(x)
        return F.from_last(self.normalize(F.to_last(x, self.axis)), self.axis)

    def normalize(self, x: Tensor) -> Tensor:
        """Return x, whose channels are last, normalized."""
        n, places, together = x.shape[0], prod(x.shape[1:-1]), self.channels // self.groups
        apart = F.transpose(F.reshape(x, (n, places, self.groups, together)), (0, 2, 1, 3))
        rows = F.layer_norm(F.reshape(apart, (n, self.groups, places * together)), epsilon=self.epsilon)
        y = F.reshape(F.transpose(F.reshape(rows, apart.shape), (0, 2, 1, 3)), x.shape)
        if self.gamma is not None:
            return F.scale_shift(y, self.gamma, self.beta)
        return y if self.beta is None else y + self.beta

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "groups": self.groups, "axis": self.axis}
