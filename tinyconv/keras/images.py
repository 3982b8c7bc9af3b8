"""Images for training by the arguments, defaults and units of the eras before Keras 3."""

import math
from functools import wraps
from typing import Any

from .. import config, zoo
from ..preprocessing import image
from ..preprocessing.iterators import ImageIterator
from ..saving.keras1 import DIMENSIONS
from ..utils import get_file
from ..utils import image as files
from ..zoo import imagenet
from .eras import Era
from .spelling import Names, Patch, Spelling, bound, positions_of, renamed
from .tensorflow.data.folder import image_dataset_from_directory

# The arguments of ImageDataGenerator in Keras 1.0 to 2.1.4, in their order.
GENERATOR = (
    "featurewise_center samplewise_center featurewise_std_normalization samplewise_std_normalization zca_whitening "
    "rotation_range width_shift_range height_shift_range shear_range zoom_range channel_shift_range fill_mode cval "
    "horizontal_flip vertical_flip rescale preprocessing_function dim_ordering"
)
TF_LIKE = ("inception_v3", "xception", "mobilenet", "mobilenet_v2", "inception_resnet_v2", "resnet_v2", "nasnet")
TORCH_LIKE = ("densenet",)


def spelled_names(era: Era) -> Names:
    """Return what reads, changes and prepares images in an era, by module."""
    found: dict[str, Any] = {f"applications.{name}": {"preprocess_input": imagenet.tf} for name in TF_LIKE}
    found |= {f"applications.{name}": {"preprocess_input": _torch} for name in TORCH_LIKE}
    found["applications.imagenet_utils"] = {"preprocess_input": zoo.preprocess_input}
    networks = {name: getattr(zoo, name) for name in zoo.__all__ if name[0].isupper()}
    made = {name: _trained(network) for name, network in networks.items() if "weights" in positions_of(network)}
    found["zoo"] = {"decode_predictions": _decode_predictions, **made}
    folder = {"image_dataset_from_directory": image_dataset_from_directory}
    found |= {"preprocessing": folder, "preprocessing.image": folder, "utils": folder}
    if era.old:
        made = {
            "ImageDataGenerator": Spelling("ImageDataGenerator", image.ImageDataGenerator, _generator(era)),
            "load_img": _load_img(era),
            "img_to_array": _with_ordering(files.img_to_array),
            "array_to_img": _with_ordering(files.array_to_img),
            "Iterator": ImageIterator,
            "NumpyArrayIterator": image.NumpyArrayIterator,
        }
        found["preprocessing.image"] = made | folder
        found["utils"] = {name: made[name] for name in list(made)[1:4]} | folder
    return found


def patches(era: Era) -> list[Patch]:
    """Return what iterators over images have besides: `next()`, and the number of samples under its old names."""
    if not era.old:
        return []
    samples = property(lambda self: self.n)
    return [
        (ImageIterator, "next", lambda self: next(self)),
        (ImageIterator, "nb_sample", samples),
        (ImageIterator, "N", samples),
        (ImageIterator, "nb_class", property(lambda self: len(self.class_indices))),
    ]


def _trained(network: Any) -> Any:
    """Return a network of `keras.applications`, which has ImageNet's weights unless something else is said."""

    @wraps(network)
    def made(*given: Any, **named: Any) -> Any:
        return network(**{"weights": "imagenet", **bound(network.__name__, positions_of(network), given, named)})

    return made


def _torch(x: Any, data_format: str | None = None) -> Any:
    """Return RGB images as networks take them that were trained with PyTorch."""
    return zoo.preprocess_input(x, data_format, "torch")


def _decode_predictions(preds: Any, top: int = 5) -> Any:
    """Return the likeliest classes, named by ImageNet's class index: from TINYCONV_DATA, or Keras's own folder."""
    url = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
    return zoo.decode_predictions(preds, top, get_file("imagenet_class_index.json", url, cache_subdir="models"))


def _ordered(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments with `dim_ordering` in today's word, and with the session's order where they say none."""
    if "dim_ordering" in arguments:
        word = arguments.pop("dim_ordering")
        arguments["data_format"] = None if word in (None, "default") else DIMENSIONS.get(word, word)
    if arguments.get("data_format") in (None, "default"):
        arguments["data_format"] = config.image_data_format()
    return arguments


def _generator(era: Era) -> Any:
    short = era.before(2, 1, 5)
    positions = tuple(GENERATOR.split()) if short else positions_of(image.ImageDataGenerator)

    def make(*given: Any, **named: Any) -> Any:
        arguments = _ordered(bound("ImageDataGenerator", positions, given, named))
        if era.before(1, 0, 2):
            arguments = {"featurewise_center": True, "featurewise_std_normalization": True, **arguments}
        if era.before(2, 1, 3) and arguments.get("shear_range"):
            arguments["shear_range"] = math.degrees(arguments["shear_range"])
        return OldGenerator(era, **arguments)

    return make


class OldGenerator(image.ImageDataGenerator):
    """A generator whose `flow` and `fit` take the arguments, and have the defaults, of an era."""

    def __init__(self, era: Era, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.era = era

    def flow(self, *given: Any, **named: Any) -> Any:
        """Return batches of arrays; up to Keras 1.0.3 in their order, unless they are to be shuffled."""
        if self.era.before(1, 0, 4):
            positions = ("x", "y", "batch_size", "shuffle", "seed", "save_to_dir", "save_prefix", "save_format")
            arguments = bound("flow", positions, given, renamed(named, {"X": "x"}))
            return super().flow(**{"shuffle": False, **arguments})
        if self.era.before(2, 2):
            positions = ("x", "y", "batch_size", "shuffle", "seed", "save_to_dir", "save_prefix", "save_format")
            given, named = (), bound("flow", positions, given, renamed(named, {"X": "x"}))
        return super().flow(*given, **named)

    def fit(self, x: Any = None, augment: bool = False, rounds: int = 1, seed: int | None = None, **named: Any) -> None:
        """Find the statistics of images."""
        super().fit(named.get("X", x), augment=augment, rounds=rounds, seed=seed)

    def flow_from_directory(self, directory: Any, *given: Any, **named: Any) -> Any:
        """Return batches of a folder's images; resized by the rule of the era."""
        if self.era.before(2, 1) and not self.era.before(2, 0, 9):
            named.setdefault("interpolation", "bilinear")
        return super().flow_from_directory(directory, *given, **named)


def _load_img(era: Era) -> Any:
    def load_img(
        path: Any,
        grayscale: Any = False,
        color_mode: str = "rgb",
        target_size: Any = None,
        interpolation: str | None = None,
        **more: Any,
    ) -> Any:
        """Return an image file as an image of Pillow's; `grayscale=True` is `color_mode="grayscale"`."""
        if isinstance(grayscale, str):  # in tf.keras the second argument may be the color_mode
            color_mode, grayscale = grayscale, False
        usual = "bilinear" if era.before(2, 1) and not era.before(2, 0, 9) else "nearest"
        mode = "grayscale" if grayscale else color_mode
        return files.load_img(path, mode, target_size, interpolation or usual, **more)

    return load_img


def _with_ordering(function: Any) -> Any:
    positions = positions_of(function)

    def ordered(*given: Any, **named: Any) -> Any:
        return function(**_ordered(bound(function.__name__, positions, given, named)))

    ordered.__name__, ordered.__doc__ = function.__name__, function.__doc__
    return ordered
