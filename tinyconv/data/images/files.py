"""Which image files a folder has, in which order, and of which classes: the same for all that reads folders.

A class is a folder, or, where there are no folders, the beginning of names such as cat.12.jpg. The order is Keras's:
class by class, in each by the folder's path, then by name. What is hidden, its name beginning with a dot, is passed
over.
"""

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .decode import fault

NUMBERED = re.compile(r"(.+)\.\d+\.\w+")  # cat.12.jpg
READERS = 8  # files that are looked into at once: mostly to wait for the disk
NAMED = 5  # files that a message names


@dataclass(frozen=True)
class ImageFiles:
    """Image files below `directory`, `names` relative to it, with the number of each one's class if there are classes.

    `skipped` has the names of files that are not among them, and why.
    """

    directory: str
    names: list[str]
    labels: np.ndarray | None = None  # (n,) int32
    class_names: list[str] | None = None
    skipped: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def paths(self) -> list[str]:
        """The files' paths."""
        return [os.path.join(self.directory, name) for name in self.names]

    @property
    def classes(self) -> list[str]:
        """The names of the classes; none if there are none."""
        return self.class_names or []

    def chosen(self, places: Any) -> "ImageFiles":
        """Return the files at `places`, in their order."""
        places = np.asarray(places, np.intp)
        labels = None if self.labels is None else self.labels[places]
        return replace(self, names=[self.names[place] for place in places], labels=labels)

    def readable(self, damaged: str) -> "ImageFiles":
        """Return the files that hold images, as far as their heads and ends tell; name the others.

        They are left out with a warning if `damaged` is "skip"; if it is "refuse", ValueError is raised.
        """
        if damaged not in ("skip", "refuse"):
            raise ValueError(f'damaged must be "skip" or "refuse", got {damaged!r}')
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of images that it may refuse: they are refused here
            with ThreadPoolExecutor(READERS) as pool:
                faults = list(pool.map(fault, self.paths))
        skipped = {name: reason for name, reason in zip(self.names, faults, strict=True) if reason is not None}
        if not skipped:
            return self
        if damaged == "refuse":
            raise ValueError(f'{describe_skipped(self.directory, skipped)}: damaged="skip" leaves such files out')
        warnings.warn(f"skipped {describe_skipped(self.directory, skipped)}", stacklevel=4)
        good = self.chosen([place for place, reason in enumerate(faults) if reason is None])
        return replace(good, skipped={**self.skipped, **skipped})


def describe_skipped(directory: str, skipped: dict[str, str]) -> str:
    """Return how many files of a folder hold no image, and the first of them by name."""
    files = "1 file" if len(skipped) == 1 else f"{len(skipped)} files"
    named = "; ".join(f"{name} {reason}" for name, reason in list(skipped.items())[:NAMED])
    return f"{files} of {directory}: {named}" + (f"; and {len(skipped) - NAMED} more" if len(skipped) > NAMED else "")


def find_images(
    directory: str | os.PathLike[str],
    endings: Sequence[str],
    labels: Any = "inferred",
    classes: Sequence[str] | None = None,
    follow_links: bool = False,
) -> ImageFiles:
    """Return the files of a folder whose names end in one of `endings`, upper or lower case.

    `labels` "inferred" are those of the folders, `classes` or all; None is none; a list has one for each file, in the
    order of their paths. Links to folders are followed if `follow_links` says so; without it a link to a file outside
    `directory` is refused. Raises ValueError, and FileNotFoundError and NotADirectoryError for no folder.
    """
    directory = os.fspath(directory)
    present = _class_folders(directory)
    found = _Search(directory, tuple(endings), follow_links)
    if isinstance(labels, str) and labels == "inferred":
        if not present and classes is None:
            return _classes_in_names(directory, found.below(""))
        missing = set(classes or ()) - set(present)
        if missing:
            raise ValueError(f"{directory} has no folder for the classes {sorted(missing)}, it has {present}")
        class_names = list(classes) if classes else present
        parts = [found.below(name) for name in class_names]
        numbers = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])
        return ImageFiles(directory, [name for part in parts for name in part], numbers, class_names)
    if classes is not None:
        raise ValueError('class names are for labels="inferred": without folders of classes there is none to name')
    names = found.below("")
    if labels is None:
        return ImageFiles(directory, names)
    if not isinstance(labels, list | tuple):
        raise ValueError(f'labels must be "inferred", None or a list of integers, got {labels!r}')
    if len(labels) != len(names):
        raise ValueError(
            f"labels has {len(labels)} numbers and {directory} {len(names)} images: give one for each, in the order of "
            "their paths"
        )
    for label in labels:
        if not isinstance(label, int | np.integer):
            raise ValueError(f"labels must be integers, the numbers of classes, got {label!r}")
    return ImageFiles(directory, names, np.asarray(labels, np.int32), [str(each) for each in sorted(set(labels))])


def _class_folders(directory: str) -> list[str]:
    """Return the names of a folder's folders that are not hidden, sorted."""
    with os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def _classes_in_names(directory: str, names: list[str]) -> ImageFiles:
    """Return files called cat.12.jpg, class by class; none if there are others among them."""
    beginnings = [NUMBERED.fullmatch(name) for name in names]
    if None in beginnings:
        names, beginnings = [], []
    classes = [match[1] for match in beginnings if match is not None]
    class_names = sorted(set(classes))
    numbers = np.array([class_names.index(name) for name in classes], np.int32)
    return ImageFiles(directory, names, numbers, class_names).chosen(np.argsort(numbers, kind="stable"))


@dataclass(frozen=True)
class _Search:
    """A walk through the folders below `directory`, for files that end in `endings`."""

    directory: str
    endings: tuple[str, ...]
    follow_links: bool

    def below(self, folder: str) -> list[str]:
        """Return the names, relative to `directory`, of all files in a folder of it and below, in order."""
        top = os.path.join(self.directory, folder)
        if os.path.islink(top.rstrip(os.sep)) and folder:
            self._check_inside(top)
        found = sorted(self._folders(top, frozenset()), key=lambda each: each[0])
        return [os.path.relpath(os.path.join(root, name), self.directory) for root, names in found for name in names]

    def _folders(self, root: str, above: frozenset[str]) -> Iterator[tuple[str, list[str]]]:
        """Yield each folder and the names of its images, sorted. A link to a folder above, a cycle, is not followed."""
        above = above | {os.path.realpath(root)}
        names, folders = [], []
        with os.scandir(root) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    link = entry.is_symlink()
                    if not link or (self.follow_links and os.path.realpath(entry.path) not in above):
                        folders.append(entry.path)
                elif entry.name.lower().endswith(self.endings) and (entry.is_symlink() or entry.is_file()):
                    if entry.is_symlink():
                        self._check_inside(entry.path)
                    names.append(entry.name)
        yield root, sorted(names)
        for folder in folders:
            yield from self._folders(folder, above)

    def _check_inside(self, path: str) -> None:
        """Refuse a link that leaves the directory, unless links are followed."""
        target, inside = os.path.realpath(path), os.path.realpath(self.directory)
        if not self.follow_links and not target.startswith(os.path.join(inside, "")):
            raise ValueError(f"{path} is a link to {target}, outside {self.directory}: follow_links=True reads it")
