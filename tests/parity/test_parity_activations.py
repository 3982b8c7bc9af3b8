"""Activations and the layers around them beside Keras's: values, gradients, and what happens at kinks and far out."""

from dataclasses import replace

import numpy as np
import pytest
from parity_checks import both_layers, close, close_numbers, compare_layer, penalty

import tinyconv as tc

# Those that test_parity_layers.py does not try.
NAMES = [
    *("elu", "exponential", "gelu", "hard_sigmoid", "log_softmax", "relu6", "selu", "silu", "softplus", "softsign"),
    "swish",
]


def bounds(precision, activation):
    """TensorFlow keeps gelu's √2 and 0.044715 in float32, whatever x is; the kernels' tests judge the last digits."""
    if activation == "gelu" and precision.dtype == "float64":
        return replace(precision, output=5e-8, gradient=5e-8)
    return precision


@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize("scale", [1, 5], ids=["moderate", "far"])
def test_activation(keras, precision, rng, activation, scale):
    x = scale * rng.normal(size=(4, 3, 7))
    compare_layer(keras, bounds(precision, activation), "Activation", dict(activation=activation), x, rng, activation)


@pytest.mark.parametrize("activation", NAMES)
def test_inside_layers(keras, precision, rng, activation):
    x = rng.normal(size=(2, 6, 5, 3))
    arguments = dict(filters=4, kernel_size=3, activation=activation)
    compare_layer(keras, bounds(precision, activation), "Conv2D", arguments, x, rng, activation)


@pytest.mark.parametrize("approximate", [False, True])
def test_both_gelus(keras, precision, rng, approximate):
    """By name it is the exact one; Keras's function takes the other by its argument."""
    import tensorflow as tf

    precision = bounds(precision, "gelu")
    x, dy = (rng.normal(size=(5, 9)).astype(precision.dtype) for _ in range(2))
    source = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(source)
        theirs = keras.activations.gelu(source, approximate=approximate)
    ours = tc.Tensor(x, requires_grad=True)
    y = tc.functions.gelu(ours, approximate)
    y.backward(dy)
    close("output, gelu", y.numpy(), theirs.numpy(), precision.output)
    gradient = tape.gradient(theirs, source, output_gradients=tf.constant(dy))
    close("gradient, gelu", ours.grad, gradient.numpy(), precision.gradient)


# Exact in float32: TensorFlow keeps LeakyReLU's slope so, whatever x is.
RELUS = [
    dict(max_value=6),
    dict(max_value=6.0, negative_slope=0.25),
    dict(max_value=0.75),
    dict(max_value=0.0),
    dict(threshold=0.5),
    dict(threshold=0.5, negative_slope=0.25),
    dict(threshold=0.5, max_value=0.25),
    dict(threshold=0.25, max_value=1.5, negative_slope=0.125),
    dict(max_value=1.5, negative_slope=2.0),
]


@pytest.mark.parametrize("arguments", RELUS, ids=str)
def test_relu(keras, precision, rng, arguments):
    compare_layer(keras, precision, "ReLU", arguments, 4 * rng.normal(size=(3, 4, 5)), rng)


@pytest.mark.parametrize("arguments", RELUS, ids=str)
def test_relu_at_its_kinks(keras, precision, arguments):
    """The values there are Keras's too, and those of what is beyond all numbers."""
    ours, theirs = tc.layers.ReLU(**arguments), keras.layers.ReLU(**arguments)
    x = np.array([[0.0, -0.0, 0.25, 0.5, 0.75, 1.5, 6.0, np.inf]], precision.dtype)
    np.testing.assert_allclose(ours(x).numpy(), theirs(x).numpy(), rtol=1e-6)


@pytest.mark.parametrize("activation", ["elu", "selu", "relu6", "softsign"])
def test_slope_at_zero(keras, precision, rng, activation):
    """A pixel of zero is common; which of two slopes it has is a matter of taste, and here TensorFlow's."""
    x = np.zeros((3, 4))
    x[0, 0] = 1.5
    compare_layer(keras, precision, "Activation", dict(activation=activation), x, rng, f"{activation} at zero")


@pytest.mark.parametrize("arguments", [{}, dict(negative_slope=0.125), dict(negative_slope=0.0)], ids=str)
def test_leaky_relu(keras, precision, rng, arguments):
    if not arguments and precision.dtype == "float64":
        precision = replace(precision, output=2e-8, gradient=2e-8)  # TensorFlow keeps the slope of 0.3 in float32
    kind = "LeakyReLU" if arguments else "slope of 0.3 in float32"
    compare_layer(keras, precision, "LeakyReLU", arguments, rng.normal(size=(3, 4, 5)), rng, kind)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0, 2.5])
def test_elu(keras, precision, rng, alpha):
    compare_layer(keras, precision, "ELU", dict(alpha=alpha), 2 * rng.normal(size=(3, 4, 5)), rng)


