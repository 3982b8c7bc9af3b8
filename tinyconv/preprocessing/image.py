"""ImageDataGenerator: images turned, shifted, sheared, enlarged, mirrored, brightened and normalized, as in Keras."""

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..arguments import fraction, known, number, size, whole
from ..config import data_format_of, floatx
from ..randomness import Stream, uniform
from ..utils.image import array_to_img, img_to_array, load_img, save_img, smart_resize
from .iterators import DirectoryIterator, NumpyArrayIterator
from .pixels import FILL_MODES, affine_map, brightened, shifted_channels, warped

__all__ = ["ImageDataGenerator", "array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]

AFFINE = ("theta", "tx", "ty", "shear", "zx", "zy")  # what `affine_map` takes
DRAWS = 12  # numbers that an image's transformation takes, each at a place of its own, whichever of them are used
EPSILON = 1e-6  # added to standard deviations

Shift = float | int | Sequence[float]


class ImageDataGenerator:
    """Makes batches of images with random transformations, normalized; arguments and defaults are those of Keras.

    An image is first transformed (`random_transform`: rotation, shifts, shear, zoom, channel shift, flips, brightness,
    in this order), then normalized (`standardize`: preprocessing_function, rescale, samplewise, featurewise, ZCA).

    - rotation_range: degrees, either way. shear_range: degrees, either way.
    - width_shift_range, height_shift_range: below 1 a share of the width or height, else pixels, either way; an integer
      n or a sequence: one of 0 … n − 1, or of the sequence's, either way.
    - zoom_range: z for 1 − z … 1 + z, or (lower, upper): what the axes, each for itself, are drawn from.
    - brightness_range: (lower, upper), of factors. channel_shift_range: added, either way.
    - fill_mode: what lies outside: "nearest" aaa|abc|ccc, "constant" `cval`, "reflect" cba|abc|cba, "wrap" abc|abc|abc.
    - interpolation_order: 0 nearest pixel, 1 bilinear, up to 5 splines.

    What is drawn for an image depends on the seed, on the image's number, and on how many batches came before the epoch
    (`transform_of`).
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Shift = 0.0,
        height_shift_range: Shift = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: str | None = None,
    ) -> None:
        self.featurewise_center, self.samplewise_center = featurewise_center, samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, number("zca_epsilon", zca_epsilon)
        self.rotation_range, self.shear_range = (
            number("rotation_range", rotation_range),
            number("shear_range", shear_range),
        )
        self.width_shift_range = _checked_shift("width_shift_range", width_shift_range)
        self.height_shift_range = _checked_shift("height_shift_range", height_shift_range)
        self.brightness_range = None if brightness_range is None else _range("brightness_range", brightness_range)
        if isinstance(zoom_range, float | int | np.number):
            zoom_range = (1 - zoom_range, 1 + zoom_range)
        self.zoom_range = _range("zoom_range", zoom_range)
        self.channel_shift_range = number("channel_shift_range", channel_shift_range)
        self.fill_mode, self.cval = known("fill_mode", fill_mode, FILL_MODES), number("cval", cval)
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale = None if rescale is None else number("rescale", rescale)
        if preprocessing_function is not None and not callable(preprocessing_function):
            raise ValueError(f"preprocessing_function must be a function of an image, got {preprocessing_function!r}")
        self.preprocessing_function = preprocessing_function
        self.data_format = data_format_of(data_format)
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self.validation_split = fraction("validation_split", validation_split or 0.0)
        if self.validation_split == 1:
            raise ValueError("validation_split must lie between 0 and 1, got 1: nothing would be left to train on")
        self.interpolation_order = whole("interpolation_order", interpolation_order)
        if self.interpolation_order > 5:
            raise ValueError(f"interpolation_order must be in 0 … 5, got {interpolation_order}")
        self.dtype = dtype or floatx()
        if not np.issubdtype(np.dtype(self.dtype), np.floating):
            raise ValueError(f'dtype must be "float32" or "float64", in which images are normalized, got {dtype!r}')
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self.zca_whitening_matrix: np.ndarray | None = None
        self._stream: Stream | None = None
        self._settle()

    def _settle(self) -> None:
        """Let each normalization bring along the one that it needs, and say so in Keras's words."""
        if self.zca_whitening and not self.featurewise_center:
            self.featurewise_center = True
            _warn("zca_whitening", "which overrides setting of `featurewise_center`")
        if self.zca_whitening and self.featurewise_std_normalization:
            self.featurewise_std_normalization = False
            _warn("zca_whitening", "which overrides setting of `featurewise_std_normalization`")
        if self.featurewise_std_normalization and not self.featurewise_center:
            self.featurewise_center = True
            _warn("featurewise_std_normalization", "which overrides setting of `featurewise_center`")
        if self.samplewise_std_normalization and not self.samplewise_center:
            self.samplewise_center = True
            _warn("samplewise_std_normalization", "which overrides setting of `samplewise_center`")

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Return batches of the images x (n, h, w, c), transformed and normalized anew each epoch, and of targets y.

        x may be a pair of the images and an array, or a list of arrays, of other inputs. `subset` is "training" or
        "validation": the first part of the samples, as large as `validation_split` says. Images are also saved, in
        the folder `save_to_dir`, if it is given.
        """
        save = save_to_dir, save_prefix, save_format
        split = subset, ignore_class_split
        return NumpyArrayIterator(
            x, y, self, batch_size, shuffle, sample_weight, seed, self.data_format, *save, *split, self.dtype
        )

    def flow_from_directory(
        self,
        directory: str | os.PathLike[str],
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        *,
        damaged: str = "skip",
        cache: str | os.PathLike[str] | None = None,
        workers: int | None = None,
    ) -> DirectoryIterator:
        """Return batches of a folder's images, which has a folder for each class, transformed and normalized anew.

        - target_size (h, w), color_mode, interpolation, keep_aspect_ratio: how `load_img` reads and resizes them.
        - classes: which folders, in which order; all, sorted, if None. Hidden ones are passed over.
        - class_mode: targets "categorical" (n, classes), "binary" or "sparse" (n,), "input", the images, or None.
        - subset: "validation", the first files of each class, as many as `validation_split` says, or "training".
        - follow_links: read folders that are links, and files that lie elsewhere.
        - damaged: "skip" leaves files out that hold no image, named in a warning; "refuse" raises.
        - cache: None, "memory", or a folder that keeps decoded images. workers: threads; one a core if None.
        """
        resizing = interpolation, keep_aspect_ratio
        return DirectoryIterator(
            *(directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed),
            *(self.data_format, save_to_dir, save_prefix, save_format, follow_links, subset, *resizing, self.dtype),
            damaged=damaged,
            cache=cache,
            workers=workers,
        )

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Return an image, or a batch of them, normalized: floating-point arrays in place, as in Keras.

            x ← preprocessing_function(x);  x·rescale;  x − mean of x;  x/(std of x + 10⁻⁶)
            x − mean;  x/(std + 10⁻⁶);  x·ZCA matrix          with what `fit` has found

        Samplewise statistics are those of all of x: give one image at a time.
        """
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if not np.issubdtype(x.dtype, np.floating):
            x = x.astype(self.dtype)
        if self.rescale:
            x *= x.dtype.type(self.rescale)
        if self.samplewise_center:
            x -= np.mean(x)
        if self.samplewise_std_normalization:
            x /= np.std(x) + x.dtype.type(EPSILON)
        if self.featurewise_center and self._fitted("featurewise_center", self.mean):
            x -= self.mean
        if self.featurewise_std_normalization and self._fitted("featurewise_std_normalization", self.std):
            x /= self.std + x.dtype.type(EPSILON)
        if self.zca_whitening and self._fitted("zca_whitening", self.zca_whitening_matrix):
            x = np.reshape(x.reshape(-1, math.prod(x.shape[-3:])) @ self.zca_whitening_matrix, x.shape)
        return x

    def _fitted(self, setting: str, statistic: np.ndarray | None) -> bool:
        """Return whether `fit` has found the statistic of a setting; warn, in Keras's words, if not."""
        if statistic is None:
            _warn(setting, "but it hasn't been fit on any training data. Fit it first by calling `.fit(numpy_data)`")
        return statistic is not None

    def get_random_transform(self, img_shape: Sequence[int], seed: int | None = None) -> dict[str, Any]:
        """Return the parameters of a random transformation of an image of `img_shape`: see `apply_transform`.

        The same `seed` gives the same; without one, each call gives others.
        """
        return self.transform_of(img_shape, self._own_stream(seed).draw(), 0)

    def transform_of(self, img_shape: Sequence[int], draw: tuple[int, int, int], sample: int) -> dict[str, Any]:
        """Return the parameters of image number `sample`'s transformation at a draw (seed, stream, step).

        They are a function of these four and of the generator's settings, so that neither the order of worker threads
        nor what else was drawn matters, and a resumed run sees the same images.
        """
        u = uniform((DRAWS,), draw, first=sample * DRAWS)

        def between(low: float, high: float, place: int) -> float:
            return float(low + (high - low) * u[place])

        height, width = img_shape[self.row_axis - 1], img_shape[self.col_axis - 1]
        no_zoom = self.zoom_range == (1, 1)
        channel_shift, brightness = self.channel_shift_range, self.brightness_range
        return {
            "theta": between(-self.rotation_range, self.rotation_range, 0) if self.rotation_range else 0,
            "tx": _shift(self.width_shift_range, width, u[1], u[2]),
            "ty": _shift(self.height_shift_range, height, u[3], u[4]),
            "shear": between(-self.shear_range, self.shear_range, 5) if self.shear_range else 0,
            "zx": 1 if no_zoom else between(*self.zoom_range, 6),
            "zy": 1 if no_zoom else between(*self.zoom_range, 7),
            "flip_horizontal": bool(self.horizontal_flip and u[8] < 0.5),
            "flip_vertical": bool(self.vertical_flip and u[9] < 0.5),
            "channel_shift_intensity": between(-channel_shift, channel_shift, 10) if channel_shift else None,
            "brightness": None if brightness is None else between(*brightness, 11),
        }

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """Return a new array: the image x, of three axes, transformed as the parameters say.

        theta, shear: degrees; tx, ty: pixels to the left and up; zx, zy: what shows of the width and height;
        channel_shift_intensity; flip_horizontal, flip_vertical; brightness. What is missing changes nothing.
        """
        if x.ndim != 3:
            raise ValueError(f"a transformation takes one image, of three axes, got an array of shape {x.shape}")
        given, channel_axis = transform_parameters, self.channel_axis - 1
        y = np.moveaxis(x, channel_axis, -1)
        map_of_pixels = affine_map(*y.shape[:2], **{name: given[name] for name in AFFINE if name in given})
        if map_of_pixels:
            y = warped(y, *map_of_pixels, self.fill_mode, self.cval, self.interpolation_order)
        if given.get("channel_shift_intensity") is not None:
            y = shifted_channels(y, given["channel_shift_intensity"])
        if given.get("flip_horizontal"):
            y = y[:, ::-1]
        if given.get("flip_vertical"):
            y = y[::-1]
        if given.get("brightness") is not None:
            y = brightened(y, given["brightness"])
        y = np.ascontiguousarray(np.moveaxis(y, -1, channel_axis))
        return y.copy() if np.may_share_memory(x, y) else y

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """Return the image x, of three axes, randomly transformed: see `get_random_transform`."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Find the featurewise mean, standard deviation and ZCA matrix of the images x, after `rescale`.

        With `augment`, of `rounds` random transformations of each. Sums are taken in double.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(f"fit needs images with four axes, number of the image first, got shape {x.shape}")
        if x.shape[self.channel_axis] not in (1, 3, 4):
            warnings.warn(
                f'Expected input to be images following the data format convention "{self.data_format}", with 1, 3 or '
                f"4 channels on axis {self.channel_axis}. However, it was passed an array with shape {x.shape}",
                stacklevel=2,
            )
        if self.rescale:
            x *= x.dtype.type(self.rescale)
        if augment:
            x = np.stack([*self._augmented(x, size("rounds", rounds), self._own_stream(seed))])
        axes = 0, self.row_axis, self.col_axis
        if self.featurewise_center:
            self.mean = _mean(x, axes)
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.sqrt(_mean(np.square(x), axes))
            x /= self.std + x.dtype.type(EPSILON)
        if self.zca_whitening:
            u, s, _ = np.linalg.svd(x.reshape(len(x), -1).T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))) @ u.T

    def _augmented(self, images: np.ndarray, rounds: int, stream: Stream) -> Iterator[np.ndarray]:
        """Yield `rounds` random transformations of each image, round by round."""
        for _ in range(rounds):
            draw = stream.draw()
            for i, image in enumerate(images):
                yield self.apply_transform(image, self.transform_of(image.shape, draw, i))

    def _own_stream(self, seed: int | None) -> Stream:
        """Return the generator's own stream, or, from its beginning, that of a seed."""
        if seed is not None:
            return Stream(seed)
        if self._stream is None:
            self._stream = Stream()
        return self._stream


def _mean(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return the means over all images and their pixels, shaped to go with one image."""
    return np.asarray(np.mean(x, axes, np.float64, keepdims=True), x.dtype)[0]


def _shift(given: Shift, length: int, u: float, sign: float) -> float:
    """Return a shift in pixels along an axis of `length`, drawn by two uniform numbers."""
    if not np.any(given):
        return 0
    if isinstance(given, float | np.floating):
        shift = float(-given + 2 * given * u)
    else:
        choices: Any = range(given) if isinstance(given, int | np.integer) else given
        shift = float(choices[int(u * len(choices))]) * (1 if sign < 0.5 else -1)
    return shift * length if np.max(given) < 1 else shift


def _range(argument: str, given: Any) -> tuple[float, float]:
    """Return (lower, upper) after checking that they are two numbers."""
    if np.shape(given) != (2,) or not all(isinstance(one, float | int | np.number) for one in given):
        raise ValueError(f"{argument} must be a pair (lower, upper) of numbers, got {given!r}")
    return given[0], given[1]


def _checked_shift(argument: str, given: Any) -> Any:
    """Return a range of shifts after checking that it is a number, or numbers to choose from."""
    several = isinstance(given, Sequence | np.ndarray) and not isinstance(given, str)
    for one in given if several else [given]:
        number(argument, one)
    if several and not len(given):
        raise ValueError(f"{argument} must be a number or a list of at least one, got {given!r}")
    return given


def _warn(setting: str, consequence: str) -> None:
    warnings.warn(f"This ImageDataGenerator specifies `{setting}`, {consequence}.", stacklevel=4)
