"""What a script holds: a `Tensor` of floats; whole numbers, truth values and words as `Values`.

TensorFlow has one class for both. Here a gradient is for floats alone, and NumPy's arrays serve all else: `Values` is
one that answers `.numpy()`.
"""

from typing import Any

import numpy as np

from ...layers.graph import SymbolicTensor
from ...offered import NotOfferedArgumentError
from ...tensor import FLOATS, Tensor


class DType(str):
    """The name of an element type, which NumPy and tinyconv take for the type; with TensorFlow's attributes."""

    @property
    def name(self) -> str:
        """The name itself."""
        return str(self)

    @property
    def as_numpy_dtype(self) -> type:
        """NumPy's type."""
        return np.dtype(self).type

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return np.dtype(self).itemsize

    @property
    def is_floating(self) -> bool:
        """Whether its elements are floating-point numbers."""
        return np.dtype(self).kind == "f"

    @property
    def is_integer(self) -> bool:
        """Whether its elements are whole numbers."""
        return np.dtype(self).kind in "iu"

    @property
    def max(self) -> Any:
        """The largest number that it has."""
        return (np.finfo if self.is_floating else np.iinfo)(self).max

    @property
    def min(self) -> Any:
        """The smallest number that it has."""
        return (np.finfo if self.is_floating else np.iinfo)(self).min


class Values(np.ndarray):
    """An array that is no `Tensor`: of whole numbers, truth values or words."""

    def numpy(self) -> Any:
        """Return the values as a plain array, or as one value if there are no axes; words as bytes, as TensorFlow."""
        if self.dtype.kind == "U":
            return np.char.encode(np.asarray(self), "utf-8").astype(object)[()]
        return np.asarray(self)[()]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, Tensor):
            index = index.numpy().astype(np.intp)
        return held(super().__getitem__(index))

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Any:
        return held(array)

    def __str__(self) -> str:
        return str(self.numpy())

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def set_shape(self, shape: Any) -> None:
        """Take the shape as it is known already."""

    def get_shape(self) -> "Shape":
        """Return the shape."""
        return Shape(self.shape)


class Shape(tuple[Any, ...]):
    """A shape with the methods of TensorFlow's."""

    def as_list(self) -> list[Any]:
        """Return the lengths as a list."""
        return list(self)

    @property
    def ndims(self) -> int:
        """Number of axes."""
        return len(self)

    rank = ndims

    @property
    def dims(self) -> list[Any]:
        """The lengths as a list."""
        return list(self)

    def num_elements(self) -> int:
        """Return the number of elements."""
        return int(np.prod(self))

    def is_fully_defined(self) -> bool:
        """Return whether no length is open."""
        return None not in self


class TensorSpec:
    """Shape and type that a tensor is to have."""

    def __init__(self, shape: Any = None, dtype: Any = "float32", name: str | None = None) -> None:
        self.shape, self.dtype, self.name = None if shape is None else Shape(shape), DType(type_of(dtype).name), name

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype}, name={self.name})"


HELD = (Tensor, Values, SymbolicTensor)
NAMES = {float: "float32", int: "int32", bool: "bool", str: "str", bytes: "str", "string": "str"}


def type_of(dtype: Any) -> np.dtype:
    """Return NumPy's type for the name of a type, or any other way to say it; Python's are those of 32 bits."""
    if dtype in ("bfloat16", "float8", "complex64", "complex128"):
        raise NotOfferedArgumentError(f"tinyconv does not offer {dtype}: it computes in float32 and float64")
    try:
        return np.dtype(NAMES.get(dtype, dtype))
    except TypeError:
        return np.dtype(str(getattr(dtype, "name", dtype)))


def held(array: Any) -> Any:
    """Return an array, or one of NumPy's numbers, as a script holds it: floats as a `Tensor`, all else as `Values`."""
    if isinstance(array, HELD):
        return array
    array = np.asarray(array)
    return Tensor(array) if array.dtype in FLOATS else array.view(Values)


def tensor(value: Any, dtype: Any = None) -> Any:
    """Return `value` as a `Tensor` or as `Values`: see `held`.

    Python's numbers become float32 and int32, as in TensorFlow; arrays keep their type. Tensors in a list are stacked.
    """
    if dtype is not None:
        return as_type(value, dtype)
    if isinstance(value, HELD):
        return value
    if isinstance(value, list | tuple) and _has_tensor(value):
        from ... import functions as F

        parts = [tensor(each) for each in value]
        if all(isinstance(each, Values) for each in parts):
            return np.stack(parts).view(Values)
        return F.stack(parts)
    array = np.asarray(value)
    if not hasattr(value, "dtype"):
        array = _of_32_bits(array)
    return held(array)


def _has_tensor(value: Any) -> bool:
    return any(isinstance(each, Tensor) or (isinstance(each, list | tuple) and _has_tensor(each)) for each in value)


def _of_32_bits(array: np.ndarray) -> np.ndarray:
    """Return numbers of Python's in TensorFlow's types."""
    if array.dtype == np.int64 and (array.size == 0 or np.abs(array).max() < 2**31):
        return array.astype(np.int32)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def as_type(value: Any, dtype: Any) -> Any:
    """Return `value` in another type: floats become whole by cutting off, what is not 0 becomes True."""
    wanted = type_of(dtype)
    if isinstance(value, Tensor):
        if value.dtype == wanted:
            return value
        if wanted in FLOATS:
            from ... import functions as F

            return F.cast(value, wanted.name)
    if isinstance(value, SymbolicTensor):
        raise TypeError("a symbol has no values")
    if wanted in FLOATS and isinstance(value, list | tuple) and _has_tensor(value):
        return as_type(tensor(value), dtype)
    with np.errstate(invalid="ignore"):
        return held(np.asarray(value).astype(wanted, copy=False))


def is_floating(*given: Any) -> bool:
    """Return whether any of the values holds floats, and so an operation of them is one that has a gradient."""
    for value in given:
        if isinstance(value, Tensor | SymbolicTensor | float):
            return True
    return any(not isinstance(value, int | Values | str) and np.asarray(value).dtype.kind == "f" for value in given)


def whole(value: Any) -> Any:
    """Return a number, or numbers, as Python's ints: those of a shape, an axis, a size."""
    if isinstance(value, list | tuple):
        return type(value)(whole(each) for each in value) if not isinstance(value, Shape) else tuple(value)
    if value is None or isinstance(value, int):
        return value
    array = np.asarray(value)
    return int(array) if array.ndim == 0 else tuple(int(each) for each in array)


def axes(axis: Any) -> Any:
    """Return an axis, or several, as functions take them: an int, a tuple of ints, or None."""
    axis = whole(axis)
    return tuple(axis) if isinstance(axis, list) else axis