@pytest.mark.parametrize(
    ("shape", "shared_axes"),
    [
        ((5, 6), None),
        ((2, 5, 4, 3), None),
        ((2, 5, 4, 3), [1, 2]),
        ((2, 5, 4, 3), [2]),
        ((2, 5, 4, 3), [1, 2, 3]),
        ((3, 7, 4), 1),
        ((1, 1, 1, 2), [1, 2]),
    ],
    ids=str,
)
def test_prelu(keras, precision, rng, shape, shared_axes):
    arguments = dict(alpha_initializer="random_normal", shared_axes=shared_axes)
    compare_layer(keras, precision, "PReLU", arguments, rng.normal(size=shape), rng)


def test_prelu_penalty(keras, precision, rng):
    arguments = dict(alpha_regularizer=penalty("L2", l2=0.25))
    ours, theirs = both_layers(keras, "PReLU", arguments, (4, 6), rng)
    theirs(np.zeros((4, 6)))
    close_numbers("penalty", float(ours.losses[0].item()), float(theirs.losses[0]), precision.output, precision.dtype)


def test_prelu_learns_as_in_keras(keras, precision, rng):
    """Its slopes are state, too: twenty steps of training from zeros."""
    models = []
    for engine in (tc, keras):
        layers = engine.layers
        stack = [
            layers.Conv2D(4, 3),
            layers.PReLU(shared_axes=[1, 2]),
            layers.Flatten(),
            layers.Dense(3),
            layers.PReLU(),
        ]
        model = engine.Sequential([engine.Input((7, 6, 2)), *stack])
        model.compile(engine.optimizers.SGD(0.0625), "mean_squared_error")
        models.append(model)
    ours, theirs = models
    weights = [rng.normal(size=weight.shape) / 4 for weight in ours.weights]
    for place in (2, 5):
        weights[place] = np.zeros_like(weights[place])
    x, y = rng.normal(size=(16, 7, 6, 2)), rng.normal(size=(16, 3))
    for model in models:
        model.set_weights(weights)
        for _ in range(20):
            model.train_on_batch(x, y)
    for start, mine, other in zip(weights, ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.abs(mine - start).max() > 1e-4
        close("weights after training, PReLU", mine, other, precision.curve)


@pytest.mark.parametrize(
    ("shape", "dims"),
    [((3, 4, 5), (2, 1)), ((2, 3, 4, 5), (3, 1, 2)), ((2, 3, 4, 5), (1, 2, 3)), ((4, 3), (1,))],
    ids=str,
)
def test_permute(keras, precision, rng, shape, dims):
    compare_layer(keras, precision, "Permute", dict(dims=dims), rng.normal(size=shape), rng)


@pytest.mark.parametrize(
    ("name", "arguments"), [("GaussianNoise", dict(stddev=0.5)), ("SpatialDropout2D", dict(rate=0.5))]
)
def test_noise_is_for_training_alone(keras, precision, rng, name, arguments):
    compare_layer(keras, precision, name, arguments, rng.normal(size=(2, 4, 3, 5)), rng)


def test_noise_is_as_loud_as_keras_s(keras, rng):
    """The numbers differ; their spread must not: Keras's own is the judge of what rate and stddev mean."""
    x = np.ones((200, 3, 4, 50), np.float32)
    for name, arguments, axes in (
        ("GaussianNoise", dict(stddev=0.25), ()),
        ("SpatialDropout2D", dict(rate=0.3), (1, 2)),
    ):
        ours, theirs = (
            np.asarray(getattr(engine.layers, name)(**arguments, seed=1)(x, training=True).numpy())
            for engine in (tc, keras)
        )
        assert ours.mean() == pytest.approx(theirs.mean(), abs=0.03)
        assert ours.std() == pytest.approx(theirs.std(), abs=0.03)
        for y in (ours, theirs):
            assert (np.ptp(y, axis=axes) == 0).all() if axes else len(np.unique(y)) > 10_000


def test_descriptions(keras):
    """Keras makes its own layer of each configuration, as far as its layer knows the arguments."""
    for name, arguments in (
        ("ReLU", dict(max_value=6.0, negative_slope=0.5, threshold=0.25)),
        ("LeakyReLU", dict(negative_slope=0.5)),
        ("ELU", dict(alpha=0.5)),
        ("GaussianNoise", dict(stddev=0.5, seed=3)),
        ("Permute", dict(dims=(2, 1))),
        ("PReLU", dict(shared_axes=[1])),
    ):
        ours = getattr(tc.layers, name)(**arguments, name="its_own").get_config()
        theirs = getattr(keras.layers, name).from_config(dict(ours)).get_config()
        assert {key: theirs[key] for key in ours if key in theirs and key not in ("dtype", "alpha_initializer")} == {
            key: value for key, value in ours.items() if key in theirs and key not in ("dtype", "alpha_initializer")
        }
