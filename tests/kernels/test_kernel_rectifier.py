import numpy as np
import pytest
from kernel_checks import LARGE, assert_close, assert_gradient, without_ties

from tinyconv.kernels import reference

# slope, ceiling, threshold
SETTINGS = {
    "ReLU6": (0.0, 6.0, 0.0),
    "low ceiling": (0.0, 0.5, 0.0),
    "threshold": (0.0, np.inf, 0.7),
    "threshold above the ceiling": (0.1, 0.5, 0.7),
    "slope and threshold": (0.3, np.inf, 0.7),
    "everything": (0.2, 1.5, 0.4),
    "steep": (2.5, 3.0, 0.0),
}
each_setting = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)

SHAPES = [(3, 10), (2, 5, 3, 4), (1, 1), (), (0, 5), (LARGE // 3, 3)]


def judge(x, slope, ceiling, threshold):
    """One number, as Keras puts it together: what is above the threshold, held down, less what is missing to it."""
    above = x if x > threshold else 0.0
    return min(above, ceiling) - slope * max(threshold - x, 0.0)


def draw(rng, shape, dtype=np.float64):
    """Numbers up to ±7, none near a kink."""
    x = rng.uniform(-2, 7, shape)
    for kink in (0.0, 0.4, 0.5, 0.7, 1.5, 3.0, 6.0):
        x = np.where(np.abs(x - kink) < 0.01, x + 0.03, x)
    return x.astype(dtype).reshape(shape)


@each_setting
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rectifier(kernels, dtype, settings, shape, rng):
    x = draw(rng, shape, dtype)
    if x.size == 1:
        x[...] = 1.25
    wanted = np.array([judge(number, *settings) for number in x.reshape(-1).tolist()]).reshape(shape)
    assert_close(kernels.rectifier(x, *settings), wanted, dtype)


@each_setting
def test_rectifier_gradients(kernels, settings, rng):
    x = draw(rng, (30, 20))
    assert_gradient(
        lambda x: kernels.rectifier(x, *settings),
        lambda dy: kernels.rectifier_backward(dy, x, *settings),
        x,
        rng,
        step=1e-6,
    )


@each_setting
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rectifier_agrees_with_reference(twin, dtype, settings, shape, rng):
    x, dy = draw(rng, shape, dtype), rng.standard_normal(shape).astype(dtype).reshape(shape)
    if x.size == 1:
        x[...] = 1.25
    assert_close(twin.rectifier(x, *settings), reference.rectifier(x, *settings))
    dx, wanted = twin.rectifier_backward(dy, x, *settings), reference.rectifier_backward(dy, x, *settings)
    np.testing.assert_allclose(dx, wanted, rtol=1e-6)
    assert dx.dtype == dtype


@each_setting
def test_rectifier_of_what_is_no_number(kernels, dtype, settings):
    slope, ceiling, _ = settings
    y = kernels.rectifier(np.array([np.nan, np.inf, -np.inf], dtype), *settings)
    np.testing.assert_array_equal(y, np.array([np.nan, ceiling, -np.inf if slope else 0], dtype))


def test_at_the_kinks(kernels, dtype):
    """At the threshold no gradient, at the ceiling all of it; none for what is no number."""
    x = np.array([0.5, 2.0, np.nan, np.inf, -np.inf], dtype)
    dx = kernels.rectifier_backward(np.full(5, 3, dtype), x, 0.25, 2.0, 0.5)
    np.testing.assert_array_equal(dx, np.array([0, 3, 0, 0, 0.75], dtype), strict=True)
    dx = kernels.rectifier_backward(np.full(5, 3, dtype), x, 0.0, np.inf, 0.5)
    np.testing.assert_array_equal(dx, np.array([0, 3, 0, 3, 0], dtype), strict=True)


# shape of x, of alpha
SLOPES = {
    "a slope each": ((3, 10), (10,)),
    "images": ((2, 5, 3, 4), (5, 3, 4)),
    "channels": ((2, 5, 3, 4), (1, 1, 4)),
    "columns": ((2, 5, 3, 4), (1, 3, 1)),
    "one for all": ((4, 3, 2), (1, 1)),
    "one pixel": ((3, 1, 1, 2), (1, 1, 2)),
    "batch of one": ((1, 5, 3, 4), (5, 3, 1)),
    "empty batch": ((0, 5, 3), (5, 3)),
    "more than one piece": ((37, LARGE // 37), (LARGE // 37,)),
}
each_slope = pytest.mark.parametrize("shapes", SLOPES.values(), ids=SLOPES)


def draw_slopes(rng, shapes, dtype=np.float64):
    return without_ties(rng, shapes[0], dtype), rng.standard_normal(shapes[1]).astype(dtype)


@each_slope
def test_prelu(kernels, dtype, shapes, rng):
    x, alpha = draw_slopes(rng, shapes, dtype)
    wide, slopes = x.astype(np.float64), alpha.astype(np.float64)
    assert_close(kernels.prelu(x, alpha), (wide + np.abs(wide)) / 2 + slopes * (wide - np.abs(wide)) / 2, dtype)


@each_slope
def test_prelu_gradients(kernels, shapes, rng):
    if 0 in shapes[0]:
        return
    x, alpha = draw_slopes(rng, shapes)
    assert_gradient(lambda x: kernels.prelu(x, alpha), lambda dy: kernels.prelu_backward(dy, x, alpha)[0], x, rng, 1e-6)
    assert_gradient(
        lambda alpha: kernels.prelu(x, alpha), lambda dy: kernels.prelu_backward(dy, x, alpha)[1], alpha, rng
    )


@each_slope
def test_prelu_agrees_with_reference(twin, dtype, shapes, rng):
    x, alpha = draw_slopes(rng, shapes, dtype)
    dy = rng.standard_normal(shapes[0]).astype(dtype)
    assert_close(twin.prelu(x, alpha), reference.prelu(x, alpha))
    for got, wanted in zip(twin.prelu_backward(dy, x, alpha), reference.prelu_backward(dy, x, alpha), strict=True):
        if wanted.any():
            assert_close(got, wanted)
        else:
            np.testing.assert_array_equal(got, wanted, strict=True)


def test_a_long_sum_keeps_its_digits(kernels):
    """A float32 sum of so many slopes' gradients would end in rounding."""
    x = np.full((200, 100, 1), -1, np.float32)
    dy = np.full_like(x, 0.1)
    dy[0] = 1e6
    _, dalpha = kernels.prelu_backward(dy, x, np.ones((1, 1), np.float32))
    np.testing.assert_allclose(dalpha, -1e8 - 199 * 100 * np.float64(np.float32(0.1)), rtol=1e-7)


def test_prelu_of_zero_and_what_is_no_number(kernels, dtype):
    x, alpha = np.array([[np.nan, 1, -1, -np.inf, 0]], dtype), np.full(5, 0.5, dtype)
    np.testing.assert_array_equal(kernels.prelu(x, alpha), np.array([[np.nan, 1, -0.5, -np.inf, 0]], dtype))
    dx, dalpha = kernels.prelu_backward(np.ones_like(x), x, alpha)
    np.testing.assert_array_equal(dx, np.array([[0, 1, 0.5, 0.5, 0]], dtype))
    np.testing.assert_array_equal(dalpha, np.array([np.nan, 0, -1, -np.inf, 0], dtype))
