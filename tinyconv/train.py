"""The command line: `python -m tinyconv.train RECIPE` trains a document's network and compares with the document."""

import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:
    sys.exit("run it as a module of its package: python -m tinyconv.train")

from . import kernels, visualize
from .commands import BROKEN_PIPE, Parser, command, lost_output, short
from .data.images import ImageError
from .distributed import Communicator, Interrupted, RankError
from .models import Model
from .names import look_up
from .range_test import lr_finder
from .recipes import BY_NAME, RECIPES, Recipe, checkpoint, pictures, report
from .recipes.ahead import compiling_beside
from .recipes.config import FILE, Config, fresh, read, resumed, variant
from .recipes.errors import DivergedError, NotReadError, NotWrittenError, RunError
from .recipes.folder import default_folder, locked, make, refuse_overwriting, writing
from .recipes.options import PARSERS, folder_name, option, positive_number
from .recipes.recipe import Data, History, epochs_of
from .recipes.stopping import Stopped, stopped_by_signals
from .recipes.together import (
    TogetherError,
    by_all,
    by_rank_0,
    connected,
    require_same_data,
    require_same_settings,
)
from .recipes.training import answers, build, fit, training_source

PROG = "python -m tinyconv.train"
RATES = "learning_rates.png"


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(
        PROG,
        "Train a network of the documents and compare the figures.",
        "Runs with the same options on one machine end with the same bits, interrupted and resumed or not.",
    )
    add = made.add_argument
    add("recipe", nargs="?", metavar="RECIPE", help="what to train: " + ", ".join(recipe.name for recipe in RECIPES))
    helps = {
        "epochs": ("N", "epochs in all (default: the document's); may change with --resume"),
        "batch_size": ("N", "images of one update (default: the document's)"),
        "learning_rate": ("X", "learning rate (default: the document's)"),
        "seed": ("N", "seed of initial weights, shuffling, dropout and augmentation (default: 0)"),
        "backend": ("NAME", f"kernels to compute with: {', '.join(kernels.BACKENDS)} (default: cpu)"),
        "threads": ("N", "threads to compute with (default: all cores)"),
        "limit": (
            "N",
            "use N training images and at most N test images: the first, of photographs some of each class",
        ),
    }
    for name, (metavar, words) in helps.items():
        add(option(name), type=PARSERS[name], metavar=metavar, help=words)
    photographs = "folder of photographs, in DIR/train/CLASS and DIR/validation/CLASS"
    add("--data", type=PARSERS["data"], metavar="DIR", help=photographs)
    add("--augment", action="store_const", const=True, help="vary the training images at random")
    variants = "; ".join(f"{recipe.name}: {' or '.join(recipe.variants)}" for recipe in RECIPES if recipe.variants)
    add("--variant", metavar="NAME", help=f"which of a document's networks ({variants})")
    patience = "stop when the validation loss has not got lower for N epochs (5 if N is left out)"
    add("--early-stop", type=PARSERS["early_stop"], nargs="?", const=5, metavar="N", help=patience)
    add("--output", type=folder_name, metavar="DIR", help="folder for the run's files (default: runs/RECIPE)")
    add("--resume", action="store_true", help="continue the run in the folder, with its options")
    add("--distributed", action="store_true", help="train with the other processes that mpiexec has started")
    add("--deterministic", action="store_true", help="with --distributed, the same bits whatever the timing")
    waiting = "with --distributed, seconds that a process waits for the others (default: 300)"
    add("--time-limit", type=positive_number, default=300.0, metavar="S", help=waiting)
    add("--verbose", type=int, choices=(0, 1, 2), default=1, help="0 no progress, 1 a bar, 2 a line an epoch")
    add("--lr-find", action="store_true", help="test growing learning rates, suggest one, and stop")
    add("--summary", action="store_true", help="print the network and stop")
    add("--list", action="store_true", help="print the recipes and stop")
    return made


