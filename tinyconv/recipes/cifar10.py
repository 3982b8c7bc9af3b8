"""The CNN article's run on CIFAR-10."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import zoo
from ..datasets import cifar10, to_categorical
from ..losses import CategoricalCrossentropy
from ..optimizers import Adam
from ..preprocessing.image import ImageDataGenerator
from .recipe import Data, Recipe, divided, test_figure

if TYPE_CHECKING:
    from .config import Config


# What `--augment` does to each training image.
AUGMENTED: dict[str, Any] = {"width_shift_range": 0.1, "height_shift_range": 0.1, "horizontal_flip": True}


def load(config: "Config") -> Data:
    """Return 50,000 images to train on, and the 10,000 test images to validate and to test on, as the article does."""
    (x, y), (x_test, y_test) = cifar10.load_data()

    def prepared(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return divided(images[: config.limit]), to_categorical(labels[: config.limit], len(cifar10.CLASSES))

    training, test = prepared(x, y), prepared(x_test, y_test)
    if config.augment:
        varied = ImageDataGenerator(**AUGMENTED).flow(*training, batch_size=config.batch_size, seed=config.seed)
        return Data(varied, test, test)
    return Data(training, test, test)


CIFAR10 = Recipe(
    name="cifar10",
    document="CNN article",
    parameters=477_994,
    build=zoo.cifar10,
    load=load,
    prepare=divided,
    class_names=cifar10.CLASSES,
    loss=CategoricalCrossentropy(),
    optimizer=Adam,
    learning_rate=0.001,
    batch_size=128,
    epochs=200,
    figures=(test_figure(None),),
    image_shape=(32, 32, 3),
    augments=True,
)
