"""Layers that join several tensors into one."""

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from .. import functions as F
from ..tensor import Tensor, as_array
from .graph import Shape
from .layer import Layer
from .unit_normalization import unit_vectors

LEAST = 1e-7  # in Dot, a norm counts as no less


class Merge(Layer):
    """Base of the layers that compute one tensor from a list of them, of one shape or of shapes that broadcast."""

    least = 2  # tensors
    checks_shapes = True

    def __init__(self, *, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def join(self, tensors: Sequence[Tensor]) -> Tensor:
        """Compute the output from tensors that fit."""
        raise NotImplementedError(f"{type(self).__name__} defines no join")

    def call(self, tensors: Sequence[Tensor], training: bool) -> Tensor:
        """Return the tensors joined."""
        last = in_memory_order(tensors) if type(tensors[0]) is F.ChannelsFirst else []
        return F.channels_first(self.join_last(last)) if last else self.join(tensors)

    def join_last(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return tensors joined whose channels are last, where the layer's own have them first."""
        return self.join(tensors)

    def _tensors(self, x: Any) -> list[Tensor]:
        """Return a list of tensors or arrays as one of tensors."""
        if not isinstance(x, list | tuple):
            raise self.error(f"joins a list of tensors, got {type(x).__name__}: call it as layer([a, b])")
        return [each if isinstance(each, Tensor) else Tensor(as_array(each, self.dtype)) for each in x]

    def checked_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of the output for inputs of these shapes; an error names this layer."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        if len(shapes) < self.least:
            raise self.error(f"joins {self.least} tensors or more, got {len(shapes)}")
        try:
            return self.compute_output_shape(shapes)
        except ValueError as error:
            raise self.error(f"got inputs of shapes {', '.join(map(str, shapes))}: {error}") from None

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape that the inputs' shapes broadcast to, the batch axis left out of it."""
        if len({len(shape) for shape in input_shape}) > 1:
            raise ValueError("they must have the same number of axes")
        return None, *(self._broadcast(lengths) for lengths in list(zip(*input_shape, strict=True))[1:])

    @staticmethod
    def _broadcast(lengths: Sequence[int | None]) -> int | None:
        """Return the length that lengths of one axis broadcast to: an open one could be any, and gives way."""
        given = [length for length in lengths if length is not None]
        length = np.broadcast_shapes(*((length,) for length in given))[0] if given else None
        return None if length == 1 and len(given) < len(lengths) else length


def in_memory_order(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return tensors with channels first as they stand in memory, channels last; none, if one of them does not."""
    last = [x.last for x in tensors if isinstance(x, F.ChannelsFirst)]
    return last if len(last) == len(tensors) else []


class Add(Merge):
    """y = a + b + …, element by element."""

    def join(self, tensors: Sequence[Tensor], relu: bool = False) -> Tensor:
        """Return the sum, rectified with `relu`."""
        *others, last = tensors
        return F.add(reduce(F.add, others), last, relu)


class Subtract(Merge):
    """y = a − b, element by element."""

    def join(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return the difference."""
        return F.subtract(*tensors)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape that the two inputs' shapes broadcast to."""
        if len(input_shape) != 2:
            raise ValueError(f"needs 2 tensors, not {len(input_shape)}")
        return super().compute_output_shape(input_shape)


class Multiply(Merge):
    """y = a·b·…, element by element."""

    def join(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return the product."""
        return reduce(F.multiply, tensors)


class Average(Merge):
    """y = (a + b + …) / count, element by element."""

    def join(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return the mean."""
        return reduce(F.add, tensors) * (1 / len(tensors))


class Maximum(Merge):
    """y = the largest of a, b, …, element by element; of equals the first gets the gradient."""

    def join(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return the largest."""
        return reduce(F.maximum, tensors)


class Minimum(Merge):
    """y = the smallest of a, b, …, element by element; of equals the first gets the gradient."""

    def join(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return the smallest."""
        return reduce(F.minimum, tensors)


class Concatenate(Merge):
    """The inputs one after the other along `axis`; they agree on all others."""

    def __init__(self, axis: int = -1, *, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        if not isinstance(axis, int) or axis == 0:
            raise ValueError(f"axis must be a whole number other than 0, the batch's, got {axis!r}")
        self.axis = axis

    def join(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return the inputs joined."""
        return F.concatenate(tensors, self.axis)

    def join_last(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return the inputs joined whose channels are last, where the layer's own have them first."""
        return F.concatenate(tensors, (0, 3, 1, 2)[self.axis % 4])

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the inputs' shape, its length along `axis` the sum of theirs."""
        first: list[int | None] = list(input_shape[0])
        if not -len(first) < self.axis < len(first):
            raise ValueError(f"they have no axis {self.axis}")
        axis = self.axis % len(first)
        others = [other for other in range(1, len(first)) if other != axis]
        if len({len(shape) for shape in input_shape}) > 1 or any(
            len({shape[other] for shape in input_shape} - {None}) > 1 for other in others
        ):
            raise ValueError(f"they must agree on every axis but {self.axis}")
        for other in others:  # an open length is that of an input that states it
            first[other] = next((shape[other] for shape in input_shape if shape[other] is not None), None)
        along = [shape[axis] for shape in input_shape]
        first[axis] = None if None in along else sum(along)
        return tuple(first)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "axis": self.axis}


class Dot(Merge):
    """Scalar products of vectors that lie along an axis of each of two tensors, for each sample; `axes` says which.

    From a (n, …, k) and b (n, …, k) with the axes removed comes y (n, …, …), or (n, 1) where nothing is left:

        y[n, i, j] = Σ a[n, i, m]·b[n, j, m] over m

    With `normalize` the vectors are of length 1 before, so that y is the cosine of their angle.
    """

    def __init__(
        self, axes: int | Sequence[int], normalize: bool = False, *, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
        if len(pair) != 2 or not all(isinstance(axis, int) and axis != 0 for axis in pair):
            raise ValueError(f"axes must be an integer other than 0, the batch's, or two, got {axes!r}")
        self.axes, self.normalize = axes, normalize
        self._pair = pair

    def places(self, shapes: Sequence[Shape]) -> list[int]:
        """Return the axes, counted from the batch's, of tensors of two shapes."""
        return [axis % len(shape) for shape, axis in zip(shapes, self._pair, strict=True)]

    def _vectors(self, x: Tensor, axis: int) -> Tensor:
        """Return x as (n, vectors, k)."""
        x = F.transpose(x, (*(other for other in range(x.ndim) if other != axis), axis))
        if self.normalize:
            x = unit_vectors(x, (-1,), LEAST)
        return F.reshape(x, (x.shape[0], prod(x.shape[1:-1]), x.shape[-1]))

    def call(self, tensors: Sequence[Tensor], training: bool) -> Tensor:
        """Return the products: axes are those of the tensors as they are seen."""
        return self.join(tensors)

    def join(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return the products."""
        shapes = [x.shape for x in tensors]
        a, b = (self._vectors(x, axis) for x, axis in zip(tensors, self.places(shapes), strict=True))
        y = F.matmul(a, F.transpose(b, (0, 2, 1)))
        return F.reshape(y, (y.shape[0], *self._left(shapes)))

    def _left(self, shapes: Sequence[Shape]) -> list[Any]:
        """Return the lengths of the result, without the batch's."""
        left = [shape[1:axis] + shape[axis + 1 :] for shape, axis in zip(shapes, self.places(shapes), strict=True)]
        return list(left[0] + left[1]) or [1]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the lengths of both inputs, without those of the vectors."""
        if len(input_shape) != 2:
            raise ValueError(f"needs 2 tensors, not {len(input_shape)}")
        for shape, axis in zip(input_shape, self._pair, strict=True):
            if not -len(shape) < axis < len(shape):
                raise ValueError(f"their axes are below {max(map(len, input_shape))}, and axes={self.axes}")
        lengths = [shape[axis] for shape, axis in zip(input_shape, self._pair, strict=True)]
        if len(set(lengths) - {None}) > 1:
            raise ValueError(f"the vectors along axes={self.axes} have {lengths[0]} and {lengths[1]} numbers")
        return None, *self._left(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}
