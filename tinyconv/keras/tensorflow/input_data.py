"""`tensorflow.examples.tutorials.mnist.input_data`: MNIST in three parts that give batches, of TensorFlow 1."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from ...datasets import mnist, to_categorical
from ..operations import drawing


class DataSet:
    """Images and labels, and the next batch of them in an order that is drawn for each epoch."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels
        self.num_examples, self.epochs_completed = len(images), 0
        self._order, self._place = np.arange(len(images)), 0

    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> tuple[Any, Any]:
        """Return the next images and labels; an epoch's last samples and the next one's first may be one batch."""
        places: list[int] = []
        while len(places) < batch_size:
            if self._place == 0 and shuffle:
                self._order = drawing.generator().permutation(self.num_examples)
            rest = self._order[self._place :][: batch_size - len(places)]
            places.extend(rest)
            self._place += len(rest)
            if self._place == self.num_examples:
                self._place, self.epochs_completed = 0, self.epochs_completed + 1
        return self.images[places], self.labels[places]


def read_data_sets(
    train_dir: Any = None,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = "float32",
    reshape: bool = True,
    validation_size: int = 5000,
    samples: int | None = None,
    **_: Any,
) -> Any:
    """Return `train`, `validation`, `test`: images (n, 784) of 0 … 1, or (n, 28, 28, 1), labels 0 … 9, or one-hot.

    The first `validation_size` of MNIST's training images are for validation. At most `samples` are in each part.
    """
    (x, y), (x_test, y_test) = mnist.load_data()
    parts = {
        "train": (x[validation_size:], y[validation_size:]),
        "validation": (x[:validation_size], y[:validation_size]),
        "test": (x_test, y_test),
    }
    found = {}
    for name, (images, labels) in parts.items():
        images, labels = images[:samples], labels[:samples]
        pixels = images.reshape(len(images), -1) if reshape else images[..., None]
        found[name] = DataSet(
            pixels.astype(np.float32) / np.float32(255), to_categorical(labels, 10) if one_hot else labels
        )
    return SimpleNamespace(**found)
