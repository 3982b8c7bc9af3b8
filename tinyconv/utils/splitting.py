"""One folder of images becomes two, for training and for validation, as the documents' first steps make them."""

import filecmp
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ..arguments import flag
from ..data.images import find_images
from ..randomness import permutation

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
PARTS = ("train", "validation")

Pairs = list[tuple[str, str]]  # of a file's path and the path it is to have


def split_folder(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    validation: float = 0.3,
    seed: int = 0,
    link: bool = False,
    progress: Callable[[Pairs], Iterable[tuple[str, str]]] = iter,
) -> dict[str, dict[str, int]]:
    """Copy a folder's images to `destination`/train and /validation, and return how many of each class went where.

    `source` has a folder for each class, or files called cat.12.jpg; so have the new folders a folder for each class.
    Of each class, a share of `validation`, drawn by `seed`, goes there. `link` makes hard links, which take no space,
    in place of copies. No file is overwritten: one that exists with the same content is taken as done, so that a split
    that was broken off goes on; any other is refused, FileExistsError, before anything is copied, and so is one that an
    earlier split has put into the other part: it would be trained on and validated with. `progress` may watch the files
    go by, as `rich.progress.track` does.
    """
    if not 0 < validation < 1:
        raise ValueError(f"validation must be between 0 and 1, got {validation}")
    flag("link", link)
    source, destination = Path(source), Path(destination)
    if source.resolve() in (destination.resolve(), *destination.resolve().parents):
        raise ValueError(f"the destination {destination} lies in the source {source}: choose a folder outside")
    files = find_images(source, ENDINGS)
    if not len(files):
        raise ValueError(f"no images found in {source}: it needs a folder for each class, or names such as cat.12.jpg")
    assert files.labels is not None
    in_folders = (source / files.classes[0]).is_dir()
    pairs: Pairs = []
    counts: dict[str, dict[str, int]] = {part: {} for part in PARTS}
    for number, name in enumerate(files.classes):
        places = np.flatnonzero(files.labels == number)
        held_out = set(places[permutation(len(places), number, seed)[: round(validation * len(places))]].tolist())
        for part, chosen in zip(PARTS, (set(places.tolist()) - held_out, held_out), strict=True):
            counts[part][name] = len(chosen)
            folder = destination / part / ("" if in_folders else name)
            pairs += [(files.paths[place], str(folder / files.names[place])) for place in sorted(chosen)]
    for path, target in pairs:
        _refuse_both(path, target, destination)
    waiting = [(path, target) for path, target in pairs if not _done(path, target)]
    for part in PARTS:
        for name in files.classes:  # a class without files in a part has its number there all the same
            (destination / part / name).mkdir(parents=True, exist_ok=True)
    for path, target in progress(waiting):
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        _link(path, target) if link else _copy(path, target)
    return counts


def _refuse_both(path: str, target: str, destination: Path) -> None:
    """Refuse a file that is in the other part already."""
    part, *below = Path(target).relative_to(destination).parts
    other = destination.joinpath(PARTS[part == PARTS[0]], *below)
    if os.path.lexists(other):
        raise FileExistsError(
            f"{path} is to be {target}, and {other} exists, of another split: choose another destination, or the same "
            "images, share and seed"
        )


def _done(path: str, target: str) -> bool:
    """Return whether a file is there already; refuse another one in its place."""
    if not os.path.lexists(target):
        return False
    if not (os.path.isfile(target) and filecmp.cmp(path, target, shallow=False)):
        raise FileExistsError(f"{target} exists and is not {path}: nothing is overwritten, choose another destination")
    return True


def _copy(path: str, target: str) -> None:
    """Copy a file, so that no moment exists in which half of it bears its name."""
    import shutil  # which loads every kind of compression

    partial = f"{target}.partial"
    try:
        shutil.copy2(path, partial)
        os.rename(partial, target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _link(path: str, target: str) -> None:
    try:
        os.link(os.path.realpath(path), target)
    except OSError as error:
        reason = f"{target} cannot be a link to {path} ({error.strerror}): copy instead"
        raise OSError(error.errno, reason) from None
