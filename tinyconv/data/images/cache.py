"""Decoded images kept, in memory or in a folder, so that later epochs read no image files."""

import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np

from ..._version import __version__

Read = Callable[[str], np.ndarray]


def cached(read: Read, cache: str | os.PathLike[str] | None, settings: object) -> Read:
    """Return `read`, a function from a file's path to its image, with what it has read kept.

    `cache` is "memory", a folder, which is made, or None for no cache. In a folder an image is found again, in later
    runs, too, as long as its file's path, size and time are the same, `settings`, all that `read` depends on, and the
    versions of tinyconv and of what decodes: Pillow and its libraries.
    """
    if cache is None:
        return read
    if cache == "memory":
        return _in_memory(read)
    folder = Path(cache)
    folder.mkdir(parents=True, exist_ok=True)
    return _in_folder(read, folder, repr((settings, decoder())))


def decoder() -> tuple[str, ...]:
    """Return the versions of all that an image's pixels come from."""
    import PIL
    from PIL import features

    libraries = [
        features.version(name) or "" for name in ("libjpeg_turbo", "jpg", "jpg_2000", "zlib", "libtiff", "webp")
    ]
    return __version__, PIL.__version__, *libraries


def _in_memory(read: Read) -> Read:
    kept: dict[str, np.ndarray] = {}

    def remembered(path: str) -> np.ndarray:
        image = kept.get(path)
        if image is None:
            image = kept[path] = read(path)
            image.flags.writeable = False
        return image

    return remembered


def _in_folder(read: Read, folder: Path, settings: str) -> Read:
    def remembered(path: str) -> np.ndarray:
        state = os.stat(path)
        key = f"{os.path.abspath(path)}\n{state.st_size}\n{state.st_mtime_ns}\n{settings}"
        place = folder / f"{sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:40]}.npy"
        image = _kept(place)
        if image is None:
            image = read(path)
            _keep(place, image)
        return image

    return remembered


def _kept(place: Path) -> np.ndarray | None:
    """Return an image that was kept; None if there is none, or only a part of one."""
    try:
        return np.load(place, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (ValueError, EOFError):
        return None


def _keep(place: Path, image: np.ndarray) -> None:
    """Write an image so that no reader, in any process, finds half of it."""
    partial = place.with_name(f"{place.name}.{os.getpid()}.{threading.get_ident()}.partial")
    try:
        with open(partial, "wb") as file:
            np.save(file, image)
        os.replace(partial, place)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(error.errno, f"cannot keep an image in the cache: {error.strerror}", str(place.parent)) from None
