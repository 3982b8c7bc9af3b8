from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_checks import RANDOM, WINDOWS, Case, assert_close, assert_gradient
from numba.core import config
from scipy.signal import correlate

from tinyconv.kernels import Window, reference, set_threads
from tinyconv.kernels.window import NO_GRADIENT, POOL_2X2

CASES = [
    *WINDOWS,
    Case("dilation", (2, 9, 10, 2), Window((3, 3), dilation=(2, 3)), 3),
    Case("dilation, strides, same", (2, 9, 10, 2), Window((3, 2), (2, 1), "same", (1, 3)), 3),
    Case("groups", (2, 6, 5, 6), Window((3, 3)), 4, groups=2),
    Case("groups, batch of 37", (37, 4, 5, 4), Window((2, 3), padding="same"), 6, groups=2),
    Case("depthwise", (2, 6, 7, 5), Window((3, 3), padding="same"), 5, groups=5),
    Case("depthwise, multiplier", (2, 7, 6, 3), Window((3, 3), (2, 2), "same"), 6, groups=3),
    Case("Winograd, ragged tiles", (2, 11, 13, 16), Window((3, 3)), 32),
    Case("Winograd, whole tiles, same", (3, 8, 12, 32), Window((3, 3), padding="same"), 16),
    Case("Winograd, batch of 37", (37, 10, 11, 16), Window((3, 3)), 16),
    Case("Winograd, one ragged tile", (2, 5, 3, 16), Window((3, 3), padding="same"), 32),
    Case("too small for Winograd", (2, 4, 6, 16), Window((3, 3)), 16),
    Case("direct, 5×5", (3, 11, 10, 1), Window((5, 5), padding="same"), 32),
    Case("direct, strides, dilation", (2, 19, 25, 3), Window((3, 2), (2, 3), "same", (2, 1)), 48),
    Case("direct, one vector, batch of 37", (37, 6, 10, 2), Window((2, 3)), 16),
    Case("Winograd, no images", (0, 10, 11, 16), Window((3, 3)), 16),
    Case("direct, no images", (0, 10, 11, 1), Window((3, 3)), 16),
    Case("few channels, 5×5", (2, 9, 8, 1), Window((5, 5), padding="same"), 4),
    Case("few channels, strides, dilation", (2, 11, 12, 3), Window((3, 3), (2, 3), "same", (2, 2)), 4),
    Case("1×1", (2, 9, 11, 24), Window((1, 1)), 40),
    Case("1×1, stride 2", (3, 9, 10, 24), Window((1, 1), (2, 2), "same"), 17),
    Case("1×1, uneven strides", (2, 7, 11, 16), Window((1, 1), (3, 2)), 16),
    Case("1×1, wide, batch of 37", (37, 4, 5, 300), Window((1, 1), padding="same"), 270),
    Case("1×1, stride 2, batch of 37", (37, 8, 9, 33), Window((1, 1), (2, 2)), 70),
    Case("1×1 of one cell", (1, 1, 1, 130), Window((1, 1)), 16),
    Case("1×1, no images", (0, 3, 3, 16), Window((1, 1)), 16),
    Case("groups, dilation, strides", (2, 9, 8, 4), Window((2, 3), (2, 1), "same", (3, 1)), 6, groups=2),
]
all_cases = pytest.mark.parametrize("case", CASES, ids=str)
NAMED = ("groups", "Winograd, ragged", "Winograd, whole", "direct, 5×5", "direct, one", "1×1, wide")  # every algorithm


