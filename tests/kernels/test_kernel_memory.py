import gc
import sys
from threading import Thread

import numpy as np
import pytest

from tinyconv.kernels.cpu import memory

LARGE = memory.SMALL // 4 + 5  # float32 elements


@pytest.fixture
def pool(monkeypatch):
    """An empty pool."""
    monkeypatch.setattr(memory.COMMON, "unused", [])
    return memory.COMMON.unused


@pytest.mark.parametrize("count", [0, 3, LARGE])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "uint16"])
def test_arrays_are_what_numpy_would_give(count, dtype):
    array = memory.empty((count, 2), dtype)
    assert array.shape == (count, 2)
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert not memory.zeros((count, 2), dtype).any()


def test_large_arrays_start_on_a_cache_line():
    assert memory.empty((LARGE,), "float32").ctypes.data % memory.ALIGNMENT == 0


def test_memory_is_used_again_only_when_the_last_view_is_gone(pool):
    first = memory.empty((LARGE,), "float32")
    address = first.ctypes.data
    view = first[::2].reshape(-1, 1)
    del first
    gc.collect()
    second = memory.empty((LARGE,), "float32")
    assert second.ctypes.data != address
    view[:] = 7
    second[:] = 1
    assert (view == 7).all()
    del view
    gc.collect()
    assert memory.empty((LARGE,), "float32").ctypes.data == address


def made(*factors):
    """Arrays of so many times `LARGE` numbers."""
    return [memory.empty((factor * LARGE,), np.float32) for factor in factors]


def addresses(arrays):
    return [array.ctypes.data for array in arrays]


def test_an_array_takes_what_it_needs_of_the_smallest_block_that_has_it(pool):
    arrays = made(4, 3)
    four, three = addresses(arrays)
    arrays.clear()
    two, another = made(2, 3)
    one = memory.empty((LARGE - 5,), np.float32)  # all that is left of the three
    assert two.ctypes.data == three
    assert another.ctypes.data == four
    assert one.ctypes.data == three + two.nbytes + -two.nbytes % memory.ALIGNMENT
    two[:], another[:], one[:] = 2, 3, 1
    assert [set(array.tolist()) for array in (two, another, one)] == [{2}, {3}, {1}]


def test_parts_of_a_block_are_one_again_where_all_are_unused(pool):
    arrays = made(6)
    (whole,) = addresses(arrays)
    arrays.clear()
    parts = made(1, 2, 3)
    del parts[1]
    assert addresses(made(3)) != [whole]  # the middle alone is not enough
    parts.clear()
    assert addresses(made(6)) == [whole]


def test_memory_in_pieces_goes_back_where_none_of_them_is_enough(pool):
    arrays = made(4, 5, 6, 7)
    del arrays[:3]
    sizes = [block.size for block in pool]
    (large,) = made(8)
    assert sum(block.size for block in pool) + large.nbytes <= sum(sizes) + memory.ALIGNMENT
    assert [block.size // (4 * LARGE) for block in pool] == [4, 3]  # of 6 and 5, given back, there are 11 in one
    del large, arrays
    (larger,) = made(11)
    assert [block.size // (4 * LARGE) for block in pool] == [4, 7]
    assert larger.size == 11 * LARGE


def test_an_interrupt_loses_no_more_than_a_block(pool, monkeypatch):
    """Wherever a signal's handler raises while blocks are joined."""
    block = memory.SMALL + memory.ALIGNMENT

    class Interrupted(list):
        """Raises at the nth change."""

        def change(self):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt

        def remove(self, item):
            super().remove(item)
            self.change()

        def extend(self, items):
            super().extend(items)
            self.change()

    for left in range(1, 9):
        unused = Interrupted()
        unused.left = 10**9
        monkeypatch.setattr(memory.COMMON, "unused", unused)
        whole = memory.empty((8 * block,), np.uint8)
        del whole
        parts = [memory.empty((block,), np.uint8) for _ in range(8)]
        parts.clear()
        before = sum(each.size for each in unused)
        unused.left = left
        with pytest.raises(KeyboardInterrupt):
            memory.COMMON._join()
        unused.left = 10**9
        assert before - sum(each.size for each in unused) <= block


def test_the_pool_lets_go_of_what_is_too_much_the_longest_unused_first(pool, monkeypatch):
    monkeypatch.setattr(memory.COMMON, "max_unused", 12 * memory.SMALL)
    arrays = made(4, 5, 6)
    before = addresses(arrays)
    while arrays:
        del arrays[0]
    (kept,) = made(6)  # which is there: nothing is let go of
    assert kept.ctypes.data == before[2]
    assert len(pool) == 2
    del kept
    memory.COMMON._reduce()
    assert [block.size // (4 * LARGE) for block in pool] == [5, 6]
    made(20)  # of which nothing is there
    assert [block.size // (4 * LARGE) for block in pool] == [20]


def test_no_line_of_python_runs_when_memory_goes_back(pool):
    """A signal's handler runs between two lines of Python; what it raises in a finalizer would be lost."""
    array = memory.empty((LARGE,), np.float32)
    lines = []

    def watch(frame, event, argument):
        lines.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        del array
    finally:
        sys.settrace(before)
    assert lines == []
    assert len(pool) == 1


def test_threads_never_share_memory(pool):
    """Each fills its arrays with a number of its own, and finds nothing else there afterwards."""
    wrong = []

    def work(number):
        for step in range(60):
            arrays = [memory.empty(((1 + step * number % 5) * LARGE + i,), np.float32) for i in range(3)]
            for array in arrays:
                array.fill(number)
            wrong.extend(array.max() for array in arrays if (array != number).any())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
