"""The image-processing chapter's three runs on MNIST: mnist, mnist-cnn5, mnist-fc."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .. import zoo
from ..datasets import mnist, to_categorical
from ..losses import CategoricalCrossentropy
from ..optimizers import Adam
from .recipe import Data, Recipe, divided, epoch_figure, percent, test_figure

if TYPE_CHECKING:
    from .config import Config

CLASSES = 10
DIGITS = tuple(map(str, range(CLASSES)))


def as_they_are(images: np.ndarray) -> np.ndarray:
    """Return images (n, 28, 28) as (n, 28, 28, 1), pixels 0 to 255; training makes float32 of each batch."""
    return images[..., np.newaxis]


def scaled(images: np.ndarray) -> np.ndarray:
    """Return images (n, 28, 28) of bytes as (n, 28, 28, 1) float32 from 0 to 1."""
    return divided(as_they_are(images))


def as_read(images: np.ndarray) -> np.ndarray:
    """Return images (n, h, w, c) unchanged, 0 to 255."""
    return images


def loader(prepare: Callable[[np.ndarray], np.ndarray]) -> Callable[["Config"], Data]:
    """Return a recipe's `load`: 60,000 images to train on, and the test images to validate and to test on."""

    def load(config: "Config") -> Data:
        limit = config.limit
        (x, y), (x_test, y_test) = mnist.load_data()
        test = prepare(x_test[:limit]), to_categorical(y_test[:limit], CLASSES)
        return Data((prepare(x[:limit]), to_categorical(y[:limit], CLASSES)), test, test)

    return load


chapter = partial(
    Recipe,
    document="image-processing chapter",
    loss=CategoricalCrossentropy(),
    optimizer=Adam,
    learning_rate=0.001,
    batch_size=200,
    epochs=10,
    class_names=DIGITS,
)

MNIST = chapter(
    name="mnist",
    aliases=("mnist-cnn",),
    parameters=1_199_882,
    build=zoo.mnist,
    load=loader(as_they_are),
    prepare=as_read,
    figures=(
        test_figure(99.06),
        epoch_figure("validation accuracy, epoch 1", "97.78 %", "val_accuracy", 1, percent),
    ),
)

MNIST_CNN5 = chapter(
    name="mnist-cnn5",
    parameters=924_374,
    build=zoo.mnist_cnn5,
    load=loader(scaled),
    prepare=divided,
    figures=(test_figure(98.90),),
)

MNIST_FC = chapter(
    name="mnist-fc",
    parameters=199_210,
    build=zoo.mnist_fc,
    load=loader(scaled),
    prepare=divided,
    figures=(test_figure(98.26),),
)
