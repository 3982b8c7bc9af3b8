"""Callback: what listens to training. Names and arguments are Keras's."""

from collections.abc import Mapping, Sequence
from typing import Any

Logs = dict[str, float]
BatchLogs = Mapping[str, float]


class Callback:
    """Base of all callbacks; every method does nothing until a subclass says otherwise.

    `model` is the model in training; `params` holds "epochs", "steps" (batches of the epoch) and "samples" (None if
    unknown). `logs` maps "loss", the metrics' names and, at the end of an epoch, "val_…" to their values so far.
    Epochs and batches count from 0.
    """

    model: Any = None
    params: dict[str, Any]

    def on_train_begin(self) -> None:
        """Called once before training."""

    def on_train_end(self) -> None:
        """Called once after training, also when it was stopped early; not when it failed."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Called before each epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Called after each epoch, validation included."""

    def on_train_batch_begin(self, batch: int) -> None:
        """Called before each update."""

    def on_train_batch_end(self, batch: int, logs: BatchLogs) -> None:
        """Called after each update; `logs` are the running means of the epoch."""


class CallbackList(Callback):
    """Several callbacks, called in their order."""

    def __init__(self, callbacks: Sequence[Callback], model: Any) -> None:
        self.callbacks = list(callbacks)
        self.params = {}
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks must be tinyconv.callbacks.Callback objects, got {callback!r}")
            callback.model, callback.params = model, self.params

    def on_train_begin(self) -> None:
        """Call each."""
        for callback in self.callbacks:
            callback.on_train_begin()

    def on_train_end(self) -> None:
        """Call each."""
        for callback in self.callbacks:
            callback.on_train_end()

    def on_epoch_begin(self, epoch: int) -> None:
        """Call each."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Call each."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int) -> None:
        """Call each."""
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch)

    def on_train_batch_end(self, batch: int, logs: BatchLogs) -> None:
        """Call each."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)


class History(Callback):
    """Keeps the logs of every epoch: `history` maps each name to its values, `epoch` lists the epochs' numbers."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Append the epoch's logs."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
