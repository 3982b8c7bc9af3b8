"""Arrays from memory that is used again: a large array's bytes go back to a pool when the last view on it is gone.

The system hands out fresh memory page by page, at the first touch of each; for the large arrays of a training step that
takes as long as a pass over them. A step asks for the same sizes as the step before it, so the pool soon holds what all
later steps need.
"""

from ctypes import addressof, c_char
from math import prod
from operator import attrgetter
from typing import Any
from weakref import ref

import numpy as np

from .compile import helper
from .parallel import threads_here

SMALL = 256 * 1024  # bytes below which NumPy's own allocator is as good
ALIGNMENT = 64  # bytes of a cache line, and of the widest vector register
MAX_UNUSED = 256 * 1024 * 1024  # bytes of unused memory that the pool holds on to
MAX_RATIO = 2  # of a block's size to that of an array laid over it: else every size of a model would keep its own


class _Memory:
    """What a NumPy array is laid over, as the array interface describes it; lives until the last view on it is gone."""

    __slots__ = ("__array_interface__", "__weakref__", "block")
    __array_interface__: dict[str, Any]
    block: "_Block"


class _Block(ref[_Memory]):
    """Memory for one array at a time: `size` bytes from `address` on, a cache line's boundary, inside `owner`.

    It is a weak reference to the `_Memory` that it is lent to. When that dies, Python hands the block to `_unused`: to
    the list's own `append`, not to a method `__del__` of ours. Python runs the handlers of signals between two
    instructions of Python code, and what a handler raises inside a finalizer is printed and forgotten. Here there is no
    such instruction, and Ctrl-C cannot be lost.
    """

    __slots__ = ("address", "owner", "size")
    size: int
    address: int
    owner: np.ndarray


_unused: list[_Block] = []  # the longest unused first


def _lend(size: int, address: int, owner: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an array over a block of memory that goes to the pool when the last view on the array is collected."""
    memory = _Memory()
    memory.__array_interface__ = {"shape": shape, "typestr": dtype.str, "data": (address, False), "version": 3}
    memory.block = block = _Block(memory, _unused.append)
    block.size, block.address, block.owner = size, address, owner
    return np.asarray(memory)


def _take(size: int) -> tuple[int, int, np.ndarray]:
    """Take the smallest block that fits `size` out of the pool, or else new memory; let go of what is too much.

    Returns the block's size, address and owner. There is no lock that a fork, or a signal's handler that computes,
    could find taken: each change of the list is one operation of Python's.
    """
    largest = MAX_RATIO * size
    while fitting := [block for block in _unused if size <= block.size <= largest]:
        found = fitting[0] if len(fitting) == 1 else min(fitting, key=attrgetter("size", "address"))
        try:
            _unused.remove(found)
        except ValueError:  # another thread has taken it
            continue
        break
    excess = sum([block.size for block in _unused]) - MAX_UNUSED
    while excess > 0:
        try:
            excess -= _unused.pop(0).size
        except IndexError:  # another thread has let go of the last
            break
    if fitting:
        return found.size, found.address, found.owner
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
        return _lend(*_take(-(-count // ALIGNMENT) * ALIGNMENT), shape, dtype)
    memory = np.empty(count + ALIGNMENT, np.uint8)
    skipped = -addressof(c_char.from_buffer(memory.data)) % ALIGNMENT  # `memory.ctypes.data` takes twice as long
    return memory[skipped : skipped + count].view(dtype).reshape(shape)


def zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of `shape` and `dtype` full of 0: `numpy.zeros` from the pool."""
    array = empty(shape, dtype)
    array.fill(0)
    return array


def thread_buffers(count: int, dtype: Any) -> np.ndarray:
    """Return a buffer of `count` numbers for each thread of a kernel, (threads, count): row get_thread_id() is its own.

    From the pool: what a kernel allocates itself, C's library returns to the system, and asks for anew, page by page,
    in every iteration. That took three times as long as the iterations' work.
    """
    line = ALIGNMENT // np.dtype(dtype).itemsize
    return empty((threads_here(), -(-count // line) * line), dtype)


@helper
def scratch(count: int, like: np.ndarray) -> np.ndarray:
    """Return a buffer of `count` numbers of the dtype of `like` inside a kernel, as `empty` does outside; a few KB."""
    array = np.empty(count + ALIGNMENT // like.itemsize, like.dtype)
    skipped = (ALIGNMENT - array.ctypes.data % ALIGNMENT) % ALIGNMENT // like.itemsize
    return array[skipped : skipped + count]
