from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_checks import RANDOM, WINDOWS, Case, assert_close, assert_gradient
from numba.core import config
from test_kernel_convolution import judge, scale_and_shift

from tinyconv.kernels import Window, reference, set_threads
from tinyconv.kernels.cpu import depthwise

# `outputs` are those of one channel, the multiplier.
CASES = [
    *(Case(case.name, case.images, case.window, 1) for case in WINDOWS),
    Case("two vectors, 3×3", (2, 14, 14, 32), Window((3, 3), padding="same"), 1),
    Case("two vectors, stride 2", (2, 15, 14, 32), Window((3, 3), (2, 2), "same"), 1),
    Case("two vectors, stride 2, valid", (2, 17, 21, 32), Window((3, 3), (2, 2)), 1),
    Case("no whole vectors", (2, 9, 13, 41), Window((3, 3), padding="same"), 1),
    Case("more channels than fit a cache", (1, 5, 9, 530), Window((3, 3), padding="same"), 1),
    Case("narrow image", (3, 9, 3, 16), Window((3, 3), padding="same"), 1),
    Case("5×5, stride 2", (2, 11, 16, 18), Window((5, 5), (2, 2), "same"), 1),
    Case("long rows, batch of 37", (37, 5, 60, 16), Window((3, 3)), 1),
    Case("even window", (2, 9, 16, 16), Window((2, 4), (1, 2), "same"), 1),
    Case("7×7", (2, 8, 18, 16), Window((7, 7), padding="same"), 1),
    Case("a width without blocks", (1, 9, 20, 16), Window((2, 8), (1, 2), "same"), 1),
    Case("strides above those of the blocks", (2, 9, 26, 16), Window((3, 3), (2, 3), "same"), 1),
    Case("stride 2 of one column", (2, 9, 20, 16), Window((1, 1), (2, 2)), 1),
    Case("dilation down", (2, 11, 12, 17), Window((3, 3), padding="same", dilation=(3, 1)), 1),
    Case("dilation across", (2, 11, 12, 17), Window((3, 3), dilation=(2, 3)), 1),
    Case("dilation, strides", (2, 12, 13, 5), Window((3, 2), (2, 3), "same", (3, 2)), 2),
    Case("multiplier", (2, 7, 9, 3), Window((3, 3), (2, 2), "same"), 3),
    Case("multiplier, batch of 37", (37, 6, 8, 10), Window((3, 3), padding="same"), 2),
]
all_cases = pytest.mark.parametrize("case", CASES, ids=str)


def draw(rng, case, dtype=np.float64):
    """Random (x, w, b, dy) of a case."""
    n, h, w, c = case.images
    k = c * case.outputs
    shapes = (n, h, w, c), (*case.window.size, c, case.outputs), (k,), (n, *case.window.output(h, w), k)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def wanted(x, w, b, window):
    """The judge's result: convolution with a group for each channel."""
    return judge(x, w.reshape(*w.shape[:2], 1, w.shape[2] * w.shape[3]), b, window, x.shape[3])


@all_cases
def test_forward(kernels, dtype, case, rng):
    x, w, b, _ = draw(rng, case, dtype)
    right = wanted(x, w, b, case.window)
    assert_close(kernels.depthwise_conv2d(x, w, b, case.window, False), right, dtype)
    assert_close(kernels.depthwise_conv2d(x, w, b, case.window, True), np.maximum(right, 0), dtype)


@pytest.mark.parametrize("ceiling", [None, inf, 3.0])
@all_cases
def test_scaled_and_rectified(kernels, dtype, case, ceiling, rng):
    x, w, b, _ = draw(rng, case, dtype)
    table = scale_and_shift(rng, w[..., :1, 0], len(b))
    right = wanted(x, w, None, case.window) * table[0] + table[1]
    right = right if ceiling is None else np.clip(right, 0, ceiling)
    assert_close(kernels.depthwise_conv2d_scaled(x, w, table, case.window, ceiling), right, dtype)


def test_forward_without_bias(kernels, dtype, rng):
    x, w, _, _ = draw(rng, CASES[0], dtype)
    assert_close(
        kernels.depthwise_conv2d(x, w, None, CASES[0].window, False), wanted(x, w, None, CASES[0].window), dtype
    )


@pytest.mark.parametrize("case", [case for case in CASES if case.images[0]], ids=str)
def test_gradients(kernels, case, rng):
    x, w, b, _ = draw(rng, case)
    for at, value in enumerate((x, w, b)):

        def forward(value, at=at):
            given = [x, w, b]
            given[at] = value
            return kernels.depthwise_conv2d(*given, case.window, False)

        def backward(dy, at=at):
            needs = tuple(number == at for number in range(3))
            gradients = kernels.depthwise_conv2d_backward(dy, x, w, None, case.window, needs)
            assert [gradient is not None for gradient in gradients] == list(needs)
            return gradients[at]

        assert_gradient(forward, backward, value, rng)


def assert_agrees(twin, x, w, b, dy, window):
    for relu in (False, True):
        y = reference.depthwise_conv2d(x, w, b, window, relu)
        arguments = dy, x, w, y if relu else None, window, (True, True, True)
        scaled = x, w, scale_and_shift(np.random.default_rng(0), w[..., :1, 0], len(b)), window, 3.0 if relu else None
        got = twin.depthwise_conv2d(x, w, b, window, relu), *twin.depthwise_conv2d_backward(*arguments)
        got = *got, twin.depthwise_conv2d_scaled(*scaled)
        right = y, *reference.depthwise_conv2d_backward(*arguments), reference.depthwise_conv2d_scaled(*scaled)
        for one, other in zip(got, right, strict=True):
            if other.any():
                assert_close(one, other)
            else:  # there are no images, or all taps are in the padding, as those of a wide 1×2 window on one pixel
                np.testing.assert_array_equal(one, other, strict=True)


