"""Arrays from memory that is used again: a large array's bytes go back to a pool when the last view on it is gone.

The system hands out fresh memory page by page, at the first touch of each; for the large arrays of a training step that
takes as long as a pass over them. A step asks for the same sizes as the step before it, so the pool soon holds what all
later steps need.
"""

from collections.abc import Callable
from ctypes import addressof, c_char
from dataclasses import dataclass
from math import prod
from operator import attrgetter
from threading import local
from typing import Any
from weakref import WeakValueDictionary, ref

import numpy as np

from .compile import helper
from .parallel import threads_here

SMALL = 256 * 1024  # bytes below which NumPy's own allocator is as good
ALIGNMENT = 64  # bytes of a cache line, and of the widest vector register
MAX_UNUSED = 512 * 1024 * 1024  # bytes of unused memory that the pool holds on to when it needs more


class _Memory:
    """What a NumPy array is laid over, as the array interface describes it; lives until the last view on it is gone."""

    __slots__ = ("__array_interface__", "__weakref__", "block")
    __array_interface__: dict[str, Any]
    block: "_Block"


class _Block(ref[_Memory]):
    """Memory for one array at a time: `size` bytes from `address` on, a cache line's boundary, inside `owner`.

    It is a weak reference to the `_Memory` that it is lent to. When that dies, Python hands the block to the pool: to
    its list's own `append`, not to a method `__del__` of ours. Python runs the handlers of signals between two
    instructions of Python code, and what a handler raises inside a finalizer is printed and forgotten. Here there is no
    such instruction, and Ctrl-C cannot be lost.
    """

    __slots__ = ("address", "owner", "size")
    size: int
    address: int
    owner: np.ndarray


@dataclass(slots=True, eq=False)
class _Piece:
    """What was left of a block, or several that lay side by side: as `_Block`, lent to nobody."""

    address: int
    size: int
    owner: np.ndarray


