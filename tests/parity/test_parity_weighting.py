"""Weights of samples and of classes, in every shape that Keras takes, in losses, metrics and whole runs.

Keras runs eagerly here: in a graph of TensorFlow's it counts a short last batch of a single output's loss in full, so
that the outputs' losses do not add up to the total.
"""

import numpy as np
import pytest
from parity_checks import both_models, close_numbers

import tinyconv as tc

WEIGHTS = np.array([0, 1, 2, 0.5, 1, 3, 0.25])
CASES = {
    "MeanSquaredError": lambda rng: (rng.normal(size=(7, 3)), rng.normal(size=(7, 3))),
    "BinaryCrossentropy": lambda rng: (rng.integers(0, 2, (7, 1)), rng.random((7, 1))),
    "SparseCategoricalCrossentropy": lambda rng: (rng.integers(0, 4, 7), rng.dirichlet(np.ones(4), 7)),
    "CategoricalCrossentropy": lambda rng: (rng.dirichlet(np.ones(4), (7, 5)), rng.dirichlet(np.ones(4), (7, 5))),
}


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        *((name, shape) for name in list(CASES)[:3] for shape in ((7,), (7, 1))),
        *(("CategoricalCrossentropy", shape) for shape in ((7,), (7, 1), (7, 5))),
    ],
    ids=str,
)
def test_losses(keras, rng, name, shape):
    """(n,1) was broadcast to n×n: 113.85 for Keras's 127.97."""
    y, p = CASES[name](rng)
    weight = rng.uniform(0, 3, shape)
    p = p.astype(np.float32)
    given = weight[:, None] if y.shape == (7, 5, 4) and shape == (7,) else weight  # Keras wants one for each loss
    theirs = getattr(keras.losses, name)()(y, p, sample_weight=given)
    ours = getattr(tc.losses, name)()(y, tc.Tensor(p), weight)
    close_numbers("weighted loss", ours.item(), float(theirs), 1e-5, "float32", f"{name} {shape}")


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (-1, 5)], ids=str)
@pytest.mark.parametrize("name", ["BinaryAccuracy", "SparseCategoricalAccuracy"])
def test_metrics(keras, rng, name, shape):
    """BinaryAccuracy over two batches with weights (n,1) was 0.375 for 0.6."""
    ours, theirs = (getattr(engine.metrics, name)() for engine in (tc, keras))
    for n in (7, 4):
        lead = (n, 5) if shape == (-1, 5) else (n,)
        if name == "BinaryAccuracy":
            y, p = rng.integers(0, 2, (*lead, 1)), rng.random((*lead, 1))
        else:
            y, p = rng.integers(0, 3, lead), rng.random((*lead, 3))
        weight = rng.uniform(0, 3, lead).reshape(shape)
        for metric in (ours, theirs):
            metric.update_state(y, p, sample_weight=weight)
    close_numbers("weighted metric", ours.result(), float(theirs.result()), 1e-6, "float32", f"{name} {shape}")


def pair(keras, rng, last, loss, shape=(3,), **settings):
    """A model of each engine, compiled to learn nothing."""
    ours, theirs = both_models(keras, last, shape, rng)
    for engine, model in ((tc, ours), (keras, theirs)):
        model.compile(engine.optimizers.SGD(0.0), loss, **settings)
    theirs.run_eagerly = True
    return ours, theirs


def both(models, x, y, **settings):
    """What a fit reports, in both engines; the same dict of keys."""
    found = [model.fit(x, y, batch_size=4, verbose=0, shuffle=False, **settings).history for model in models]
    assert set(found[0]) == set(found[1])
    for key, (wanted,) in found[1].items():
        close_numbers("weighted fit", found[0][key], wanted, 1e-5, "float32", key)
    return found[0]["loss"][0]


DENSE = [("Dense", dict(units=1, activation="sigmoid"))]


@pytest.mark.parametrize("shape", [(7,), (7, 1)], ids=str)
def test_weights_in_fit(keras, rng, shape):
    """The loss is divided by the samples, weighted metrics by the weights, metrics know none."""
    models = pair(keras, rng, DENSE, "mse", metrics=["binary_accuracy"], weighted_metrics=["binary_accuracy"])
    x, y = rng.normal(size=(7, 3)).astype(np.float32), rng.integers(0, 2, (7, 1)).astype(np.float32)
    both(models, x, y, sample_weight=WEIGHTS.reshape(shape))
    both(models, x, y, validation_data=(x, y, WEIGHTS.reshape(shape)))


