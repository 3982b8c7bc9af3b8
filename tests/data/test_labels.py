"""to_categorical against a loop that reads like its definition, and its refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinyconv.datasets import to_categorical

LABELS = hnp.arrays(
    st.sampled_from([np.uint8, np.int32, np.int64, np.float32]),
    hnp.array_shapes(min_dims=0, max_dims=3, max_side=5),
    elements=st.integers(0, 9),
)


@given(LABELS, st.sampled_from([None, 10, 13]))
def test_is_one_at_the_label_and_zero_elsewhere(y, num_classes):
    rows = to_categorical(y, num_classes)
    labels = y[..., 0] if y.ndim > 1 and y.shape[-1] == 1 else y
    classes = int(y.max()) + 1 if num_classes is None else num_classes
    assert rows.shape == (*labels.shape, classes)
    assert rows.dtype == np.float64
    for index in np.ndindex(*labels.shape):
        assert rows[index].tolist() == [float(j == labels[index]) for j in range(classes)]


def test_takes_lists_booleans_and_one_label():
    assert to_categorical([1, 0]).tolist() == [[0, 1], [1, 0]]
    assert to_categorical([True, False]).tolist() == [[0, 1], [1, 0]]
    assert to_categorical(2).tolist() == [0, 0, 1]
    assert to_categorical([[2]], 3).tolist() == [[0, 0, 1]]
    assert to_categorical(np.zeros(0, np.uint8), 4).shape == (0, 4)


def test_equals_keras(keras):
    for y in ([3, 0, 1], [[3], [0]], [[0, 2], [1, 1]], 2, [1.0, 2.0]):
        for num_classes in (None, 4):
            ours, theirs = to_categorical(y, num_classes), keras.utils.to_categorical(y, num_classes)
            np.testing.assert_array_equal(ours, theirs, strict=True)


@pytest.mark.parametrize(
    ("y", "num_classes", "message"),
    [
        ([0, 1, -1], None, r"label -1 at index 2 is negative"),
        ([0, 1.5], None, r"label 1\.5 at index 1 is not an integer"),
        ([0, np.nan], None, r"label nan at index 1 is not an integer"),
        ([np.inf, 0], None, r"label inf at index 0 is not an integer"),
        ([0, 1, 10], 10, r"label 10 at index 2 is too high for num_classes=10"),
        ([[0, 1], [7, 0]], 3, r"label 7 at index \(1, 0\) is too high for num_classes=3"),
        ([[0], [4]], 3, r"label 4 at index 1 is too high for num_classes=3"),
        (["a", "b"], None, r"labels must be integers, got an array of <U1"),
        ([], None, r"no labels to count the classes of: give num_classes"),
        ([0], 0, r"num_classes must be a positive integer, got 0"),
        ([0], 2.0, r"num_classes must be a positive integer, got 2\.0"),
        ([0], True, r"num_classes must be a positive integer, got True"),
    ],
)
def test_refuses(y, num_classes, message):
    with pytest.raises(ValueError, match=message) as caught:
        to_categorical(y, num_classes)
    assert "\n" not in str(caught.value)
