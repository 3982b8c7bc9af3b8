"""What CIFAR-10 and CIFAR-100 have in common: 60,000 colour images of 32×32 pixels, and how their files store them.

The binary files (https://www.cs.toronto.edu/~kriz/cifar.html) hold records: one byte a label, then 1,024 bytes of red,
row by row, as many of green, as many of blue. The Python files hold the same bytes in pickles of Python 2, which are
read as data (`pickled`), never loaded.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from .archives import npz_arrays, readable, tar_members
from .cache import File, located, verified
from .pickled import byte_array, read_pickle, whole_numbers

Arrays = tuple[np.ndarray, np.ndarray]
COUNTS = {"train": 50_000, "test": 10_000}
PIXELS = 3 * 32 * 32
MOST = 250_000_000  # bytes of a whole archive, unpacked: the largest has 186 million


class Source(NamedTuple):
    """Where a data set's images are: in which files, and in which parts of those.

    `binary_parts` and `pickled_parts` name the files within each archive for "train" and "test". A binary record starts
    with `labels` bytes, of which number `label` is meant; a pickle has it under `key`, an .npz under y_train and y_test
    followed by `suffix`.
    """

    title: str
    converted: str
    binary: File
    binary_parts: dict[str, tuple[str, ...]]
    pickled: File
    pickled_parts: dict[str, tuple[str, ...]]
    classes: int
    labels: int
    label: int
    key: str
    suffix: str = ""


def load(source: Source) -> tuple[Arrays, Arrays]:
    """Return ((x_train, y_train), (x_test, y_test)), all uint8: images (n, 32, 32, 3) in RGB, labels (n, 1)."""
    path = located(source.title, source.converted, (source.binary, source.pickled))
    if path.name == source.converted:
        parts = _converted(path, source)
    elif path.name == source.binary.place:
        with verified(path, source.binary) as file, readable(path):
            names = [name for part in source.binary_parts.values() for name in part]
            members = tar_members(file, names, MOST)
            parts = [_records([members[name] for name in part], source) for part in source.binary_parts.values()]
    else:
        with verified(path, source.pickled) as file, readable(path):
            names = [name for part in source.pickled_parts.values() for name in part]
            members = tar_members(file, names, MOST)
            parts = [_batches([members[name] for name in part], source) for part in source.pickled_parts.values()]
    checked = [_checked(path, source, *each) for each in zip(COUNTS.items(), parts, strict=True)]
    return checked[0], checked[1]


def _converted(path: Path, source: Source) -> list[Arrays]:
    """Return both parts of an .npz."""
    needed: dict[str, tuple[tuple[int, ...], ...]] = {}
    for part, count in COUNTS.items():
        needed[f"x_{part}"] = ((count, 32, 32, 3),)
        needed[f"y_{part}{source.suffix}"] = ((count,), (count, 1))
    arrays = npz_arrays(path, needed)
    return [(arrays[f"x_{part}"], arrays[f"y_{part}{source.suffix}"]) for part in COUNTS]


def _records(files: list[bytes], source: Source) -> Arrays:
    """Return the images and labels of binary files."""
    records = np.frombuffer(b"".join(files), np.uint8).reshape(-1, source.labels + PIXELS)
    return images(records[:, source.labels :]), records[:, source.label]


def _batches(files: list[bytes], source: Source) -> Arrays:
    """Return the images and labels of pickles."""
    batches = [read_pickle(file) for file in files]
    try:
        pixels = np.concatenate([byte_array(batch["data"]).reshape(-1, PIXELS) for batch in batches])
        labels = np.array([label for batch in batches for label in whole_numbers(batch[source.key])])
    except (KeyError, TypeError) as error:
        raise ValueError(f"a pickle has no {error}") from None
    return images(pixels), labels


def images(planes: np.ndarray) -> np.ndarray:
    """Return images (n, 32, 32, 3) of rows (n, 3072): all of red, all of green, all of blue."""
    return np.ascontiguousarray(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def _checked(path: Path, source: Source, part: tuple[str, int], arrays: Arrays) -> Arrays:
    """Return one part's images and labels (n, 1) if there are as many as there must be, of classes that there are."""
    x, y = arrays
    name, count = part
    if len(x) != count or y.size != count:
        raise ValueError(f"{path} has {len(x):,} {name} images and {y.size:,} labels, needs {count:,} of each")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= source.classes:
        raise ValueError(f"{path}: the {name} labels must be whole numbers from 0 to {source.classes - 1}")
    return x, y.astype(np.uint8).reshape(-1, 1)
