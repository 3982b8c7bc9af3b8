import gc

import numpy as np
import pytest

from tinyconv.kernels.cpu import memory

LARGE = memory.SMALL // 4 + 5  # float32 elements


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


def test_memory_is_used_again_only_when_the_last_view_is_gone():
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


def test_the_pool_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "KEPT", 4 * memory.SMALL)
    for factor in range(1, 12):
        memory.empty((factor * LARGE,), np.float32)
        kept = sum(size * len(blocks) for size, blocks in memory._free.items())
        assert kept <= 4 * memory.SMALL
