"""mnist-sgd: the chapter's run in low-level TensorFlow: logits, L2, and mini-batches taken in order."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import zoo
from ..callbacks import Callback
from ..data import Batch, Dataset
from ..datasets import mnist, to_categorical
from ..losses import CategoricalCrossentropy
from ..optimizers import SGD
from .mnist import CLASSES, DIGITS
from .recipe import Data, Recipe, epoch_figure, percent, test_figure

if TYPE_CHECKING:
    from .config import Config

IMAGES = 50_000  # to train on; the other 10,000 are held out
STEPS = 500  # of an epoch: the document prints the loss this often
LAST = 12  # the epoch, from 0, of step 6,000 alone: the document's last of 6,001


class InOrder(Dataset):
    """The document's batches of n samples: step s takes `batch_size` from offset s·batch_size mod (n − batch_size) on.

    The n samples of x (n, m) and y (n, k) are never shuffled, and no batch is short. An epoch has 500 steps, however
    many samples there are, but epoch 12 has one.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, batch_size: int) -> None:
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self) -> int:
        return STEPS

    def steps(self, number: int) -> int:
        """Return the number of batches of an epoch."""
        return 1 if number == LAST else STEPS

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, from the step on to which those before it lead."""
        done = sum(self.steps(before) for before in range(number))
        for step in range(done, done + self.steps(number)):
            start = step * self.batch_size % max(1, len(self.x) - self.batch_size)
            chosen = slice(start, start + self.batch_size)
            yield Batch(self.x[chosen], self.y[chosen])


class FirstLoss(Callback):
    """Adds `first_loss` to an epoch's logs: the loss of its first batch, before the update."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keep the loss of the first batch."""
        if batch == 0:
            self.first = logs["loss"]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Put it into the logs."""
        logs["first_loss"] = self.first


def load(config: "Config") -> Data:
    """Return images as rows of 784 pixels 0 to 255: of 60,000 the first 50,000 to train on, the others held out."""
    (x, y), (x_test, y_test) = mnist.load_data()

    def rows(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return images[: config.limit].reshape(-1, 28 * 28), to_categorical(labels[: config.limit], CLASSES)

    return Data(rows(x[:IMAGES], y[:IMAGES]), rows(x[IMAGES:], y[IMAGES:]), rows(x_test, y_test))


def flat(images: np.ndarray) -> np.ndarray:
    """Return images (n, h, w, 1) as rows (n, h·w)."""
    return images.reshape(len(images), -1)


def _loss(step: int, document: int) -> tuple[str, str, str, int]:
    return f"loss at step {step:,}", f"{document:,}", "first_loss", step // STEPS + 1


MNIST_SGD = Recipe(
    name="mnist-sgd",
    document="image-processing chapter, low-level TensorFlow",
    parameters=814_090,
    build=zoo.mnist_sgd,
    load=load,
    prepare=flat,
    class_names=DIGITS,
    loss=CategoricalCrossentropy(from_logits=True),
    optimizer=SGD,
    learning_rate=0.003,
    batch_size=256,
    epochs=LAST + 1,
    batches=InOrder,
    listeners=(FirstLoss,),
    redraws_templates=True,
    figures=(
        *(
            epoch_figure(*_loss(step, document), "{:,.0f}".format)
            for step, document in ((0, 70_188), (500, 13_980), (2_500, 7_590), (6_000, 2_655))
        ),
        epoch_figure("validation accuracy, step 6,000", "92.00 %", "val_accuracy", LAST + 1, percent),
        test_figure(92.0),
    ),
)
