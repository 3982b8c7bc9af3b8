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


def test_memory_serves_a_smaller_array_but_not_a_much_smaller_one(pool):
    large, middle = memory.empty((4 * LARGE,), "float32"), memory.empty((3 * LARGE,), "float32")
    addresses = large.ctypes.data, middle.ctypes.data
    del large, middle
    gc.collect()
    kept = memory.empty((2 * LARGE,), "float32")
    assert kept.ctypes.data == addresses[1]
    small = memory.empty((LARGE,), "float32")
    assert small.ctypes.data != addresses[0]
    assert memory.empty((3 * LARGE,), "float32").ctypes.data == addresses[0]


def test_the_pool_lets_go_of_what_is_too_much_the_longest_unused_first(pool, monkeypatch):
    monkeypatch.setattr(memory.COMMON, "max_unused", 12 * memory.SMALL)
    arrays = [memory.empty((factor * LARGE,), np.float32) for factor in (4, 5, 6)]
    addresses = [array.ctypes.data for array in arrays]
    while arrays:
        del arrays[0]
    gc.collect()
    kept = memory.empty((20 * LARGE,), np.float32)
    assert [block.size // (4 * LARGE) for block in pool] == [5, 6]
    assert [memory.empty((factor * LARGE,), np.float32).ctypes.data for factor in (5, 6)] == addresses[1:]
    assert kept.ctypes.data not in addresses


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
        for step in range(300):
            arrays = [memory.empty((LARGE + step % 7,), np.float32) for _ in range(3)]
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
    assert len(pool) <= 24  # each held three, and three more while the next were made