def judge(x, w, b, window, groups):
    """SciPy's correlation of one image with one filter at a time, in float64."""
    x, w = x.astype(np.float64), w.astype(np.float64)
    frame = [(0, 0)]
    for axis in (0, 1):
        span = (window.size[axis] - 1) * window.dilation[axis] + 1
        total = 0
        if window.padding == "same":
            outputs = -(-x.shape[1 + axis] // window.strides[axis])
            total = max(0, (outputs - 1) * window.strides[axis] + span - x.shape[1 + axis])
        frame.append((total // 2, total - total // 2))
    x = np.pad(x, [*frame, (0, 0)])
    spread = np.zeros([(k - 1) * d + 1 for k, d in zip(window.size, window.dilation, strict=True)] + list(w.shape[2:]))
    spread[:: window.dilation[0], :: window.dilation[1]] = w
    images = []
    for image in x:
        maps = []
        for k in range(w.shape[3]):
            first = k // (w.shape[3] // groups) * w.shape[2]
            inputs = image[:, :, first : first + w.shape[2]]
            one = correlate(inputs, spread[..., k], mode="valid", method="direct")[:, :, 0]
            maps.append(one[:: window.strides[0], :: window.strides[1]] + (0 if b is None else b[k]))
        images.append(np.stack(maps, axis=-1))
    return np.stack(images) if images else np.zeros((0, *window.output(*x.shape[1:3]), w.shape[3]))


def draw(rng, case, dtype=np.float64):
    """Random (x, w, b, dy) of a case."""
    n, h, w, c = case.images
    shapes = (
        (n, h, w, c),
        (*case.window.size, c // case.groups, case.outputs),
        (case.outputs,),
        (n, *case.window.output(h, w), case.outputs),
    )
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@all_cases
def test_forward(kernels, dtype, case, rng):
    x, w, b, _ = draw(rng, case, dtype)
    assert_close(
        kernels.conv2d(x, w, b, case.window, case.groups, False), judge(x, w, b, case.window, case.groups), x.dtype
    )


def test_forward_without_bias(kernels, dtype, rng):
    x, w, _, _ = draw(rng, CASES[0], dtype)
    assert_close(kernels.conv2d(x, w, None, CASES[0].window, 1, False), judge(x, w, None, CASES[0].window, 1), dtype)


def scale_and_shift(rng, w, k):
    """A table for sums of about 1, of which some are cut off at 0, and some at 3."""
    scale = rng.uniform(0.5, 2, k) / np.sqrt(max(1, w[..., 0].size))
    return np.stack([scale, rng.uniform(0, 1, k)]).astype(w.dtype)


@pytest.mark.parametrize("ceiling", [None, inf, 3.0])
@all_cases
def test_scaled_and_rectified(kernels, dtype, case, ceiling, rng):
    x, w, _, _ = draw(rng, case, dtype)
    table = scale_and_shift(rng, w, case.outputs)
    wanted = judge(x, w, None, case.window, case.groups) * table[0] + table[1]
    wanted = wanted if ceiling is None else np.clip(wanted, 0, ceiling)
    y = kernels.conv2d_scaled(x, w, table, case.window, case.groups, ceiling)
    assert_close(y, wanted, x.dtype)
    x[:, :1] = np.nan  # which stays, through scale and limits
    lost = np.isnan(kernels.conv2d(x, w, None, case.window, case.groups, False))
    y = kernels.conv2d_scaled(x, w, table, case.window, case.groups, ceiling)
    np.testing.assert_array_equal(np.isnan(y), lost)


@pytest.mark.parametrize("case", [case for case in CASES if case.images[0]], ids=str)
def test_gradients(kernels, case, rng):
    x, w, b, _ = draw(rng, case)
    window, groups = case.window, case.groups
    assert_gradient(
        lambda x: kernels.conv2d(x, w, b, window, groups, False),
        lambda dy: kernels.conv2d_backward_input(dy, w, window, groups, case.image),
        x,
        rng,
    )
    assert_gradient(
        lambda w: kernels.conv2d(x, w, b, window, groups, False),
        lambda dy: kernels.conv2d_backward_kernel(dy, x, window, groups),
        w,
        rng,
    )
    assert_gradient(lambda b: kernels.conv2d(x, w, b, window, groups, False), kernels.conv2d_backward_bias, b, rng)


@pytest.mark.parametrize("case", [case for case in CASES if "37" in case.name], ids=str)
def test_results_do_not_depend_on_the_number_of_threads(twin, dtype, case, rng):
    if config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread is all there is")
    x, w, b, dy = draw(rng, case, dtype)
    found = []
    for threads in (1, 2):
        set_threads(threads)
        y = twin.conv2d(x, w, b, case.window, case.groups, True)
        gradients = twin.conv2d_backward(dy, x, w, y, case.window, case.groups, (case.images[3] > 2, True, True))
        found.append([array.tobytes() for array in (y, *gradients) if array is not None])
    set_threads(config.NUMBA_NUM_THREADS)
    assert found[0] == found[1]


def assert_agrees(twin, x, w, b, dy, case):
    window, groups = case.window, case.groups
    rectified = reference.conv2d(x, w, b, window, groups, True)
    table = scale_and_shift(np.random.default_rng(0), w, case.outputs)
    calls = [
        ("conv2d", x, w, b, window, groups, False),
        ("conv2d", x, w, b, window, groups, True),
        ("conv2d_scaled", x, w, table, window, groups, None),
        ("conv2d_scaled", x, w, table, window, groups, 3.0),
        ("conv2d_backward", dy, x, w, None, window, groups, (True, True, True)),
        ("conv2d_backward", dy, x, w, rectified, window, groups, (True, True, True)),
        ("conv2d_backward", dy, x, w, rectified, window, groups, (False, True, True)),
        ("conv2d_backward", dy, x, w, rectified, window, groups, (True, False, False)),
        ("conv2d_backward_input", dy, w, window, groups, case.image),
        ("conv2d_backward_kernel", dy, x, window, groups),
        ("conv2d_backward_bias", dy),
    ]
    for name, *arguments in calls:
        results = getattr(twin, name)(*arguments), getattr(reference, name)(*arguments)
        for got, wanted in zip(*(r if isinstance(r, tuple) else (r,) for r in results), strict=True):
            if wanted is None:
                assert got is None
            elif wanted.any():
                assert_close(got, wanted)
            else:  # there are no images, or all taps are in the padding, as those of a wide 1×2 window on one pixel
                np.testing.assert_array_equal(got, wanted, strict=True)


@all_cases
def test_agrees_with_reference(twin, dtype, case, rng):
    assert_agrees(twin, *draw(rng, case, dtype), case)


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("case", [case for case in CASES if min(case.window.output(*case.image)) > 1], ids=str)
def test_pooled_is_pooling_after_convolution(kernels, dtype, case, relu, rng):
    """The same numbers, whichever way: on the CPU to the bit, in forward and backward."""
    assert_pooled_is_pooling(kernels, *draw(rng, case, dtype)[:3], case, relu, rng)


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith(NAMED)], ids=str)
def test_pooled_is_pooling_after_convolution_of_nan_and_infinities(kernels, dtype, case, relu, rng):
    """A value that is not finite stops or passes the same gradients in one pass as in two."""
    x, w, b, _ = draw(rng, case, dtype)
    x[-1, 2, 3, 0], x[-1, 0, 1, -1], x[0, 1, 0, 0] = np.nan, np.inf, -np.inf
    b[-1] = -np.inf
    with np.errstate(invalid="ignore"):  # the reference is NumPy, which warns of ∞ − ∞
        y, _ = assert_pooled_is_pooling(kernels, x, w, b, case, relu, rng)
    assert np.isnan(y).any()
    assert (y == (0 if relu else -np.inf)).any()


def assert_pooled_is_pooling(kernels, x, w, b, case, relu, rng):
    """`conv2d_pooled` gives to the bit what `conv2d` and `max_pool2d` do, backward too; return its results."""
    window, groups = case.window, case.groups
    y = kernels.conv2d(x, w, b, window, groups, relu)
    wanted, index = kernels.max_pool2d(y, POOL_2X2)
    pooled, argmax = kernels.conv2d_pooled(x, w, b, window, groups, relu)
    np.testing.assert_array_equal(pooled, wanted, strict=True)
    opened = wanted > 0 if relu else np.ones(wanted.shape, bool)
    np.testing.assert_array_equal(argmax, np.where(opened, index, NO_GRADIENT))
    assert argmax.dtype == np.uint8

    dy = rng.standard_normal(pooled.shape).astype(x.dtype)
    spread = kernels.max_pool2d_backward(dy, index, POOL_2X2, y.shape[1:3])
    for needs in ((True, True, True), (False, True, True), (True, False, False)):
        separate = kernels.conv2d_backward(spread, x, w, y if relu else None, window, groups, needs)
        joined = kernels.conv2d_pooled_backward(dy, argmax, x, w, window, groups, needs)
        for one, other in zip(joined, separate, strict=True):
            np.testing.assert_array_equal(one, other)
    return pooled, argmax


def test_pooled_gradient(kernels, rng):
    """On values far apart, so that no difference changes which is largest."""
    x, w = rng.permutation(np.arange(400.0)).reshape(2, 10, 10, 2), np.ones((1, 1, 2, 1)) * [[[[1.0], [200.0]]]]
    window, b = Window((1, 1)), np.array([-60000.0])
    _, argmax = kernels.conv2d_pooled(x, w, b, window, 1, True)
    assert {*np.unique(argmax)} == {0, 1, 2, 3, NO_GRADIENT}
    for at, value in enumerate((x, w, b)):

        def forward(value, at=at):
            given = [x, w, b]
            given[at] = value
            return kernels.conv2d_pooled(*given, window, 1, True)[0]

        assert_gradient(
            forward,
            lambda dy, at=at: kernels.conv2d_pooled_backward(dy, argmax, x, w, window, 1, (True,) * 3)[at],
            value,
            rng,
        )


@st.composite
def cases(draw):
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    window = Window(size, strides, draw(st.sampled_from(["valid", "same"])), dilation)
    least = window.span if window.padding == "valid" else (1, 1)
    h, w = (draw(st.integers(cells, cells + 7)) for cells in least)
    groups = draw(st.integers(1, 3))
    c, k = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    return Case("random", (draw(st.integers(1, 5)), h, w, c), window, k, groups)


@RANDOM
@given(case=cases(), seed=st.integers(0, 2**32 - 1))
def test_random_forward(kernels, case, seed):
    x, w, b, _ = draw(np.random.default_rng(seed), case)
    assert_close(kernels.conv2d(x, w, b, case.window, case.groups, False), judge(x, w, b, case.window, case.groups))


@RANDOM
@given(case=cases(), seed=st.integers(0, 2**32 - 1))
def test_random_agrees_with_reference(twin, dtype, case, seed):
    assert_agrees(twin, *draw(np.random.default_rng(seed), case, dtype), case)


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith(NAMED)], ids=str)
def test_nan_propagates(kernels, dtype, case, rng):
    window, groups = case.window, case.groups
    x, w, b, dy = draw(rng, case, dtype)
    x[-1, 2, 3, 0] = np.nan
    touched = judge(np.isnan(x), np.ones_like(w), None, window, groups) > 0
    assert touched.any()
    y = kernels.conv2d(x, w, b, window, groups, False)
    assert np.isnan(y[touched]).all()
    assert np.isfinite(y[0]).all()

    assert np.isnan(kernels.conv2d_backward_kernel(dy, x, window, groups)[:, :, 0, 0]).any()
    dy[-1, 1, 1, 0] = np.nan
    dx = kernels.conv2d_backward_input(dy, w, window, groups, case.image)
    assert np.isnan(dx[-1, :, :, 0]).any()
    assert np.isfinite(dx[0]).all()
    np.testing.assert_array_equal(np.isnan(kernels.conv2d_backward_bias(dy)), np.arange(case.outputs) == 0)


