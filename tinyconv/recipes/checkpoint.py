"""The files that let a run go on: weights after every epoch, the history with them, and a table for spreadsheets.

`last.weights.h5` is the truth: weights, the state of optimizer and dropout, and, as its note, the run's settings and
its history. It is one file and replaced whole, so a killed run is always at the end of some epoch. `best.weights.h5`
holds the weights of the best validation accuracy so far; `history.csv` repeats the history, epochs counted from 1.
"""

import csv
import io
import warnings
from math import isfinite
from pathlib import Path
from typing import Any

from ..callbacks import Callback
from ..files import replace_file
from ..kernels.signals import signals_delayed
from ..models import Model
from ..saving import read_note
from .config import FILE, Config
from .errors import DivergedError, RunError
from .folder import writing
from .recipe import History, epochs_of

LAST, BEST, TABLE = "last.weights.h5", "best.weights.h5", "history.csv"
STATE = (LAST, BEST, TABLE)
FILES = (FILE, *STATE)


class Checkpoint(Callback):
    """Saves the run in `folder` after every epoch and adds the epoch to `history`.

    Raises DivergedError, and saves nothing, when a log of the epoch is not finite; NotWrittenError when a file cannot
    be written. A signal waits until all files are.
    """

    def __init__(self, folder: Path, config: Config, history: History) -> None:
        self.folder, self.config, self.history = folder, config, history

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save the epoch: the best weights first, so that `last.weights.h5` never knows of a best that is not there."""
        for name, value in logs.items():
            if not isfinite(value):
                raise DivergedError(
                    f"training diverged in epoch {epoch + 1}: {name} is {value}; "
                    "try a smaller --learning-rate in another --output"
                )
        best = logs["val_accuracy"] > max(self.history.get("val_accuracy", []), default=-1.0)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        with signals_delayed(), writing(self.folder):
            if best:
                save_weights(self.folder / BEST, self.model, self.config, self.history)
            save(self.folder, self.model, self.config, self.history)


def save(folder: Path, model: Model, config: Config, history: History) -> None:
    """Write `last.weights.h5` and `history.csv`; raises OSError if it cannot."""
    save_weights(folder / LAST, model, config, history)
    write_table(folder, history)


def save_weights(path: Path, model: Model, config: Config, history: History) -> None:
    """Write all that the model is and knows, and how it came there."""
    note = {"epoch": epochs_of(history), "config": config.fixed, "history": history}
    model.save_weights(str(path), note=note)


def write_table(folder: Path, history: History) -> None:
    """Write `history.csv`: a row an epoch, counted from 1."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["epoch", *history])
    for index, row in enumerate(zip(*history.values(), strict=True)):
        writer.writerow([index + 1, *map(repr, row)])
    replace_file(folder / TABLE, [table.getvalue().encode()])


def load(folder: Path, model: Model, config: Config) -> History:
    """Restore the model from `last.weights.h5` and return the history; raises RunError if that is not possible."""
    path = folder / LAST
    try:
        note = read_note(path)
        history = _checked(note, config)
        with warnings.catch_warnings():
            # A checkpoint that restores only a part of the state would resume to other bits.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(str(path))
    except FileNotFoundError:
        raise RunError(f"{path} is missing: restore it, or start again in another --output") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, UserWarning) as error:
        said = " ".join(str(error).split())
        where = "" if str(path) in said else f"{path}: "
        raise RunError(f"{where}{said}; restore it, or start again in another --output") from None
    return history


def _checked(note: Any, config: Config) -> History:
    """Return the history in a checkpoint's note; raises ValueError if it is none or of another run."""
    try:
        epoch, settings, history = note["epoch"], note["config"], note["history"]
        complete = all(isinstance(value, int | float) for values in history.values() for value in values) and {
            len(values) for values in history.values()
        } == ({epoch} if epoch else set())
    except (TypeError, KeyError, AttributeError):
        raise ValueError("it holds no state of training") from None
    if not complete:
        raise ValueError("its history is not complete")
    for name, value in config.fixed.items():
        if settings.get(name) != value:
            raise ValueError(f"it was trained with {name} {settings.get(name)}, but config.json says {value}")
    return history


def saved_epoch(folder: Path) -> int | None:
    """Return after which epoch the run in `folder` was saved, or None if it was not."""
    try:
        note = read_note(folder / LAST)
        return None if note is None else int(note["epoch"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
