"""Callbacks by the arguments and the behaviour of the eras before Keras 3."""

from collections.abc import Mapping
from importlib.util import find_spec
from inspect import signature
from typing import Any

import numpy as np

from .. import callbacks
from ..callbacks import Callback
from .eras import Era
from .spelling import Names, Patch, Spelling, renamed


class LearningRateScheduler(callbacks.LearningRateScheduler):
    """The scheduler before Keras 3: it knows the rate apart from `decay`, and logs it as `lr`.

    Up to Keras 2.1.3 the schedule is a function of the epoch alone.
    """

    takes_rate = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the learning rate."""
        optimizer: Any = self.model.optimizer
        both = self.takes_rate and len(signature(self.schedule).parameters) > 1
        optimizer.lr = float(self.schedule(epoch, float(optimizer.lr)) if both else self.schedule(epoch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the learning rate to the logs."""
        if logs is not None:
            optimizer: Any = self.model.optimizer
            logs["lr"] = float(optimizer.lr)


class ReduceLROnPlateau(callbacks.ReduceLROnPlateau):
    """The reduction before Keras 3, which logs the rate as `lr`; up to 2.1.5 it waits an epoch more at first."""

    waits_longer = again = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """See whether the epoch was better; if not for too long, reduce the rate."""
        logs = {} if logs is None else logs
        self.again = False
        super().on_epoch_end(epoch, logs)
        self.wait += self.again
        logs["lr"] = logs.pop("learning_rate")

    def _reduced(self, epoch: int) -> bool:
        """Reduce the rate, unless it is at the floor; up to 2.1.5 the epoch itself counts as waited then."""
        found = super()._reduced(epoch)
        self.again = found and self.waits_longer
        return found


class ModelCheckpoint(callbacks.ModelCheckpoint):
    """The checkpoint before Keras 3: any name will do, `period` counts epochs; up to 2.0.8 {epoch} counts from 0."""

    first = 1

    def __init__(self, filepath: Any, *given: Any, period: int = 1, **named: Any) -> None:
        given = given[:6]  # period came seventh
        options = bound_options(given, named)
        weights_only = bool(options.pop("save_weights_only", False))
        if options.get("save_freq") == "epoch" or isinstance(options.get("save_freq"), str):
            options["save_freq"] = "epoch"
        super().__init__(f"{filepath}.weights.h5" if weights_only else f"{filepath}.h5", **options)
        self.filepath, self.period, self.since = str(filepath), period, 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save, if the epoch is due and earns it."""
        self.since += 1
        if self.since >= self.period:
            self.since = 0
            super().on_epoch_end(epoch, logs)

    def _save(self, logs: Any) -> None:
        super()._save({**(logs or {}), "epoch": self.counter.epoch + self.first})


def bound_options(given: Any, named: dict[str, Any]) -> dict[str, Any]:
    """Return the options of ModelCheckpoint, whose order was another before Keras 3, by name."""
    order = ("monitor", "verbose", "save_best_only", "save_weights_only", "mode", "period")
    return {**dict(zip(order, given, strict=False)), **renamed(named, {}, ("options", "load_weights_on_restart"))}


def _last(part: Any, share: float) -> Any:
    """Return the last samples of an array, or of several."""
    return [_last(each, share) for each in part] if isinstance(part, list) else part[int(len(part) * (1 - share)) :]


def show_validation_data(arguments: Mapping[str, Any]) -> None:
    """Give the callbacks of a `fit` the arrays to validate on, before Keras 2.3: inputs, targets, weights in a list."""
    x, y, held_out = (arguments.get(name) for name in ("x", "y", "validation_data"))
    share = arguments.get("validation_split")
    if held_out is None and share and y is not None:
        held_out = tuple(_last(part, share) for part in (x, y))
    if not isinstance(held_out, tuple) or len(held_out) < 2:
        return
    inputs, targets = ([*part] if isinstance(part, list | tuple) else [part] for part in held_out[:2])
    weights = list(held_out[2:]) or [np.ones(len(each), np.float32) for each in targets]
    for callback in arguments.get("callbacks") or ():
        callback.validation_data = [*inputs, *targets, *weights]


class _Silent(Callback):
    """TensorBoard where its package is not installed: nothing is written, which is said once."""

    def __init__(self, *given: Any, **named: Any) -> None:
        print("TensorBoard: tensorboardX is not installed, so no events are written")


def patches(era: Era) -> list[Patch]:
    """Return the attributes that callbacks had."""
    return [(Callback, "validation_data", None)] if era.old else []


def spelled_names(era: Era) -> Names:
    """Return the callbacks of an era, by module."""
    found: dict[str, Any] = {"TensorBoard": Spelling("TensorBoard", callbacks.TensorBoard, _tensorboard)}
    if not era.old:
        return {"callbacks": found}
    scheduler = type("LearningRateScheduler", (LearningRateScheduler,), {"takes_rate": not era.before(2, 1, 4)})
    plateau: Any = type("ReduceLROnPlateau", (ReduceLROnPlateau,), {"waits_longer": era.before(2, 1, 6)})
    checkpoint = type("ModelCheckpoint", (ModelCheckpoint,), {"first": 0 if era.before(2, 0, 9) else 1})

    def reduce(*given: Any, **named: Any) -> Any:
        made = plateau(*given, **renamed(named, {"epsilon": "min_delta"}))
        made.patience += plateau.waits_longer
        return made

    def stop(*given: Any, **named: Any) -> Any:
        made = callbacks.EarlyStopping(*_without_min_delta(given, era), **named)
        made.patience += era.before(2, 0, 9)
        return made

    found |= {
        "LearningRateScheduler": scheduler,
        "ReduceLROnPlateau": Spelling("ReduceLROnPlateau", plateau, reduce),
        "ModelCheckpoint": checkpoint,
        "EarlyStopping": Spelling("EarlyStopping", callbacks.EarlyStopping, stop),
    }
    return {"callbacks": found}


def _without_min_delta(given: Any, era: Era) -> tuple[Any, ...]:
    """Return the positions of EarlyStopping, which had no `min_delta` before Keras 1.2: (monitor, patience, …)."""
    return (given[0], 0, *given[1:]) if era.before(1, 2) and len(given) > 1 else tuple(given)


def _tensorboard(*given: Any, **named: Any) -> Any:
    if find_spec("tensorboardX") is None:
        return _Silent()
    dropped = ("batch_size", "profile_batch", "embeddings_layer_names", "embeddings_data", "embeddings_freq")
    arguments = renamed(named, {}, (*dropped, "embeddings_metadata", "write_steps_per_second"))
    return callbacks.TensorBoard(*given[:2], **arguments)
