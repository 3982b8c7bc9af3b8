import numpy as np
import pytest
from kernel_checks import LARGE, assert_close, assert_gradient, away_from_zero
from scipy import special

from tinyconv.kernels import reference

ALPHA = 0.7
SELU_ALPHA, SELU_SCALE = 1.67326324235437728481704, 1.05070098735548049341933  # 24 digits, from the paper's appendix

# forward judged by SciPy, settings, and what backward takes beside dy: the result, or the argument
OPERATIONS = {
    "elu": (lambda x: np.where(x > 0, x, ALPHA * special.expm1(np.minimum(x, 0))), (ALPHA,), "y"),
    "selu": (lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * special.expm1(np.minimum(x, 0))), (), "y"),
    "gelu": (lambda x: x * special.ndtr(x), (False,), "x"),
    "gelu by tanh": (
        lambda x: x * special.expit(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * special.powm1(x, 3) + 0.044715)),
        (True,),
        "x",
    ),
    "silu": (lambda x: x * special.expit(x), (), "x"),
    "softplus": (lambda x: -special.log_expit(-x), (), "x"),
    "softsign": (lambda x: np.sign(x) * (1 - 1 / (1 + np.abs(x))), (), "x"),
}
each_operation = pytest.mark.parametrize("name", OPERATIONS)

SHAPES = {
    "matrix": (3, 10),
    "images": (2, 5, 3, 4),
    "one number": (1, 1),
    "no axes": (),
    "batch of 37": (37, 7),
    "empty batch": (0, 5),
    "more than one block": (LARGE // 3, 3),
}
all_shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def run(kernels, name, x):
    """Return the result and the function from dy to dx."""
    _, settings, kept = OPERATIONS[name]
    name = name.partition(" ")[0]
    y = getattr(kernels, name)(x, *settings)
    return y, lambda dy: getattr(kernels, name + "_backward")(dy, y if kept == "y" else x, *settings)


def draw(rng, shape, dtype=np.float64):
    return 2 * away_from_zero(rng, shape, dtype).reshape(shape)


@each_operation
@all_shapes
def test_forward(kernels, dtype, name, shape, rng):
    x = draw(rng, shape, dtype)
    assert_close(run(kernels, name, x)[0], OPERATIONS[name][0](x.astype(np.float64)), dtype)


@each_operation
@pytest.mark.parametrize("shape", [(3, 10), (2, 5, 3, 4), (37, 7), (2, 1025)], ids=str)
def test_gradients(kernels, name, shape, rng):
    x = draw(rng, shape)
    assert_gradient(lambda x: run(kernels, name, x)[0], lambda dy: run(kernels, name, x)[1](dy), x, rng)


@each_operation
@all_shapes
def test_agrees_with_reference(twin, dtype, name, shape, rng):
    x = draw(rng, shape, dtype)
    dy = rng.standard_normal(shape).astype(dtype).reshape(shape)
    (y, backward), (wanted, wanted_backward) = run(twin, name, x), run(reference, name, x)
    assert_close(y, wanted)
    assert_close(backward(dy), wanted_backward(dy))


@each_operation
def test_small_numbers_keep_their_digits(kernels, dtype, name):
    """Where 1 + x would forget x."""
    x = np.array([-1e-6, -1e-9, 1e-9, 1e-6], dtype)
    wanted = OPERATIONS[name][0](x.astype(np.float64))
    if name == "softsign":
        wanted = x.astype(np.float64) / (1 + np.abs(x.astype(np.float64)))
    np.testing.assert_allclose(run(kernels, name, x)[0], wanted, rtol=1e-6 if dtype == np.float32 else 1e-13)


@each_operation
def test_far_from_zero_nothing_overflows(kernels, dtype, name):
    far = np.array([-1e4, -300, -90, 90, 300, 1e4], dtype)
    y, backward = run(kernels, name, far)
    bottom, top = {
        "elu": (-ALPHA, far[3:]),
        "selu": (-SELU_ALPHA * SELU_SCALE, SELU_SCALE * far[3:]),
        "softsign": (-1, 1),
    }.get(name, (0, far[3:]))
    tolerance = {"rtol": 0.02 if name == "softsign" else 1e-6, "atol": 1e-30}
    np.testing.assert_allclose(y[:3], np.full(3, bottom), **tolerance)
    np.testing.assert_allclose(y[3:], np.broadcast_to(top, 3), **tolerance)
    slopes = backward(np.ones_like(far))
    np.testing.assert_allclose(slopes[:3], 0, atol=2e-4)
    np.testing.assert_allclose(slopes[3:], {"selu": SELU_SCALE, "softsign": 0}.get(name, 1), rtol=1e-6, atol=2e-4)


def test_gelu_far_below_zero_is_not_lost(kernels):
    """1 + erf would be 0 there; SciPy's logarithm of the distribution judges."""
    x = np.array([-4.0, -8.0, -12.0])
    np.testing.assert_allclose(kernels.gelu(x, False), x * np.exp(special.log_ndtr(x)), rtol=1e-11)


def test_slope_at_zero(kernels, dtype):
    zero, one = np.zeros(1, dtype), np.ones(1, dtype)
    assert kernels.elu_backward(one, zero, ALPHA) == dtype(ALPHA)
    assert kernels.elu_backward(one, kernels.elu(-one, 0.0), 0.0) == 0
    assert kernels.selu_backward(one, zero) == dtype(SELU_SCALE)


@each_operation
@pytest.mark.parametrize("rows", [3, LARGE // 4], ids=["small", "large"])
def test_nan_propagates(kernels, dtype, name, rows, rng):
    x = draw(rng, (rows, 4), dtype)
    dy = np.ones_like(x)
    x[1, 2] = np.nan
    x[2, 1], dy[2, 1] = 1.5, np.nan
    y, backward = run(kernels, name, x)
    touched = np.zeros(x.shape, bool)
    touched[1, 2] = True
    np.testing.assert_array_equal(np.isnan(y), touched)
    dx = backward(dy)
    assert np.isnan(dx[2, 1])
    assert np.isfinite(dx[0]).all()
