"""Batch normalization in and outside training, its moving averages, and its relatives."""

from itertools import pairwise

import numpy as np
import pytest
from parity_checks import both_models, close, close_numbers, compare_layer, in_single, make_layer, penalty, slow

import tinyconv as tc

SHAPES = [(6, 5, 4, 3), (16, 64), (3, 7, 5, 32), (9, 2, 20), (1, 4, 3, 2)]
ARGUMENTS = [
    {},
    dict(scale=False),
    dict(center=False, epsilon=1.001e-5),
    dict(scale=False, center=False, momentum=0.5, epsilon=0.1),
]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
every_argument = pytest.mark.parametrize(
    "arguments", ARGUMENTS, ids=lambda arguments: " ".join(arguments) or "defaults"
)


def both(keras, name, arguments, shape, rng):
    """Return the layer from both engines, built and holding the same random weights; variances are positive."""
    ours, theirs = (make_layer(engine, name, arguments) for engine in (tc, keras))
    ours.prepare((None, *shape[1:]))
    theirs.build((None, *shape[1:]))
    same_weights(ours, theirs, rng)
    return ours, theirs


def same_weights(ours, theirs, rng):
    """Give both the same random weights."""
    names = [weight.name for weight in ours.weights]
    assert names == [weight.name for weight in theirs.weights]
    weights = [rng.normal(size=weight.shape) for weight in ours.weights]
    weights = [np.abs(w) + 0.1 if "variance" in name else w for w, name in zip(weights, names, strict=True)]
    ours.set_weights(weights)
    theirs.set_weights(weights)


def compare_calls(precision, ours, theirs, x, rng, training, where):
    """Hold output, and gradients for a random cotangent, of one call of both layers equal."""
    import tensorflow as tf

    x = x.astype(precision.dtype)
    dy = rng.normal(size=x.shape).astype(precision.dtype)
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        y_keras = theirs(given, training=training)
    sources = [given, *(variable.value for variable in theirs.trainable_weights)]
    gradients_keras = tape.gradient(y_keras, sources, output_gradients=tf.constant(dy))
    leaf = tc.Tensor(x, requires_grad=True)
    for weight in ours.weights:
        weight.grad = None
    y = ours(leaf, training=training)
    y.backward(dy)
    close("output, BatchNormalization", y.numpy(), y_keras.numpy(), precision.output, where)
    gradients = [leaf.grad, *(weight.grad for weight in ours.trainable_weights)]
    for gradient, judge in zip(gradients, gradients_keras, strict=True):
        close("gradient, BatchNormalization", gradient, judge.numpy(), precision.gradient, where)


@every_shape
@every_argument
@pytest.mark.parametrize("training", [False, True], ids=["outside training", "in training"])
def test_batch_normalization(keras, precision, rng, shape, arguments, training):
    ours, theirs = both(keras, "BatchNormalization", arguments, shape, rng)
    x = rng.normal(size=shape) * rng.uniform(0.5, 3, shape[-1]) + rng.normal(size=shape[-1])
    compare_calls(precision, ours, theirs, x, rng, training, f"{arguments} of {shape}, training={training}")


@every_shape
@every_argument
def test_moving_averages(keras, precision, rng, shape, arguments):
    """After several batches of different sizes in training, and one outside it, which moves nothing."""
    ours, theirs = both(keras, "BatchNormalization", arguments, shape, rng)
    start = ours.moving_variance.numpy().copy()
    for step in range(5):
        x = rng.normal(size=(shape[0] + step, *shape[1:])) * (step + 1) + step
        compare_calls(precision, ours, theirs, x, rng, step != 3, f"{arguments} of {x.shape}, step {step}")
    for weight, judge in zip(ours.weights, theirs.weights, strict=True):
        close("moving averages", weight.data, judge.numpy(), precision.output, f"{arguments} of {shape} {weight.name}")
    assert np.abs(ours.moving_variance.data - start).min() > 1e-3


@every_shape
def test_frozen_is_inference(keras, precision, rng, shape):
    """A frozen layer goes by its averages in training, too, and keeps them; thawed, it learns again."""
    ours, theirs = both(keras, "BatchNormalization", {}, shape, rng)
    for trainable in (False, True, False):
        ours.trainable = theirs.trainable = trainable
        before = ours.get_weights()
        compare_calls(precision, ours, theirs, rng.normal(size=shape) + 1, rng, True, f"trainable={trainable}")
        moved = [np.abs(one - other).max() > 1e-3 for one, other in zip(before, ours.get_weights(), strict=True)]
        assert moved == [False, False, trainable, trainable]
    for weight, judge in zip(ours.weights, theirs.weights, strict=True):
        close("moving averages", weight.data, judge.numpy(), precision.output, "thawed and frozen again")


