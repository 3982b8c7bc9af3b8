"""A constant around an array: by hand, and NumPy's on every backend."""

import numpy as np
import pytest

from tinyconv.kernels import reference


def test_by_hand(kernels):
    got = kernels.pad(np.array([[1.0, 2.0]]), [(1, 0), (0, 2)], 7)
    np.testing.assert_array_equal(got, [[7, 7, 7, 7], [1, 2, 7, 7]])


@pytest.mark.parametrize("pads", [[(0, 0)] * 4, [(0, 0), (1, 2), (3, 0), (0, 0)], [(1, 1)] * 4])
@pytest.mark.parametrize("value", [0.0, -np.inf, 2.5])
def test_every_backend(twin, pads, value, dtype, rng):
    x = rng.standard_normal((2, 5, 4, 3)).astype(dtype)
    np.testing.assert_array_equal(twin.pad(x, pads, value), reference.pad(x, pads, value), strict=True)
    empty = np.empty((0, 5, 4, 3), dtype)
    np.testing.assert_array_equal(twin.pad(empty, pads, value), reference.pad(empty, pads, value), strict=True)