@pytest.mark.parametrize("weights", [{0: 0.5, 1: 5.0}, {1: 5.0}, {0: 3.0}], ids=str)
@pytest.mark.parametrize("kind", ["labels", "soft", "column"])
def test_class_weights_of_one_output(keras, rng, kind, weights):
    """Soft targets go with the nearer class (0.693 was reported for 3.812); a class that is not named weighs 1."""
    models = pair(keras, rng, DENSE, "binary_crossentropy")
    y = {"labels": rng.integers(0, 2, 7), "soft": rng.random((7, 1)), "column": rng.integers(0, 2, (7, 1))}[kind]
    x, y = rng.normal(size=(7, 3)).astype(np.float32), y.astype(np.float32).reshape(7, 1)
    both(models, x, y, class_weight=weights)
    assert models[0].fit(x, y[:, 0], class_weight=weights, verbose=0).history["loss"][0] > 0


def test_class_weights_of_pixels(keras, rng):
    """Keras has them as weights of the single labels; the axis of the image's width was taken for one of classes."""
    last = [("Conv2D", dict(filters=4, kernel_size=1, activation="softmax"))]
    models = pair(keras, rng, last, "sparse_categorical_crossentropy", (3, 5, 2))
    x, y = rng.normal(size=(7, 3, 5, 2)).astype(np.float32), rng.integers(0, 4, (7, 3, 5))
    weights = {0: 0.5, 2: 4.0, 3: 2.0}
    each = np.vectorize(lambda label: weights.get(label, 1.0))(y).astype(np.float32)
    wanted = both(models, x, y, sample_weight=each)
    for labels in (y, y[..., None]):
        found = models[0].fit(x, labels, batch_size=4, class_weight=weights, verbose=0).history["loss"][0]
        assert found == pytest.approx(wanted, rel=1e-5)
    models[0].compile(tc.optimizers.SGD(0.0), "categorical_crossentropy")
    found = models[0].fit(x, np.eye(4)[y], class_weight=weights, verbose=0).history["loss"][0]
    assert found == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("shape", [(7,), (7, 1)], ids=str)
def test_several_outputs(keras, rng, shape):
    """A weight for each sample of each output; single losses are means over samples, a short last batch's too."""
    models = []
    for engine in (tc, keras):
        x = engine.Input((3,))
        outputs = [engine.layers.Dense(units, name=name)(x) for name, units in (("one", 1), ("two", 2))]
        models.append(engine.Model(x, outputs))
    models[0].set_weights(models[1].get_weights())
    for engine, model in zip((tc, keras), models, strict=True):
        model.compile(engine.optimizers.SGD(0.0), ["mse", "mse"], loss_weights=[0.5, 2.0])
    models[1].run_eagerly = True
    x, y = rng.normal(size=(7, 3)), [rng.normal(size=(7, 1)), rng.normal(size=(7, 2))]
    both(models, x, y, sample_weight=[WEIGHTS.reshape(shape), WEIGHTS[::-1].reshape(shape)])
    both(models, x, y)


def test_tensors_of_tensorflow_are_data(keras, rng):
    ours, _ = pair(keras, rng, DENSE, "mse")
    x, y = rng.normal(size=(7, 3)).astype(np.float32), rng.random((7, 1)).astype(np.float32)
    tensors = [keras.ops.convert_to_tensor(each) for each in (x, y, WEIGHTS)]
    assert ours.evaluate(*tensors[:2], sample_weight=tensors[2], verbose=0) == ours.evaluate(
        x, y, sample_weight=WEIGHTS.astype(np.float32), verbose=0
    )
    np.testing.assert_array_equal(ours.predict(tensors[0]), ours.predict(x))


def test_what_compile_was_given_is_keras_s(keras, rng, fresh_names):
    """Each engine compiles by the other's description."""
    settings = dict(metrics=["binary_accuracy"], loss_weights=[2.0], weighted_metrics=["binary_accuracy"])
    ours, theirs = pair(keras, rng, DENSE, "mse", **settings)
    mine, judge = ours.get_compile_config(), theirs.get_compile_config()
    assert {name: judge[name] for name in mine} == mine
    theirs.compile_from_config({**mine, "jit_compile": False})
    ours.compile_from_config(judge)
    x, y = rng.normal(size=(7, 3)).astype(np.float32), rng.random((7, 1)).astype(np.float32)
    both((ours, theirs), x, y)