@pytest.mark.parametrize("count", [1, 2, 30])
def test_unbiased_variance_is_that_of_tensorflows_fused_kernel(keras, rng, count):
    """With momentum 0 the averages are the batch's statistics; Keras 3's are biased, tf.keras's of images were not."""
    import tensorflow as tf

    x = rng.normal(size=(count, 1, 1, 5)).astype(np.float32)
    _, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, np.ones(5, "f"), np.zeros(5, "f"), epsilon=1e-3)
    layer = tc.layers.BatchNormalization(momentum=0.0, moving_variance="unbiased", dtype="float32")
    layer(x, training=True)
    close("moving averages", layer.moving_mean.data, mean.numpy(), 1e-5, f"fused, {count} images")
    close("moving averages", layer.moving_variance.data, variance.numpy(), 1e-5, f"fused, {count} images")
    biased = tc.layers.BatchNormalization(momentum=0.0, dtype="float32")
    biased(x, training=True)
    if count > 1:
        np.testing.assert_allclose(biased.moving_variance.data * count / (count - 1), variance.numpy(), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({}, (4, 6)),
        ({}, (3, 4, 5, 32)),
        (dict(scale=False, epsilon=0.1), (3, 4, 20)),
        (dict(center=False, axis=-1), (2, 3, 7)),
        (dict(axis=[1, 2, 3]), (3, 4, 5, 2)),
        (dict(axis=(-1, -2), scale=False, center=False), (3, 4, 5, 2)),
    ],
    ids=str,
)
def test_layer_normalization(keras, precision, rng, arguments, shape):
    compare_layer(keras, precision, "LayerNormalization", arguments, 3 * rng.normal(size=shape) + 1, rng)


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        (dict(mean=[1.0, -2.0, 0.5], variance=[2.0, 0.25, 9.0]), (4, 5, 6, 3)),
        (dict(mean=[1.0, -2.0, 0.5], variance=[2.0, 0.25, 9.0], invert=True), (4, 3)),
        (dict(axis=None, mean=0.5, variance=4.0), (4, 5, 3)),
        (dict(axis=(1, 3), mean=[[1.0, 2.0]], variance=[[2.0, 0.0]]), (2, 3, 4, 2)),  # of the least deviation, 1e-7
        (dict(axis=(-2, -1), mean=[3.0, 4.0], variance=[1.0, 2.0]), (2, 3, 4, 2)),
        (dict(axis=1, mean=2.0, variance=3.0), (2, 3, 4)),
    ],
    ids=str,
)
def test_normalization(keras, precision, rng, arguments, shape):
    compare_layer(keras, precision, "Normalization", arguments, rng.normal(size=shape), rng)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(
    ("axis", "shape"),
    [(-1, (2500, 3)), (-1, (9, 4, 5, 3)), (None, (7, 4, 5)), ((1, -1), (8, 4, 5, 3)), (2, (6, 2, 5))],
    ids=str,
)
def test_adapt(keras, precision, rng, axis, shape, invert):
    """To an array, then to batches of several sizes: what is measured, and what is made of it."""
    data = (rng.normal(size=shape) * rng.uniform(0.5, 3, shape[-1]) + 5).astype(precision.dtype)
    cuts = [0, 3, 4, len(data)]
    batches = [data[a:b] for a, b in pairwise(cuts)]
    for given in (data, [2 * batch + 1 for batch in batches]):
        ours, theirs = (engine.layers.Normalization(axis=axis, invert=invert) for engine in (tc, keras))
        for layer in (ours, theirs):
            layer.adapt(given)
        for weight, judge in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            assert weight.shape == judge.shape
            np.testing.assert_allclose(weight, judge, rtol=1e-4 if precision.dtype == "float32" else 1e-12)
        assert ours.count_params() == theirs.count_params()
        x = rng.normal(size=shape).astype(precision.dtype)
        bound = 10 * precision.output  # Keras adds its means up in the dtype of the data
        close("output, Normalization", ours(x).numpy(), theirs(x).numpy(), bound, f"adapted, axis {axis} of {shape}")


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        # Exact in float32, in which Keras on TensorFlow keeps a scale whatever x is.
        (dict(scale=float(np.float32(1 / 255))), (4, 5, 6, 3)),
        (dict(scale=2**-7, offset=-1), (4, 5, 6, 3)),
        (dict(scale=[1.0, 2.0, -3.0], offset=[0.5, 0.0, 1.0]), (5, 3)),
        (dict(scale=2.0, offset=[0.5, 0.0, 1.0]), (2, 2, 3)),
    ],
    ids=str,
)
def test_rescaling(keras, precision, rng, arguments, shape):
    compare_layer(keras, precision, "Rescaling", arguments, 255 * rng.random(shape), rng)


