"""The range test of learning rates: `tc.lr_finder(model, data)` trains for a few steps with ever larger rates.

Too small a rate changes nothing, too large a one lets the loss explode; good ones lie where the loss falls fastest.
Source: L. N. Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .arguments import positive, size
from .callbacks import Callback
from .models import Model
from .saving.places import places

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXPLODED = 4  # times the least loss so far, at which the test ends
SPREAD = 0.03  # of all steps: the standard deviation of the bell curve by which losses are averaged


@dataclass(frozen=True)
class RangeTest:
    """What the test found: the loss of each step's batch, before the step with that rate; as a table `[rates, losses]`.

    `smooth` are the losses averaged over neighbouring steps, `suggestion` is the rate at which they fall fastest before
    their minimum, None if they never fall.
    """

    rates: np.ndarray
    losses: np.ndarray

    @property
    def smooth(self) -> np.ndarray:
        """Means of the losses, weighted by a bell curve around each step."""
        steps = np.arange(len(self.losses))
        width = max(1.0, SPREAD * len(steps))
        weights = np.exp(-0.5 * ((steps[:, None] - steps) / width) ** 2)
        means: np.ndarray = weights @ self.losses / weights.sum(axis=1)
        return means

    @property
    def suggestion(self) -> float | None:
        """The learning rate to begin with."""
        smooth = self.smooth
        lowest = int(smooth.argmin())
        if lowest < 2:
            return None
        slopes = np.gradient(smooth[: lowest + 1])
        return float(self.rates[int(slopes.argmin())]) if slopes.min() < 0 else None

    def plot(self, path: str | Path | None = None) -> Figure:
        """Return a picture of the losses over the rates, the suggestion marked; write it to `path` if that is given."""
        from .visualize import style

        style.need_matplotlib()
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4.5), dpi=style.DPI, layout="constrained", facecolor=style.PAPER)
        axes = figure.add_subplot()
        axes.set_xscale("log")
        smooth, suggestion = self.smooth, self.suggestion
        axes.plot(self.rates, self.losses, color=style.FAINT, linewidth=1, label="loss of each batch")
        axes.plot(self.rates, smooth, color=style.BLUE, linewidth=2, label="mean of neighbouring batches")
        if suggestion is not None:
            loss = float(np.interp(np.log(suggestion), np.log(self.rates), smooth))
            axes.plot(suggestion, loss, "o", color=style.ORANGE, markersize=8, label=f"falls fastest: {suggestion:.2g}")
        low, high = float(smooth.min()), float(smooth[0])
        room = 0.3 * (high - low) or 1.0
        axes.set_ylim(low - room, max(high, float(smooth[: max(2, len(smooth) // 2)].max())) + 2 * room)
        axes.set_title("Loss while the learning rate grows", loc="left", fontsize=style.TITLE, color=style.INK)
        axes.set_xlabel("learning rate", fontsize=style.BODY, color=style.MUTED)
        axes.set_ylabel("loss", fontsize=style.BODY, color=style.MUTED)
        axes.tick_params(labelsize=style.SMALL, colors=style.MUTED)
        axes.grid(color=style.FAINT, linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=style.SMALL, frameon=False, loc="upper left")
        if path is not None:
            figure.savefig(path)
        return figure

    def __repr__(self) -> str:
        found = "none" if self.suggestion is None else f"{self.suggestion:.2g}"
        return (
            f"<RangeTest of {len(self.rates)} rates, {self.rates[0]:.1g} to {self.rates[-1]:.1g}, suggestion: {found}>"
        )


class _Recorder(Callback):
    """Writes down the loss of every batch, and stops after so many or when it explodes."""

    def __init__(self, steps: int) -> None:
        self.steps, self.losses, self.least = steps, [0.0] * 0, inf
        self.total = self.seen = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Count anew: logs are means over an epoch."""
        self.total = self.seen = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Take in a batch."""
        samples = self.model.batch_samples
        total = (logs or {})["loss"] * (self.seen + samples)
        loss = (total - self.total) / samples
        self.total, self.seen = total, self.seen + samples
        if isfinite(loss):
            self.losses.append(loss)
            self.least = min(self.least, abs(loss))
        if not isfinite(loss) or abs(loss) > EXPLODED * max(self.least, abs(self.losses[0])) or self._done():
            self.model.stop_training = True

    def _done(self) -> bool:
        return len(self.losses) == self.steps


def lr_finder(
    model: Model,
    data: Any,
    batch_size: int | None = None,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
) -> RangeTest:
    """Train a compiled model for `steps` steps with rates from `lowest` to `highest`, each a fixed factor larger.

    `data` is (x, y), (x, y, sample_weight) or what gives batches, as in `fit`; they are gone through as often as it
    takes. The test ends early when the loss explodes; a ValueError says that no loss is finite. Afterwards weights,
    optimizer, dropout and history are as they were: training goes on as if nothing had been. Batches that a generator
    has given are gone, though.
    """
    lowest, highest, steps = positive("lowest", lowest), positive("highest", highest), size("steps", steps)
    if lowest >= highest or steps < 10:
        raise ValueError(f"lr_finder needs lowest < highest and 10 steps, got {lowest}, {highest} and {steps}")
    if model.optimizer is None:
        raise ValueError("compile the model first: model.compile(optimizer=..., loss=..., metrics=[...])")
    if model.input_shape is None:
        raise ValueError("the model does not know its input shape: give it an Input, or call it on data")
    rates = np.geomspace(lowest, highest, steps)
    recorder = _Recorder(steps)
    x, y, sample_weight = (*data, None, None)[:3] if isinstance(data, tuple | list) else (data, None, None)
    with _unchanged(model):
        begin = model.optimizer.iterations
        model.optimizer.learning_rate = lambda step: float(rates[min(step - begin, steps - 1)])
        with np.errstate(over="ignore", invalid="ignore"):  # the explosion is what is looked for
            model.fit(x, y, batch_size, sample_weight=sample_weight, epochs=steps, verbose=0, callbacks=recorder)
    if not recorder.losses:
        raise ValueError(
            "the loss is not finite before the first step: scale the data (images by 1/255), or build the model anew, "
            "if its weights are not finite"
        )
    return RangeTest(rates[: len(recorder.losses)], np.array(recorder.losses))


@contextmanager
def _unchanged(model: Model) -> Iterator[None]:
    """Leave a model after the `with` block as it was before, down to its optimizer and dropout."""
    assert model.optimizer is not None
    weights, history = model.get_weights(), model.history
    seeds = [(layer, layer.seed_state) for layer in places(model).values() if hasattr(layer, "seed_state")]
    state = dict(vars(model.optimizer))
    state["slots"] = {name: [array.copy() for array in arrays] for name, arrays in model.optimizer.slots.items()}
    try:
        yield
    finally:
        vars(model.optimizer).clear()
        vars(model.optimizer).update(state)
        for layer, seed_state in seeds:
            layer.seed_state = seed_state
        model.set_weights(weights)
        model.history, model.stop_training = history, False
