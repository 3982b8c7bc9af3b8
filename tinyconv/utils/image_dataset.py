"""image_dataset_from_directory: a folder of images as a dataset, with Keras's arguments and meaning."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import randomness
from ..arguments import flag
from ..config import data_format_of
from ..data.images import ImageFiles, ImageFolder, find_images
from ..data.images.folder import encoded

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    *,
    verbose: bool = True,
    damaged: str = "skip",
    cache: str | os.PathLike[str] | None = None,
    workers: int | None = None,
) -> Any:
    """Return the images of a folder as a dataset of batches: float32 (n, h, w, c) with values 0 to 255, and labels.

    Each class has a folder, or, in a folder without folders, names such as cat.12.jpg; hidden ones are passed over.

    - labels: "inferred"; None for images alone; or a list of integers, one for each file in the order of the paths.
    - label_mode: "int" (n,) int32; "binary" (n, 1) and "categorical" (n, classes) float32; None for images alone.
    - class_names: which folders, in which order; all, sorted, if None.
    - color_mode: "grayscale", "rgb" or "rgba". image_size: (h, w) that images are resized to, by `interpolation`:
      "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or "mitchellcubic".
      crop_to_aspect_ratio, pad_to_aspect_ratio: by cutting what does not fit, or by filling up with zeros.
    - shuffle: the files are put in an order drawn by `seed` (Keras's), by the session's if None, and in a new one for
      every epoch.
    - validation_split, subset: a share of the files; "training", "validation", the last of them, or "both" as a list.
    - follow_links: read folders that are links, and files that lie elsewhere.
    - damaged: "skip" leaves files out that hold no image, named in a warning and in `skipped`; "refuse" raises.
    - cache: None, "memory", or a folder that keeps decoded images. workers: threads that decode, one a core if None.

    The dataset has `class_names` and `file_paths`. Images are decoded ahead of the training step.
    """
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other: give one of them")
    data_format = data_format_of(data_format)
    _check_split(validation_split, subset, flag("shuffle", shuffle), seed)
    if label_mode is None:
        labels = None
    files = find_images(directory, ENDINGS, labels, class_names, follow_links)
    encoded(files, label_mode)  # refuses, before any file is opened
    readable = files.readable(damaged)
    if verbose:
        belonging = "" if readable.class_names is None else f" belonging to {len(readable.class_names)} classes"
        print(f"Found {len(readable)} files{belonging}.")
    if not len(readable):
        raise ValueError(f"no images found in {os.fspath(directory)}: a folder for each class, of {', '.join(ENDINGS)}")
    order = list(range(len(readable)))
    if shuffle:
        np.random.RandomState((randomness.seed() if seed is None else seed) % 2**32).shuffle(order)
    held_out = int((validation_split or 0) * len(order))
    parts = {"training": order[: len(order) - held_out], "validation": order[len(order) - held_out :], None: order}

    def dataset(part: str | None, shuffled: bool) -> ImageFolder:
        if not parts[part]:
            raise ValueError(f"validation_split={validation_split} of {len(order)} files leaves none for {part}")
        chosen: ImageFiles = readable.chosen(parts[part])
        return ImageFolder(
            chosen,
            encoded(chosen, label_mode),
            color_mode=color_mode,
            image_size=image_size,
            data_format=data_format,
            interpolation=interpolation.lower(),
            aspect="crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else "free",
            batch_size=batch_size,
            shuffle=shuffled,
            seed=seed,
            damaged=damaged,
            cache=cache,
            workers=workers,
        )

    if verbose and subset in ("training", "both"):
        print(f"Using {len(parts['training'])} files for training.")
    if verbose and subset in ("validation", "both"):
        print(f"Using {held_out} files for validation.")
    if subset == "both":
        return [dataset("training", shuffle), dataset("validation", False)]
    return dataset(subset, shuffle)


def _check_split(validation_split: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    """Refuse a share without a part, a part without a share, and two parts that could overlap."""
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"validation_split must be between 0 and 1, got {validation_split}")
    if bool(validation_split) != bool(subset):
        raise ValueError(f"validation_split and subset go together, got {validation_split} and {subset!r}")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f'subset must be "training", "validation" or "both", got {subset!r}')
    if validation_split and shuffle and seed is None:
        raise ValueError("validation_split of shuffled files needs a seed: without, training and validation overlap")