STEPS = 20
# No bias stands before a batch normalization: where its unit is always on, its gradient is 0 but for rounding, which
# Adam would make steps of full length of.
IMAGES = [
    ("Conv2D", dict(filters=4, kernel_size=3, use_bias=False)),
    ("BatchNormalization", dict(gamma_regularizer=penalty("L2", l2=2**-7))),
    ("ReLU", {}),
    ("MaxPooling2D", {}),
    ("Conv2D", dict(filters=16, kernel_size=2, activation="relu", use_bias=False)),
    ("BatchNormalization", dict(scale=False, momentum=0.75)),
    ("Flatten", {}),
    ("Dense", dict(units=8, activation="relu", use_bias=False)),
    ("BatchNormalization", dict(epsilon=1.001e-5)),
    ("Dense", dict(units=4, activation="softmax")),
]
FEATURES = [
    ("Dense", dict(units=24)),
    ("LayerNormalization", {}),
    ("Activation", dict(activation="tanh")),
    ("Dense", dict(units=9, use_bias=False)),
    ("BatchNormalization", {}),
    ("Activation", dict(activation="relu")),
    ("Dense", dict(units=4, activation="softmax")),
]


@pytest.mark.parametrize(
    ("spec", "shape", "optimizer"),
    [
        (IMAGES, (8, 8, 2), ("Adam", dict(learning_rate=0.003))),
        (FEATURES, (12,), ("SGD", dict(learning_rate=0.01, momentum=0.9))),
        slow((IMAGES, (8, 8, 2), ("SGD", dict(learning_rate=0.01, momentum=0.9)))),
        slow((FEATURES, (12,), ("Adam", dict(learning_rate=0.003)))),
    ],
    ids=["images, Adam", "features, SGD", "images, SGD", "features, Adam"],
)
def test_twenty_steps(keras, precision, rng, spec, shape, optimizer):
    """Every loss on the way, then weights, moving averages and predictions; the last batch is a small one."""
    ours, theirs = both_models(keras, spec, shape, rng)
    same_weights(ours, theirs, rng)
    name, arguments = optimizer[0], in_single(*optimizer)
    for engine, model in ((tc, ours), (keras, theirs)):
        more = {} if engine is tc else {"jit_compile": False}
        model.compile(getattr(engine.optimizers, name)(**arguments), "categorical_crossentropy", **more)
    x = rng.normal(size=(STEPS, 16, *shape)).astype(precision.dtype)
    y = np.eye(4)[(x.reshape(STEPS, 16, -1)[..., :2] > 0) @ [1, 2]].astype(precision.dtype)
    batches = [(x[step], y[step]) for step in range(STEPS - 1)] + [(x[-1, :5], y[-1, :5])]
    start, curve, judged = ours.get_weights(), [], []
    for batch in batches:
        curve.append(ours.train_on_batch(*batch))
        theirs.reset_metrics()
        judged.append(theirs.train_on_batch(*batch))
    close_numbers("loss curve, normalized", curve, judged, precision.curve, precision.dtype, name)
    assert np.mean(curve[-6:-1]) < 0.97 * np.mean(curve[:5])
    for before, weight, judge in zip(start, ours.weights, theirs.weights, strict=True):
        moved, moved_keras = weight.data - before, judge.numpy() - before
        assert np.abs(moved).max() > 1e-4
        close("weights after 20 steps, normalized", moved, moved_keras, precision.curve, f"{name} {weight.path}")
    predictions = [model.predict_on_batch(x[0]) if model is theirs else model.predict(x[0]) for model in (ours, theirs)]
    close("predict, normalized", *predictions, precision.curve, name)
