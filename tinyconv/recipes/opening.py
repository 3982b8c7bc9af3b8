"""Opening what a run left: its recipe, its network with the weights that it learnt, and its history."""

import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import names
from ..initializers import blank
from ..models import Model
from ..saving import read_note
from . import BY_NAME, checkpoint
from .config import FILE, Config, read, variant
from .errors import RunError
from .recipe import History, Recipe

ENDING, WHOLE = ".weights.h5", ".keras"


class Opened(NamedTuple):
    """A trained network, with the recipe and the settings of its run, its history, and the folder that it lies in."""

    recipe: Recipe
    config: Config
    model: Model
    history: History
    folder: Path


def open_run(path: Path, training: bool = False) -> Opened:
    """Return the network of a run's folder, as its last epoch left it, or that of a ".weights.h5" file of a run.

    A whole model in a ".keras" file is taken for one of the run in whose folder it lies. For `training` the network has
    the run's optimizer, in the state that the file has.

    Raises RunError, in one line, if there is none, or it cannot be read.
    """
    if path.is_dir():
        read(path)  # says what is wrong with a folder that holds no run
        path = path / checkpoint.LAST
    if path.suffix == WHOLE and path.exists():
        return _open_whole(path, training)
    if not path.exists() or not path.name.endswith(ENDING):
        state = f"is no {ENDING} file" if path.exists() else "is not there"
        raise RunError(f"{path} {state}: name the folder of a run of tinyconv.train, or a {ENDING} file in it")
    config, history = _settings(path)
    if (path.parent / FILE).exists():
        whole = read(path.parent)  # it also knows where photographs lie
        config = whole if whole.fixed == config.fixed else config
    recipe = variant(BY_NAME[config.recipe], config.variant)
    names.clear_session()
    with blank():
        model = recipe.build()
    _compile(model, recipe, config, training)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the optimizer's state may not be wanted, or not be there
            model.load_weights(str(path))
    except (OSError, ValueError) as error:
        raise naming(path, str(error)) from None
    return Opened(recipe, config, model, history, path.parent)


def _compile(model: Model, recipe: Recipe, config: Config, training: bool) -> None:
    """Compile a model with its recipe's loss, and for `training` with the optimizer, too."""
    if not training:
        model.compile(loss=recipe.loss)
        return
    optimizer = recipe.optimizer(config.learning_rate)
    model.compile(optimizer, recipe.loss)
    optimizer.build(model.trainable_weights)


def _open_whole(path: Path, training: bool) -> Opened:
    """Return the model of a ".keras" file with the recipe of the run beside it."""
    from ..saving import load_model

    if not (path.parent / FILE).exists():
        raise RunError(
            f"{path} lies in no run's folder, so how it takes images is not known: put {FILE} of a run there"
        )
    config = read(path.parent)
    recipe = variant(BY_NAME[config.recipe], config.variant)
    try:
        model = load_model(str(path), compile=training)
    except (OSError, ValueError, TypeError) as error:
        raise naming(path, str(error)) from None
    with blank():
        needed = recipe.build()
    if (model.input_shape, model.output_shape) != (needed.input_shape, needed.output_shape):
        shapes = f"{model.input_shape} and gives {model.output_shape}"
        raise RunError(f"{path} takes {shapes}, {recipe.name} {needed.input_shape} and {needed.output_shape}")
    if model.optimizer is None or not training:
        _compile(model, recipe, config, training)
    return Opened(recipe, config, model, {}, path.parent)


def read_images(recipe: Recipe, files: Sequence[Path]) -> np.ndarray:
    """Return image files in the recipe's size and colors: (n, h, w, c), float32 from 0 to 255. See `read_files`."""
    return read_files(files, recipe.image_shape, recipe.interpolation)


def read_files(files: Sequence[Path], shape: tuple[int, int, int], interpolation: str) -> np.ndarray:
    """Return image files in the size and colors of `shape` (h, w, c): (n, h, w, c), float32 from 0 to 255.

    Raises RunError, which names it, for a file that is not there, broken, or no image.
    """
    from ..utils import img_to_array, load_img

    h, w, c = shape
    colors = "rgb" if c == 3 else "grayscale"
    images = []
    for file in files:
        try:
            image = load_img(file, colors, (h, w), interpolation)
        except (OSError, ValueError) as error:
            raise naming(file, str(getattr(error, "strerror", None) or error)) from None
        images.append(img_to_array(image, dtype="float32"))
    return np.stack(images)


def naming(path: Path, reason: str) -> RunError:
    """Return the refusal of a file for a reason, in one line that names the file."""
    said = " ".join(reason.split())
    return RunError(said if str(path) in said else f"{path}: {said}")


def _settings(path: Path) -> tuple[Config, History]:
    """Return the settings of a run and its history, from the note in a file of its weights."""
    try:
        note = read_note(path)
        if note is None:
            raise ValueError("it was not written by a run of tinyconv.train, and does not say which network it is of")
        known = {field.name for field in fields(Config)}
        given = {name: value for name, value in note["config"].items() if name in known}
        config, history = Config(**{"epochs": note["epoch"], **given}), dict(note["history"])
        if config.recipe not in BY_NAME:
            raise ValueError(f"its recipe {config.recipe!r} is none of this version's")
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    except (KeyError, TypeError, AttributeError):
        raise RunError(f"{path} is damaged: it does not say which run it is of") from None
    except ValueError as error:
        raise naming(path, str(error)) from None
    return config, history
