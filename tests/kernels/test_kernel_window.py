import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_checks import RANDOM

from tinyconv import kernels
from tinyconv.kernels import Window

pairs = st.tuples(st.integers(1, 5), st.integers(1, 5))


@RANDOM
@given(size=pairs, strides=pairs, dilation=pairs, h=st.integers(1, 30), w=st.integers(1, 30))
def test_same_has_an_output_for_every_stride_begun(size, strides, dilation, h, w):
    window = Window(size, strides, "same", dilation)
    outputs, pads = window.output(h, w), window.pads(h, w)
    for axis, cells in enumerate((h, w)):
        assert outputs[axis] == len(range(0, cells, strides[axis]))
        before, after = pads[axis]
        assert after - before in (0, 1)
        # With its padding, an axis has room for the outputs, and without padding would not, or has none to spare.
        last = (outputs[axis] - 1) * strides[axis] + (size[axis] - 1) * dilation[axis]
        assert before + cells + after == max(cells, last + 1)


@RANDOM
@given(size=pairs, strides=pairs, dilation=pairs, extra=st.tuples(st.integers(0, 20), st.integers(0, 20)))
def test_valid_has_an_output_for_every_place_that_fits(size, strides, dilation, extra):
    window = Window(size, strides, "valid", dilation)
    image = tuple((k - 1) * d + 1 + more for k, d, more in zip(size, dilation, extra, strict=True))
    assert window.span == tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
    assert window.output(*image) == tuple(len(range(0, more + 1, s)) for more, s in zip(extra, strides, strict=True))
    assert window.pads(*image) == ((0, 0), (0, 0))


def test_keras_puts_the_odd_row_of_padding_last():
    assert Window((3, 3), (2, 2), "same").pads(6, 7) == ((0, 1), (1, 1))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"size": (0, 3)}, r"size must be two positive integers, got \(0, 3\)"),
        ({"size": 3}, "size must be two positive integers, got 3"),
        ({"size": (3, 3, 3)}, "size must be two positive integers"),
        ({"size": (3, 3), "strides": (1, -1)}, "strides must be two positive integers"),
        ({"size": (3, 3), "dilation": (1.5, 1)}, "dilation must be two positive integers"),
        ({"size": (3, 3), "padding": "full"}, 'padding must be "valid" or "same", got \'full\''),
    ],
)
def test_bad_settings(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        Window(**settings)


def test_window_larger_than_image():
    with pytest.raises(ValueError, match="a window of 5×7 is larger than the image of 5×6"):
        Window((3, 4), dilation=(2, 2)).output(5, 6)


def test_arrays_go_to_the_chosen_backend():
    x = np.zeros(1)
    assert kernels.of(x).__name__ == "tinyconv.kernels.cpu"
    with kernels.backend("reference"):
        assert kernels.of(x).__name__ == "tinyconv.kernels.reference"
        with kernels.backend("cpu"):
            assert kernels.of(x).__name__ == "tinyconv.kernels.cpu"
        assert kernels.of(x).__name__ == "tinyconv.kernels.reference"
    assert kernels.of(x).__name__ == "tinyconv.kernels.cpu"


def test_the_backend_is_the_old_one_after_an_error():
    with pytest.raises(KeyError), kernels.backend("reference"):
        raise KeyError
    assert kernels.of(np.zeros(1)).__name__ == "tinyconv.kernels.cpu"


@pytest.mark.parametrize(("name", "complaint"), [("gpu", r"use model\.to\("), ("numpy", "got 'numpy'")])
def test_an_unknown_backend(name, complaint):
    with pytest.raises(ValueError, match=complaint), kernels.backend(name):
        pass
