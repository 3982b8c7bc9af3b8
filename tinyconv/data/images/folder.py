"""A folder of images as a dataset, as Keras's `image_dataset_from_directory` reads it."""

import os
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from ...arguments import pair
from ..dataset import Batch
from .cache import cached
from .decode import CHANNELS, check_color_mode, read_image
from .files import ImageFiles
from .resize import checked
from .samples import SampleDataset, stacked

# For what scripts written for TensorFlow's datasets do with a folder of images.
INSTEAD = {
    "prefetch": "leave it out, batches are read ahead anyway",
    "cache": 'give image_dataset_from_directory cache="memory", or a folder',
    "shuffle": "image_dataset_from_directory shuffles, anew each epoch, unless shuffle=False",
    "batch": "give image_dataset_from_directory a batch_size",
    "map": "begin the model with a layer, such as Rescaling(1 / 255), or write a generator over the batches",
    "take": "fit, evaluate and predict take the first batches by steps_per_epoch or steps",
}


class ImageFolder(SampleDataset):
    """Images of files, float32 (n, h, w, c) or, channels first, (n, c, h, w), 0 to 255, and their labels, in batches.

    `targets` holds what belongs to each file, None if there is nothing. To go through it (`for images, labels in …`) is
    to go through one epoch, the next time through the next. What each argument means, `image_dataset_from_directory`
    says.
    """

    def __init__(
        self,
        files: ImageFiles,
        targets: np.ndarray | None,
        *,
        color_mode: str = "rgb",
        image_size: int | tuple[int, int] = (256, 256),
        data_format: str = "channels_last",
        interpolation: str = "bilinear",
        aspect: str = "free",
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        damaged: str = "skip",
        cache: str | os.PathLike[str] | None = None,
        workers: int | None = None,
    ) -> None:
        super().__init__(len(files), batch_size, shuffle, seed, workers)
        self.files, self.targets, self.damaged = files, targets, damaged
        self.class_names, self.file_paths, self.skipped = files.class_names, files.paths, dict(files.skipped)
        self.image_shape = (*pair("image_size", image_size), CHANNELS[check_color_mode(color_mode)])
        self.data_format = data_format
        settings = color_mode, pair("image_size", image_size), *checked(interpolation, aspect)
        self._read = cached(lambda path: read_image(path, *settings), cache, settings)
        self._passes = 0

    def __getattr__(self, name: str) -> NoReturn:
        fix = f": {INSTEAD[name]}" if name in INSTEAD else ""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{fix}")

    def sample(self, index: int, step: int) -> np.ndarray:
        """Return an image of the right size."""
        return self._read(self.file_paths[index])

    def batch(self, indices: np.ndarray, images: list[np.ndarray]) -> Batch:
        """Return images and their labels."""
        x = stacked(images, self.image_shape, "float32")
        if self.data_format == "channels_first":
            x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        return Batch(x, None if self.targets is None else self.targets[indices])

    def __iter__(self) -> Iterator[Any]:
        number, self._passes = self._passes, self._passes + 1
        for batch in self.epoch(number):
            if len(batch.x):
                yield batch.x if batch.y is None else (batch.x, batch.y)


def encoded(files: ImageFiles, label_mode: str | None) -> np.ndarray | None:
    """Return the files' labels as targets: "int" (n,) int32, "binary" (n, 1), "categorical" (n, classes) float32."""
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(f'label_mode must be "int", "categorical", "binary" or None, got {label_mode!r}')
    if files.labels is None or label_mode is None:
        return None
    count = len(files.classes)
    if label_mode == "int":
        return files.labels
    if label_mode == "binary":
        if count != 2:
            raise ValueError(f'label_mode="binary" is for 2 classes, got {count}: {files.classes}')
        return files.labels.astype(np.float32)[:, None]
    if len(files) and not 0 <= files.labels.min() <= files.labels.max() < count:
        raise ValueError(f"{count} different labels must be 0 to {count - 1}, got {files.classes}")
    return np.eye(count, dtype=np.float32)[files.labels]
