import numpy as np
import pytest
from kernel_checks import LARGE, assert_close, assert_gradient, away_from_zero
from scipy import special

from tinyconv.kernels import reference

SLOPE = 0.3

# forward judged by SciPy or said anew; what backward takes beside dy: the result, or the argument
OPERATIONS = {
    "relu": (lambda x: (x + np.abs(x)) / 2, (), "y"),
    "leaky_relu": (lambda x: special.xlogy(1 - SLOPE, np.exp(x)) * (x > 0) + SLOPE * x, (SLOPE,), "x"),
    "sigmoid": (special.expit, (), "y"),
    "tanh": (lambda x: 2 * special.expit(2 * x) - 1, (), "y"),
    "softmax": (lambda x: special.softmax(x, axis=-1), (), "y"),
}
each_operation = pytest.mark.parametrize("name", OPERATIONS)

SHAPES = {
    "matrix": (3, 10),
    "images": (2, 5, 3, 4),
    "one number": (1, 1),
    "batch of 37": (37, 7),
    "empty batch": (0, 5),
    "more than one block": (LARGE // 3, 3),
    "long row": (2, LARGE // 2),
}
all_shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def run(kernels, name, x):
    """Return the result and the function from dy to dx."""
    _, settings, kept = OPERATIONS[name]
    y = getattr(kernels, name)(x, *settings)
    return y, lambda dy: getattr(kernels, name + "_backward")(dy, y if kept == "y" else x, *settings)


@each_operation
@all_shapes
def test_forward(kernels, dtype, name, shape, rng):
    x = away_from_zero(rng, shape, dtype)
    x.reshape(-1)[:1] = 1.5  # positive, lest relu makes nothing but a zero of the one number
    assert_close(run(kernels, name, x)[0], OPERATIONS[name][0](x.astype(np.float64)), dtype)


@each_operation
@pytest.mark.parametrize("shape", [(3, 10), (2, 5, 3, 4), (37, 7), (2, 1025)], ids=str)
def test_gradients(kernels, name, shape, rng):
    assert_gradient(
        lambda x: run(kernels, name, x)[0],
        lambda dy: run(kernels, name, x)[1](dy),
        x := away_from_zero(rng, shape),
        rng,
    )


@each_operation
@all_shapes
def test_agrees_with_reference(twin, dtype, name, shape, rng):
    x = away_from_zero(rng, shape, dtype)
    x.reshape(-1)[:1] = 1.5
    dy = rng.standard_normal(shape).astype(dtype)
    (y, backward), (wanted, wanted_backward) = run(twin, name, x), run(reference, name, x)
    assert_close(y, wanted)
    if name == "softmax" and shape[1] == 1:
        assert not backward(dy).any()  # a single class has probability 1, whatever x
    else:
        assert_close(backward(dy), wanted_backward(dy))


def test_gradient_at_zero(kernels, dtype):
    zero, one = np.zeros((1, 1), dtype), np.ones((1, 1), dtype)
    assert kernels.relu_backward(one, zero) == 0
    assert kernels.leaky_relu_backward(one, zero, SLOPE) == dtype(SLOPE)


def test_softmax_of_many_classes_sums_to_one(kernels, rng):
    """A running float32 sum of so many exponentials would be off by 10⁻⁵."""
    x = rng.random((2, 200_000)).astype(np.float32)
    e = np.exp(x.astype(np.float64))
    y = kernels.softmax(x)
    np.testing.assert_allclose(y, e / e.sum(axis=1, keepdims=True), rtol=1e-6)
    dy = (rng.random(x.shape) + 0.5).astype(np.float32)
    wide = y.astype(np.float64)
    wanted = wide * (dy - (wide * dy).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(kernels.softmax_backward(dy, y), wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


def test_far_from_zero_nothing_overflows(kernels, dtype):
    far = np.array([[-1e4, -80, 0, 80, 1e4]], dtype)
    np.testing.assert_allclose(kernels.sigmoid(far), special.expit(far), rtol=1e-5)
    np.testing.assert_array_equal(kernels.tanh(far), [[-1, -1, 0, 1, 1]])
    np.testing.assert_array_equal(kernels.softmax(far), [[0, 0, 0, 0, 1]])
    np.testing.assert_array_equal(kernels.softmax(far + dtype(3e4)), [[0, 0, 0, 0, 1]])


def test_relu_of_infinity(kernels, dtype):
    np.testing.assert_array_equal(kernels.relu(np.array([-np.inf, np.inf], dtype)), [0, np.inf])


def test_softmax_of_minus_infinity_is_zero(kernels, dtype):
    np.testing.assert_array_equal(kernels.softmax(np.array([[-np.inf, 2, 2]], dtype)), [[0, 0.5, 0.5]])


@each_operation
@pytest.mark.parametrize("rows", [3, LARGE // 4], ids=["small", "large"])
def test_nan_propagates(kernels, dtype, name, rows, rng):
    x = away_from_zero(rng, (rows, 4), dtype)
    dy = np.ones_like(x)
    x[1, 2] = np.nan
    x[2, 1], dy[2, 1] = 1.5, np.nan
    y, backward = run(kernels, name, x)
    touched = np.zeros(x.shape, bool)
    touched[1, slice(None) if name == "softmax" else 2] = True
    np.testing.assert_array_equal(np.isnan(y), touched)
    dx = backward(dy)
    assert np.isnan(dx[2, 1])
    assert np.isfinite(dx[0]).all()
