"""ProgressBar: what `verbose` prints while a model trains."""

import sys
import time
from typing import Any

from .callback import BatchLogs, Callback, Logs

PAUSE = 0.1  # seconds between two looks at the logs, for which a GPU has to be waited for


class ProgressBar(Callback):
    """Shows the epoch in progress: a moving bar on a terminal, one line an epoch elsewhere.

    The bar shows batches, loss and metrics so far, images per second and the time left. With `animate` False, or when
    standard output is not a terminal, each epoch prints one line when it ends.
    """

    def __init__(self, animate: bool = True) -> None:
        self.animate = animate and sys.stdout.isatty()
        self.bar: Any = None

    def on_epoch_begin(self, epoch: int) -> None:
        """Start the epoch's bar."""
        self.started, self.seen, self.drawn = time.perf_counter(), 0, 0.0
        self.title = f"Epoch {epoch + 1}/{self.params['epochs']}"
        if self.animate:
            self.bar = _bar()
            self.bar.start()
            self.task = self.bar.add_task(self.title, total=self.params["steps"], logs="", rate="")

    def on_train_batch_end(self, batch: int, logs: BatchLogs) -> None:
        """Move the bar."""
        self.seen += self.params["batch"]
        now = time.perf_counter()
        if self.bar is not None and now - self.drawn > PAUSE:
            self.drawn = now
            self.bar.update(self.task, completed=batch + 1, logs=format_logs(logs), rate=self.rate())

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Print the epoch's line, in place of the bar."""
        self.stop()
        seconds = time.perf_counter() - self.started
        steps = self.params["steps"]
        print(f"{self.title}  {steps}/{steps}  {seconds:.1f} s  {self.rate()}  {format_logs(logs)}", flush=True)

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
    return " - ".join(f"{name}: {_number(value)}" for name, value in logs.items())


def _number(value: float) -> str:
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"


def _bar() -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[logs]}"),
        refresh_per_second=10,
        transient=True,
    )
