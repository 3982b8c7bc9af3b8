"""Tensors made of numbers and shapes, and their shapes."""

import builtins
from typing import Any

import numpy as np

from ...layers.graph import SymbolicTensor
from ...tensor import Tensor
from .values import Values, as_type, held, tensor, type_of, whole


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """Return `value` as a tensor; one number fills `shape`."""
    made = tensor(value, dtype)
    if shape is None:
        return made
    array = np.asarray(made)
    return held(np.full(whole(shape), array) if array.size == 1 else array.reshape(whole(shape)))


def convert_to_tensor(value: Any, dtype: Any = None, *_: Any, **__: Any) -> Any:
    """Return `value` as a tensor."""
    return tensor(value, dtype)


def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """Return x in another type: floats become whole by cutting off, what is not 0 becomes True."""
    return as_type(x, dtype)


def identity(input: Any, name: str | None = None) -> Any:
    """Return a tensor of the same values, which later changes of a variable do not reach."""
    return input * 1 if isinstance(input, Tensor) else held(np.array(input))


def _made(shape: Any, dtype: Any, value: Any) -> Any:
    shape = (shape,) if isinstance(shape, int) else whole(shape)
    return held(np.full(shape, value, type_of(dtype)))


def zeros(shape: Any, dtype: Any = "float32", name: str | None = None) -> Any:
    """Return a tensor of 0."""
    return _made(shape, dtype, 0)


def ones(shape: Any, dtype: Any = "float32", name: str | None = None) -> Any:
    """Return a tensor of 1."""
    return _made(shape, dtype, 1)


def fill(dims: Any, value: Any, name: str | None = None) -> Any:
    """Return a tensor of one value."""
    value = tensor(value)
    return _made(dims, value.dtype, np.asarray(value))


def full(shape: Any, fill_value: Any, dtype: Any = "float32") -> Any:
    """Return a tensor of one value."""
    return _made(shape, dtype, np.asarray(fill_value))


def zeros_like(input: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Return a tensor of 0 in the shape of another."""
    x = tensor(input)
    return _made(x.shape, dtype or x.dtype, 0)


def ones_like(input: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Return a tensor of 1 in the shape of another."""
    x = tensor(input)
    return _made(x.shape, dtype or x.dtype, 1)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return a tensor of one value in the shape of another."""
    x = tensor(x)
    return _made(x.shape, dtype or x.dtype, np.asarray(fill_value))


def eye(num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = "float32") -> Any:
    """Return the identity matrix."""
    made = np.eye(whole(num_rows), whole(num_columns), dtype=type_of(dtype))
    return held(made if batch_shape is None else np.broadcast_to(made, (*whole(batch_shape), *made.shape)).copy())


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = None) -> Any:
    """Return the numbers from `start` up to `limit`, which is not among them; up to `start` if that is all."""
    start, limit = (0, start) if limit is None else (start, limit)
    return tensor(np.arange(*map(_number, (start, limit, delta))).tolist(), dtype)


def _number(value: Any) -> Any:
    return np.asarray(value)[()]


def linspace(start: Any, stop: Any, num: Any, *_: Any, **__: Any) -> Any:
    """Return `num` numbers from `start` to `stop`, at equal distances."""
    return tensor(np.linspace(np.asarray(start), np.asarray(stop), whole(num)).astype(np.asarray(tensor(start)).dtype))


def meshgrid(*given: Any, indexing: str = "xy") -> list[Any]:
    """Return the coordinates of all points of a grid."""
    arrays: Any = map(np.asarray, given)
    layout: Any = indexing
    return [held(each) for each in np.meshgrid(*arrays, indexing=layout)]


def shape(input: Any, out_type: Any = None, name: str | None = None) -> Any:
    """Return the lengths of the axes: whole numbers; of a symbol with open ones, a symbol."""
    return np.array(np.shape(input), np.int32).view(Values)


def size(input: Any, *_: Any, **__: Any) -> Any:
    """Return the number of elements."""
    return np.array(np.asarray(input).size, np.int32).view(Values)


def rank(input: Any, name: str | None = None) -> Any:
    """Return the number of axes."""
    return np.array(np.ndim(input), np.int32).view(Values)


def is_tensor(x: Any) -> builtins.bool:
    """Return whether x is a tensor, whole numbers among them, or a symbol."""
    return isinstance(x, Tensor | Values | SymbolicTensor)


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return the values as an array of NumPy's."""
    return np.array(x)


def stop_gradient(input: Any, name: str | None = None) -> Any:
    """Return the values without what they were computed from: no gradient goes on from here."""
    x = tensor(input)
    return x.detach() if isinstance(x, Tensor) else x
