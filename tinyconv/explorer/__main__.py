"""`python -m tinyconv.explore RUN_OR_MODEL`: every step of backpropagation on one image, as one page."""

import os
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..commands import Parser, command, missing_package, short
from ..layers import Rescaling
from ..losses import SparseCategoricalCrossentropy
from ..randomness import set_seed
from ..recipes.config import FILE
from ..recipes.errors import RunError
from ..recipes.opening import open_run, read_files, read_images
from ..recipes.options import positive_number
from ..recipes.recipe import Part
from ..saving import load_model
from .exploring import BUDGET, STEPS, page_of

PROG = "python -m tinyconv.explore"
WHOLE = (".keras", ".h5", ".hdf5")  # files of whole models


class Subject(NamedTuple):
    """A model, and what it is explained for: a sample x (1, …), its class or None, a title; the names of classes.

    `notes` say what was done to the image.
    """

    model: Any
    x: np.ndarray
    label: int | None
    title: str
    classes: Sequence[str] | None
    notes: Sequence[str] = ()


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(
        PROG,
        "Show every step of backpropagation of a network on one image, as an HTML page that needs no network.",
        "Without --image it is a test image of the run's data. In Python: tinyconv.explore(model, x, y).",
    )
    made.add_argument(
        "model",
        type=Path,
        metavar="RUN_OR_MODEL",
        help="the folder of a run, a file of weights in it, or a whole model",
    )
    which = made.add_mutually_exclusive_group()
    which.add_argument("--image", type=Path, metavar="FILE", help="an image, brought to the size of the network's")
    which.add_argument("--index", type=natural, metavar="N", help="number of a test image, from 0 (default: 0)")
    made.add_argument("--label", metavar="K", help="its class, by number or name (default: its own, or the predicted)")
    made.add_argument(
        "--steps",
        type=steps,
        default=STEPS,
        metavar="N,N,…",
        help="recorded after so many updates (default: 0,1,10,100)",
    )
    made.add_argument(
        "--budget",
        type=positive_number,
        default=BUDGET,
        metavar="MB",
        help=f"size of the page at most (default: {BUDGET:g})",
    )
    made.add_argument(
        "--output", type=Path, default=Path("explorer.html"), metavar="FILE", help="(default: %(default)s)"
    )
    return made


def natural(text: str) -> int:
    """Return a whole number from 0 up."""
    if not (text.isdecimal() and text.isascii() and len(text) <= 18):
        raise ArgumentTypeError(f"needs a whole number from 0 up, got {text}")
    return int(text)


