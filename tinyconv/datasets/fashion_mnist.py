"""Fashion-MNIST: 70,000 photographs of garments, 28×28 pixels of grey. MIT licence; not shipped: see `load_data`.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
algorithms", 2017.
"""

from pathlib import Path

import numpy as np

from .archives import npz_arrays, readable, unpacked
from .cache import File, folder, located, verified
from .idx import idx_array

CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

NPZ = "fashion_mnist.npz"
URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def _file(name: str, sha256: str, size: int) -> File:
    return File(f"fashion-mnist/{name}", URL + name, sha256, size)


FILES = {
    "x_train": _file(
        "train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880
    ),
    "y_train": _file(
        "train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515
    ),
    "x_test": _file(
        "t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102
    ),
    "y_test": _file(
        "t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148
    ),
}
SHAPES = {"x_train": (60_000, 28, 28), "y_train": (60_000,), "x_test": (10_000, 28, 28), "y_test": (10_000,)}


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return ((x_train, y_train), (x_test, y_test)), all uint8.

    Images are (60000, 28, 28) and (10000, 28, 28), 0 background to 255; labels (60000,) and (10000,), numbers in
    `CLASSES`. They come from the cache folder (TINYCONV_DATA, else the user's cache): from fashion_mnist.npz, or from
    the four original files in its folder fashion-mnist, which are downloaded if they are not there. Raises
    FileNotFoundError when they cannot be, saying which file to put where, and ValueError for a file that is damaged.
    """
    if (folder() / NPZ).exists():
        arrays = npz_arrays(folder() / NPZ, {name: (shape,) for name, shape in SHAPES.items()})
    else:
        paths = {name: located("Fashion-MNIST", NPZ, [file]) for name, file in FILES.items()}
        arrays = {name: _original(path, name) for name, path in paths.items()}
    for name in ("y_train", "y_test"):
        if arrays[name].max() >= len(CLASSES):
            raise ValueError(f"{folder() / NPZ}: {name} must be from 0 to {len(CLASSES) - 1}")
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _original(path: Path, name: str) -> np.ndarray:
    """Return the array of one original file."""
    shape = SHAPES[name]
    with verified(path, FILES[name]) as file, readable(path):
        # A bytearray, because arrays of it can be written to.
        data = np.frombuffer(bytearray(unpacked(file, 16 + int(np.prod(shape)))), np.uint8)
        array = idx_array(data, 0)
        if array.shape != shape:
            raise ValueError(f"its shape is {array.shape}, needs {shape}")
        return array
