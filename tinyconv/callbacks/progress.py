"""ProgressBar: what `verbose` prints while a model trains."""

import sys
import time

from .callback import BatchLogs, Callback, Logs
from .live_bar import LiveBar, broken, columns, in_notebook

PAUSE = 0.1  # seconds between two looks at the logs, for which a GPU has to be waited for


class ProgressBar(Callback):
    """Shows the epoch in progress: a moving bar on a terminal and in a notebook, one line an epoch elsewhere.

    The bar shows batches, loss and metrics so far, images per second and the time left. Each epoch ends with a line in
    the place of the bar; that line is all there is with `animate` False, and where output goes to a file.
    """

    def __init__(self, animate: bool = True) -> None:
        self.animate = animate and (sys.stdout.isatty() or in_notebook())
        self.bar: LiveBar | None = None

    def on_epoch_begin(self, epoch: int) -> None:
        """Start the epoch's bar."""
        self.started, self.seen, self.drawn = time.perf_counter(), 0, 0.0
        self.title = f"Epoch {epoch + 1}/{self.params['epochs']}"
        if self.animate:
            self.bar = LiveBar(self.title, self.params["steps"])

    def on_train_batch_end(self, batch: int, logs: BatchLogs) -> None:
        """Move the bar."""
        self.seen += self.params["batch"]
        now = time.perf_counter()
        if self.bar is not None and now - self.drawn > PAUSE:
            self.drawn = now
            self.bar.move(batch + 1, self.rate(), entries(logs))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Print the epoch's line, in place of the bar."""
        seconds = time.perf_counter() - self.started
        steps = self.params["steps"]
        head = [self.title, f"{steps}/{steps}", f"{seconds:.1f} s", self.rate()]
        line = broken(head, entries(logs), columns())
        if self.bar is None:
            print(line, flush=True)
        else:
            self.bar.replace(line)
            self.bar = None

    def rate(self) -> str:
        """Return the images per second of this epoch so far."""
        return f"{self.seen / max(time.perf_counter() - self.started, 1e-9):,.0f} images/s"

    def stop(self) -> None:
        """Take the bar off the screen, also when training is interrupted."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def format_logs(logs: BatchLogs) -> str:
    """Return logs as Keras spells them: "loss: 0.1234 - accuracy: 0.9876"."""
    return " - ".join(entries(logs))


def entries(logs: BatchLogs) -> list[str]:
    """Return each of the logs as Keras spells it: "loss: 0.1234"."""
    return [f"{name}: {_number(value)}" for name, value in logs.items()]


def _number(value: float) -> str:
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"