def steps(text: str) -> tuple[int, ...]:
    """Return numbers that rise, given with commas between them."""
    found = tuple(natural(part.strip()) for part in text.split(","))
    if sorted(set(found)) != list(found):
        raise ArgumentTypeError(f"needs numbers that rise, such as 0,1,10,100, got {text}")
    return found


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, print its file, and return 0, or 2 for what cannot be done."""
    options = parser().parse(arguments)
    set_seed(0)  # so that dropout draws the same in every page
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # which TensorFlow, where it is the judge, says a word about
    try:
        subject = chosen(options)
        y = target(subject)
        page = page_of(
            subject.model, subject.x, y, options.output, options.steps, options.budget, subject.classes, subject.title
        )
    except ModuleNotFoundError as error:
        return _refused(missing_package(error))
    except (RunError, ValueError) as error:
        return _refused(" ".join(str(error).split()))
    except OSError as error:
        return _refused(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    for note in subject.notes:
        print(f"{short(PROG)}: {note}", file=sys.stderr)
    print(page.path)
    return 0


def _refused(reason: str) -> int:
    print(f"{short(PROG)}: {reason}", file=sys.stderr)
    return 2


def chosen(options: Namespace) -> Subject:
    """Return the model and the sample that the options name; raises RunError or ValueError for what is not there."""
    path = options.model
    if path.suffix in WHOLE and not path.name.endswith(".weights.h5") and not (path.parent / FILE).exists():
        return of_whole_model(options)
    opened = open_run(path, training=True)
    recipe = opened.recipe
    if options.image is not None:
        x = recipe.prepare(read_images(recipe, [options.image]))
        label, name = None, options.image.name
        notes = resized(options.image, recipe.image_shape[:2])
    else:
        index = options.index or 0
        try:
            x, label = test_sample(recipe.load(opened.config).test, index)
        except OSError as error:
            raise RunError(f"no test images: {error}; give an image with --image") from None
        name, notes = f"sample {index}", []
    x = np.asarray(x, np.float32).reshape(1, *opened.model.input_shape[1:])
    label = label if options.label is None else label_of(options.label, recipe.class_names, len(recipe.class_names))
    return Subject(opened.model, x, label, f"{recipe.name}: {name}", recipe.class_names, notes)


def of_whole_model(options: Namespace) -> Subject:
    """Return a model of a file, without a run, and the image that it is asked about."""
    path = options.model
    if not path.exists():
        raise RunError(f"{path} is not there: name the folder of a run, or a file of a model")
    if options.image is None:
        raise RunError(f"{path} lies in no run's folder, so there are no test images: give an image with --image")
    try:
        model = load_model(str(path))
    except (OSError, TypeError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    if not model.compiled:
        raise RunError(f"{path} holds a model that was not compiled: compile it with a loss and save it again")
    model.require_built()
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[3] not in (1, 3) or None in shape[1:]:
        raise RunError(f"{path} takes inputs of shape {shape}, and an image is (height, width, 1 or 3): use tc.explore")
    x = read_files([options.image], shape[1:], "bilinear")
    notes = resized(options.image, shape[1:3])
    if not any(isinstance(layer, Rescaling) for layer in model.every_layer()):
        x /= 255
        notes.append("pixels are divided by 255, as the model has no Rescaling layer")
    units = model.output_shape[-1] if isinstance(model.output_shape, tuple) else 0
    label = None if options.label is None else label_of(options.label, None, max(units, 2))
    return Subject(model, x, label, f"{path.stem}: {options.image.name}", None, notes)


def test_sample(part: Part, index: int) -> tuple[np.ndarray, int]:
    """Return one of the test images, as the network takes it, and its class; raises RunError if there are fewer."""
    first = 0
    for x, y in [part] if isinstance(part, tuple) else ((batch.x, batch.y) for batch in part.epoch(0)):
        if index < first + len(x):
            target = np.asarray(y[index - first])
            return x[index - first], int(target.argmax() if target.size > 1 else target)
        first += len(x)
    raise RunError(f"--index {index}: there are {first} test images, counted from 0")


def label_of(text: str, names: Sequence[str] | None, classes: int) -> int:
    """Return the number of a class, given its number or its name; raises RunError for one that there is not."""
    if names is not None and text in names:
        return list(names).index(text)
    if text.isdecimal() and text.isascii() and int(text) < classes:
        return int(text)
    known = "" if names is None or names == tuple(map(str, range(classes))) else f", or {', '.join(names)}"
    raise RunError(f"--label {text}: needs a class, 0 to {classes - 1}{known}")


def target(subject: Subject) -> np.ndarray:
    """Return what the model is to answer for the class, that which it takes the sample for if none is given."""
    model = subject.model
    shape = model.output_shape
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise RunError(
            f"the model gives {shape}, and a class needs (None, classes): use tc.explore with targets of yours"
        )
    classes, label = shape[1], subject.label
    if label is None:
        answer = np.asarray(model.predict(subject.x, verbose=0))[0]
        middle = 0.0 if getattr(model.loss, "from_logits", False) else 0.5
        label = int(answer.argmax()) if classes > 1 else int(answer[0] > middle)
    if isinstance(model.loss, SparseCategoricalCrossentropy) or classes == 1:
        return np.array([[label]] if classes == 1 else [label], np.float32)
    return np.eye(classes, dtype=np.float32)[[label]]


def resized(file: Path, size: Sequence[int]) -> list[str]:
    """Return a note if an image is of another size than the network's."""
    from PIL import Image

    with Image.open(file) as image:
        width, height = image.size
    if (height, width) == tuple(size):
        return []
    return [f"{file} of {height}×{width} is resized to {size[0]}×{size[1]}"]


if __name__ == "__main__":
    sys.exit(main())
