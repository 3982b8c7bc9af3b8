"""What the tests of the engine have in common: fresh names, a fixed seed, small data and a small network."""

import numpy as np
import pytest

import tinyconv as tc


@pytest.fixture(autouse=True)
def fresh_session():
    """Let each test see automatic names, random numbers and the default dtype as a new process does."""
    tc.clear_session()
    tc.set_seed(7)
    tc.set_floatx("float32")


@pytest.fixture
def rng():
    return np.random.default_rng(20_240_607)


@pytest.fixture
def digits(rng):
    """60 images of 8×8 in three classes that differ in where the ink is, and their labels."""
    y = np.arange(60) % 3
    x = rng.random((60, 8, 8, 1)).astype(np.float32)
    for label in range(3):
        x[y == label, 2 * label : 2 * label + 3] += 1
    return x, y


@pytest.fixture
def network():
    """A function that makes the same small convolutional net, compiled."""

    def make(dropout=0.0, optimizer="adam", metrics=("accuracy",), dtype="float32"):
        tc.set_seed(7)
        tc.clear_session()
        tc.set_floatx(dtype)
        model = tc.Sequential(
            [
                tc.Input((8, 8, 1)),
                tc.layers.Conv2D(4, 3, activation="relu"),
                tc.layers.MaxPooling2D(),
                tc.layers.Dropout(dropout),
                tc.layers.Flatten(),
                tc.layers.Dense(6, activation="relu", kernel_regularizer="l2"),
                tc.layers.Dropout(dropout),
                tc.layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=list(metrics))
        return model

    return make
