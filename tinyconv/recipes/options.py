"""The options of a run as text, from the command line or from config.json: how each is read, and what is refused."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

from .. import kernels


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
        value = float(text.replace("_", "?"))  # Python reads 0_001 as 1
    except ValueError:
        value = 0.0
    if not (isfinite(value) and value > 0):
        raise ArgumentTypeError(f"needs a number above 0, got {text}")
    return value


def backend_name(text: str) -> str:
    """Return the name of a set of kernels."""
    if text not in kernels.BACKENDS:
        raise ArgumentTypeError(f"needs {', '.join(kernels.BACKENDS[:-1])} or {kernels.BACKENDS[-1]}, got {text}")
    return text


def folder_name(text: str) -> Path:
    """Return the path of a folder."""
    if not text.strip():
        raise ArgumentTypeError(f"needs the name of a folder, got {text!r}; the current folder is .")
    return Path(text)


def data_folder(text: str) -> str:
    """Return the whole path of a folder, which stays the same when a run is resumed from elsewhere."""
    return str(folder_name(text).expanduser().absolute())


def switch(text: str) -> bool:
    """Return whether an option that takes no value was given."""
    if text != "True":
        raise ArgumentTypeError(f"needs true or null, got {text}")
    return True


PARSERS: dict[str, Callable[[str], Any]] = {
    "epochs": whole_number,
    "batch_size": whole_number,
    "learning_rate": positive_number,
    "seed": seed_number,
    "backend": backend_name,
    "threads": whole_number,
    "limit": whole_number,
    "data": data_folder,
    "augment": switch,
    "variant": str,
    "early_stop": whole_number,
}


def option(name: str) -> str:
    """Return an option as it is typed: "--batch-size"."""
    return "--" + name.replace("_", "-")
