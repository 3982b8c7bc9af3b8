"""ModelCheckpoint: keeps weights while training goes on."""

from pathlib import Path
from typing import Any

from ..metrics import direction
from .callback import Callback


class ModelCheckpoint(Callback):
    """Saves the model's weights after every epoch, or only when `monitor` got better.

    `filepath` must end in ".weights.h5" and may hold fields such as "{epoch:02d}-{val_loss:.2f}" (epochs from 1).
    `save_weights_only` is always true, and may be said, as Keras asks for it with such names. `mode` is "min", "max",
    or "auto", which is "max" for accuracies. Folders are made; each file is written aside and renamed, so a file that
    exists is whole.
    """

    def __init__(
        self,
        filepath: str,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = True,
        mode: str = "auto",
    ) -> None:
        if not str(filepath).endswith(".weights.h5"):
            raise ValueError(f'filepath must end in ".weights.h5", got {filepath}')
        if not save_weights_only:
            raise ValueError(
                f"ModelCheckpoint saves weights only, got save_weights_only={save_weights_only!r}: leave it out, "
                "and make the model in code or from its get_config() before load_weights"
            )
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'mode must be "auto", "min" or "max", got {mode!r}')
        self.filepath, self.monitor, self.verbose = str(filepath), monitor, verbose
        self.save_best_only = save_best_only
        self.maximise = (direction(monitor) if mode == "auto" else mode) == "max"
        self.best = float("-inf" if self.maximise else "inf")

    def on_train_begin(self, logs: Any = None) -> None:
        """Make the folder, so that one that cannot be made is known before training."""
        folder = Path(self.filepath.partition("{")[0] + "name").parent
        folder.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save the weights, if the epoch earns it."""
        logs = logs or {}
        try:
            path = self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as missing:
            raise ValueError(
                f"ModelCheckpoint's filepath names {missing.args[0]}, but the logs hold only {', '.join(logs)}"
            ) from None
        if not self.save_best_only:
            self.save(path)
            self.say(f"Epoch {epoch + 1}: saving model to {path}")
            return
        if self.monitor not in logs:
            raise ValueError(f'ModelCheckpoint monitors "{self.monitor}", but the logs hold only {", ".join(logs)}')
        value = logs[self.monitor]
        if value > self.best if self.maximise else value < self.best:
            change = f"improved from {self.best:.5f} to {value:.5f}"
            self.say(f"Epoch {epoch + 1}: {self.monitor} {change}, saving model to {path}")
            self.best = value
            self.save(path)
        else:
            self.say(f"Epoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")

    def save(self, path: str) -> None:
        """Write the weights; a folder whose name holds fields is made only now."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.model.save_weights(path)

    def say(self, message: str) -> None:
        """Print a message if asked to be verbose."""
        if self.verbose:
            print(message)
