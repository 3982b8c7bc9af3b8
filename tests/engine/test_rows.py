"""Outputs of batches put together: the same whether their number is known or not, and in memory once if it is."""

import tracemalloc

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.training.rows import Rows


@pytest.mark.parametrize("samples", [None, 7, 9])
def test_rows(samples):
    values = np.arange(14.0).reshape(7, 2)
    rows = Rows(samples)
    for start in (0, 3, 6):
        rows.add([values[start : start + 3], values[start : start + 3, 0]])
    first, second = rows.arrays()
    np.testing.assert_array_equal(first, values)
    np.testing.assert_array_equal(second, values[:, 0])


def test_no_rows():
    assert Rows(None).arrays() == Rows(3).arrays() == []


def test_predictions_are_in_memory_once():
    model = tc.Sequential([tc.Input((4,)), tc.layers.Dense(1000), tc.layers.Reshape((1000, 1))])
    x = np.zeros((5000, 4), np.float32)
    model.predict(x[:50], batch_size=50, verbose=0)
    tracemalloc.start()
    found = model.predict(x, batch_size=50, verbose=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.shape == (5000, 1000, 1)
    assert peak < 1.3 * found.nbytes
