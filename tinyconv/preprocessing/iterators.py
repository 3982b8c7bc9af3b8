"""What ImageDataGenerator.flow and flow_from_directory return: datasets of images that are transformed as they come.

They are datasets for `fit`, `evaluate` and `predict`, and endless iterators, as in Keras: `next(iterator)` and
`for x, y in iterator` go through one epoch after the other, `iterator[i]` is a batch of the epoch at hand.
"""

import copy
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..arguments import flag, known, pair
from ..config import data_format_of, floatx
from ..data.dataset import Batch, count
from ..data.images import ImageFiles, SampleDataset, find_images, load_image
from ..data.images.cache import cached
from ..data.images.decode import CHANNELS, RESAMPLING, check_color_mode
from ..data.images.samples import AHEAD, stacked
from ..randomness import Stream, permutation
from ..utils.image import array_to_img, img_to_array

if TYPE_CHECKING:
    from .image import ImageDataGenerator

__all__ = ["DirectoryIterator", "NumpyArrayIterator"]

ENDINGS = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")
CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


class ImageIterator(SampleDataset):
    """Images (h, w, c) that a generator transforms and normalizes: the base of both iterators.

    With a seed the orders are Keras's. What is drawn for an image depends on the seed, on its number, and on how many
    batches came before the epoch: two iterators of the same seed and batch size, over images and their masks, transform
    them alike.
    """

    def __init__(
        self,
        image_data_generator: "ImageDataGenerator | None",
        samples: int,
        image_shape: tuple[int, ...],
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        save: tuple[str | os.PathLike[str] | None, str, str],
        dtype: str | None,
        workers: int | None = None,
    ) -> None:
        super().__init__(samples, batch_size, shuffle, seed, workers)
        self.image_data_generator, self.image_shape = image_data_generator, image_shape
        self.save_to_dir, self.save_prefix, self.save_format = _checked_saving(*save)
        self.dtype = dtype or floatx()
        stream = Stream(self.seed)
        self._draws = stream.seed, stream.number
        self._position = 0  # batches that `next` has given

    def image(self, index: int) -> np.ndarray:
        """Return image number `index` as it is, an array that may be changed."""
        raise NotImplementedError

    def sample(self, index: int, step: int) -> np.ndarray:
        """Return an image, transformed for the epoch before which `step` batches came, and normalized."""
        x, generator = self.image(index), self.image_data_generator
        if generator is not None:
            x = generator.apply_transform(x, generator.transform_of(x.shape, (*self._draws, step), index))
            x = generator.standardize(x)
        if self.save_to_dir is not None:
            name = f"{self.save_prefix}_{index}_{step}.{self.save_format}"
            array_to_img(x, getattr(generator, "data_format", None)).save(os.path.join(self.save_to_dir, name))
        return x

    def order(self, step: int) -> np.ndarray:
        """Return the order of the epoch before which `step` batches came: with a seed, Keras's."""
        if not self.shuffle:
            return np.arange(self.samples)
        if self.seed is None:
            return permutation(self.samples, step)
        return np.random.RandomState((self.seed + step) % 2**32).permutation(self.samples)

    @property
    def n(self) -> int:
        """The number of images."""
        return self.samples

    @property
    def batch_index(self) -> int:
        """The number, in its epoch, of the batch that `next` gives."""
        return self._position % len(self)

    def reset(self) -> None:
        """Let `next` begin an epoch, unless it is about to."""
        self._position = -(-self._position // len(self)) * len(self)

    def on_epoch_end(self) -> None:
        """Go to the next epoch: `iterator[i]` are its batches then."""
        self._position = (self._position // len(self) + 1) * len(self)

    def __next__(self) -> Any:
        return next(self._walk(ahead=0))

    def __iter__(self) -> Iterator[Any]:
        return self._walk(AHEAD)

    def _walk(self, ahead: int) -> Iterator[Any]:
        """Yield what is left of the epoch, and the epochs that follow, counting the batches."""
        while True:
            epoch, start = divmod(self._position, len(self))
            for batch in self.batches(epoch, start, ahead):
                self._position += 1
                if count(batch.x):
                    yield as_given(batch)

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        return as_given(next(self.batches(self._position // len(self), index % len(self), ahead=0)))


def as_given(batch: Batch) -> Any:
    """Return a batch as Keras's iterators do: (x, y) or (x, y, sample_weight); x alone where there are no targets."""
    if batch.y is None:
        return batch.x
    return (batch.x, batch.y) if batch.sample_weight is None else batch[:3]


class NumpyArrayIterator(ImageIterator):
    """Batches of the images x (n, h, w, c), transformed by a generator, and of the targets y (n, …) if there are any.

    x may be a pair of the images and an array, or a list of arrays, of other inputs, which stay as they are. `subset`
    "validation" is the first part, as large as the generator's `validation_split` says, "training" the rest.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: "ImageDataGenerator",
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: str | None = None,
    ) -> None:
        others: list[Any] = []
        if isinstance(x, tuple | list) and len(x) == 2 and np.ndim(x[0]) == 4:
            x, more = x
            others = list(more) if isinstance(more, list) else [more]
        self.x, self.y = np.asarray(x, dtype or floatx()), None if y is None else np.asarray(y)
        self.x_misc = [np.asarray(other) for other in others]
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        if self.x.ndim != 4:
            raise ValueError(
                f"x must be images with four axes, the number of the image first, got shape {self.x.shape}"
            )
        for name, other in [
            *(("x", each) for each in self.x_misc),
            ("y", self.y),
            ("sample_weight", self.sample_weight),
        ]:
            if other is not None and len(other) != len(self.x):
                raise ValueError(f"there are {len(self.x)} images and {len(other)} in {name}: they must be as many")
        axis = 1 if data_format_of(data_format) == "channels_first" else 3
        if self.x.shape[axis] not in (1, 3, 4):
            warnings.warn(f"images have 1, 3 or 4 channels, got {self.x.shape[axis]} (axis {axis})", stacklevel=3)
        if subset is not None:
            self._take(_checked_subset(subset), image_data_generator.validation_split, ignore_class_split)
        save = save_to_dir, save_prefix, save_format
        n, *shape = self.x.shape
        super().__init__(image_data_generator, n, tuple(shape), batch_size, shuffle, seed, save, dtype)

    def _take(self, subset: str, share: float, ignore_class_split: bool) -> None:
        """Keep the samples of a subset; refuse two subsets of different classes, as of targets that are sorted."""
        at = int(len(self.x) * share)
        if self.y is not None and not ignore_class_split:
            first, last = np.unique(self.y[:at]), np.unique(self.y[at:])
            if not np.array_equal(first, last):
                raise ValueError(
                    f"the first {at} samples, for validation, and the others have different classes, "
                    f"{len(first)} and {len(last)}: shuffle the arrays, or give ignore_class_split=True"
                )
        part = slice(at) if subset == "validation" else slice(at, None)
        self.x, self.x_misc = self.x[part], [other[part] for other in self.x_misc]
        self.y = None if self.y is None else self.y[part]
        self.sample_weight = None if self.sample_weight is None else self.sample_weight[part]

    def image(self, index: int) -> np.ndarray:
        """Return a copy of an image."""
        return self.x[index].copy()

    def batch(self, indices: np.ndarray, images: list[np.ndarray]) -> Batch:
        """Return images with the other inputs, the targets and the weights that belong to them."""
        x: Any = stacked(images, self.image_shape, self.dtype)
        if self.x_misc:
            x = [x, *(other[indices] for other in self.x_misc)]
        y, weights = (None if part is None else part[indices] for part in (self.y, self.sample_weight))
        return Batch(x, y, weights)


class DirectoryIterator(ImageIterator):
    """Batches of the images of a folder's class folders, transformed by a generator.

    `classes` (n,) holds the number of each file's class, `class_indices` the numbers of the classes by name,
    `filenames` the files, relative to `directory`. What each argument means, `flow_from_directory` says.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        image_data_generator: "ImageDataGenerator | None",
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: str | None = None,
        *,
        damaged: str = "skip",
        cache: str | os.PathLike[str] | None = None,
        workers: int | None = None,
    ) -> None:
        known("interpolation", interpolation, RESAMPLING)
        data_format = data_format_of(data_format)
        if class_mode not in CLASS_MODES:
            raise ValueError(f"class_mode must be one of {', '.join(map(repr, CLASS_MODES))}, got {class_mode!r}")
        if subset is not None:
            _checked_subset(subset)
        files = find_images(directory, ENDINGS, "inferred", classes or None, follow_links).readable(damaged)
        if subset is not None:
            share = 0.0 if image_data_generator is None else image_data_generator.validation_split
            files = _part_of_each_class(files, subset, share)
        if class_mode == "binary" and len(files.classes) > 2:
            raise ValueError(f'class_mode="binary" is for 2 classes, got {len(files.classes)}: {files.classes}')
        print(f"Found {len(files)} images belonging to {len(files.classes)} classes.")
        if not len(files):
            raise ValueError(f"no images found in {os.fspath(directory)}: each class needs a folder in it")
        self.directory, self.damaged = directory, damaged
        self.class_mode, self.color_mode, self.data_format = class_mode, check_color_mode(color_mode), data_format
        self.target_size = pair("target_size", target_size)
        self.skipped = dict(files.skipped)
        self._hold(files)
        self.num_classes = len(files.classes)
        self.class_indices = {name: number for number, name in enumerate(files.classes)}
        settings = "Pillow", color_mode, self.target_size, interpolation, flag("keep_aspect_ratio", keep_aspect_ratio)
        self._read = cached(lambda path: np.array(load_image(path, *settings[1:])), cache, settings)
        shape = (*self.target_size, CHANNELS[color_mode])
        shape = (shape[2], *shape[:2]) if data_format == "channels_first" else shape
        save = save_to_dir, save_prefix, save_format
        super().__init__(image_data_generator, len(files), shape, batch_size, shuffle, seed, save, dtype, workers)

    def _hold(self, files: ImageFiles) -> None:
        """Have these files and no others."""
        assert files.labels is not None
        self.files, self.samples = files, len(files)
        self.filenames, self.filepaths = files.names, files.paths
        self.classes = self.labels = files.labels

    def chosen(self, places: Any) -> Self:
        """Return the same of the files at `places` alone, in their order."""
        part = copy.copy(self)
        part._hold(self.files.chosen(places))
        return part

    def image(self, index: int) -> np.ndarray:
        """Return an image file as an array of its own."""
        return img_to_array(self._read(self.filepaths[index]), self.data_format, self.dtype)

    def batch(self, indices: np.ndarray, images: list[np.ndarray]) -> Batch:
        """Return images and what `class_mode` makes of their classes."""
        x = stacked(images, self.image_shape, self.dtype)
        if self.class_mode is None:
            return Batch(x)
        if self.class_mode == "input":
            return Batch(x, x.copy())
        labels = self.classes[indices]
        if self.class_mode == "categorical":
            return Batch(x, np.eye(self.num_classes, dtype=self.dtype)[labels])
        return Batch(x, labels.astype(self.dtype))


def _checked_saving(
    save_to_dir: str | os.PathLike[str] | None, save_prefix: str, save_format: str
) -> tuple[str | os.PathLike[str] | None, str, str]:
    """Return where and how images are to be saved, if they are, after checking that they can be."""
    if save_to_dir is not None:
        from PIL.Image import registered_extensions

        if not os.path.isdir(save_to_dir):
            raise ValueError(f"save_to_dir must be a folder, and there is none: {os.fspath(save_to_dir)}")
        if f".{save_format}".lower() not in registered_extensions():
            raise ValueError(f'save_format must be a kind of image file, such as "png" or "jpeg", got {save_format!r}')
    return save_to_dir, save_prefix, save_format


def _checked_subset(subset: str) -> str:
    if subset not in ("training", "validation"):
        raise ValueError(f'subset must be "training" or "validation", got {subset!r}')
    return subset


def _part_of_each_class(files: ImageFiles, subset: str, share: float) -> ImageFiles:
    """Return the first `share` of every class's files for "validation", the others for "training"."""
    assert files.labels is not None
    chosen: list[int] = []
    for number in range(len(files.classes)):
        places = np.flatnonzero(files.labels == number).tolist()
        at = int(share * len(places))
        chosen += places[:at] if subset == "validation" else places[at:]
    return files.chosen(chosen)