class Pool:
    """Memory that arrays were laid over and are gone from, for those to come.

    An array takes what it needs of the smallest block that has it, and the rest stays. Where none has, blocks that lie
    side by side are joined; where that is not enough either, whatever the system gave as a whole and is unused as a
    whole goes back to it, up to as many bytes, and the system is asked for as much in one. So after some steps the pool
    is a few large stretches, little more than the arrays that are there at a time.
    """

    def __init__(self, max_unused: int, least: int) -> None:
        self.max_unused = max_unused  # bytes that it holds on to when it needs more, as far as they are whole
        self.least = least  # bytes: less than that of a block is not cut off
        self.unused: list[_Block | _Piece] = []  # the longest unused first

    def lend(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Return an array over a block of memory that comes back when the last view on the array is collected."""
        size, address, owner = self._take(-(-prod(shape) * dtype.itemsize // ALIGNMENT) * ALIGNMENT)
        memory = _Memory()
        memory.__array_interface__ = {"shape": shape, "typestr": dtype.str, "data": (address, False), "version": 3}
        memory.block = block = _Block(memory, self.unused.append)
        block.size, block.address, block.owner = size, address, owner
        return np.asarray(memory)

    def _take(self, size: int) -> tuple[int, int, np.ndarray]:
        """Take `size` bytes out of the pool, or else new memory; let go of what is too much.

        Returns the size that is taken, its address and owner. There is no lock that a fork, or a signal's handler that
        computes, could find taken: each change of the list is one operation of Python's. A handler that raises between
        two of them may lose a block, which goes back to the system with the rest of its owner.
        """
        unused = self.unused
        joined = False
        while True:
            fitting = [block for block in unused if size <= block.size]
            found = min(fitting, key=attrgetter("size", "address"), default=None)
            if not joined and (found is None or found.size - size >= self.least):
                joined = True
                self._join()
                continue
            if found is None:
                break
            try:
                unused.remove(found)
            except ValueError:  # another thread has taken it
                continue
            return self._cut(found, size)
        self._reduce()
        whole = max(size, self.let_go(size))
        owner = self.new(whole + ALIGNMENT)
        first: int = owner.ctypes.data
        return self._cut(_Piece(first + -first % ALIGNMENT, whole, owner), size)

    def _cut(self, block: "_Block | _Piece", size: int) -> tuple[int, int, np.ndarray]:
        """Return the size, address and owner of the first `size` bytes of a block; what is left is unused."""
        if block.size - size < self.least:
            return block.size, block.address, block.owner
        self.unused.append(_Piece(block.address + size, block.size - size, block.owner))
        return size, block.address, block.owner

    def _join(self) -> None:
        """Make one of blocks that lie side by side, as if just used."""
        group: list[_Block | _Piece] = []
        for block in sorted(self.unused, key=attrgetter("address", "size")):
            if group and (block.owner is not group[-1].owner or block.address != group[-1].address + group[-1].size):
                self._make_one(group)
                group = []
            group.append(block)
        self._make_one(group)

    def _make_one(self, group: "list[_Block | _Piece]") -> None:
        if len(group) < 2:
            return
        kept: list[_Block | _Piece] = []  # what is unused afterwards, also where an interrupt comes between
        try:
            for block in group:
                self.unused.remove(block)
                kept.append(block)
            kept = [_Piece(group[0].address, sum([block.size for block in group]), group[0].owner)]
        except ValueError:  # another thread has taken one
            pass
        finally:
            self.unused.extend(kept)

    def _reduce(self) -> None:
        """Give back what is unused as a whole, the longest unused first, until no more than `max_unused` is left."""
        excess = sum([block.size for block in self.unused]) - self.max_unused
        if excess > 0:
            self._join()
            for block in filter(_is_whole, list(self.unused)):
                excess -= self._give_back(block) if excess > 0 else 0

    def let_go(self, size: int) -> int:
        """Give back to the system what is unused as a whole, the largest first, until it is `size` bytes; how many."""
        gone = 0
        for block in sorted(filter(_is_whole, self.unused), key=attrgetter("size"), reverse=True):
            gone += self._give_back(block) if gone < size else 0
        return gone

    def _give_back(self, block: _Block | _Piece) -> int:
        try:
            self.unused.remove(block)
        except ValueError:  # another thread has taken it
            return 0
        return block.size

    def new(self, size: int) -> np.ndarray:
        """Return new memory of so many bytes."""
        return np.empty(size, np.uint8)


def _is_whole(block: _Block | _Piece) -> bool:
    """Return whether the block is all that the system gave at once."""
    return block.size + ALIGNMENT == block.owner.size


class Here(local):
    """Where this thread of Python has its arrays from, and who notes what it launches (see `launches.py`)."""

    pool: Pool
    recording: Any = None


COMMON = Pool(MAX_UNUSED, SMALL)
Here.pool = COMMON
here = Here()


def launch(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function of NumPy's that fills an array, between kernels: where these are noted, so is it."""
    if here.recording is not None:
        here.recording.note(function, arguments)
    function(*arguments)


_constants: WeakValueDictionary[int, np.ndarray] = WeakValueDictionary()


def constant(array: np.ndarray) -> np.ndarray:
    """Return the array itself, which stays as it is and does not depend on any numbers that kernels compute with."""
    _constants[id(array)] = array
    return array


def is_constant(array: np.ndarray) -> bool:
    """Return whether `constant` was told of this array."""
    return _constants.get(id(array)) is array


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of `shape` and `dtype`, C-contiguous, its values undefined: `numpy.empty` from the pool.

    It starts at the boundary of a cache line: a vector register that is loaded across one takes twice as long.
    """
    dtype = np.dtype(dtype)
    count = prod(shape) * dtype.itemsize
    pool = here.pool
    if count >= SMALL or pool is not COMMON:
        return pool.lend(shape, dtype)
    memory = np.empty(count + ALIGNMENT, np.uint8)
    skipped = -addressof(c_char.from_buffer(memory.data)) % ALIGNMENT  # `memory.ctypes.data` takes twice as long
    return memory[skipped : skipped + count].view(dtype).reshape(shape)


def zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of `shape` and `dtype` full of 0: `numpy.zeros` from the pool."""
    array = empty(shape, dtype)
    launch(np.ndarray.fill, array, 0)
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
