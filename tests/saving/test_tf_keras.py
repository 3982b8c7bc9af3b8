"""Files that tf.keras writes, live: training goes on along its own loss curve, by the rules of its optimizers.

Its package tf_keras is Keras 2 as it was last, with the optimizers of tf.keras up to 2.10 as `optimizers.legacy`.
"""

import warnings
from importlib.util import find_spec

import numpy as np
import pytest

import tinyconv as tc

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("tf_keras") is None,
        reason="tf_keras is not installed: pip install --no-deps tf_keras, which would bring a second TensorFlow",
    ),
    pytest.mark.filterwarnings("ignore"),  # TensorFlow's own, and Keras 2's of its files
]

RNG = np.random.default_rng(3)
X = RNG.random((16, 5), np.float32)
Y = RNG.random((16, 2), np.float32) / 10

NEW = {
    "SGD": lambda made: made.SGD(0.1),
    "momentum": lambda made: made.SGD(0.1, momentum=0.9, nesterov=True),
    "schedule": lambda made: made.SGD(made.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9),
    "RMSprop": lambda made: made.RMSprop(0.01, momentum=0.5, centered=True),
    "Adam": lambda made: made.Adam(0.01, clipnorm=0.1),
    "AMSGrad": lambda made: made.Adam(0.01, beta_2=0.5, amsgrad=True),
    "AdamW": lambda made: made.AdamW(0.01),
    "Nadam": lambda made: made.Nadam(0.01),
    "Adagrad": lambda made: made.Adagrad(0.1),
    "Adadelta": lambda made: made.Adadelta(1.0),
}
OLD = {
    "SGD": lambda made: made.SGD(0.1, decay=0.2),
    "momentum": lambda made: made.SGD(0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda made: made.RMSprop(0.01, epsilon=1e-3),
    "RMSprop centered": lambda made: made.RMSprop(0.01, epsilon=1e-3, centered=True),
    "RMSprop with momentum": lambda made: made.RMSprop(0.01, momentum=0.5, epsilon=1e-3, centered=True),
    "Adam": lambda made: made.Adam(0.01, decay=0.1),
    "AMSGrad": lambda made: made.Adam(0.01, beta_2=0.5, amsgrad=True),
    "Nadam": lambda made: made.Nadam(0.01),
    "Adagrad": lambda made: made.Adagrad(0.1, initial_accumulator_value=1e-6, epsilon=1e-3),
    "Adadelta": lambda made: made.Adadelta(1.0),
}
CASES = [("", name, "keras") for name in NEW] + [("old", name, "h5") for name in OLD]
CASES += [("", name, "h5") for name in ("SGD", "AMSGrad", "Nadam")]


@pytest.fixture(scope="module")
def tf_keras():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tf_keras
    return tf_keras


@pytest.mark.parametrize(("era", "name", "ending"), CASES)
def test_training_goes_on(tf_keras, era, name, ending, tmp_path):
    layers = tf_keras.layers
    theirs = tf_keras.Sequential([tf_keras.Input((5,)), layers.Dense(4, activation="tanh"), layers.Dense(2)])
    made = tf_keras.optimizers.legacy if era else tf_keras.optimizers
    theirs.compile((OLD if era else NEW)[name](made), "mse", run_eagerly=True)
    path = tmp_path / f"a.{ending}"
    for _ in range(3):
        theirs.train_on_batch(X, Y)
    theirs.save(path)
    ours = tc.load_model(path)
    found = [float(ours.train_on_batch(X, Y)) for _ in range(8)]
    expected = [float(theirs.train_on_batch(X, Y)) for _ in range(8)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_weights_go_on_too(tf_keras, tmp_path):
    """A file of weights alone has the optimizer's state, too."""
    engines = {tf_keras: None, tc: None}
    for engine in engines:
        dense = engine.layers.Dense
        engines[engine] = engine.Sequential([engine.Input((5,)), dense(4, activation="tanh"), dense(2)])
        engines[engine].compile(engine.optimizers.Adam(0.01), "mse")
    theirs, ours = engines.values()
    for _ in range(3):
        theirs.train_on_batch(X, Y)
    theirs.save_weights(tmp_path / "a.weights.h5")
    ours.load_weights(str(tmp_path / "a.weights.h5"))
    found = [float(ours.train_on_batch(X, Y)) for _ in range(8)]
    expected = [float(theirs.train_on_batch(X, Y)) for _ in range(8)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_hard_sigmoid_is_clipped(tf_keras, tmp_path):
    x = np.linspace(-4, 4, 15, dtype=np.float32)[:, None]
    theirs = tf_keras.Sequential([tf_keras.Input((1,)), tf_keras.layers.Activation("hard_sigmoid")])
    for ending in ("h5", "keras"):
        theirs.save(tmp_path / f"a.{ending}")
        ours = tc.load_model(tmp_path / f"a.{ending}")
        np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), atol=1e-6)


LOSSES = {
    "from logits": lambda k: k.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    "binary": lambda k: k.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2),
    "sum": lambda k: k.losses.MeanSquaredError(reduction="sum"),
    "sparse": lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True),
}
METRICS = {
    "threshold": lambda k: k.metrics.BinaryAccuracy(threshold=0.9),
    "top": lambda k: k.metrics.TopKCategoricalAccuracy(k=2),
}


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_and_metrics_keep_their_arguments(tf_keras, loss, ending, tmp_path):
    theirs = tf_keras.Sequential([tf_keras.Input((5,)), tf_keras.layers.Dense(3)])
    made = [make(tf_keras) for make in METRICS.values()] if loss != "sparse" else ["accuracy"]
    theirs.compile("sgd", LOSSES[loss](tf_keras), metrics=made, run_eagerly=True)
    classes = RNG.integers(3, size=16)
    targets = classes if loss == "sparse" else np.eye(3, dtype=np.float32)[classes]
    theirs.evaluate(X, targets, verbose=0)
    theirs.save(tmp_path / f"a.{ending}")
    ours = tc.load_model(tmp_path / f"a.{ending}")
    found, expected = (model.evaluate(X, targets, batch_size=16, verbose=0) for model in (ours, theirs))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