@all_cases
def test_agrees_with_reference(twin, dtype, case, rng):
    assert_agrees(twin, *draw(rng, case, dtype), case.window)


@st.composite
def cases(draw):
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 2), (3, 2)]))
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    window = Window(size, strides, draw(st.sampled_from(["valid", "same"])), dilation)
    least = window.span if window.padding == "valid" else (1, 1)
    h, w = (draw(st.integers(cells, cells + 12)) for cells in least)
    c, multiplier = draw(st.sampled_from([(1, 1), (3, 1), (2, 3), (16, 1), (21, 1), (9, 2)]))
    return Case("random", (draw(st.integers(1, 4)), h, w, c), window, multiplier)


@RANDOM
@given(case=cases(), seed=st.integers(0, 2**32 - 1))
def test_random_agrees_with_reference(twin, dtype, case, seed):
    assert_agrees(twin, *draw(np.random.default_rng(seed), case, dtype), case.window)


@all_cases
def test_it_is_convolution_with_a_group_for_each_channel(kernels, case, rng):
    x, w, b, dy = draw(rng, case)
    window, flat, groups = case.window, w.reshape(*w.shape[:2], 1, b.size), x.shape[3]
    y, needs = kernels.depthwise_conv2d(x, w, b, window, True), (True, True, True)
    results = y, *kernels.depthwise_conv2d_backward(dy, x, w, y, window, needs)
    others = (
        kernels.conv2d(x, flat, b, window, groups, True),
        *kernels.conv2d_backward(dy, x, flat, y, window, groups, needs),
    )
    for one, other in zip(results, others, strict=True):
        np.testing.assert_allclose(one, other.reshape(one.shape), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", [case for case in CASES if "37" in case.name], ids=str)
def test_results_do_not_depend_on_the_number_of_threads(twin, dtype, case, rng):
    if config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread is all there is")
    x, w, b, dy = draw(rng, case, dtype)
    found = []
    for threads in (1, 2):
        set_threads(threads)
        y = twin.depthwise_conv2d(x, w, b, case.window, True)
        gradients = twin.depthwise_conv2d_backward(dy, x, w, y, case.window, (True, True, True))
        found.append([array.tobytes() for array in (y, *gradients)])
    set_threads(config.NUMBA_NUM_THREADS)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("dtype", "window", "inner", "back"),
    [
        ("float32", Window((3, 3), padding="same"), (1, 25), (2, 26)),  # 24 of the 26 that lie inside
        ("float32", Window((3, 3), (2, 2), "same"), (0, 12), (1, 13)),  # padded at the right alone
        ("float32", Window((3, 3), (2, 2)), (0, 12), (1, 13)),
        ("float32", Window((3, 3), padding="same", dilation=(2, 1)), (1, 25), (2, 26)),
        ("float32", Window((3, 3), padding="same", dilation=(1, 2)), (0, 0), (0, 0)),
        ("float32", Window((3, 4), padding="same"), (0, 0), (0, 0)),
        ("float32", Window((3, 3), (1, 3), "same"), (0, 0), (0, 0)),
        ("float64", Window((3, 3), padding="same"), (0, 0), (0, 0)),
    ],
)
def test_most_of_a_row_goes_by_blocks(dtype, window, inner, back):
    """What is left to single positions would be right too, but slow."""
    assert depthwise._block_columns(window, (28, 28), np.dtype(dtype)) == inner
    assert depthwise._block_columns_backward(window, (28, 28), np.dtype(dtype)) == back


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith(("two", "no", "mult"))], ids=str)
def test_nan_stays_in_its_channel_and_its_windows(kernels, dtype, case, rng):
    window = case.window
    x, w, b, dy = draw(rng, case, dtype)
    x[-1, 2, 0, 1] = x[-1, -1, -1, 0] = np.nan  # the edges, beyond which other rows begin
    touched = wanted(np.isnan(x), np.ones_like(w), None, window) > 0
    assert touched.any()
    np.testing.assert_array_equal(np.isnan(kernels.depthwise_conv2d(x, w, b, window, False)), touched)
    np.testing.assert_array_equal(np.isnan(kernels.depthwise_conv2d(x, w, b, window, True)), touched)
    _, dw, _ = kernels.depthwise_conv2d_backward(dy, x, w, None, window, (False, True, False))
    assert np.isnan(dw[:, :, :2]).any(axis=(0, 1, 3)).all()
    assert np.isfinite(dw[:, :, 2:]).all()

    dy[-1, 1, -1, 0] = np.nan
    dx, _, db = kernels.depthwise_conv2d_backward(dy, x, w, None, window, (True, False, True))
    assert np.isnan(dx[-1, :, :, 0]).any()
    assert np.isfinite(dx[..., 1:]).all()
    assert np.isfinite(dx[:-1]).all()
    np.testing.assert_array_equal(np.isnan(db), np.arange(db.size) == 0)


def test_window_larger_than_image(kernels, rng):
    x, w = rng.standard_normal((1, 4, 5, 2)), rng.standard_normal((5, 3, 2, 1))
    with pytest.raises(ValueError, match="larger than the image of 4×5"):
        kernels.depthwise_conv2d(x, w, None, Window((5, 3)), False)
