"""Progbar and ProgbarLogger: progress as Keras prints it, for those who are used to it, or read it by a program."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from math import log10
from typing import Any

from .callback import Callback
from .live_bar import in_notebook

BOLD, GREEN, GREY, PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """A bar of `target` steps, None if it is not known how many, with values beside it; for loops of one's own.

    `width` is that of the bar. `verbose` 0 prints nothing, 1 a moving bar, at most every `interval` seconds, and 2 one
    line at the end. Values are averaged over the steps since their first, but those in `stateful_metrics` are shown as
    they are; or only those in `stateless_metrics` are averaged.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar takes stateful_metrics or stateless_metrics, not both")
        self.target, self.width, self.verbose, self.interval, self.unit_name = (
            target,
            width,
            verbose,
            interval,
            unit_name,
        )
        self.shown = set(stateful_metrics or [])
        self.averaged = None if stateless_metrics is None else set(stateless_metrics)
        self.moves = os.name == "posix" or sys.stdout.isatty() or in_notebook()  # Keras's rule
        self.values: dict[str, tuple[float, int]] = {}  # sum and count of each
        self.seen, self.taken = 0, 0  # steps; columns on the screen
        self.started = time.time()
        self.drawn = 0.0
        self.after_first: float | None = None

    def update(
        self, current: int, values: Sequence[tuple[str, float]] | None = None, finalize: bool | None = None
    ) -> None:
        """Show that `current` steps are done, with (name, value) of the last; `finalize` ends the bar's line."""
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or []:
            self._take(name, float(value), current, finalize)
        self.seen = current
        now = time.time()
        step = self._seconds_a_step(current, now)
        if self.verbose == 1 and (finalize or now - self.drawn >= self.interval):
            self._draw(current, now, step, finalize)
        if self.verbose == 2 and finalize and self.target:
            count = f"{current:{int(log10(self.target)) + 1}d}/{self.target}"
            print(f"{count} - {now - self.started:.0f}s -{self._rate(step)}{self._metrics(signed=True)}", flush=True)
        if self.verbose != 1 or finalize or now - self.drawn >= self.interval:
            self.drawn = now

    def add(self, n: int, values: Sequence[tuple[str, float]] | None = None) -> None:
        """Show that `n` more steps are done."""
        self.update(self.seen + n, values)

    def _take(self, name: str, value: float, current: int, finalize: bool) -> None:
        averaged = name in self.averaged if self.averaged is not None else name not in self.shown
        if not averaged or finalize:
            self.values[name] = value, 1
            return
        steps = max(current - self.seen, 1)
        total, count = self.values.get(name, (0.0, 0))
        self.values[name] = total + value * steps, count + steps

    def _draw(self, current: int, now: float, step: float, finalize: bool) -> None:
        if self.target:
            done = int(self.width * current / self.target)
            count = f"{BOLD}{current:{int(log10(self.target)) + 1}d}/{self.target}{PLAIN} "
            bar = f"{count}{GREEN}{'━' * done}{PLAIN}" if done > 0 else count
            bar += f"{GREY}{'━' * (self.width - done)}{PLAIN}"
        else:
            bar = f"{current:7d}/Unknown"
        left = None if finalize or not self.target else step * (self.target - current)
        clock = f"{now - self.started:.0f}s" if left is None else _clock(left)
        text = f"{bar} {BOLD}{clock}{PLAIN}{self._rate(step)}{self._metrics()}"
        columns = len(_plain(text))
        over = "\b" * self.taken + "\r" if self.moves else "\n"
        rest = " " * max(0, self.taken - columns)
        print(f"{over}{text}{rest}", end="\n" if finalize else "", flush=True)
        self.taken = columns

    def _rate(self, step: float) -> str:
        if step >= 1 or step == 0:
            return f" {step:.0f}s/{self.unit_name}"
        return f" {step * 1e3:.0f}ms/{self.unit_name}" if step >= 1e-3 else f" {step * 1e6:.0f}us/{self.unit_name}"

    def _metrics(self, signed: bool = False) -> str:
        means = {name: total / max(1, count) for name, (total, count) in self.values.items()}
        large = {name: (mean if signed else abs(mean)) > 1e-3 for name, mean in means.items()}
        return "".join(
            f" - {name}: {mean:.4f}" if large[name] else f" - {name}: {mean:.4e}" for name, mean in means.items()
        )

    def _seconds_a_step(self, current: int, now: float) -> float:
        """Return the mean duration of a step so far, without the first, which is not like the others."""
        if not current:
            return 0.0
        if self.after_first is not None and current > 1:
            seconds = (now - self.after_first) / (current - 1)
        else:
            seconds = (now - self.started) / current
        if current == 1:
            self.after_first = now
        return seconds


def _clock(seconds: float) -> str:
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}" if seconds > 60 else f"{int(seconds)}s"


def _plain(text: str) -> str:
    for code in (BOLD, GREEN, GREY, PLAIN):
        text = text.replace(code, "")
    return text


class ProgbarLogger(Callback):
    """Prints progress as Keras does; given to `fit`, `evaluate` or `predict`, it takes the place of tinyconv's own bar.

    In `fit`, validation is silent.
    """

    by_rank_0 = True

    def __init__(self) -> None:
        self.seen = 0
        self.target: int | None = None
        self.bar: Progbar | None = None
        self.verbose, self.epochs = 1, 1
        self.fitting = False

    def set_params(self, params: dict[str, Any]) -> None:
        """Take what `fit` was asked for."""
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else verbose
        self.epochs, self.target = params.get("epochs", 1), params.get("steps")

    def on_train_begin(self, logs: Any = None) -> None:
        """From now on evaluations are parts of epochs."""
        self.fitting = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the epoch's bar."""
        self.target = (self.params or {}).get("steps", self.target)
        self._begin()
        if self.verbose and self.epochs > 1:
            print(f"Epoch {epoch + 1}/{self.epochs}", flush=True)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar."""
        self._move(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """End the epoch's bar."""
        self._end(logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Start the bar of an evaluation."""
        if not self.fitting:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar."""
        if not self.fitting:
            self._move(batch, logs)

    def on_test_end(self, logs: Any = None) -> None:
        """End the bar of an evaluation."""
        if not self.fitting:
            self._end(logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Start the bar of a prediction."""
        self._begin()

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar."""
        self._move(batch, None)

    def on_predict_end(self, logs: Any = None) -> None:
        """End the bar of a prediction."""
        self._end(None)

    def stop(self) -> None:
        """Forget what was in progress, also when training is interrupted."""
        self.fitting = False

    def _begin(self) -> None:
        self.seen = 0
        self.bar = Progbar(self.target, verbose=self.verbose, stateless_metrics=[])

    def _move(self, batch: int, logs: Any) -> None:
        self.seen = batch + 1
        if self.verbose == 1 and self.bar is not None:
            self.bar.update(self.seen, list((logs or {}).items()), finalize=False)

    def _end(self, logs: Any) -> None:
        if self.bar is not None:
            self.target = self.bar.target = self.target or self.seen
            self.bar.update(self.target, list((logs or {}).items()), finalize=True)
