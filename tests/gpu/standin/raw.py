"""`cupy.RawModule`: kernels from the text of a .cu file, launched as on a GPU but more strictly."""

import ctypes
from typing import Any

import numpy as np

from .array import ndarray
from .compiler import load

LARGEST_BLOCK = 1024
LARGEST_GRID = (2**31 - 1, 65535, 65535)


class RawModule:
    """A library of kernels. Its options are -D… and --std=c++17, and no others."""

    def __init__(self, *, code: str, options: tuple[str, ...] = ()) -> None:
        unknown = [option for option in options if not option.startswith(("-D", "--std=c++17", "-std=c++17"))]
        if unknown:
            raise ValueError(f"the stand-in knows -D… and --std=c++17, got {unknown}")
        self._code = code
        self._defines = tuple(option for option in options if option.startswith("-D"))

    def compile(self) -> None:
        """Compile now, not at the first launch."""
        load(self._code, self._defines)

    def get_function(self, name: str) -> "RawKernel":
        """Return a kernel by its name."""
        library, names = load(self._code, self._defines)
        if name not in names:
            raise ValueError(f"no kernel {name!r} in this module, which has {names}")
        return RawKernel(library, name)


class RawKernel:
    """A kernel: called with the numbers of blocks and of threads in a block, each a tuple, and the arguments."""

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.name = name
        passed, types = getattr(library, f"on_cpu_passed_{name}"), getattr(library, f"on_cpu_types_{name}")
        passed.restype = types.restype = ctypes.c_char_p
        self._parameters = list(zip(passed().decode(), map(np.dtype, types().decode()), strict=True))
        self._launch = getattr(library, f"on_cpu_launch_{name}")
        self._launch.restype = ctypes.c_char_p

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
        shape = [*_three(grid), *_three(block)]
        if any(not 1 <= count <= most for count, most in zip(shape, LARGEST_GRID, strict=False)):
            raise ValueError(f"kernel {self.name}: a grid of {grid} blocks; CUDA takes 1 to {LARGEST_GRID}")
        if min(shape) < 1 or np.prod(shape[3:]) > LARGEST_BLOCK:
            raise ValueError(f"kernel {self.name}: a block of {block} threads; CUDA takes 1 to {LARGEST_BLOCK}")
        if len(args) != len(self._parameters):
            raise TypeError(f"kernel {self.name} takes {len(self._parameters)} arguments, got {len(args)}")
        values = [self._value(i, argument) for i, argument in enumerate(args)]
        pointers = (ctypes.c_void_p * len(values))(*(value.ctypes.data for value in values))
        complaint = self._launch(pointers, (ctypes.c_uint * 6)(*shape))
        if complaint:
            raise RuntimeError(f"kernel {self.name}: {complaint.decode()}")

    def _value(self, i: int, argument: Any) -> np.ndarray:
        """Return the bytes of argument i as the kernel receives them: an address or a number, in an array of one."""
        passed, dtype = self._parameters[i]
        wanted = f"kernel {self.name}: argument {i} must be"
        if passed == "v":
            if not isinstance(argument, np.generic) or argument.dtype != dtype:
                raise TypeError(f"{wanted} a NumPy {dtype}, got {_described(argument)}")
            return np.array([argument])
        if argument is None:
            return np.zeros(1, np.uintp)
        if not isinstance(argument, ndarray) or argument.dtype != dtype:
            raise TypeError(f"{wanted} a cupy array of {dtype}, got {_described(argument)}")
        if not argument.flags.c_contiguous:
            raise ValueError(f"{wanted} C-contiguous: shape {argument.shape}, strides {argument.strides}")
        return np.array([argument._host.ctypes.data if argument.size else 0], np.uintp)


def _three(counts: tuple[int, ...]) -> tuple[int, ...]:
    if not isinstance(counts, tuple) or not 1 <= len(counts) <= 3:
        raise TypeError(f"blocks and threads are tuples of one to three numbers, got {counts!r}")
    return (*map(int, counts), *(1,) * (3 - len(counts)))


def _described(argument: Any) -> str:
    if isinstance(argument, ndarray):
        return f"a cupy array of {argument.dtype}"
    if isinstance(argument, np.ndarray):
        return f"a NumPy array of {argument.dtype}"
    return f"{argument!r} of type {type(argument).__name__}"
