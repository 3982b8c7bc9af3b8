"""Config: what a run was asked to do, kept in the run's folder as `config.json`."""

import json
import os
from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from .. import kernels
from .._version import __version__
from ..keras_files import write_aside
from . import BY_NAME
from .errors import RunError
from .recipe import Recipe

FILE = "config.json"


def whole_number(text: str) -> int:
    """Return a whole number from 1 up."""
    if not (text.isdecimal() and text.isascii() and len(text) <= 18 and int(text) > 0):
        raise ArgumentTypeError(f"needs a whole number from 1 up, got {text}")
    return int(text)


def seed_number(text: str) -> int:
    """Return a whole number that `set_seed` takes."""
    if not (text.isdecimal() and text.isascii() and len(text) <= 20 and int(text) < 2**64):
        raise ArgumentTypeError(f"needs a whole number from 0 to 2**64 - 1, got {text}")
    return int(text)


def positive_number(text: str) -> float:
    """Return a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (isfinite(value) and value > 0):
        raise ArgumentTypeError(f"needs a number above 0, got {text}")
    return value


def backend_name(text: str) -> str:
    """Return the name of a set of kernels."""
    if text not in kernels.NAMES:
        raise ArgumentTypeError(f"needs {', '.join(kernels.NAMES[:-1])} or {kernels.NAMES[-1]}, got {text}")
    return text


# Each option as text, from the command line or from config.json.
PARSERS: dict[str, Callable[[str], Any]] = {
    "epochs": whole_number,
    "batch_size": whole_number,
    "learning_rate": positive_number,
    "seed": seed_number,
    "backend": backend_name,
    "threads": whole_number,
    "limit": whole_number,
}

FREE = ("epochs", "threads")  # a resumed run may have others
OPTIONAL = ("threads", "limit")  # None: all cores, all images


@dataclass(frozen=True)
class Config:
    """The settings of a run; `limit` and `threads` None mean all images, all cores."""

    recipe: str
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    backend: str = "cpu"
    threads: int | None = None
    limit: int | None = None

    @property
    def fixed(self) -> dict[str, Any]:
        """The settings that the bits of a run depend on, by name."""
        return {name: value for name, value in asdict(self).items() if name not in FREE}

    def write(self, folder: Path) -> None:
        """Write `config.json` in `folder`; raises OSError if it cannot."""
        text = json.dumps({**asdict(self), "tinyconv": __version__}, indent=2) + "\n"
        write_aside(folder / FILE, [text.encode()])


def fresh(recipe: Recipe, given: dict[str, Any]) -> Config:
    """Return the recipe's own settings, changed by the options `given`."""
    own = Config(recipe.name, recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.seed)
    return replace(own, **given)


def resumed(recipe: Recipe, given: dict[str, Any], folder: Path) -> Config:
    """Return the settings saved in `folder`, changed by the options `given` as far as a resumed run may change.

    Raises RunError if there are none, they cannot be read, or an option differs that the run's bits depend on.
    """
    saved = read(folder)
    if saved.recipe != recipe.name:
        raise RunError(
            f"{folder} holds a run of {saved.recipe}, not of {recipe.name}: resume that, or give another --output"
        )
    for name, value in given.items():
        old = getattr(saved, name)
        if name not in FREE and value != old:
            was = "none" if old is None else old
            raise RunError(
                f"{flag(name)} {value} differs from the saved run's {was} in {folder}: "
                f"leave {flag(name)} out, or give another --output"
            )
    if given.get("epochs", saved.epochs) < saved.epochs:
        raise RunError(f"--epochs {given['epochs']} is less than the saved run's {saved.epochs}: it may only be raised")
    return replace(saved, **given)


def read(folder: Path) -> Config:
    """Return the settings saved in `folder`; raises RunError if there are none or they make no sense."""
    path = folder / FILE
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"{folder} holds no run to resume (no {FILE}): start one without --resume") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise RunError(f"{path} is damaged: it is not JSON; restore it, or start again in another --output") from None
    try:
        return _checked(found)
    except (ArgumentTypeError, KeyError, TypeError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else error
        raise RunError(f"{path} is damaged: {what}; restore it, or start again in another --output") from None


def _checked(found: Any) -> Config:
    """Return a Config made of what JSON held, each value checked as on the command line."""
    if not isinstance(found, dict):
        raise TypeError("it is not an object")
    if found["recipe"] not in list(BY_NAME):
        raise TypeError(f"recipe {found['recipe']!r} is none of this version's")
    values: dict[str, Any] = {}
    for name, parse in PARSERS.items():
        value = found[name]
        try:
            values[name] = None if value is None and name in OPTIONAL else parse(str(value))
        except ArgumentTypeError as error:
            raise ArgumentTypeError(f"{name} {error}") from None
    return Config(recipe=found["recipe"], **values)


def flag(name: str) -> str:
    """Return an option as it is typed: "--batch-size"."""
    return "--" + name.replace("_", "-")


def default_folder(recipe: Recipe) -> Path:
    """Return where a run goes unless told otherwise: runs/RECIPE, under the current folder."""
    return Path("runs", recipe.name)


def claim(folder: Path, files: tuple[str, ...]) -> None:
    """Make `folder`; raises RunError if that cannot be, or if it holds one of a run's `files`."""
    for name in files:
        if os.path.lexists(folder / name):
            raise RunError(
                f"{folder} already holds a run ({name}): use --resume to continue or --output for another folder"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"output folder {folder} cannot be made: {error.strerror}; give another --output") from None
