"""CIFAR-10: 60,000 colour images of 32×32 pixels in ten classes. Not shipped: see `load_data`.

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

import numpy as np

from .cache import File
from .cifar import Source, load

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

SOURCE = Source(
    title="CIFAR-10",
    converted="cifar10.npz",
    binary=File(
        "cifar-10-binary.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        170_052_171,
    ),
    binary_parts={
        "train": tuple(f"cifar-10-batches-bin/data_batch_{k}.bin" for k in range(1, 6)),
        "test": ("cifar-10-batches-bin/test_batch.bin",),
    },
    pickled=File(
        "cifar-10-python.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        170_498_071,
    ),
    pickled_parts={
        "train": tuple(f"cifar-10-batches-py/data_batch_{k}" for k in range(1, 6)),
        "test": ("cifar-10-batches-py/test_batch",),
    },
    classes=10,
    labels=1,
    label=0,
    key="labels",
)


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return ((x_train, y_train), (x_test, y_test)), all uint8.

    Images are (50000, 32, 32, 3) and (10000, 32, 32, 3) in RGB, labels (50000, 1) and (10000, 1), numbers in `CLASSES`.
    They come from the cache folder (TINYCONV_DATA, else the user's cache): from cifar10.npz (x_train, y_train, x_test,
    y_test), or from the original archive, which is downloaded if it is not there. Raises FileNotFoundError when it
    cannot be, saying which file to put where, and ValueError for a file that is damaged.
    """
    return load(SOURCE)
