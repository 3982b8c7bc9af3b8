"""Bilinear resampling: by hand, against SciPy, and the bits of every kind of image."""

import numpy as np
import pytest
from kernel_checks import assert_close
from scipy import ndimage

from tinyconv.kernels import reference


def random_places(rng, length, old, dtype):
    """Places between the first and the last pixel, as pairs of neighbours and the share of the way: for `length`."""
    places = rng.uniform(0, old - 1, length)
    before = np.floor(places).astype(np.intp)
    return np.stack([before, np.minimum(before + 1, old - 1)]), (places - before).astype(dtype), places


def test_by_hand(kernels):
    x = np.array([[[0], [10]], [[20], [50]]], np.uint8)
    places, shares = np.array([[0], [1]]), np.array([0.25], np.float32)
    got = kernels.resize_bilinear(x, places, shares, places, np.array([0.5], np.float32))
    assert got.tolist() == [[[5 + 0.25 * 30]]]
    assert got.dtype == np.float32


@pytest.mark.parametrize("shape", [(7, 5, 3), (1, 1, 1), (4, 1, 2), (1, 9, 4)], ids=str)
def test_as_scipy(kernels, dtype, shape, rng):
    x = rng.uniform(0, 255, shape).astype(dtype)
    rows, down, r = random_places(rng, 6, shape[0], dtype)
    columns, across, s = random_places(rng, 8, shape[1], dtype)
    got = kernels.resize_bilinear(x, rows, down, columns, across)
    grid = np.meshgrid(r, s, indexing="ij")
    wanted = np.stack(
        [ndimage.map_coordinates(plane, grid, order=1) for plane in np.moveaxis(x.astype(float), -1, 0)], -1
    )
    assert_close(got, wanted, dtype)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_images_of_any_numbers_have_the_same_bits(twin, kind, rng):
    """Also a part of an image, and one that is read-only, as Pillow's are."""
    x = rng.integers(0, 256, (9, 8, 3)).astype(kind)
    rows, down, _ = random_places(rng, 5, 7, np.float32)
    columns, across, _ = random_places(rng, 6, 6, np.float32)
    part = x[1:8, 1:7]
    part.flags.writeable = False
    got = twin.resize_bilinear(part, rows, down, columns, across)
    np.testing.assert_array_equal(got, reference.resize_bilinear(part, rows, down, columns, across), strict=True)
