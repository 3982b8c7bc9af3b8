"""Kernels: arrays in, arrays out. They know no tensor, no layer, no global.

`reference` says each operation as a textbook does, in plain NumPy; `cpu` says it fast, in Numba; `gpu`, in CuPy, is the
door's third room. All offer the same names and signatures, and `of(array)` picks the one that owns an array.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from types import ModuleType
from typing import Any

from .window import Window

__all__ = ["NAMES", "Window", "backend", "host", "of"]

NAMES = ("cpu", "reference", "gpu")

_host = ContextVar("host", default="cpu")


def of(array: Any) -> ModuleType:
    """Return the kernels that own `array`: `gpu` for a CuPy array, else those of the `host`."""
    if type(array).__module__.partition(".")[0] == "cupy":
        return import_module(".gpu", __name__)
    return host()


def host() -> ModuleType:
    """Return the kernels that NumPy arrays go through at present: `cpu`, or what `backend` has chosen."""
    return import_module("." + _host.get(), __name__)


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Run the kernels called `name` ("cpu" or "reference") on NumPy arrays inside the `with` block."""
    if name == "gpu":
        raise ValueError('the "gpu" kernels are not part of this version: use backend("cpu") or backend("reference")')
    if name not in NAMES:
        raise ValueError(f'backend must be "cpu" or "reference", got {name!r}')
    token = _host.set(name)
    try:
        yield
    finally:
        _host.reset(token)
