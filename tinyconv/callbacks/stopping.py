"""EarlyStopping and TerminateOnNaN: what ends training before its last epoch."""

import warnings
from math import isfinite
from typing import Any

import numpy as np

from .callback import Callback
from .monitor import Monitor, say


class EarlyStopping(Monitor):
    """Ends training when `monitor` has not got better for `patience` epochs, by more than `min_delta`.

    Epochs before `start_from_epoch` are passed over. With a `baseline`, waiting starts anew only when the best is
    better than that, too. `restore_best_weights` gives the model, whenever training ends, the weights after the epoch
    of the best value. Each training starts afresh. `mode` as in `Monitor`.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._begin()

    def _begin(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = None
        self.best_weights: list[np.ndarray] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget an earlier training."""
        self._begin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """See whether the epoch was better; if not for too long, let training end."""
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)  # if none is ever better, these stay the weights
        self.wait += 1
        if self.is_improvement(value, self.best):
            self.best = value
            self._keep(epoch)
            if self.baseline is None or self.is_improvement(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Any = None) -> None:
        """Say that training ended early, and give the model its best weights."""
        if self.stopped_epoch > 0:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping", self.verbose)
        if self.best_weights is not None:
            best = f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}."
            say(best, self.verbose)
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs: Any) -> float | None:
        """Return the value of `monitor` in the logs; if it is not there, None, with a warning."""
        logs = logs or {}
        if logs.get(self.monitor) is None:
            warnings.warn(
                f"Early stopping conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}",
                stacklevel=3,
            )
        value: float | None = logs.get(self.monitor)
        return value


class TerminateOnNaN(Callback):
    """Ends training at a batch after which the loss is NaN or infinite; or raises RuntimeError with `raise_error`.

    An error leaves other callbacks without `on_train_end`: backups, for one, stay.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating training immediately."
            )
        say(f"Batch {batch}: Invalid loss, terminating training", 1)
        self.model.stop_training = True
