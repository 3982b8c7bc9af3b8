"""Layers that bring data into a range, with numbers that are given or measured and not learnt."""

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from .. import functions as F
from .. import initializers, kernels
from ..tensor import Tensor, values
from .graph import Shape
from .layer import OneInput
from .window import known

EPSILON = 1e-7  # the least standard deviation that is divided by; Keras's `backend.epsilon()`
PIECE = 1024  # samples of an array that are measured at once, in double


class Rescaling(OneInput):
    """y = scale·x + offset, each one number or one for each channel of (batch, …, channels). See `F.scale_shift`."""

    def __init__(
        self,
        scale: float | Sequence[float],
        offset: float | Sequence[float] = 0.0,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.scale, self.offset = _numbers("scale", scale), _numbers("offset", offset)
        for argument, value in (("scale", self.scale), ("offset", self.offset)):
            if np.ndim(value) > 1:
                raise ValueError(f"{argument} must be a number, or one for each channel, got shape {np.shape(value)}")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        for argument, value in (("scale", self.scale), ("offset", self.offset)):
            if np.ndim(value) and np.shape(value) not in ((1,), input_shape[-1:]):
                raise ValueError(f"its {argument} is for {len(value)} channels")
        return input_shape

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return scale·x + offset."""
        scale, offset = (
            kernels.move(np.broadcast_to(np.asarray(value, x.dtype), x.shape[-1:]), x.device)
            for value in (self.scale, self.offset)
        )
        return F.scale_shift(x, scale, offset)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}


class Normalization(OneInput):
    """y = (x − mean)/√variance, or with `invert` x·√variance + mean: a network's first layer, or its last.

    Mean and variance are arguments, or what `adapt` measures of data: for each place along `axis` (the channels; None
    for a single pair of numbers). Then they are weights that are not learnt: mean, variance, and Keras's count, which
    is 0. √variance counts as no less than 10⁻⁷.
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        self.axis = () if axis is None else tuple(axis) if isinstance(axis, Sequence) else (axis,)
        self.given = None
        if (mean is None) != (variance is None):
            raise ValueError(f"mean and variance must be given together, got mean={mean} and variance={variance}")
        if mean is not None:
            self.given = _numbers("mean", mean), _numbers("variance", variance)
            shapes = [np.shape(value) for value in self.given]
            if shapes[0] != shapes[1] or len(shapes[0]) > len(self.axis):
                raise ValueError(
                    f"mean and variance must have one shape, of at most {len(self.axis)} axes as axis={self.axis} has, "
                    f"got {shapes[0]} and {shapes[1]}"
                )
        self.invert = invert

    def build(self, input_shape: Shape) -> None:
        """Make the weights, unless mean and variance were given."""
        kept, lengths = self._kept(input_shape)
        # From the first axis that is kept, the others are of length 1, to be repeated along.
        self.first = kept[0] if kept else len(input_shape) - 1
        self.places = tuple(
            int(length or 0) if axis in kept else 1 for axis, length in enumerate(input_shape) if axis >= self.first
        )
        if self.given is None:
            zeros, ones = initializers.Zeros(), initializers.Ones()
            self.mean: Tensor = self.add_weight(lengths, zeros, trainable=False, name="mean")
            self.variance: Tensor = self.add_weight(lengths, ones, trainable=False, name="variance")
            self.add_weight((), zeros, trainable=False, name="count")
        else:
            self.mean, self.variance = (
                Tensor(np.broadcast_to(np.asarray(value, self.dtype), lengths)) for value in self.given
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        rank = len(input_shape)
        if not all(-rank < axis < rank and axis != 0 for axis in self.axis):
            raise ValueError(f"its axis must name axes after the batch's, below {rank}, and is {self.axis}")
        _, lengths = self._kept(input_shape)
        if self.built and self.mean.shape != lengths:
            raise ValueError(f"it was built for lengths of {self.mean.shape} along its axis {self.axis}")
        if self.given is not None:
            try:
                np.broadcast_to(self.given[0], lengths)
            except ValueError:
                shape = np.shape(self.given[0])
                raise ValueError(f"its mean, of shape {shape}, does not fit {lengths}, axis {self.axis}") from None
        return input_shape

    def adapt(self, data: Any) -> None:
        """Measure mean and variance of `data`: an array of samples, or batches (their first parts, if tuples) to go by.

        Raises ValueError when mean and variance were given, or there is no data.
        """
        if self.given is not None:
            raise self.error("was given mean and variance: there is nothing to adapt")
        count, mean, squares = 0, np.float64(0), np.float64(0)
        for batch in _batches(data):
            self.prepare((None, *batch.shape[1:]))
            axes = tuple(set(range(batch.ndim)) - set(self._kept(batch.shape)[0]))
            part = prod(batch.shape[axis] for axis in axes)
            if part:
                # Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance", equation 2.1.
                level, spread = batch.mean(axis=axes), batch.var(axis=axes)
                away, share = level - mean, part / (count + part)
                mean, squares = mean + away * share, squares + part * spread + away**2 * count * share
                count += part
        if not count:
            raise self.error("got no data to adapt to")
        for weight, measured in ((self.mean, mean), (self.variance, squares / count)):
            weight.data[...] = kernels.move(measured.astype(self.dtype), weight.device)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return x normalized, or the other way round."""
        block = x.shape[self.first :]
        mean, variance = (
            np.broadcast_to(kernels.move(array.data, x.device).reshape(self.places), block).reshape(-1)
            for array in (self.mean, self.variance)
        )
        deviation = np.maximum(np.sqrt(variance), EPSILON)
        rows = F.reshape(x, (*x.shape[: self.first], prod(block)))
        y = F.scale_shift(rows, deviation, mean) if self.invert else F.scale_shift(rows, 1 / deviation, None, mean)
        return F.reshape(y, x.shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer; what `adapt` measured is in the weights."""
        mean, variance = (None, None) if self.given is None else self.given
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": mean,
            "variance": variance,
        }

    def _kept(self, shape: Shape) -> tuple[list[int], tuple[int, ...]]:
        """Return the axes that keep their own mean and variance, in order, and their lengths."""
        kept = sorted({axis % len(shape) for axis in self.axis})
        return kept, tuple(known("places along its axis", shape[axis]) for axis in kept)


def _numbers(argument: str, value: Any) -> Any:
    """Return `value` as a number or nested lists of numbers, as a configuration can hold them."""
    array = np.asarray(values(value))
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{argument} must be a number, or several, got {value!r}")
    return array.tolist()


def _batches(data: Any) -> Iterator[np.ndarray]:
    """Yield an array in pieces, or what batches hold, as arrays in double on the CPU."""
    if isinstance(data, Tensor) or hasattr(data, "dtype"):
        array = values(data)
        pieces: Iterable[Any] = (array[at : at + PIECE] for at in range(0, len(array), PIECE))
    else:
        pieces = (batch[0] if isinstance(batch, tuple) else batch for batch in data)
    for piece in pieces:
        yield np.asarray(kernels.move(values(piece), "cpu"), np.float64)
