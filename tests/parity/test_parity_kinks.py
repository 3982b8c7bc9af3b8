"""Gradients where a function bends or numbers tie: Keras's choice, function by function. The table: docs/kinks.md."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F

KINKS = np.array([0.0, -0.0, -3.0, 3.0, 0.25, 0.5, 0.75, 1.5, 6.0, -0.5, -1.0, 1.0, 2.0, 8.0])

RELUS = [
    dict(max_value=1.5),
    dict(max_value=6),
    dict(max_value=6.0, negative_slope=0.25),
    dict(max_value=0.75, negative_slope=0.25),
    dict(max_value=0.0),
    dict(max_value=0.0, negative_slope=0.5),
    dict(threshold=1.5),
    dict(threshold=1.5, negative_slope=0.25),
    dict(max_value=6, threshold=1.5),
    dict(max_value=6, threshold=1.5, negative_slope=0.125),
    dict(max_value=1.5, threshold=1.5, negative_slope=0.125),
    dict(max_value=0.5, threshold=1.5),
    dict(negative_slope=0.25),
    dict(),
]


def around(dtype):
    """Each kink, and the numbers next to it on both sides; next to 0, the next that TensorFlow does not round to 0."""
    x = KINKS.astype(dtype)
    above, below = (np.nextafter(x, np.array(end, dtype)) for end in (np.inf, -np.inf))
    tiny = 16 * np.finfo(dtype).tiny
    above[x == 0], below[x == 0] = tiny, -tiny
    return np.concatenate([x, above, below])


def gradients(ours, theirs, *inputs):
    """Return values and gradients of both engines under a random cotangent: ([y, dx, …], [y, dx, …])."""
    import tensorflow as tf

    there = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(there)
        y_there = theirs(*there)
    dy = np.random.default_rng(1).uniform(0.5, 2, y_there.shape).astype(inputs[0].dtype)
    wanted = [y_there, *tape.gradient(y_there, there, output_gradients=tf.constant(dy))]
    here = [tc.Tensor(x, requires_grad=True) for x in inputs]
    y = ours(*here)
    y.backward(dy)
    return [y.numpy(), *(x.grad for x in here)], [np.asarray(array) for array in wanted]


def assert_same(ours, theirs, *inputs):
    """Both engines' values and gradients agree up to the last digit of single numbers, zeros exactly."""
    for got, wanted in zip(*gradients(ours, theirs, *inputs), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=4 * np.finfo(wanted.dtype).eps, strict=True)


@pytest.mark.parametrize("arguments", RELUS, ids=str)
def test_relu(keras, precision, arguments):
    x = around(precision.dtype)
    assert_same(lambda x: F.relu(x, **arguments), lambda x: keras.activations.relu(x, **arguments), x)
    assert_same(tc.layers.ReLU(**arguments), keras.layers.ReLU(**arguments), x)


@pytest.mark.parametrize("name", ["relu", "relu6", "elu", "selu", "hard_sigmoid", "leaky_relu"])
def test_activation(keras, precision, name):
    x = around(precision.dtype)
    ours, theirs = getattr(tc.functions, name), getattr(keras.activations, name)
    if name == "leaky_relu":
        assert_same(lambda x: ours(x, 0.25), lambda x: theirs(x, 0.25), x)
    elif name in ("elu", "selu"):  # whose exponentials round differently: away from the kink they are judged elsewhere
        assert_same(ours, theirs, np.maximum(x, 0))
    else:
        assert_same(ours, theirs, x)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0, 2.5])
def test_elu_s_alpha(keras, precision, alpha):
    x = np.maximum(around(precision.dtype), 0)
    assert_same(lambda x: F.elu(x, alpha), lambda x: keras.activations.elu(x, alpha), x)


def test_prelu(keras, precision):
    x = np.stack([around(precision.dtype)] * 2)
    ours, theirs = tc.layers.PReLU("ones"), keras.layers.PReLU("ones")
    for layer in (ours, theirs):
        layer(x)
        layer.set_weights([np.full(x.shape[1:], 0.25)])
    assert_same(ours, theirs, x)


def test_absolute_and_clip(keras, precision):
    x = around(precision.dtype)
    assert_same(F.absolute, keras.ops.abs, x)
    assert_same(lambda x: F.clip(x, -0.5, 1.5), lambda x: keras.ops.clip(x, -0.5, 1.5), x)
    assert_same(lambda x: F.clip(x, 0.5, 0.5), lambda x: keras.ops.clip(x, 0.5, 0.5), x)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_of_two(keras, precision, name):
    x = around(precision.dtype)
    y = np.roll(x, 1)
    y[::2] = x[::2]
    assert_same(getattr(F, name), getattr(keras.ops, name), x, y)
    nan = np.array([np.nan, 1.0, np.nan], precision.dtype)
    assert_same(getattr(F, name), getattr(keras.ops, name), nan, nan[::-1].copy() + 1)
    merge = name.capitalize()
    thirds = [x, y, np.maximum(x, y)]
    assert_same(
        lambda *x: getattr(tc.layers, merge)()(list(x)), lambda *x: getattr(keras.layers, merge)()(list(x)), *thirds
    )


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("axis", [None, 1, (0, 2)], ids=str)
def test_reduction(keras, precision, rng, name, axis):
    x = rng.integers(-1, 2, (3, 4, 5)).astype(precision.dtype)
    assert_same(lambda x: getattr(F, name)(x, axis), lambda x: getattr(keras.ops, name)(x, axis=axis), x)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [((2, 2), (2, 2)), ((3, 2), (1, 2)), ((3, 3), (2, 2))], ids=str)
def test_pooling(keras, precision, rng, size, strides, padding):
    x = rng.integers(-2, 1, (2, 7, 6, 3)).astype(precision.dtype)
    arguments = dict(pool_size=size, strides=strides, padding=padding)
    assert_same(tc.layers.MaxPooling2D(**arguments), keras.layers.MaxPooling2D(**arguments), x)
    assert_same(tc.layers.GlobalMaxPooling2D(), keras.layers.GlobalMaxPooling2D(), x)


def test_power(keras, precision):
    a, b = (part.reshape(-1) for part in np.meshgrid([-2.0, -1.0, 0.0, 0.5, 3.0], [1.0, 2.0, 3.0]))
    assert_same(F.power, keras.ops.power, a.astype(precision.dtype), b.astype(precision.dtype))


@pytest.mark.parametrize("ceiling", [None, 1.5, 6.0])
def test_rectifier_in_one_pass_with_a_normalization(keras, precision, ceiling):
    """With these numbers y = 0, 1.5 and 6 come out exactly."""
    x = around(precision.dtype)[:, None]
    one, zero = np.ones(1, precision.dtype), np.zeros(1, precision.dtype)
    last = np.inf if ceiling is None else ceiling
    assert_same(
        lambda x: F.scale_shift(x, one, zero, zero, last), lambda x: keras.activations.relu(x, max_value=ceiling), x
    )


@pytest.mark.parametrize("convolve", [F.conv2d, F.depthwise_conv2d], ids=["conv2d", "depthwise_conv2d"])
def test_rectifier_in_one_pass_with_a_sum_or_a_product(keras, precision, convolve):
    x, eye = around(precision.dtype)[:, None], np.ones((1, 1), precision.dtype)
    assert_same(lambda x: F.add(x, np.zeros_like(x.data), relu=True), keras.activations.relu, x)
    assert_same(lambda x: F.dense(x, eye, relu=True), keras.activations.relu, x)
    images, kernel = x[:, None, None, :], eye[None, None]
    assert_same(lambda x: convolve(x, kernel, relu=True), keras.activations.relu, images)
