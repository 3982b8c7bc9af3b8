"""Callback: what listens to training, evaluation and prediction; Keras's names, arguments and order of calls."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..offered import nearest

Logs = dict[str, float]
BatchLogs = Mapping[str, Any]


class Callback:
    """Base of all callbacks; every method does nothing until a subclass says otherwise.

    `model` is the model in training; `params` holds "epochs", "steps" (batches of the epoch) and "verbose". `logs` maps
    "loss", the metrics' names and, at the end of an epoch, "val_…" to their values so far; what a callback adds to an
    epoch's logs is in the history, too. Epochs and batches count from 0.

    In `fit`, in this order: on_train_begin; for each epoch on_epoch_begin, for each batch on_train_batch_begin and
    on_train_batch_end, the calls of an evaluation if there are validation data, on_epoch_end; on_train_end, which is
    not called after an error. An evaluation calls on_test_begin, on_test_batch_begin, on_test_batch_end, …,
    on_test_end; `predict` the same with "predict", where on_predict_batch_end has logs["outputs"].
    """

    model: Any = None
    params: dict[str, Any] | None = None
    by_rank_0 = False  # whether, where several processes train a model, the first alone has it: it writes, or shows

    def set_model(self, model: Any) -> None:
        """Take the model that is listened to: called first of all."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take `params`; called before training, and "steps" may change from epoch to epoch."""
        self.params = params

    def on_train_begin(self, logs: Any = None) -> None:
        """Called once before training."""

    def on_train_end(self, logs: Any = None) -> None:
        """Called once after training, also when it was stopped early; `logs` are the last epoch's."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Called before each epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Called after each epoch, validation included."""

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Keras 1's name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras 1's name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before each update."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after each update; `logs` are the running means of the epoch."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Called before an evaluation, that of an epoch's end too."""

    def on_test_end(self, logs: Any = None) -> None:
        """Called after an evaluation with its results."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before each batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after each batch of an evaluation; `logs` are the means so far."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Called before a prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """Called after a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before each batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after each batch of a prediction; `logs` has its "outputs"."""


HOOKS = [name for name in vars(Callback) if name.startswith("on_")]


class History(Callback):
    """Keeps the logs of every epoch: `history` maps each name to its values, `epoch` lists the epochs' numbers.

    `fit` has one of its own and returns it. One that is given to `fit` takes its place, and goes on from an earlier
    `fit` where it is given again.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget the epochs of an earlier training."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Append the epoch's logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={values[-1]:.4g}" for name, values in self.history.items())
        return f"<History of {len(self.epoch)} epoch{'s' * (len(self.epoch) != 1)}{': ' + last if last else ''}>"


class CallbackList(Callback):
    """Several callbacks, or one, called in their order, and `logs` are {} where there are none; lists may be nested.

    `add_history` and `add_progbar` append a `History` and a `ProgressBar`, unless callbacks of the kind are there.
    `params` are told to all. A training loop of one's own makes one and calls its hooks, as `fit` does; inside a `with`
    block, so that a progress bar is taken down at its end, whatever happens.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks: list[Callback] = [] if callbacks is None else list(_flat(callbacks))
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks must be tinyconv.callbacks.Callback objects, got {callback!r}")
        if add_history and not any(isinstance(callback, History) for callback in self.callbacks):
            self.append(History())
        if add_progbar:
            self._show_progress(animate=params.get("verbose") != 2)
        self.set_model(model)
        self.set_params(params)

    def __enter__(self) -> "CallbackList":
        return self

    def __exit__(self, *exception: object) -> None:
        if not self.callbacks:
            return
        from .progbar import ProgbarLogger
        from .progress import ProgressBar

        for callback in self.callbacks:
            if isinstance(callback, ProgressBar | ProgbarLogger):
                callback.stop()

    def _show_progress(self, animate: bool) -> None:
        from .progbar import ProgbarLogger  # both are callbacks themselves
        from .progress import ProgressBar

        if not any(isinstance(callback, ProgressBar | ProgbarLogger) for callback in self.callbacks):
            self.append(ProgressBar(animate))

    def append(self, callback: Callback) -> None:
        """Let another callback listen, after the others."""
        self.callbacks.append(callback)
        callback.set_model(self.model)
        callback.set_params(self.params or {})

    def set_model(self, model: Any) -> None:
        """Tell all which model they listen to."""
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all what is to be done."""
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)


def _flat(callbacks: Any) -> Iterator[Any]:
    """Yield what is in a list, and in the lists within it."""
    if not isinstance(callbacks, Iterable):
        yield callbacks
        return
    for each in callbacks:
        yield from _flat(each) if isinstance(each, list | tuple) else [each]


def _to_all(hook: str) -> Callable[..., None]:
    """Return the method of `CallbackList` that calls `hook` of every callback."""

    def numbered(self: CallbackList, number: int, logs: Any = None) -> None:
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            getattr(callback, hook)(number, logs)

    def plain(self: CallbackList, logs: Any = None) -> None:
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            getattr(callback, hook)(logs)

    return numbered if "epoch" in hook or "batch" in hook else plain


for _hook in HOOKS:
    setattr(CallbackList, _hook, _to_all(_hook))


class LambdaCallback(Callback):
    """A callback made of functions: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))`.

    All hooks of `Callback` may be given by name. Raises TypeError for a name that is none, with the nearest.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[[int, Any], Any] | None = None,
        on_epoch_end: Callable[[int, Any], Any] | None = None,
        on_train_begin: Callable[[Any], Any] | None = None,
        on_train_end: Callable[[Any], Any] | None = None,
        on_train_batch_begin: Callable[[int, Any], Any] | None = None,
        on_train_batch_end: Callable[[int, Any], Any] | None = None,
        **others: Callable[..., Any] | None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name in HOOKS} | others
        for hook, function in given.items():
            if hook not in HOOKS:
                near = nearest(hook, HOOKS)
                raise TypeError(f"LambdaCallback has no hook {hook}" + (f": did you mean {near}?" if near else ""))
            if function is not None:
                setattr(self, hook, function)
