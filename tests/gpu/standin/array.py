"""`cupy.ndarray`, in the memory of the CPU."""

import ctypes
import weakref
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

_SCALARS = (bool, int, float, np.generic)


@cache
def _c_library() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    return library


def allocate(shape: Any, dtype: Any) -> np.ndarray:
    """Return a NumPy array in a piece of memory of its own, no byte longer than itself, which starts as NaN.

    NumPy would take small arrays from a store of larger pieces, where the address sanitizer sees no bounds.
    """
    host = np.empty(shape, dtype)
    if host.nbytes == 0:
        return host
    address = _c_library().malloc(host.nbytes)
    if not address:
        raise MemoryError(f"no memory for an array of {host.nbytes} bytes")
    piece = (ctypes.c_char * host.nbytes).from_address(address)
    weakref.finalize(piece, _c_library().free, address).atexit = False
    ctypes.memset(address, 0xFF, host.nbytes)
    return np.frombuffer(piece, host.dtype).reshape(host.shape)


def _is_ours(host: np.ndarray) -> bool:
    """Whether an array is a view of memory that `allocate` gave."""
    base: Any = host
    while isinstance(base, np.ndarray):
        if base.base is None:
            return False
        base = base.base
    return True


def wrap(host: Any) -> Any:
    """Return a NumPy result as CuPy would: numbers and arrays, in tuples and lists too, as `ndarray`; else as it is."""
    if isinstance(host, tuple | list):
        return type(host)(wrap(part) for part in host)
    if not isinstance(host, np.ndarray | np.generic):
        return host
    host = np.asarray(host)
    if host.nbytes and not _is_ours(host):
        copy = allocate(host.shape, host.dtype)
        copy[...] = host
        host = copy
    array = object.__new__(ndarray)
    array._host = host
    return array


def unwrap(value: Any) -> Any:
    """Return the NumPy array inside an `ndarray`, also in a tuple or list, and numbers as they are; refuse all else."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, tuple | list):
        return type(value)(unwrap(part) for part in value)
    if value is None or isinstance(value, (*_SCALARS, slice, type, np.dtype, str, type(Ellipsis))):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):  # noqa: N801 - CuPy's word
    """An array "on the GPU": no NumPy array is taken where it is, and it gives itself to NumPy by `get` alone."""

    _host: np.ndarray

    def __init__(self, shape: Any, dtype: Any = float) -> None:
        self._host = allocate(shape, dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        values = {name: unwrap(value) for name, value in options.items() if name != "out"}
        if "out" not in options:
            return wrap(getattr(ufunc, method)(*map(unwrap, inputs), **values))
        out = options["out"]
        getattr(ufunc, method)(*map(unwrap, inputs), out=tuple(map(unwrap, out)), **values)
        return out if len(out) > 1 else out[0]

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        return wrap(function(*map(unwrap, inputs), **{name: unwrap(value) for name, value in options.items()}))

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct one.")

    def __getitem__(self, index: Any) -> "ndarray":
        found = self._host[unwrap(index)]
        return wrap(found)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._host[unwrap(index)] = unwrap(value)

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._host)

    def __int__(self) -> int:
        return int(self._host)

    def __float__(self) -> float:
        return float(self._host)

    def __index__(self) -> int:
        return self._host.__index__()

    def __repr__(self) -> str:
        return repr(self._host)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._host.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        view = self._host.view()
        view.shape = shape
        self._host = view

    def get(self, stream: Any = None, order: str = "C", out: np.ndarray | None = None) -> np.ndarray:
        """Return a NumPy copy, or fill the NumPy array `out`."""
        if out is None:
            return self._host.copy(order)
        out[...] = self._host
        return out

    def set(self, array: np.ndarray, stream: Any = None) -> None:
        """Take the numbers of a NumPy array of the same shape and dtype."""
        if not isinstance(array, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if array.dtype != self.dtype or array.shape != self.shape:
            raise ValueError(f"{array.dtype}{array.shape} does not fit {self.dtype}{self.shape}")
        self._host[...] = array

    @property
    def data(self) -> SimpleNamespace:
        return SimpleNamespace(ptr=self._host.ctypes.data)


def _attribute(name: str) -> property:
    return property(lambda self: wrap(getattr(self._host, name)))


def _method(name: str) -> Any:
    def method(self: ndarray, *inputs: Any, **options: Any) -> Any:
        values = {key: unwrap(value) for key, value in options.items()}
        made = getattr(self._host, name)(*map(unwrap, inputs), **values)
        return options["out"] if options.get("out") is not None else wrap(made)

    method.__name__ = name
    return method


for _name in ("T", "dtype", "flags", "itemsize", "nbytes", "ndim", "size", "strides"):
    setattr(ndarray, _name, _attribute(_name))
for _name in (
    "all",
    "any",
    "argmax",
    "astype",
    "copy",
    "fill",
    "max",
    "mean",
    "min",
    "ravel",
    "reshape",
    "squeeze",
    "sum",
    "swapaxes",
    "transpose",
    "view",
):
    setattr(ndarray, _name, _method(_name))
ndarray.item = lambda self, *index: self._host.item(*index)  # type: ignore[attr-defined]
ndarray.tolist = lambda self: self._host.tolist()  # type: ignore[attr-defined]
ndarray.__module__ = "cupy"
