"""The network of `standins.make_model` in live Keras."""

import numpy as np
import pytest


@pytest.fixture
def keras_model(keras):
    """Build the same network in Keras, compiled with `optimizer` if given, and trained one step unless `fresh`."""

    def make(optimizer=None, fresh=False):
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Conv2D(4, 3, activation="relu", name="first"),
                layers.Conv2D(5, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Dropout(0.25),
                layers.Flatten(),
                layers.Dense(6, activation="relu", name="hidden"),
                layers.Dropout(0.5),
                layers.Dense(3, activation="softmax"),
            ]
        )
        if optimizer:
            made = {
                "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
                "rm_sprop": lambda: keras.optimizers.RMSprop(momentum=0.9, centered=True),
                "adam": lambda: keras.optimizers.Adam(),
            }[optimizer]()
            model.compile(made, "categorical_crossentropy", run_eagerly=True)
            if not fresh:
                rng = np.random.default_rng(1)
                model.train_on_batch(rng.random((4, 8, 8, 1), np.float32), np.eye(3)[[0, 1, 2, 0]])
        return model

    return make
