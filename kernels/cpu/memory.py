"""Arrays from memory that is used again: a large array's bytes go back to a pool when the last view on it is gone.

The system hands out fresh memory page by page, at the first touch of each; for the large arrays of a training step that
takes as long as a pass over them. A step asks for the same sizes as the step before it, so the pool soon holds what all
later steps need.
"""

from math import prod
from typing import Any

import numpy as np

from .compile import helper

SMALL = 256 * 1024  # bytes below which NumPy's own allocator is as good
ALIGNMENT = 64  # bytes of a cache line, and of the widest vector register
KEPT = 512 * 1024 * 1024  # bytes of unused memory that the pool holds on to at most

_free: dict[int, list[np.ndarray]] = {}  # unused memory by its size


class _Memory:
    """Bytes that NumPy arrays may be laid over; given back to the pool when the last of them is collected."""

    def __init__(self, size: int) -> None:
        blocks = _free.get(size)
        self.raw = blocks.pop() if blocks else np.empty(size + ALIGNMENT, np.uint8)
        address = self.raw.ctypes.data
        self.__array_interface__ = {
            "shape": (size,),
            "typestr": "|u1",
            "data": (address + -address % ALIGNMENT, False),
            "version": 3,
        }

    def __del__(self, free: dict[int, list[np.ndarray]] = _free) -> None:
        size = self.raw.size - ALIGNMENT
        free.setdefault(size, []).append(self.raw)
        if sum(size * len(blocks) for size, blocks in free.items()) > KEPT:
            free.clear()  # sizes of another model, most likely: start afresh


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of `shape` and `dtype`, C-contiguous, its values undefined: `numpy.empty` from the pool.

    It starts at the boundary of a cache line: a vector register that is loaded across one takes twice as long.
    """
    dtype = np.dtype(dtype)
    count = prod(shape) * dtype.itemsize
    if count < SMALL:
        memory = np.empty(count + ALIGNMENT, np.uint8)
        memory = memory[-memory.ctypes.data % ALIGNMENT :]
    else:
        memory = np.asarray(_Memory(-(-count // ALIGNMENT) * ALIGNMENT))
    return memory[:count].view(dtype).reshape(shape)


def zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of `shape` and `dtype` full of 0: `numpy.zeros` from the pool."""
    array = empty(shape, dtype)
    array.fill(0)
    return array


@helper
def scratch(count: int, like: np.ndarray) -> np.ndarray:
    """Return room for `count` numbers of the dtype of `like` inside a kernel, as `empty` does outside."""
    array = np.empty(count + ALIGNMENT // like.itemsize, like.dtype)
    skipped = (ALIGNMENT - array.ctypes.data % ALIGNMENT) % ALIGNMENT // like.itemsize
    return array[skipped : skipped + count]
