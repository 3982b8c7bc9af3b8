"""Layers around a layer: Wrapper, TimeDistributed, SpectralNormalization; and RepeatVector, which feeds the second."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from .. import functions as F
from .. import initializers, registry
from ..arguments import size
from ..tensor import Tensor
from .graph import Shape
from .layer import Layer, OneInput

LEAST = 1e-12  # a norm counts as no less


class Wrapper(Layer):
    """Base of layers that have another one inside, `layer`, and are built with it; a subclass writes `call`."""

    def __init__(
        self,
        layer: Layer,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable, input_shape=input_shape)
        if not isinstance(layer, Layer):
            raise TypeError(f"{type(self).__name__} goes around a layer, got {layer!r}")
        self.layer = layer
        if not trainable:
            layer.trainable = False

    def build(self, input_shape: Any) -> None:
        """Build the layer inside."""
        self.layer.prepare(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "layer": registry.serialize(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the layer that `get_config` described, here or in Keras 3, with new weights."""
        inner = config["layer"]
        made = registry.deserialize(inner, "layer") if isinstance(inner, Mapping) else inner
        return super().from_config({**config, "layer": made})


class TimeDistributed(Wrapper):
    """Applies a layer to each x[:, t] of x (n, t, …) by itself; what comes out is (n, t, …), too.

    A layer that keeps averages of what it sees sees one time after the other.
    """

    def build(self, input_shape: Shape) -> None:
        """Build the layer inside for one time."""
        self.layer.prepare(self.of_one_time(input_shape))

    def of_one_time(self, input_shape: Shape) -> Shape:
        """Return the shape of x[:, t]."""
        if len(input_shape) < 3:
            raise self.error(f"got an input of shape {input_shape}, needs at least 3 axes (batch, time, features)")
        return (input_shape[0], *input_shape[2:])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, t, …)."""
        n, *rest = self.layer.compute_output_shape(self.of_one_time(input_shape))
        return (n, input_shape[1], *rest)

    def call(self, inputs: Tensor, training: bool) -> Tensor:
        """Return what the layer makes of each time."""
        n, times = inputs.shape[:2]
        if any(layer._state for layer in self.layer.every_layer()):
            return F.stack([self.layer(inputs[:, t], training=training) for t in range(times)], axis=1)
        y = self.layer(F.reshape(inputs, (n * times, *inputs.shape[2:])), training=training)
        return F.reshape(y, (n, times, *y.shape[1:]))


class SpectralNormalization(Wrapper):
    """In training, divides the kernel of the layer inside by its largest singular value σ before it is used.

    σ = v·W·uᵀ is found by `power_iterations` of v ← uWᵀ/‖uWᵀ‖, u ← vW/‖vW‖ on the kernel as a matrix W (…, outputs),
    from the u of the step before, a weight that is not learnt. Source: Miyato et al. 2018, "Spectral normalization for
    generative adversarial networks", algorithm 1; as in Keras, the kernel itself is changed.
    """

    def __init__(
        self,
        layer: Layer,
        power_iterations: int = 1,
        *,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(layer, name=name, dtype=dtype, trainable=trainable, input_shape=input_shape)
        self.power_iterations = size("power_iterations", power_iterations)

    def build(self, input_shape: Shape) -> None:
        """Build the layer inside, and make u."""
        self.layer.prepare(input_shape)
        kernel = getattr(self.layer, "kernel", None)
        if kernel is None:
            raise self.error(f"needs a layer with a kernel, {type(self.layer).__name__} has none")
        self.kernel = kernel  # as in Keras, where it counts among the layer's own
        start = initializers.TruncatedNormal(stddev=0.02)
        self.vector_u = self.add_weight((1, kernel.shape[-1]), start, trainable=False, name="vector_u")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output of the layer inside."""
        found: Shape = self.layer.compute_output_shape(input_shape)
        return found

    def call(self, inputs: Tensor, training: bool) -> Tensor:
        """Return the output of the layer inside, its kernel divided in training."""
        if training:
            self.normalize()
        return self.layer(inputs, training=training)

    def normalize(self) -> None:
        """Divide the kernel by its largest singular value; one of zeros stays so."""
        kernel = self.kernel
        matrix, u = kernel.data.reshape(-1, kernel.shape[-1]), self.vector_u.data
        if not matrix.any():
            return
        for _ in range(self.power_iterations):
            v = _unit(u @ matrix.T)
            u = _unit(v @ matrix)
        self.vector_u.data[...] = u
        kernel.data /= (v @ matrix @ u.T).reshape(())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _unit(vector: Any) -> Any:
    return vector / np.maximum(np.sqrt((vector * vector).sum()), LEAST)


class RepeatVector(OneInput):
    """Repeats a vector: (batch, features) → (batch, n, features)."""

    rank = 2

    def __init__(
        self,
        n: int,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.n = size("n", n)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, n, features)."""
        return input_shape[0], self.n, input_shape[1]

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the vectors repeated."""
        return F.stack([x] * self.n, axis=1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "n": self.n}
