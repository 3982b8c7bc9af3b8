"""Config: what a run was asked to do, kept in the run's folder as `config.json`."""

import json
from argparse import ArgumentTypeError
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .._version import __version__
from ..files import replace_file
from . import BY_NAME
from .errors import RunError
from .options import PARSERS, option
from .recipe import Recipe

FILE = "config.json"


CHANGEABLE = ("epochs", "threads", "data", "early_stop")  # a resumed run may have others
OPTIONAL = ("threads", "limit", "data", "augment", "variant", "early_stop")  # a run may be without


@dataclass(frozen=True)
class Config:
    """The settings of a run; `limit` and `threads` None mean all images, all cores.

    `data` is the folder of photographs, `early_stop` how many epochs the validation loss may go without getting lower.
    """

    recipe: str
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    backend: str = "cpu"
    threads: int | None = None
    limit: int | None = None
    data: str | None = None
    augment: bool | None = None
    variant: str | None = None
    early_stop: int | None = None

    @property
    def fixed(self) -> dict[str, Any]:
        """The settings that the bits of a run depend on, by name."""
        return {name: value for name, value in asdict(self).items() if name not in CHANGEABLE}

    def write(self, folder: Path) -> None:
        """Write `config.json` in `folder`; raises OSError if it cannot."""
        text = json.dumps({**asdict(self), "tinyconv": __version__}, indent=2) + "\n"
        replace_file(folder / FILE, [text.encode()])


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
        if name not in CHANGEABLE and value != old:
            was = "none" if old is None else old
            given_as = option(name) if value is True else f"{option(name)} {value}"
            raise RunError(
                f"{given_as} differs from the saved run's {was} in {folder}: "
                f"leave {option(name)} out, or give another --output"
            )
    return replace(saved, **given)


def variant(recipe: Recipe, name: str | None) -> Recipe:
    """Return the variant of a recipe that has this name, None for the document's; raises RunError if there is none."""
    if name is None:
        return recipe
    if name not in recipe.variants:
        known = f"knows {' and '.join(recipe.variants)}" if recipe.variants else "has no variants: leave --variant out"
        raise RunError(f"--variant {name}: {recipe.name} {known}")
    return recipe.variants[name]


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
        value = found.get(name) if name in OPTIONAL else found[name]
        try:
            values[name] = None if value is None and name in OPTIONAL else parse(str(value))
        except ArgumentTypeError as error:
            raise ArgumentTypeError(f"{name} {error}") from None
    return Config(recipe=found["recipe"], **values)
