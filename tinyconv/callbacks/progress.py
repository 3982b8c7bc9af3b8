"""ProgressBar: what `verbose` prints while a model trains."""

import sys
import time
from typing import Any

from .callback import BatchLogs, Callback
from .live_bar import LiveBar, broken, columns, in_notebook

PAUSE = 0.1  # seconds between two looks at the logs, for which a GPU has to be waited for


class ProgressBar(Callback):
    """Shows what is in progress: a moving bar on a terminal and in a notebook, one line at the end elsewhere.

    The bar shows batches, loss and metrics so far, images per second and the time left. Each epoch or evaluation ends
    with a line in the place of the bar; that line is all there is with `animate` False, and where output goes to a
    file. A prediction has a line only if `params["verbose"]` is 1 or 2.
    """

    by_rank_0 = True

    def __init__(self, animate: bool = True) -> None:
        self.animate = animate and (sys.stdout.isatty() or in_notebook())
        self.bar: LiveBar | None = None
        self.fitting = False

    def on_train_begin(self, logs: Any = None) -> None:
        """From now on evaluations are parts of epochs."""
        self.fitting = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the epoch's bar."""
        epochs = self._asked.get("epochs")
        self._begin(f"Epoch {epoch + 1}" if epochs is None else f"Epoch {epoch + 1}/{epochs}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar."""
        self.seen += self.model.batch_samples
        self._move(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Print the epoch's line, in place of the bar."""
        self._end(broken([*self._head(), self.rate()], entries(logs), columns()))

    def on_train_end(self, logs: Any = None) -> None:
        """From now on evaluations stand for themselves."""
        self.fitting = False

    def on_test_begin(self, logs: Any = None) -> None:
        """Start the bar of an evaluation."""
        if not self.fitting:
            self._begin("Evaluation")

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar."""
        if not self.fitting:
            self._move(batch, logs)

    def on_test_end(self, logs: Any = None) -> None:
        """Print the results, in place of the bar."""
        if not self.fitting:
            self._end(broken([], entries(logs), columns()))

    def on_predict_begin(self, logs: Any = None) -> None:
        """Start the bar of a prediction."""
        self._begin("Prediction")

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar."""
        self._move(batch, {})

    def on_predict_end(self, logs: Any = None) -> None:
        """Take the bar away, and print the prediction's line if that was asked for."""
        if self._asked.get("verbose") in (1, 2):
            self._end(broken(self._head(), [], columns()))
        self._take_down()

    @property
    def _asked(self) -> dict[str, Any]:
        return self.params or {}

    def _begin(self, title: str) -> None:
        self.started, self.seen, self.done, self.drawn, self.title = time.perf_counter(), 0, 0, 0.0, title
        if self.animate:
            self.bar = LiveBar(title, self._asked.get("steps"))

    def _move(self, batch: int, logs: BatchLogs) -> None:
        self.done = batch + 1
        now = time.perf_counter()
        if self.bar is not None and now - self.drawn > PAUSE:
            self.drawn = now
            self.bar.move(batch + 1, self.rate() if self.seen else "", entries(logs))

    def _head(self) -> list[str]:
        """Return what a line begins with: title, batches, seconds."""
        steps = self._asked.get("steps") or self.done
        return [self.title, f"{self.done}/{steps}", f"{time.perf_counter() - self.started:.1f} s"]

    def _end(self, line: str) -> None:
        """Print a line, in place of the bar if there is one."""
        if self.bar is None:
            print(line, flush=True)
        else:
            self.bar.replace(line)
            self.bar = None

    def rate(self) -> str:
        """Return the images per second of this epoch so far."""
        return f"{self.seen / max(time.perf_counter() - self.started, 1e-9):,.0f} images/s"

    def stop(self) -> None:
        """Take the bar off the screen, and forget what was in progress, also when training is interrupted."""
        self.fitting = False
        self._take_down()

    def _take_down(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def format_logs(logs: BatchLogs) -> str:
    """Return logs as Keras spells them: "loss: 0.1234 - accuracy: 0.9876"."""
    return " - ".join(entries(logs))


def entries(logs: BatchLogs) -> list[str]:
    """Return each of the logs as Keras spells it: "loss: 0.1234"."""
    return [f"{name}: {_number(value)}" for name, value in logs.items()]


def _number(value: Any) -> str:
    if getattr(value, "ndim", 0):  # of a metric that has several
        return "[" + " ".join(map(_number, value)) + "]"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"
