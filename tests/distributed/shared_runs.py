"""A small run with all that is random, or looks at neighbours: what ranks must compute as one process does."""

import numpy as np

import tinyconv as tc
from tinyconv import layers

SAMPLES, BATCH, EPOCHS = 50, 13, 5  # four steps an epoch, the last of 11 samples: uneven shares of 2, 3 and 4 ranks


def digits(n=SAMPLES):
    """Return images (n, 10, 10, 1) and labels that can be learnt from them."""
    random = np.random.default_rng(3)
    y = random.integers(0, 3, n)
    x = random.normal(0, 1, (n, 10, 10, 1))
    x[np.arange(n), 2 + 2 * y] += 2
    return x, y


def network(extra=(), distributed=None, optimizer=None):
    """Return a model in float64 that augments, convolves, drops out, and is penalised; always with the same weights."""
    tc.clear_session()
    tc.set_seed(5)
    tc.set_floatx("float64")
    model = tc.Sequential(
        [
            tc.Input((10, 10, 1)),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomFlip("horizontal"),
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"),
            *(each() for each in extra),
            layers.MaxPooling2D(2),
            layers.SpatialDropout2D(0.2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        optimizer or tc.optimizers.Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"], distributed=distributed
    )
    return model


def fit(model, n=SAMPLES, batch_size=BATCH, epochs=EPOCHS, **given):
    """Train on shuffled, weighted samples, and validate; return the history."""
    x, y = digits(n)
    weights = np.linspace(0.5, 1.5, n)
    given = {"validation_data": (x[:7], y[:7]), "verbose": 0, "sample_weight": weights} | given
    return model.fit(x, y, batch_size=batch_size, epochs=epochs, **given).history


def state(model):
    """Return all weights, the optimizer's state, and the steps of random numbers, as arrays."""
    optimizer = [np.asarray(value) for _, value in model.optimizer.variables()]
    return [
        *model.get_weights(),
        *optimizer,
        *(each.seed_state for each in model.layers if hasattr(each, "seed_state")),
    ]
