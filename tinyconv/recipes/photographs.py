"""The recipes on folders of photographs: cats-dogs, practicum, intel, vgg16-cats-dogs."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import zoo
from ..callbacks import ReduceLROnPlateau
from ..losses import BinaryCrossentropy, CategoricalCrossentropy
from ..metrics import TopKCategoricalAccuracy
from ..optimizers import Adam, RMSprop
from ..preprocessing.image import ImageDataGenerator
from ..preprocessing.iterators import DirectoryIterator
from .recipe import Data, Recipe, divided, epoch_figure, percent

if TYPE_CHECKING:
    from .config import Config

LAST = 0  # epoch
PARTS = ("train", "validation")
SCALED = {"rescale": 1 / 255}
# What `--augment` does to each training image: such changes as another photograph of the same thing might show.
AUGMENTED: dict[str, Any] = {
    "rotation_range": 15,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "shear_range": 5,
    "zoom_range": 0.15,
    "horizontal_flip": True,
    "fill_mode": "reflect",
}


def as_bgr(images: np.ndarray) -> np.ndarray:
    """Return images (…, 3) with blue first, as VGG16 was made for."""
    return np.ascontiguousarray(images[..., ::-1])


def loader(
    name: str,
    classes: tuple[str, ...],
    side: int,
    class_mode: str,
    normalization: dict[str, Any],
    interpolation: str = "nearest",
) -> Callable[["Config"], Data]:
    """Return a recipe's `load`: datasets of the photographs in `config.data`, `side` pixels high and wide."""

    def load(config: "Config") -> Data:
        folder = photographs(name, classes, config.data)
        augmentation = AUGMENTED if config.augment else {}
        training, validation = (
            ImageDataGenerator(**normalization, **(augmentation if part == "train" else {})).flow_from_directory(
                folder / part,
                target_size=(side, side),
                classes=list(classes),
                class_mode=class_mode,
                batch_size=config.batch_size,
                shuffle=part == "train",
                seed=config.seed,
                interpolation=interpolation,
            )
            for part in PARTS
        )
        if config.limit is not None:
            training, validation = (limited(each, config.limit) for each in (training, validation))
        return Data(training, validation, validation)

    return load


def limited(images: DirectoryIterator, limit: int) -> DirectoryIterator:
    """Return at most `limit` of the images, evenly spread over all classes."""
    n = min(limit, images.samples)
    return images.chosen(np.arange(n) * images.samples // n)


def photographs(name: str, classes: tuple[str, ...], folder: str | None) -> Path:
    """Return the folder after looking whether it is made as the recipe needs it; raises ValueError if it is not."""
    named = folder or "DIR"
    wanted = ", ".join(f"{named}/{part}/{each}" for part in PARTS for each in classes)
    if folder is None:
        raise ValueError(
            f"{name} trains on photographs of your own: give --data DIR, with images in {wanted} "
            "(python -m tinyconv.split_folder makes such folders)"
        )
    for part in PARTS:
        for each in classes:
            if not Path(folder, part, each).is_dir():
                raise ValueError(f"{name} needs photographs in {wanted}: there is no folder {folder}/{part}/{each}")
    return Path(folder)


_on_cats_and_dogs = partial(
    Recipe, photographs=True, augments=True, class_names=("cats", "dogs"), interpolation="nearest"
)

CATS_DOGS = _on_cats_and_dogs(
    name="cats-dogs",
    document="image-classification tutorial",
    parameters=5_046_369,
    build=zoo.cats_dogs,
    load=loader("cats-dogs", ("cats", "dogs"), 150, "binary", SCALED),
    prepare=divided,
    loss=BinaryCrossentropy(),
    optimizer=RMSprop,
    learning_rate=0.001,
    batch_size=32,
    epochs=1,
    figures=(
        epoch_figure("loss, epoch 1", "0.6741", "loss", 1, "{:.4f}".format),
        epoch_figure("accuracy, epoch 1", "61.22 %", "accuracy", 1, percent),
        epoch_figure("validation loss, epoch 1", "0.5511", "val_loss", 1, "{:.4f}".format),
        epoch_figure("validation accuracy, epoch 1", "72.83 %", "val_accuracy", 1, percent),
    ),
    image_shape=(150, 150, 3),
)

PRACTICUM = _on_cats_and_dogs(
    name="practicum",
    document="image-classification course notes",
    parameters=9_494_561,
    build=zoo.practicum,
    load=loader("practicum", ("cats", "dogs"), 150, "binary", SCALED),
    prepare=divided,
    loss=BinaryCrossentropy(),
    optimizer=RMSprop,
    learning_rate=0.001,
    batch_size=20,
    epochs=15,  # the notes give none
    figures=(epoch_figure("validation accuracy", "none given", "val_accuracy", LAST, percent),),
    image_shape=(150, 150, 3),
)

SCENES = ("buildings", "forest", "glacier", "mountain", "sea", "street")

INTEL_SUMMARY = Recipe(
    name="intel",
    document="deep-learning-for-vision notes",
    parameters=6_454_534,
    build=zoo.intel,
    load=loader("intel", SCENES, 150, "categorical", SCALED),
    prepare=divided,
    class_names=SCENES,
    loss=CategoricalCrossentropy(),
    optimizer=Adam,
    learning_rate=0.001,
    batch_size=16,
    epochs=20,  # the notes give none
    metrics=lambda: ["accuracy", TopKCategoricalAccuracy(k=2)],
    watching=(ReduceLROnPlateau,),
    figures=(
        epoch_figure("validation accuracy", "75 %", "val_accuracy", LAST, percent),
        epoch_figure("validation top-2 accuracy", "none given", "val_top_k_categorical_accuracy", LAST, percent),
    ),
    image_shape=(150, 150, 3),
    interpolation="nearest",
    photographs=True,
    augments=True,
)
INTEL_CODE = replace(INTEL_SUMMARY, build=partial(zoo.intel, normalizes_blocks=True), parameters=6_456_326)
INTEL = replace(INTEL_SUMMARY, variants={"summary": INTEL_SUMMARY, "code": INTEL_CODE})

VGG16_CATS_DOGS = _on_cats_and_dogs(
    name="vgg16-cats-dogs",
    document="image-processing chapter",
    parameters=33_605_442,
    build=zoo.vgg16_cats_dogs,
    # The chapter's OpenCV resizes bilinearly; the other documents leave it to Keras, which takes the nearest pixel.
    load=loader("vgg16-cats-dogs", ("cats", "dogs"), 50, "categorical", {"preprocessing_function": as_bgr}, "bilinear"),
    interpolation="bilinear",
    prepare=as_bgr,
    loss=CategoricalCrossentropy(),
    optimizer=Adam,
    learning_rate=1e-6,
    batch_size=256,
    epochs=20,
    figures=(epoch_figure("validation accuracy", "78.38 %", "val_accuracy", LAST, percent),),
    image_shape=(50, 50, 3),
)
