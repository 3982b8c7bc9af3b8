"""CIFAR-100: 60,000 colour images of 32×32 pixels in 100 classes, which form 20 coarse ones. Not shipped.

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

import numpy as np

from .cache import File
from .cifar import Source, load

BINARY = File(
    "cifar-100-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    168_513_733,
)
PICKLED = File(
    "cifar-100-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    169_001_437,
)
MODES = ("coarse", "fine")  # in the order of their bytes in a binary record
CLASSES = {"coarse": 20, "fine": 100}


def load_data(label_mode: str = "fine") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return ((x_train, y_train), (x_test, y_test)), all uint8; labels of the 100 "fine" or 20 "coarse" classes.

    Images are (50000, 32, 32, 3) and (10000, 32, 32, 3) in RGB, labels (50000, 1) and (10000, 1). They come from the
    cache folder (TINYCONV_DATA, else the user's cache): from cifar100.npz (x_train, y_train_fine, y_train_coarse, and
    so for the test images), or from the original archive, which is downloaded if it is not there. Raises
    FileNotFoundError when it cannot be, saying which file to put where, and ValueError for a file that is damaged.
    """
    if label_mode not in MODES:
        raise ValueError(f'label_mode must be "fine" or "coarse", got {label_mode!r}')
    return load(
        Source(
            title="CIFAR-100",
            converted="cifar100.npz",
            binary=BINARY,
            binary_parts={part: (f"cifar-100-binary/{part}.bin",) for part in ("train", "test")},
            pickled=PICKLED,
            pickled_parts={part: (f"cifar-100-python/{part}",) for part in ("train", "test")},
            classes=CLASSES[label_mode],
            labels=2,
            label=MODES.index(label_mode),
            key=f"{label_mode}_labels",
            suffix=f"_{label_mode}",
        )
    )
