"""What a run says at its end, and the clock that it needs for that."""

import time
from pathlib import Path
from typing import Any

from ..callbacks import Callback
from ..distributed import Communicator
from .config import Config, fresh
from .options import option
from .recipe import History, Recipe, percent


class Stopwatch(Callback):
    """Measures training: `seconds` in all, and `rate`, the images per second of its updates, without validation."""

    def __init__(self) -> None:
        self.seconds = self.updating = 0.0
        self.images = self.epochs = 0

    @property
    def rate(self) -> float:
        """Images per second, 0 when nothing was trained."""
        return self.images / self.updating if self.updating else 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Start."""
        self.started = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the epoch."""
        self.epoch_started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the batch."""
        self.images += self.model.batch_samples
        self.batch_ended = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the epoch's time."""
        self.epochs += 1
        self.updating += self.batch_ended - self.epoch_started

    def on_train_end(self, logs: Any = None) -> None:
        """Stop."""
        self.seconds = time.perf_counter() - self.started


def show(
    recipe: Recipe,
    config: Config,
    history: History,
    accuracy: float,
    parameters: int,
    stopwatch: Stopwatch,
    folder: Path,
    ranks: Communicator,
) -> None:
    """Print the table of a run: its figures beside the document's, its cost, and where its files are."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=recipe.name, title_justify="left", title_style="bold", caption_justify="left")
    table.add_column("")
    table.add_column("this run", justify="right", overflow="fold")
    table.add_column("document", justify="right")
    for figure in recipe.figures:
        table.add_row(figure.label, figure.measure(history, accuracy) or "not reached", figure.document)
    best = max(history["val_accuracy"])
    epoch = history["val_accuracy"].index(best) + 1
    table.add_row("best validation accuracy", f"{percent(best)} (epoch {epoch})", "")
    table.add_row("parameters", f"{parameters:,}", f"{recipe.parameters:,}")
    if stopwatch.epochs:
        trained = "1 epoch" if stopwatch.epochs == 1 else f"{stopwatch.epochs} epochs"
        table.add_row("training time", f"{duration(stopwatch.seconds)} ({trained})", "")
        table.add_row("images per second", f"{stopwatch.rate:,.0f}", "")
    if ranks.exchanges:
        milliseconds = 1000 * ranks.exchange_seconds / ranks.exchanges
        size = ranks.exchanged_bytes / 1e6
        table.add_row("exchange of a step", f"{milliseconds:.1f} ms ({size:.1f} MB, {ranks.size} processes)", "")
    table.add_row("files", str(folder), "")
    changed = changed_options(recipe, config)
    if changed:
        table.caption = f"Not the document's settings: {changed}"
    Console(highlight=False, markup=False).print(table)


def changed_options(recipe: Recipe, config: Config) -> str:
    """Return the options in which a run differs from the document: "--epochs 2, --limit 3000"."""
    own = fresh(recipe, {})
    names = ("epochs", "batch_size", "learning_rate", "limit", "augment", "early_stop")
    changed = {name: getattr(config, name) for name in names if getattr(config, name) != getattr(own, name)}
    return ", ".join(option(name) if value is True else f"{option(name)} {value}" for name, value in changed.items())


def duration(seconds: float) -> str:
    """Format a time: "41.2 s", "3 min 05 s", "1 h 02 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
