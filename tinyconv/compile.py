"""The command line: `python -m tinyconv.compile` compiles the CPU kernels ahead, so that nobody waits later."""

import sys
from collections.abc import Sequence
from os import path
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

if not __package__:
    sys.exit("run it as a module of its package: python -m tinyconv.compile")

from .commands import Parser, command, short
from .data.images.resize import resize_image
from .datasets import to_categorical
from .losses import SparseCategoricalCrossentropy
from .models import Model
from .names import look_up
from .preprocessing.image import ImageDataGenerator
from .recipes import BY_NAME, RECIPES, Recipe
from .recipes.config import fresh
from .recipes.photographs import AUGMENTED
from .recipes.training import build
from .saving import load_model

PROG = "python -m tinyconv.compile"
ENDINGS = (".keras", ".h5", ".hdf5")
BATCH = 32  # images, for a model in a file: Keras's own
SIDE = 64  # pixels, where a model takes images of any size


class Counts(NamedTuple):
    """How many kernels were compiled, and how many were found on disk, in this process so far."""

    compiled: int
    found: int


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(
        PROG,
        "Compile the CPU kernels ahead, for images and classrooms: nobody has to wait later.",
        "A training step, an evaluation and a prediction of random images are computed; nothing else is kept.",
    )
    known = ", ".join(recipe.name for recipe in RECIPES)
    words = f"a recipe of tinyconv.train ({known}; all without an argument), or a file of a model (.keras, .h5)"
    made.add_argument("targets", nargs="*", metavar="RECIPE_OR_MODEL", help=words)
    return made


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Compile what the arguments need; return 0, or 2 after a line that says why that cannot be done."""
    commands = parser()
    named = commands.parse(arguments).targets or [recipe.name for recipe in RECIPES]
    try:
        targets = [target(name) for name in named]
    except ValueError as error:
        commands.error(str(error))
    try:
        compile_all(named, targets)
    except (OSError, ValueError) as error:
        print(f"{short(PROG)}: {error}", file=sys.stderr)
        return 2
    return 0


def target(name: str) -> Recipe | Path:
    """Return the recipe of a name, or the path of a model's file; raises ValueError if it is neither."""
    if not name.endswith(ENDINGS):
        return look_up("recipe", name, BY_NAME)
    if not path.isfile(name):
        raise ValueError(f"{name} is not there: name a recipe, or a file of a model that ends in {', '.join(ENDINGS)}")
    return Path(name)


def compile_all(named: Sequence[str], targets: Sequence[Recipe | Path]) -> None:
    """Compile what each target needs and print a line for each, and the sum; ValueError says why it cannot be kept."""
    from rich.console import Console

    from .kernels.cpu.compile import KERNELS

    if not KERNELS:
        raise ValueError("Numba's compiler is off: unset NUMBA_DISABLE_JIT")
    where, console = kept(), Console(stderr=True)
    start, before = perf_counter(), counts()
    width = max(map(len, named))
    for name, each in zip(named, targets, strict=True):
        began, already = perf_counter(), counts()
        with console.status(f"compiling the kernels of {name}"):
            from_recipe(each) if isinstance(each, Recipe) else from_file(each)
        print(f"{name:<{width}}  {said(already, began)}", flush=True)
    if len(named) > 1:
        print(f"{'in all':<{width}}  {said(before, start)}")
    print(f"kept in {where}")


def said(before: Counts, began: float) -> str:
    """Say what has been done since a moment."""
    now = counts()
    compiled, found = now.compiled - before.compiled, now.found - before.found
    return f"{compiled:3} kernels compiled, {found:3} found on disk, {perf_counter() - began:5.1f} s"


def counts() -> Counts:
    """Return the numbers of this process so far; a kernel counts once for each combination of types."""
    from .kernels.cpu.compile import KERNELS

    stats = [kernel.stats for kernel in KERNELS]
    compiled, found = ([sum(getattr(each, name).values()) for each in stats] for name in ("cache_misses", "cache_hits"))
    return Counts(sum(compiled), sum(found))


def kept() -> str:
    """Return the folder that has all machine code; raises ValueError if none can be kept."""
    from .kernels.cpu.compile import KERNELS

    folders = [kernel.stats.cache_path for kernel in KERNELS]
    if None in folders:
        raise ValueError("compiled kernels cannot be kept: set NUMBA_CACHE_DIR to a folder that may be written")
    return path.commonpath(folders)


def from_recipe(recipe: Recipe) -> None:
    """Train, evaluate and predict a batch of random images as the recipe does, and read and vary one as it does."""
    n = recipe.batch_size
    model = build(recipe, fresh(recipe, {}))
    images = np.random.default_rng(0).uniform(0, 255, (n, *recipe.image_shape)).astype(np.float32)
    classes, outputs = np.arange(n) % len(recipe.class_names), model.output_shape[-1]
    run(model, recipe.prepare(images), to_categorical(classes, outputs) if outputs > 1 else classes)
    if recipe.photographs:
        resize_image(images[0].astype(np.uint8), (SIDE, SIDE), recipe.interpolation)
    if recipe.augments:
        ImageDataGenerator(**AUGMENTED).random_transform(images[0])


def from_file(file: Path) -> None:
    """Predict a batch of random inputs by the model in a file; if it is compiled, train and evaluate, too."""
    model, rng = load_model(str(file)), np.random.default_rng(0)
    x = [
        rng.random((BATCH, *(SIDE if size is None else size for size in symbol.shape[1:])), np.float32)
        for symbol in model.inputs
    ]
    outputs = model.predict(x, BATCH, verbose=0)
    y = None
    if model.compiled:
        several = outputs if isinstance(outputs, list) else [outputs]
        y = [
            np.zeros(each.shape[:-1], int) if isinstance(objective.loss, SparseCategoricalCrossentropy) else 0 * each
            for objective, each in zip(model.objectives, several, strict=True)
        ]
    run(model, x, y)


def run(model: Model, x: Any, y: Any) -> None:
    """Train, evaluate and predict a batch, and a single image: small arrays have kernels of their own."""
    inputs, targets = ([each] if isinstance(each, np.ndarray) else each for each in (x, y))
    for n in (len(inputs[0]), 1):
        some = [each[:n] for each in inputs]
        if targets is not None:
            wanted = [each[:n] for each in targets]
            model.fit(some, wanted, n, verbose=0)
            model.evaluate(some, wanted, n, verbose=0)
        model.predict(some, n, verbose=0)


if __name__ == "__main__":
    sys.exit(main())
