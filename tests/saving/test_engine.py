"""A network of the engine's own and its twin in Keras, exchanging files while they train."""

import numpy as np
import pytest

import tinyconv as tc

# TensorFlow's variables have not caught up with NumPy 2's signature of __array__; Keras calls it when it saves.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

RNG = np.random.default_rng(3)
X = RNG.random((16, 8, 8, 1), np.float32)
Y = np.eye(3, dtype=np.float32)[RNG.integers(3, size=16)]


def network(library, dropout=0.0):
    """Build and compile the same network in tinyconv or in Keras."""
    layers = library.layers
    model = library.Sequential(
        [
            library.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Conv2D(5, 3, activation="relu", name="second"),
            layers.MaxPooling2D(),
            layers.Dropout(dropout),
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(library.optimizers.Adam(0.01), "categorical_crossentropy")
    return model


def test_tinyconv_goes_on_from_keras(keras, tmp_path):
    theirs, ours = network(keras), network(tc)
    for _ in range(3):
        theirs.train_on_batch(X, Y)
    theirs.save_weights(tmp_path / "a.weights.h5")
    ours.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    for _ in range(3):
        theirs.train_on_batch(X, Y)
        ours.train_on_batch(X, Y)
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-4, atol=1e-5)


def test_keras_goes_on_from_tinyconv(keras, tmp_path):
    ours, theirs = network(tc), network(keras)
    for _ in range(3):
        ours.train_on_batch(X, Y)
    ours.save_weights(tmp_path / "a.weights.h5")
    theirs.optimizer.build(theirs.trainable_variables)
    theirs.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_allclose(theirs.predict(X, verbose=0), ours.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    for _ in range(3):
        ours.train_on_batch(X, Y)
        theirs.train_on_batch(X, Y)
    np.testing.assert_allclose(theirs.predict(X, verbose=0), ours.predict(X, verbose=0), rtol=1e-4, atol=1e-5)


def test_a_copy_goes_on_with_the_same_bits(tmp_path):
    """Optimizer and dropout continue where they were: the copy's weights and the original's stay equal."""
    tc.set_seed(7)
    original = network(tc, dropout=0.5)
    for _ in range(3):
        original.train_on_batch(X, Y)
    original.save_weights(tmp_path / "a.weights.h5")
    tc.set_seed(7)
    copy = network(tc, dropout=0.5)
    copy.load_weights(tmp_path / "a.weights.h5")
    for _ in range(2):
        original.train_on_batch(X, Y)
        copy.train_on_batch(X, Y)
    for mine, other in zip(copy.get_weights(), original.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
