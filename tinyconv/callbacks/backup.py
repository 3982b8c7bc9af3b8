"""BackupAndRestore: a run that was broken off goes on where its last backup was made."""

import warnings
from pathlib import Path
from typing import Any

from ..files import replace_file
from .callback import Callback
from .checkpoint import BatchCounter, save_frequency


class BackupAndRestore(Callback):
    """Backs the run up after every epoch, or every `save_freq` batches; `fit` after a break does what remains.

    Weights, the optimizer's state and how far the run was are in one file, "latest.weights.h5" in the folder
    `backup_dir`, which is replaced whole: whenever the process dies, a backup and what it says of itself agree. A run
    that was backed up within an epoch goes on at the next batch of that epoch; the epoch's logs are then those of the
    batches that remained. `double_checkpoint` keeps the backup before, too, for when the latest cannot be read. The
    backup is deleted when training has ended, unless `delete_checkpoint` is False. The folder is for one run alone.
    """

    by_rank_0 = True

    def __init__(
        self,
        backup_dir: str | Path,
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if not str(backup_dir):
            raise ValueError("backup_dir is empty: name a folder for the backup")
        self.backup_dir = str(backup_dir)
        self.save_freq = save_frequency(save_freq)
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self.counter = BatchCounter(self.save_freq)

    @property
    def _files(self) -> tuple[Path, Path]:
        """The latest backup, and the one before."""
        return tuple(Path(self.backup_dir, f"{name}.weights.h5") for name in ("latest", "previous"))  # type: ignore[return-value]

    def on_train_begin(self, logs: Any = None) -> None:
        """Make the folder; give the model the state of the backup, if there is one, and let `fit` go on from there."""
        Path(self.backup_dir).mkdir(parents=True, exist_ok=True)
        latest, previous = self._files
        self.counter.since = 0
        if not latest.exists():
            return
        try:
            self._restore(latest)
        except (OSError, ValueError) as error:
            if not previous.exists():
                raise
            warnings.warn(f"{latest} cannot be restored ({error}): restored {previous}", stacklevel=2)
            self._restore(previous)

    def _restore(self, path: Path) -> None:
        if not self.model.built:
            raise ValueError(f"the model is not built, so that {path} cannot be restored: give it an Input, or call it")
        note = self.model.files.read_note(path) or {}
        if not {"epoch", "batch"} <= note.keys():
            raise ValueError(f"{path} does not say how far its run was, it is no backup: give another backup_dir")
        if self.model.optimizer is not None:
            self.model.optimizer.build(self.model.trainable_weights)
        self.model.load_weights(str(path))
        self.model.begin_at = (int(note["epoch"]), int(note["batch"]))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Know the epoch, for what is saved between batches."""
        self.counter.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Back up, if it is time."""
        if self.counter.is_time(batch):
            self._save(self.counter.epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Back up, if that is done after epochs."""
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def _save(self, epoch: int, batch: int) -> None:
        """Write the state from which the run goes on at a batch of an epoch, both counted from 0."""
        latest, previous = self._files
        latest.parent.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint and latest.exists():
            replace_file(previous, [latest.read_bytes()])
        self.model.save_weights(str(latest), note={"epoch": epoch, "batch": batch})

    def on_train_end(self, logs: Any = None) -> None:
        """Delete the backup; and the folder, if nothing else is in it."""
        if self.delete_checkpoint:
            for path in self._files:
                path.unlink(missing_ok=True)
            folder = Path(self.backup_dir)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
