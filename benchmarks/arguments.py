"""What the commands accept, each refused in one clear line."""

import os
from argparse import ArgumentTypeError
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from .machine import usable_cores
from .models import Model
from .networks import MODELS


def model(name: str) -> Model:
    """A network by name; the nearest is suggested for a name that is none."""
    if name in MODELS:
        return MODELS[name]
    near = get_close_matches(name, MODELS, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(MODELS)}"
    raise ArgumentTypeError(f"no model is named {name!r}; {hint}")


def at_least_one(text: str) -> int:
    """A whole number from 1 up."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def threads(text: str) -> int:
    """A whole number from 1 to the number of usable cores."""
    cores = len(usable_cores())
    if at_least_one(text) > cores:
        raise ArgumentTypeError(f"{text} threads on {cores} cores would measure the waiting; give at most {cores}")
    return int(text)


def new_file(suffix: str) -> Callable[[str], Path]:
    """A path ending in `suffix`, in a folder that exists and may be written: a long run must not end in vain."""

    def check(text: str) -> Path:
        path = Path(text)
        folder = path.parent
        if path.suffix != suffix:
            raise ArgumentTypeError(f"{text!r} should end in {suffix}")
        if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
            raise ArgumentTypeError(f"{text!r} cannot be written: is there such a folder, and may you write there?")
        return path

    return check
