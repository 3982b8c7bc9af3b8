"""`tf.io`: files, and the images in them."""

import os
from glob import glob as files_like
from pathlib import Path
from typing import Any

import numpy as np

from ..operations import Values, held
from ..vocabulary import missing
from .image import decode_bmp, decode_gif, decode_image, decode_jpeg, decode_png, encode_jpeg, encode_png

__all__ = [
    "decode_bmp",
    "decode_gif",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "encode_jpeg",
    "encode_png",
    "gfile",
    "matching_files",
    "read_file",
    "write_file",
]


class Content(bytes):
    """What is in a file, in a script's hands."""

    shape = ()
    dtype = np.dtype("S")

    def numpy(self) -> bytes:
        """Return the bytes."""
        return bytes(self)


def path_of(name: Any) -> str:
    """Return the name of a file as text: it may be a tensor of a word."""
    if isinstance(name, Values):
        name = name.numpy()
    return os.fsdecode(name if isinstance(name, str | bytes | os.PathLike) else str(name))


def read_file(filename: Any, name: str | None = None) -> Content:
    """Return what is in a file."""
    return Content(Path(path_of(filename)).read_bytes())


def write_file(filename: Any, contents: Any, name: str | None = None) -> None:
    """Write a file; the folders above it are made."""
    path = Path(path_of(filename))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents.numpy() if hasattr(contents, "numpy") else bytes(contents))


def matching_files(pattern: Any, name: str | None = None) -> Any:
    """Return the names of files that fit a pattern, sorted."""
    return held(np.array(sorted(files_like(path_of(pattern)))))


class gfile:  # noqa: N801, the name that scripts know
    """Files and folders, in TensorFlow's words."""

    @staticmethod
    def GFile(name: Any, mode: str = "r") -> Any:  # noqa: N802
        """Open a file."""
        return open(path_of(name), mode)

    FastGFile = Open = GFile

    @staticmethod
    def exists(path: Any) -> bool:
        """Return whether there is a file or a folder of this name."""
        return os.path.exists(path_of(path))

    @staticmethod
    def isdir(path: Any) -> bool:
        """Return whether it is a folder."""
        return os.path.isdir(path_of(path))

    @staticmethod
    def listdir(path: Any) -> list[str]:
        """Return the names in a folder."""
        return os.listdir(path_of(path))

    @staticmethod
    def glob(pattern: Any) -> list[str]:
        """Return the names of files that fit a pattern, or any of several."""
        patterns = pattern if isinstance(pattern, list | tuple) else [pattern]
        return [name for each in patterns for name in sorted(files_like(path_of(each)))]

    @staticmethod
    def makedirs(path: Any) -> None:
        """Make a folder, and those above it."""
        os.makedirs(path_of(path), exist_ok=True)

    mkdir = makedirs

    Exists, IsDirectory, ListDirectory, Glob, MakeDirs = exists, isdir, listdir, glob, makedirs


__getattr__ = missing(
    "tensorflow.io",
    globals(),
    {"TFRecordWriter FixedLenFeature parse_single_example": "keep images and arrays, not files of records"},
)
