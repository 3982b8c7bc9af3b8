"""ModelCheckpoint: keeps the model, or its weights, while training goes on."""

import warnings
from pathlib import Path
from typing import Any

from ..arguments import size
from .monitor import Monitor, say


class ModelCheckpoint(Monitor):
    """Saves the model, or its weights, after every epoch or `save_freq` batches; or only when `monitor` is better.

    `filepath` ends in ".weights.h5" for weights, with the optimizer's state, in ".safetensors" for weights alone, or in
    ".keras" or ".h5" for all of the model. It may hold fields such as "{epoch:02d}-{val_loss:.2f}": {epoch} and {batch}
    count from 1, all logs are known by their names. `save_weights_only`, which Keras asks for, must fit the name.
    `save_best_only` saves when `monitor` is better than ever; what it has to be better than at first, such as what the
    file holds that an earlier run wrote, is `initial_value_threshold`. `mode` as in `Monitor`.
    An epoch without `monitor`, because it was not validated, is saved only if no other was.
    Folders are made; each file is written aside and renamed, so a file that exists is whole.
    """

    by_rank_0 = True

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool | None = None,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        weights = str(filepath).endswith((".weights.h5", ".safetensors"))
        if not weights and not str(filepath).endswith((".keras", ".h5")):
            raise ValueError(f'filepath must end in ".weights.h5", ".safetensors", ".keras" or ".h5", got {filepath}')
        if save_weights_only is not None and bool(save_weights_only) is not weights:
            fitting = '".weights.h5" or ".safetensors"' if save_weights_only else '".keras" or ".h5"'
            raise ValueError(
                f"with save_weights_only={save_weights_only} filepath must end in {fitting}, got {filepath}"
            )
        self.save_weights_only = weights
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath, self.verbose, self.save_best_only = checked_fields(str(filepath)), verbose, save_best_only
        self.save_freq = save_frequency(save_freq)
        self.counter = BatchCounter(self.save_freq)

    def on_train_begin(self, logs: Any = None) -> None:
        """Make the folder, so that one that cannot be made is known before training."""
        folder = Path(self.filepath.partition("{")[0] + "name").parent
        folder.mkdir(parents=True, exist_ok=True)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Know the epoch, for what is saved between batches."""
        self.counter.epoch, self.counter.batch = epoch, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save, if it is time."""
        if self.counter.is_time(batch):
            self._save(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save, if the epoch earns it."""
        self.counter.epoch = epoch
        if self.save_freq == "epoch":
            self._save(logs)

    def _save(self, logs: Any) -> None:
        logs = dict(logs or {})
        epoch = self.counter.epoch + 1
        try:
            path = self.filepath.format(**{"epoch": epoch, "batch": self.counter.batch, **logs})
        except KeyError as missing:
            known = ", ".join(["epoch", "batch", *logs])
            raise ValueError(
                f"ModelCheckpoint's filepath names {missing.args[0]}, but there are only {known}"
            ) from None
        if self.save_best_only and not self._is_best(epoch, logs.get(self.monitor), path):
            return
        if not self.save_best_only:
            say(f"\nEpoch {epoch}: saving model to {path}", self.verbose)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        say(f"\nEpoch {epoch}: finished saving model to {path}", self.verbose)

    def _is_best(self, epoch: int, value: float | None, path: str) -> bool:
        if value is None:
            warnings.warn(f"Can save best model only with {self.monitor} available.", stacklevel=3)
            return self.best is None
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self.is_improvement(value, self.best):
            say(f"\nEpoch {epoch}: {self.monitor} did not improve from {best}", self.verbose)
            return False
        change = f"improved from {best} to {value:.5f}"
        say(f"\nEpoch {epoch}: {self.monitor} {change}, saving model to {path}", self.verbose)
        self.best = value
        return True


class _AnyLogs(dict[str, Any]):
    """Logs of which each has a value."""

    def __missing__(self, name: str) -> float:
        return 1.0


def checked_fields(filepath: str) -> str:
    """Return `filepath` after checking that numbers can be put into its fields: which there are, training shows."""
    try:
        filepath.format_map(_AnyLogs(epoch=1, batch=1))
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise ValueError(
            f'filepath has fields such as "{{epoch:02d}}" and "{{val_loss:.2f}}", and {{{{ and }}}} for braces, '
            f"got {filepath}: {error}"
        ) from None
    return filepath


class BatchCounter:
    """Which epoch (from 0) and batch (from 1) training is in, and whether `save_freq` batches went by since the last.

    It counts on from epoch to epoch.
    """

    def __init__(self, save_freq: str | int) -> None:
        self.save_freq = save_freq
        self.epoch = self.batch = self.since = 0

    def is_time(self, batch: int) -> bool:
        """Take in that a batch, counted from 0, is done; return whether to save now."""
        self.batch = batch + 1
        if isinstance(self.save_freq, str):
            return False
        self.since += 1
        if self.since < self.save_freq:
            return False
        self.since = 0
        return True


def save_frequency(save_freq: str | int) -> str | int:
    """Return `save_freq` after checking that it is "epoch" or a number of batches."""
    if save_freq == "epoch":
        return save_freq
    if isinstance(save_freq, str):
        raise ValueError(f'save_freq must be "epoch" or a number of batches, got {save_freq!r}')
    return size("save_freq", save_freq)
