"""Arrays of a page: what comes back of them, what is kept, and that one content is there once."""

import numpy as np
import pytest

from tinyconv.explorer.page.arrays import Elements, Packed, unpacked
from tinyconv.explorer.page.maps import Maps, spaced


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32), "float32"),
        (np.array([[np.nan, np.inf, -np.inf, -0.0]], np.float32), "float32"),
        (np.float32(3.5).reshape(()), "float32"),
        (np.zeros((0, 4), np.float32), "float32"),
        (np.arange(-300, 300, dtype=np.int64), "int32"),
        (np.array([True, False, True]), "uint8"),
    ],
)
def test_round_trip(array, dtype):
    packed = Packed(array)
    assert packed.dtype == dtype
    found = unpacked(packed.dtype, packed.shape, packed.text)
    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)
    np.testing.assert_array_equal(np.signbit(found.astype(np.float64)), np.signbit(array.astype(np.float64)))


def test_one_content_is_there_once():
    x = np.arange(6, dtype=np.float32)
    elements = Elements()
    names = [elements.add(Packed(x)), elements.add(Packed(x.reshape(2, 3))), elements.add(Packed(x.astype(np.int32)))]
    assert names == ["a0", "a0", "a1"]
    assert elements.add(Packed(x.reshape(2, 3)), shaped=True) == "a2"  # whose shape is read at the element
    assert elements.add(Packed(x), shaped=True) != "a2"
    assert 'data-shape="2,3"' in elements.texts[2]


def test_maps_are_evenly_spaced_and_nested():
    shape = (1, 40, 40, 64)
    few, more = spaced(shape, 8 * 1600), spaced(shape, 20 * 1600)
    assert few == tuple(range(0, 64, 8))
    assert more == tuple(range(0, 64, 4))
    assert spaced(shape, 64 * 1600) is None
    assert spaced(shape, 200) == (0,)  # one map may have eight times as many
    assert spaced(shape, 199) == ()
    assert spaced((1, 200), 0) is None  # small: whole
    assert spaced((), 0) is None


def test_packed_maps_are_those_that_are_kept():
    x = np.random.default_rng(0).normal(size=(50, 10, 16)).astype(np.float32)
    maps = Maps(x, 4000)
    for most in (4000, 2000, 1000):
        packed = maps.packed(most)
        np.testing.assert_array_equal(unpacked(packed.dtype, packed.shape, packed.text), x[..., list(maps.kept(most))])
    assert maps.packed(60) is None
    later = Maps(x, 4000, share=0.25)
    assert later.kept(4000) == (0, 8)
