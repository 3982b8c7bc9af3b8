"""The modules that `import cupy` and `import cupyx` find: the names that tinyconv uses, and no others."""

from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from .array import allocate, ndarray, unwrap, wrap
from .compiler import CompileException
from .elementwise import ElementwiseKernel
from .raw import RawKernel, RawModule


def empty(shape: Any, dtype: Any = float) -> ndarray:
    """Return an array of NaN, where CuPy's has any numbers."""
    return wrap(allocate(shape, dtype))


def full(shape: Any, value: Any, dtype: Any = None) -> ndarray:
    """Return an array of one number."""
    array = empty(shape, np.asarray(unwrap(value)).dtype if dtype is None else dtype)
    array[...] = value
    return array


def zeros(shape: Any, dtype: Any = float) -> ndarray:
    """Return an array of zeros."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = float) -> ndarray:
    """Return an array of ones."""
    return full(shape, 1, dtype)


def empty_like(array: ndarray, dtype: Any = None) -> ndarray:
    """Return an array of NaN, shaped as another."""
    return empty(array.shape, dtype or array.dtype)


def zeros_like(array: ndarray, dtype: Any = None) -> ndarray:
    """Return an array of zeros, shaped as another."""
    return zeros(array.shape, dtype or array.dtype)


def asarray(array: Any, dtype: Any = None) -> ndarray:
    """Return a copy "on the GPU" of a NumPy array, list or number; an array that is there already as it is."""
    if isinstance(array, ndarray):
        return array if dtype is None or array.dtype == dtype else array.astype(dtype)
    host = np.asarray(array, dtype)
    made = empty(host.shape, host.dtype)
    made._host[...] = host
    return made


def array(array: Any, dtype: Any = None) -> ndarray:
    """Return a copy "on the GPU"."""
    return array.astype(dtype or array.dtype) if isinstance(array, ndarray) else asarray(array, dtype)


def ascontiguousarray(array: Any, dtype: Any = None) -> ndarray:
    """Return the array in row-major order, itself if it is so already."""
    array = asarray(array, dtype)
    return array if array.flags.c_contiguous else array.copy()


def asnumpy(array: Any) -> np.ndarray:
    """Return a NumPy copy."""
    return array.get() if isinstance(array, ndarray) else np.asarray(array)


def arange(*numbers: Any, dtype: Any = None) -> ndarray:
    """Return evenly spaced numbers."""
    return asarray(np.arange(*numbers, dtype=dtype))


class CUDARuntimeError(RuntimeError):
    """What CUDA says of a call that failed; none fails here."""


class Stream:
    """A queue of work; here all work is done by the time it is queued."""

    def __init__(self, non_blocking: bool = False) -> None:
        self.ptr = 0

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def record(self, event: Any = None) -> "Event":
        """Return an event that happens when the work queued so far is done."""
        return event or Event()

    def wait_event(self, event: "Event") -> None:
        """Have later work wait for an event."""

    def synchronize(self) -> None:
        """Wait for all work."""


class Event:
    """A point in a stream, here always in the past."""

    done = True

    def __init__(self, block: bool = False, disable_timing: bool = False) -> None:
        pass

    def record(self, stream: Stream | None = None) -> None:
        """Mark this point of a stream."""

    def synchronize(self) -> None:
        """Wait for it."""


def _module(name: str, contents: dict[str, Any]) -> ModuleType:
    module = ModuleType(name, "A stand-in, see tests/gpu/standin.")
    module.__spec__ = ModuleSpec(name, None)
    for key, value in contents.items():
        setattr(module, key, value)

    def missing(key: str) -> Any:
        raise AttributeError(f"the stand-in for {name} has no {key!r}")

    module.__getattr__ = missing  # type: ignore[method-assign]
    return module


def _elementwise(*names: str) -> dict[str, Any]:
    return {name: getattr(np, name) for name in names}


cupy = _module(
    "cupy",
    {
        "__version__": "0.0 (stand-in)",
        "ndarray": ndarray,
        "newaxis": None,
        "inf": np.inf,
        "nan": np.nan,
        "RawModule": RawModule,
        "RawKernel": RawKernel,
        "ElementwiseKernel": ElementwiseKernel,
        **{function.__name__: function for function in (empty, zeros, ones, full, empty_like, zeros_like)},
        **{function.__name__: function for function in (array, asarray, ascontiguousarray, asnumpy, arange)},
        **_elementwise("float16", "float32", "float64", "bool_", "int8", "int16", "int32", "int64"),
        **_elementwise("uint8", "uint16", "uint32", "uint64", "dtype"),
        **_elementwise("matmul", "add", "subtract", "multiply", "divide", "maximum", "minimum", "exp", "log", "sqrt"),
        **_elementwise("tanh", "isnan", "isfinite", "isinf", "where", "concatenate", "stack", "sum", "broadcast_to"),
        "cuda": SimpleNamespace(
            runtime=SimpleNamespace(
                getDeviceCount=lambda: 1,
                deviceSynchronize=lambda: None,
                getDeviceProperties=lambda number: {"name": b"stand-in"},
                driverGetVersion=lambda: 0,
                runtimeGetVersion=lambda: 0,
                CUDARuntimeError=CUDARuntimeError,
            ),
            Device=lambda: SimpleNamespace(id=0, mem_info=(0, 2**30), compute_capability="00"),
            compiler=SimpleNamespace(CompileException=CompileException),
            Stream=Stream,
            Event=Event,
            get_current_stream=Stream,
            is_available=lambda: True,
        ),
    },
)

cupyx = _module("cupyx", {"empty_pinned": np.empty, "zeros_pinned": np.zeros})
