import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_checks import RANDOM, WINDOWS, Case, assert_close, assert_gradient, without_ties
from numpy.lib.stride_tricks import sliding_window_view

from tinyconv.kernels import Window, reference

all_cases = pytest.mark.parametrize("case", WINDOWS, ids=str)


def windows_of(x, window):
    """Every window of `x`, flat: (n,oh,ow,c,kh·kw), with NaN where it hangs over the border."""
    frame = [(0, 0)]
    for cells, k, stride in zip(x.shape[1:3], window.size, window.strides, strict=True):
        total = max(0, (-(-cells // stride) - 1) * stride + k - cells) if window.padding == "same" else 0
        frame.append((total // 2, total - total // 2))
    x = np.pad(x, [*frame, (0, 0)], constant_values=np.nan)
    views = sliding_window_view(x, window.size, axis=(1, 2))[:, :: window.strides[0], :: window.strides[1]]
    return views.reshape(*views.shape[:4], window.size[0] * window.size[1])


@all_cases
def test_max_forward(kernels, dtype, case, rng):
    x = without_ties(rng, case.images, dtype)
    y, index = kernels.max_pool2d(x, case.window)
    views = windows_of(x, case.window)
    assert_close(y, np.nanmax(views, axis=-1))
    np.testing.assert_array_equal(index, np.nanargmax(views, axis=-1).astype(np.uint16), strict=True)


@all_cases
def test_max_of_ties_is_the_first(kernels, dtype, case, rng):
    x = rng.integers(-2, 1, case.images).astype(dtype)  # maxima of 0 and below: padding with 0 would show
    _, index = kernels.max_pool2d(x, case.window)
    np.testing.assert_array_equal(index, np.nanargmax(windows_of(x, case.window), axis=-1))


def test_max_of_nothing_but_minus_infinity_is_inside_the_image(kernels, dtype):
    window = Window((3, 3), padding="same")
    x = np.full((1, 3, 3, 1), -np.inf, dtype)
    y, index = kernels.max_pool2d(x, window)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(index[0, :, :, 0], [[4, 3, 3], [1, 0, 0], [1, 0, 0]])
    assert kernels.max_pool2d_backward(np.ones_like(x), index, window, (3, 3)).sum() == 9


def test_max_is_nan_where_a_window_holds_nan(kernels, dtype, rng):
    """The first NaN wins, so that the gradient goes where the trouble came from."""
    window = Window((2, 3), (1, 2), "same")
    x = without_ties(rng, (2, 5, 7, 2), dtype)
    x[1, 2, 3, 0] = x[1, 3, 3, 0] = np.nan
    y, index = kernels.max_pool2d(x, window)
    np.testing.assert_array_equal(np.argwhere(np.isnan(y)), [[1, p, q, 0] for p in (1, 2, 3) for q in (1, 2)])
    np.testing.assert_array_equal(index[1, 1:4, 1:3, 0], [[5, 3], [2, 0], [2, 0]])


@pytest.mark.parametrize("size", [(256, 256), (257, 257), (2, 40_000)], ids=str)
def test_max_of_a_large_window_sends_its_gradient_once(kernels, dtype, size):
    """65,536 cells are as many as sixteen bits number."""
    window = Window(size)
    x = np.zeros((2, *size, 2), dtype)
    x[0, 0, 1, 0] = x[0, -1, -1, 1] = x[1, -1, -2, 0] = x[1, -1, 0, 1] = 1
    y, index = kernels.max_pool2d(x, window)
    assert index.dtype == (np.uint16 if size[0] * size[1] <= 65_536 else np.int64)
    assert (y == 1).all()
    dy = np.array([2, 3, 4, 5], dtype).reshape(y.shape)
    np.testing.assert_array_equal(kernels.max_pool2d_backward(dy, index, window, size), dy * x, strict=True)


@all_cases
def test_average_forward(kernels, dtype, case, rng):
    x = rng.standard_normal(case.images).astype(dtype)
    views = windows_of(x.astype(np.float64), case.window)
    assert_close(kernels.average_pool2d(x, case.window), np.nanmean(views, axis=-1), dtype)


def test_average_is_nan_where_a_window_holds_nan(kernels, dtype, rng):
    x = rng.standard_normal((2, 5, 6, 2)).astype(dtype)
    x[1, 2, 3, 0] = np.nan
    y = kernels.average_pool2d(x, Window((2, 2), (2, 2), "same"))
    np.testing.assert_array_equal(np.argwhere(np.isnan(y)), [[1, 1, 1, 0]])


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (1, 1, 1, 1), (37, 7, 7, 3), (2, 1, 9, 65), (0, 3, 3, 2)], ids=str)
def test_global_average(kernels, dtype, shape, rng):
    x = rng.standard_normal(shape).astype(dtype)
    total = np.zeros((shape[0], shape[3]))
    for row, column in np.ndindex(shape[1:3]):
        total += x[:, row, column]
    assert_close(kernels.global_average_pool2d(x), total / (shape[1] * shape[2]), dtype)
    if len(x):
        assert_gradient(
            kernels.global_average_pool2d,
            lambda dy: kernels.global_average_pool2d_backward(dy, shape[1:3]),
            x.astype(np.float64),
            rng,
        )


def assert_keeps_its_digits(got, wanted):
    """A running float32 sum of as many numbers as these would be off by 10⁻⁵."""
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=2e-7)


def test_long_sums_keep_their_digits(kernels, rng):
    x = (rng.random((1, 512, 512, 2)) + 0.5).astype(np.float32)
    wide = x.astype(np.float64)
    assert_keeps_its_digits(kernels.global_average_pool2d(x), wide.mean(axis=(1, 2)))
    halves = np.stack([wide[:, :, :384].mean(axis=(1, 2)), wide[:, :, 128:].mean(axis=(1, 2))], axis=1)[:, None]
    window = Window((512, 384), (512, 128))
    assert_keeps_its_digits(kernels.average_pool2d(x, window), halves)


def test_gradients_of_many_windows_keep_their_digits(kernels, rng):
    """The middle cell is in 10,000 windows, and the largest of all of them."""
    window, image = Window((100, 100)), (199, 199)
    x, dy = np.zeros((1, *image, 1), np.float32), (rng.random((1, 100, 100, 1)) + 0.5).astype(np.float32)
    x[0, 99, 99] = 1
    total = dy.sum(dtype=np.float64)
    dx = kernels.max_pool2d_backward(dy, kernels.max_pool2d(x, window)[1], window, image)
    assert_keeps_its_digits(dx, x * total)
    dx = kernels.average_pool2d_backward(dy, window, image)
    assert_keeps_its_digits(dx[0, 99, 99], total / 10_000)


@pytest.mark.parametrize("case", [case for case in WINDOWS if case.images[0]], ids=str)
def test_gradients(kernels, case, rng):
    x = without_ties(rng, case.images)
    _, index = kernels.max_pool2d(x, case.window)
    assert_gradient(
        lambda x: kernels.max_pool2d(x, case.window)[0],
        lambda dy: kernels.max_pool2d_backward(dy, index, case.window, case.image),
        x,
        rng,
    )
    assert_gradient(
        lambda x: kernels.average_pool2d(x, case.window),
        lambda dy: kernels.average_pool2d_backward(dy, case.window, case.image),
        x,
        rng,
    )


def assert_agrees(twin, case, dtype, rng):
    window, image = case.window, case.image
    x = without_ties(rng, case.images, dtype)
    dy = rng.standard_normal(case.result).astype(dtype)
    y, index = twin.max_pool2d(x, window)
    wanted_y, wanted_index = reference.max_pool2d(x, window)
    np.testing.assert_array_equal(y, wanted_y, strict=True)
    np.testing.assert_array_equal(index, wanted_index, strict=True)
    assert_close(
        twin.max_pool2d_backward(dy, index, window, image), reference.max_pool2d_backward(dy, index, window, image)
    )
    assert_close(twin.average_pool2d(x, window), reference.average_pool2d(x, window))
    assert_close(twin.average_pool2d_backward(dy, window, image), reference.average_pool2d_backward(dy, window, image))
    assert_close(twin.global_average_pool2d(dy), reference.global_average_pool2d(dy))
    assert_close(
        twin.global_average_pool2d_backward(dy[:, 0, 0], image),
        reference.global_average_pool2d_backward(dy[:, 0, 0], image),
    )


@all_cases
def test_agrees_with_reference(twin, dtype, case, rng):
    assert_agrees(twin, case, dtype, rng)


@st.composite
def cases(draw):
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    strides = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    window = Window(size, strides, draw(st.sampled_from(["valid", "same"])))
    least = size if window.padding == "valid" else (1, 1)
    h, w = (draw(st.integers(cells, cells + 7)) for cells in least)
    return Case("random", (draw(st.integers(1, 5)), h, w, draw(st.integers(1, 5))), window)


@RANDOM
@given(case=cases(), seed=st.integers(0, 2**32 - 1))
def test_random_forward(kernels, case, seed):
    x = without_ties(np.random.default_rng(seed), case.images)
    views = windows_of(x, case.window)
    y, index = kernels.max_pool2d(x, case.window)
    assert_close(y, np.nanmax(views, axis=-1))
    np.testing.assert_array_equal(index, np.nanargmax(views, axis=-1))
    assert_close(kernels.average_pool2d(x, case.window), np.nanmean(views, axis=-1))


@RANDOM
@given(case=cases(), seed=st.integers(0, 2**32 - 1))
def test_random_agrees_with_reference(twin, dtype, case, seed):
    assert_agrees(twin, case, dtype, np.random.default_rng(seed))


def test_window_larger_than_image(kernels):
    for pool in (kernels.max_pool2d, kernels.average_pool2d):
        with pytest.raises(ValueError, match="larger than the image of 2×4"):
            pool(np.ones((1, 2, 4, 1)), Window((3, 3)))
