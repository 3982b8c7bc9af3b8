"""The command line: `python -m tinyconv.train RECIPE` trains a document's network and compares with the document."""

import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from . import functions, kernels, names, set_seed
from .models import Sequential
from .names import look_up
from .recipes import BY_NAME, RECIPES, Recipe, checkpoint, pictures, report
from .recipes.config import FILE, PARSERS, Config, claim, default_folder, flag, fresh, resumed
from .recipes.errors import DivergedError, NotWrittenError, RunError
from .recipes.recipe import Data, History
from .recipes.stopping import Stopped, stoppable

USAGE = "python -m tinyconv.train"


class Parser(ArgumentParser):
    """A parser that refuses in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and leave with exit code 2."""
        self.exit(2, f"tinyconv.train: {message}\n")


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(
        prog=USAGE,
        description="Train a network of the documents and compare the figures.",
        epilog="Runs with the same options on one machine end with the same bits, interrupted and resumed or not.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("recipe", nargs="?", metavar="RECIPE", help="what to train: " + ", ".join(recipe.name for recipe in RECIPES))
    helps = {
        "epochs": ("N", "epochs in all (default: the document's); may be raised with --resume"),
        "batch_size": ("N", "images of one update (default: the document's)"),
        "learning_rate": ("X", "learning rate (default: the document's)"),
        "seed": ("N", "seed of initial weights, shuffling and dropout (default: the recipe's)"),
        "backend": ("NAME", f"kernels to compute with: {', '.join(kernels.NAMES)} (default: cpu)"),
        "threads": ("N", "threads to compute with (default: all cores)"),
        "limit": ("N", "use only the first N training images and at most N test images"),
    }
    for name, (metavar, words) in helps.items():
        add(flag(name), type=PARSERS[name], metavar=metavar, help=words)
    add("--output", type=Path, metavar="DIR", help="folder for the run's files (default: runs/RECIPE)")
    add("--resume", action="store_true", help="continue the run in the folder, with its options")
    add("--verbose", type=int, choices=(0, 1, 2), default=1, help="0 no progress, 1 a bar, 2 a line an epoch")
    add("--summary", action="store_true", help="print the network and stop")
    add("--list", action="store_true", help="print the recipes and stop")
    return made


def listing() -> str:
    """Return the recipes as a table."""
    rows = [("recipe", "parameters", "epochs", "document's test accuracy", "document")]
    for recipe in RECIPES:
        figure = next(figure.document for figure in recipe.figures if figure.label == "test accuracy")
        name = ", ".join((recipe.name, *recipe.aliases))
        rows.append((name, f"{recipe.parameters:,}", str(recipe.epochs), figure, recipe.document))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 2 for what cannot be done, 130 after Ctrl-C."""
    commands = parser()
    options = commands.parse_args(arguments)
    if options.list:
        print(listing())
        return 0
    if options.recipe is None:
        print(f"{commands.format_usage()}\n{listing()}", file=sys.stderr)
        return 2
    try:
        recipe = look_up("recipe", options.recipe, BY_NAME)
    except ValueError as error:
        commands.error(str(error))
    if options.summary:
        recipe.build().summary()
        return 0
    folder = options.output or default_folder(recipe)
    with stoppable():
        try:
            train(recipe, options, folder)
        except (DivergedError, NotWrittenError) as error:
            print(f"tinyconv.train: {error}. {standing(recipe, folder)}", file=sys.stderr)
            return 2
        except RunError as error:
            print(f"tinyconv.train: {error}", file=sys.stderr)
            return 2
        except Stopped as stop:
            print(f"Stopped. {standing(recipe, folder)}", file=sys.stderr)
            return stop.code
    return 0


def train(recipe: Recipe, options: Namespace, folder: Path) -> None:
    """Train as the options say, from the start or from what `folder` holds; raises RunError if that cannot be."""
    given = {name: getattr(options, name) for name in PARSERS if getattr(options, name) is not None}
    config = resumed(recipe, given, folder) if options.resume else fresh(recipe, given)
    check_images(recipe, config)
    with ExitStack() as stack:
        device = "gpu" if config.backend == "gpu" else "cpu"
        if device == "cpu":
            stack.enter_context(kernels.backend(config.backend))
        try:
            kernels.move(np.zeros(1), device)  # fails before anything is written where there is no GPU
        except kernels.DeviceError as error:
            raise RunError(f"--backend {config.backend}: {error}") from None
        if config.threads is not None:
            set_threads(config.threads)
        data = load(recipe, config)
        history: History = {}
        if not options.resume:
            claim(folder, checkpoint.FILES)
            with checkpoint.writing(folder):
                config.write(folder)
        model = build(recipe, config)
        # A run killed before its first checkpoint has only its config.json, and starts again from the seed.
        if options.resume and any((folder / name).exists() for name in checkpoint.STATE):
            history = checkpoint.load(folder, model, config)
        model.to(device)
        with checkpoint.writing(folder):
            if options.resume:
                config.write(folder)
            checkpoint.save(folder, model, config, history)
        try:
            finish(recipe, config, model, data, history, folder, options.verbose)
        except MemoryError as error:
            raise RunError(f"out of memory: {error}") from None


def finish(
    recipe: Recipe, config: Config, model: Sequential, data: Data, history: History, folder: Path, verbose: int
) -> None:
    """Train the epochs that `history` lacks, draw the pictures, and print the table."""
    done = checkpoint.epochs_of(history)
    model.summary()
    counts = f"{len(data.training[0]):,} images to train on, {len(data.validation[0]):,} to validate on"
    print(f"{recipe.name}: {counts}; files go to {folder}")
    if done:
        print(f"Resumed after epoch {done} of {config.epochs}")
    watch = report.Stopwatch()
    if done < config.epochs:
        source: tuple[Any, Any, int | None] = (*data.training, config.batch_size)
        if recipe.batches is not None:
            source = recipe.batches(*data.training, config.batch_size), None, None
        model.fit(
            *source,
            epochs=config.epochs,
            initial_epoch=done,
            validation_data=data.validation,
            verbose=verbose,
            callbacks=[
                watch,
                *(listener() for listener in recipe.listeners),
                checkpoint.Checkpoint(folder, config, history),
            ],
        )
    model.to("cpu")
    p = probabilities(model, data.test[0], config.batch_size)
    accuracy = float((p.argmax(axis=1) == data.test[1].argmax(axis=1)).mean())
    with checkpoint.writing(folder):
        pictures.draw(folder, recipe, model, history, data.test, p)
    report.show(recipe, config, history, accuracy, model.count_params(), watch, folder)


def check_images(recipe: Recipe, config: Config) -> None:
    """Refuse a limit above the images there are, and a batch above those that are left."""
    images = recipe.training_images
    if config.limit is not None and config.limit > images:
        raise RunError(f"--limit {config.limit}: {recipe.name} has {images} training images; leave --limit out for all")
    if config.batch_size > (config.limit or images):
        few = f"--limit {config.limit}" if config.limit else f"{recipe.name}'s {images} training images"
        raise RunError(f"{few} cannot fill one batch of {config.batch_size}: give a --batch-size that fits")


def set_threads(count: int) -> None:
    """Compute with `count` threads; raises RunError if there are not so many."""
    from .kernels.cpu import compile

    try:
        compile.set_threads(count)
    except ValueError as error:
        raise RunError(f"--threads {count}: {error}") from None


def load(recipe: Recipe, config: Config) -> Data:
    """Return the recipe's data; raises RunError if its files are missing or damaged."""
    try:
        return recipe.load(config.limit)
    except (OSError, ValueError) as error:
        raise RunError(str(error)) from None


def build(recipe: Recipe, config: Config) -> Sequential:
    """Return the recipe's network, compiled, with the first weights that the seed gives."""
    names.clear_session()
    set_seed(config.seed)
    model = recipe.build()
    optimizer = recipe.optimizer(config.learning_rate)
    model.compile(optimizer, recipe.loss, metrics=["accuracy"])
    optimizer.build(model.trainable_weights)
    return model


def probabilities(model: Sequential, x: np.ndarray, batch_size: int) -> np.ndarray:
    """Return what the model takes each image for: (n, k), rows that sum to 1."""
    p = model.predict(x, batch_size)
    return functions.softmax(p).numpy() if model.loss.from_logits else p


def standing(recipe: Recipe, folder: Path) -> str:
    """Say in one line what `folder` holds of a run and how to continue it."""
    command = [*USAGE.split(), recipe.name, "--resume"]
    if folder != default_folder(recipe):
        command += ["--output", str(folder)]
    epoch = checkpoint.saved_epoch(folder)
    if epoch is None and not (folder / FILE).exists():
        return "Nothing was saved yet."
    state = f"holds the run after epoch {epoch}" if epoch else "holds the run's beginning, before epoch 1"
    return f"{folder} {state}; continue with: {shlex.join(command)}"


if __name__ == "__main__":
    sys.exit(main())
