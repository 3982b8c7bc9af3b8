"""LearningRateScheduler and ReduceLROnPlateau: callbacks that set the learning rate, epoch by epoch.

Both add "learning_rate" to the logs of each epoch, and so to the history. An optimizer whose rate follows a schedule of
its own refuses both with a TypeError.
"""

import warnings
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

import numpy as np

from .callback import Callback
from .monitor import Monitor, say


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch, counted from 0, to `schedule(epoch, rate)` or `schedule(epoch)`."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"schedule must be a function of (epoch, learning rate), got {schedule!r}")
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the learning rate."""
        optimizer = self.model.optimizer
        given = (epoch, float(optimizer.learning_rate)) if _takes_two(self.schedule) else (epoch,)
        rate = self.schedule(*given)
        if not isinstance(rate, float | np.floating):
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")
        optimizer.learning_rate = rate
        say(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.", self.verbose)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the learning rate to the logs."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def _takes_two(function: Callable[..., Any]) -> bool:
    """Return whether a function can be called with two arguments."""
    try:
        parameters = signature(function).parameters.values()
    except ValueError:  # one that is written in C says nothing
        return True
    places = sum(each.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for each in parameters)
    return places >= 2 or any(each.kind is Parameter.VAR_POSITIONAL for each in parameters)


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by `factor` when `monitor` has not got better for `patience` epochs.

    Better is by more than `min_delta`. After a reduction, `cooldown` epochs go by before it waits again; the rate never
    falls below `min_lr`, and once it is there nothing more happens or is said. Each training starts afresh.
    `mode` as in `Monitor`.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        super().__init__(monitor, mode, min_delta=min_delta)
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget an earlier training."""
        self.best = None
        self.cooldown_counter = self.wait = 0

    def in_cooldown(self) -> bool:
        """Return whether a reduction is so recent that epochs do not count yet."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """See whether the epoch was better; if not for too long, reduce the rate."""
        logs = {} if logs is None else logs
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(
                f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}.",
                stacklevel=2,
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduced(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduced(self, epoch: int) -> bool:
        """Reduce the rate, unless it is at the floor; return whether it was reduced."""
        optimizer = self.model.optimizer
        old = float(optimizer.learning_rate)
        if np.float32(old) <= np.float32(self.min_lr):  # a rate that came from a file of Keras's is a float32
            return False
        new = max(old * self.factor, self.min_lr)
        optimizer.learning_rate = new
        say(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.", self.verbose)
        return True