def listing() -> str:
    """Return the recipes as a table."""
    rows = [("recipe", "parameters", "epochs", "document's accuracy", "document")]
    for recipe in RECIPES:
        name = ", ".join((recipe.name, *recipe.aliases))
        rows.append(
            (name, f"{recipe.parameters:,}", str(recipe.epochs), recipe.accuracy_figure.document, recipe.document)
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 2 for what cannot be done, 130 after Ctrl-C."""
    commands = parser()
    options = commands.parse(arguments)
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
        try:
            variant(recipe, options.variant).build().summary()
        except RunError as error:
            commands.error(str(error))
        return 0
    try:
        ranks = connected(options)
    except RankError as error:
        commands.error(str(error))
    return run(recipe, options, options.output or default_folder(recipe), ranks)


def run(recipe: Recipe, options: Namespace, folder: Path, ranks: Communicator) -> int:
    """Train; if that ends early, say why, what `folder` holds and how to go on; return the exit code.

    Where all ranks end for the same reason, rank 0 says it; one that ends on its own ends all.
    """
    with stopped_by_signals(ranks):
        try:
            (find_rate if options.lr_find else train)(recipe, options, folder, ranks)
        except (Interrupted, TogetherError, RankError) as error:
            if isinstance(error, RankError) and not error.everywhere:
                raise
            stopped = isinstance(error, Interrupted)
            if ranks.rank == 0:
                complain(f"Stopped. {state_of(folder, recipe)}" if stopped else f"{short(PROG)}: {error}")
            return 128 + error.number if isinstance(error, Interrupted) else 2
        except (DivergedError, NotReadError, NotWrittenError) as error:
            complain(f"{short(PROG)}: {error}. {state_of(folder, recipe)}")
            code = 2
        except RunError as error:
            complain(f"{short(PROG)}: {error}")
            code = 2
        except Stopped as stop:
            if ranks.rank == 0:
                complain(f"Stopped. {state_of(folder, recipe)}")
            code = stop.code
        except (OSError, SystemExit) as error:
            reason = lost_output(error)
            if reason is None:
                raise
            complain(f"Stopped: {reason or 'nobody reads the output any more'}. {state_of(folder, recipe)}")
            code = BROKEN_PIPE if not reason else 2
        else:
            return 0
    ranks.end_all(code)
    return code


def train(recipe: Recipe, options: Namespace, folder: Path, ranks: Communicator) -> None:
    """Train as the options say, from the start or from what `folder` holds; raises RunError if that cannot be.

    Of several ranks, the first alone looks at the folder, and writes into it.
    """
    given = given_in(options)
    require_same_settings(ranks, options)
    with ExitStack() as stack:

        def settled() -> Config:
            if options.resume:
                read(folder)  # where there is no run, there is nothing to lock
                stack.enter_context(locked(folder))
                return resumed(recipe, given, folder)
            refuse_overwriting(folder, checkpoint.FILES, pictures.NAMES)
            return fresh(recipe, given)

        def begun() -> None:
            make(folder)
            stack.enter_context(locked(folder))
            refuse_overwriting(folder, checkpoint.FILES, pictures.NAMES)  # again: another run may just have started
            with writing(folder):
                config.write(folder)

        def loaded() -> History:
            # A run killed before its first checkpoint has only its config.json, and starts again from the seed.
            if not (options.resume and any((folder / name).exists() for name in checkpoint.STATE)):
                return {}
            found = checkpoint.load(folder, model, config)
            check_epochs(config, found, folder)
            return found

        def saved() -> None:
            with writing(folder):
                if options.resume:
                    config.write(folder)
                checkpoint.save(folder, model, config, history)

        config = by_rank_0(ranks, settled)
        own = by_all(ranks, lambda: variant(recipe, config.variant))
        if ranks.rank == 0:
            stack.enter_context(compiling_beside(recipe, config))
        data, device = by_all(ranks, lambda: prepared(own, config, stack))
        if ranks.size > 1:
            require_same_data(ranks, data)
        if not options.resume:
            by_rank_0(ranks, begun)
        model = build(own, config, ranks if options.distributed else None)
        history = by_rank_0(ranks, loaded)
        if ranks.size > 1:
            model.broadcast_state()
        model.to(device)
        by_rank_0(ranks, saved)
        try:
            finish(own, config, model, data, history, folder, options.verbose, ranks)
        except MemoryError as error:
            raise RunError(f"out of memory: {error}") from None
        except ImageError as error:
            raise NotReadError(str(error)) from None


def prepared(recipe: Recipe, config: Config, stack: ExitStack) -> tuple[Data, str]:
    """Return the data, and the device to train on, until `stack` closes; raises RunError if one cannot be had."""
    check_options(recipe, config)
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
    check_images(recipe, config, data.counts[0])
    return data, device


def find_rate(recipe: Recipe, options: Namespace, folder: Path, ranks: Communicator) -> None:
    """Test growing learning rates on the recipe's network, say which to begin with, and draw the test in `folder`."""
    if ranks.size > 1:
        raise TogetherError("--lr-find is for one process: leave --distributed out, or start it without mpiexec")
    if options.resume:
        raise RunError("--lr-find tests a network before it is trained: leave --resume out")
    refuse_overwriting(folder, (), [RATES])
    config = fresh(recipe, given_in(options))
    recipe = variant(recipe, config.variant)
    with ExitStack() as stack:
        data, device = prepared(recipe, config, stack)
        model = build(recipe, config)
        model.to(device)
        x, y, batch_size = training_source(recipe, config, data)
        try:
            found = lr_finder(model, x if y is None else (x, y), batch_size)
        except ValueError as error:
            raise RunError(f"--lr-find: {error}") from None
    make(folder)
    with writing(folder):
        visualize.save(found.plot(), folder / RATES)
    own, rate = recipe.learning_rate, found.suggestion
    tested = f"{recipe.name}: {len(found.rates)} learning rates from {found.rates[0]:.1g} to {found.rates[-1]:.1g}"
    advice = "the loss falls with none of them" if rate is None else f"the loss falls fastest at {rate:.2g}"
    print(f"{tested}; {advice} (the document has {own:g}); {folder / RATES} shows it")


def given_in(options: Namespace) -> dict[str, Any]:
    """Return the settings that the command line gives, by name."""
    return {name: getattr(options, name) for name in PARSERS if getattr(options, name) is not None}


def finish(
    recipe: Recipe,
    config: Config,
    model: Model,
    data: Data,
    history: History,
    folder: Path,
    verbose: int,
    ranks: Communicator,
) -> None:
    """Train the epochs that `history` lacks; rank 0 draws the pictures, and prints the table."""
    if ranks.rank:
        fit(recipe, config, model, data, history)
        return
    done = epochs_of(history)
    model.summary()
    counts = "{:,} images to train on, {:,} to validate on".format(*data.counts)
    print(f"{recipe.name}: {counts}; files go to {folder}")
    if ranks.size > 1:
        print(f"{ranks.size} processes share every batch, each on {kernels.threads()} threads")
    if done:
        print(f"Resumed after epoch {done} of {config.epochs}")
    stopwatch = report.Stopwatch()
    saving = checkpoint.Checkpoint(folder, config, history)
    before = [stopwatch, *pictures.while_training(folder, recipe)]
    fit(recipe, config, model, data, history, before=before, after=[saving], verbose=verbose)
    model.to("cpu")
    found = answers(model, data.test, config.batch_size)
    with writing(folder):
        pictures.draw(folder, recipe, model, history, found)
    report.show(recipe, config, history, found.accuracy, model.count_params(), stopwatch, folder, ranks)


def check_options(recipe: Recipe, config: Config) -> None:
    """Refuse what this recipe has no use for."""
    if config.data is not None and not recipe.photographs:
        raise RunError(f"--data {config.data}: {recipe.name} trains on no photographs of a folder; leave --data out")
    if config.augment and not recipe.augments:
        raise RunError(f"--augment: {recipe.name} trains on its images as they are; leave --augment out")


def check_epochs(config: Config, history: History, folder: Path) -> None:
    """Refuse to end a run before the epoch that it has reached."""
    done = epochs_of(history)
    if config.epochs < done:
        raise RunError(f"--epochs {config.epochs}: the run in {folder} has done {done}; give {done} or more")


def check_images(recipe: Recipe, config: Config, images: int) -> None:
    """Refuse a limit above the images there are, and a batch above those that are left."""
    if config.limit is not None and config.limit > images:
        raise RunError(f"--limit {config.limit}: {recipe.name} has {images} training images; leave --limit out for all")
    if config.batch_size > images:
        few = f"--limit {config.limit}" if config.limit else f"{recipe.name}'s {images} training images"
        raise RunError(f"{few} cannot fill one batch of {config.batch_size}: give a --batch-size that fits")


def set_threads(count: int) -> None:
    """Compute with `count` threads; raises RunError if there are not so many."""
    try:
        kernels.set_threads(count)
    except ValueError as error:
        raise RunError(f"--threads {count}: {error}") from None


def load(recipe: Recipe, config: Config) -> Data:
    """Return the recipe's data; raises RunError if its files are missing or damaged."""
    try:
        return recipe.load(config)
    except (OSError, ValueError) as error:
        raise RunError(str(error)) from None


def state_of(folder: Path, recipe: Recipe) -> str:
    """Say in one line what `folder` holds of a run and how to continue it."""
    words = [*PROG.split(), recipe.name, "--resume"]
    if folder != default_folder(recipe):
        words += ["--output", str(folder)]
    epoch = checkpoint.saved_epoch(folder)
    if epoch is None and not (folder / FILE).exists():
        return "Nothing was saved yet."
    state = f"holds the run after epoch {epoch}" if epoch else "holds the run's beginning, before epoch 1"
    return f"{folder} {state}; continue with: {shlex.join(words)}"


def complain(line: str) -> None:
    """Print a line to standard error, if anybody reads that: a terminal that closed takes no more."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
