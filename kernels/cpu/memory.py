"""Arrays from memory that is used again: a large array's bytes go back to a pool when the last view on it is gone.

The system hands out fresh memory page by page, at the first touch of each; for the large arrays of a training step that
takes as long as a pass over them. A step asks for the same sizes as the step before it, so the pool soon holds what all
later steps need.
"""

from collections.abc import Callable
from ctypes import addressof, c_char
from math import prod
from threading import Lock
from typing import Any

import numba
import numpy as np

from .compile import helper

SMALL = 256 * 1024  # bytes below which NumPy's own allocator is as good
ALIGNMENT = 64  # bytes of a cache line, and of the widest vector register
KEPT = 256 * 1024 * 1024  # bytes of unused memory that the pool holds on to at most
LOOSE = 2  # memory may serve an array of half its size: else every size of a model would keep its own

_Block = tuple[int, int, np.ndarray]  # bytes, the address that they start at, a cache line's boundary, and their owner

_free: list[_Block] = []  # unused memory, the longest unused first
_choosing = Lock()


class _Memory:
    """What an array may be laid over, as NumPy's array interface describes it; goes back to the pool when the last view
    on it is collected."""

    def __init__(self, block: _Block, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.block = block
        self.__array_interface__ = {"shape": shape, "typestr": dtype.str, "data": (block[1], False), "version": 3}

    def __del__(self, give_back: Callable[[_Block], None] = _free.append) -> None:
        give_back(self.block)  # and nothing else: the collector may call this at any moment, even inside `_taken`


def _taken(size: int) -> _Block:
    """Take the smallest memory out of the pool that fits `size`, or else new memory; let go of what is too much."""
    with _choosing:
        fitting = [block for block in _free if size <= block[0] <= LOOSE * size]
        found = min(fitting) if fitting else None
        if found is not None:
            _free.remove(found)
        excess = sum([block[0] for block in _free]) - KEPT
        while excess > 0:
            excess -= _free.pop(0)[0]
    if found is not None:
        return found
    raw = np.empty(size + ALIGNMENT, np.uint8)
    address: int = raw.ctypes.data
    return size, address + -address % ALIGNMENT, raw


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of `shape` and `dtype`, C-contiguous, its values undefined: `numpy.empty` from the pool.

    It starts at the boundary of a cache line: a vector register that is loaded across one takes twice as long.
    """
    dtype = np.dtype(dtype)
    count = prod(shape) * dtype.itemsize
    if count >= SMALL:
        return np.asarray(_Memory(_taken(-(-count // ALIGNMENT) * ALIGNMENT), shape, dtype))
    memory = np.empty(count + ALIGNMENT, np.uint8)
    skipped = -addressof(c_char.from_buffer(memory.data)) % ALIGNMENT  # `memory.ctypes.data` takes twice as long
    return memory[skipped : skipped + count].view(dtype).reshape(shape)


def zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of `shape` and `dtype` full of 0: `numpy.zeros` from the pool."""
    array = empty(shape, dtype)
    array.fill(0)
    return array


def rooms(count: int, dtype: Any) -> np.ndarray:
    """Return room for `count` numbers for each thread of a kernel, (threads, count): rooms[get_thread_id()] is its own.

    From the pool: what a kernel allocates itself, C's library returns to the system, and asks for anew, page by page,
    in every iteration. That took three times as long as the iterations' work.
    """
    line = ALIGNMENT // np.dtype(dtype).itemsize
    return empty((numba.get_num_threads(), -(-count // line) * line), dtype)


@helper
def scratch(count: int, like: np.ndarray) -> np.ndarray:
    """Return room for `count` numbers of the dtype of `like` inside a kernel, as `empty` does outside; a few KB."""
    array = np.empty(count + ALIGNMENT // like.itemsize, like.dtype)
    skipped = (ALIGNMENT - array.ctypes.data % ALIGNMENT) % ALIGNMENT // like.itemsize
    return array[skipped : skipped + count]