def test_bias_gradient_of_many_positions_is_exact(kernels):
    """A running float32 total of this many equal numbers would be off by 10⁻⁴."""
    dy = np.full((40, 50, 60, 2), 0.1, np.float32)
    assert_close(kernels.conv2d_backward_bias(dy), np.full(2, 120_000 * np.float64(np.float32(0.1))), np.float32)


def test_window_larger_than_image(kernels, rng):
    x, w = rng.standard_normal((1, 4, 5, 1)), rng.standard_normal((5, 3, 1, 1))
    with pytest.raises(ValueError, match="larger than the image of 4×5"):
        kernels.conv2d(x, w, None, Window((5, 3)), 1, False)


def test_output_that_sees_only_zeros_is_its_bias(kernels, dtype, rng):
    """Exactly: a rounding error in its place would pass a ReLU that the definition cuts it off with."""
    x, w, b, _ = draw(rng, Case("zeros but for a corner", (2, 14, 13, 16), Window((3, 3)), 16), dtype)
    x[:, 5:] = 0
    x[:, :, 4:] = 0
    y = kernels.conv2d(x, w, b, Window((3, 3)), 1, False)
    zeros = np.ones((12, 11), bool)
    zeros[:5, :4] = False
    assert (y[:, zeros] == b).all()
    assert (y[:, ~zeros] != b).any(axis=-1).all()


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith(NAMED)], ids=str)
def test_nan_is_the_largest_of_its_square(kernels, dtype, case, rng):
    window, groups = case.window, case.groups
    x, w, b, _ = draw(rng, case, dtype)
    x[-1, 2, 3, 0] = np.nan
    y, argmax = kernels.conv2d_pooled(x, w, b, window, groups, True)
    wanted, _ = reference.conv2d_pooled(x, w, b, window, groups, True)
    assert np.isnan(wanted).any()
    assert np.isnan(y[np.isnan(wanted)]).all()
    assert np.isfinite(y[0]).all()
    assert (argmax[np.isnan(y)] == NO_GRADIENT).all()


def test_nan_passes_the_rectifier(kernels, dtype, rng):
    x, w, b, _ = draw(rng, CASES[0], dtype)
    b[0] = np.nan
    y = kernels.conv2d(x, w, b, CASES[0].window, 1, True)
    assert np.isnan(y[..., 0]).all()
    assert (y[..., 1:] >= 0).all()
