"""Kernels: functions of arrays that return arrays. They know no tensor, no layer, no global.

There are three backends: `reference` has each operation as a textbook defines it, in plain NumPy; `cpu` has it fast, in
Numba; `gpu` in CuPy and CUDA. All offer the operations that `operations.py` lists, with the same parameters, and
`of(array)` returns the backend that an array belongs to.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from .algorithm import ALGORITHMS, conv_algorithm
from .cpus import set_threads, threads
from .shared import RecordingError
from .window import Window

__all__ = [
    "ALGORITHMS",
    "BACKENDS",
    "DEVICES",
    "DeviceError",
    "RecordingError",
    "Window",
    "algorithm_of",
    "backend",
    "conv_algorithm",
    "device",
    "host",
    "move",
    "of",
    "recording",
    "send_ahead",
    "set_threads",
    "threads",
]

BACKENDS = ("cpu", "reference", "gpu")
DEVICES = ("cpu", "gpu")

_host = ContextVar("host", default="cpu")


def of(array: Any) -> ModuleType:
    """Return the kernels that own `array`: `gpu` for a CuPy array, else those of the `host`."""
    if type(array) is np.ndarray or device(array) == "cpu":
        return host()
    return import_module(".gpu", __name__)


class DeviceError(RuntimeError):
    """There is no GPU to compute on, or no CuPy to do it with; the message says in a line what is missing."""


def device(array: Any) -> str:
    """Return where an array lives: "gpu" for a CuPy array, else "cpu"."""
    if type(array) is np.ndarray:
        return "cpu"
    return "gpu" if type(array).__module__.partition(".")[0] == "cupy" else "cpu"


def algorithm_of(x: Any, w: Any, window: Window, groups: int) -> str:
    """Return the algorithm that convolves images `x` with a kernel `w` now, "" where their backend has but one."""
    if of(x) is not _module("cpu"):
        return ""
    chosen: str = import_module(".cpu.convolution.dispatch", __name__).choose_algorithm(
        x.dtype, w.shape, window, groups, x.shape[1:3]
    )
    return chosen


def recording(weights: Sequence[Any]) -> AbstractContextManager[Any]:
    """Return a context in which launches are noted: see `cpu/launches.py`. None comes of it where there are none."""
    if host() is not _module("cpu"):
        return nullcontext()
    made: AbstractContextManager[Any] = import_module(".cpu.launches", __name__).Recording(weights)
    return made


def move(array: Any, to: str) -> Any:
    """Return `array` on the device `to`, "cpu" or "gpu": itself if it is there already, else a copy.

    Raises DeviceError when there is no GPU to move to.
    """
    if to not in DEVICES:
        raise ValueError(f'a device is "cpu" or "gpu", got {to!r}')
    if device(array) == to:
        return array
    return _gpu().put(array) if to == "gpu" else array.get()


def send_ahead(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield tuples of NumPy arrays (or None) as tuples on the GPU, each copied while the one before is in use."""
    return _gpu().send_ahead(batches)


def _gpu() -> ModuleType:
    """Return the module that reaches the GPU; raises DeviceError where CuPy is not installed."""
    try:
        return import_module(".gpu.device", __name__)
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise
        raise DeviceError('the GPU kernels need CuPy, which is not installed: pip install -e ".[gpu]"') from None


def host() -> ModuleType:
    """Return the kernels that NumPy arrays go through at present: `cpu`, or what `backend` has chosen."""
    return _module(_host.get())


@cache
def _module(name: str) -> ModuleType:
    return import_module("." + name, __name__)


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Run the kernels called `name` ("cpu" or "reference") on NumPy arrays inside the `with` block."""
    if name == "gpu":
        raise ValueError('the "gpu" kernels serve arrays on a GPU, wherever they come up: use model.to("gpu")')
    if name not in BACKENDS:
        raise ValueError(f'backend must be "cpu" or "reference", got {name!r}')
    token = _host.set(name)
    try:
        yield
    finally:
        _host.reset(token)
