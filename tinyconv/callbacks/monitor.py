"""Monitor: what the callbacks have in common that watch whether one of the logs gets better."""

from collections.abc import Callable
from operator import gt, lt

from ..metrics import direction
from .callback import Callback


class Monitor(Callback):
    """Base of callbacks that watch the log `monitor`: which way it gets better, and the best value so far.

    `mode` is "min", "max" or "auto": losses and errors get less, accuracies more, and a metric of one's own says it by
    its attribute `_direction`, "up" or "down". A value is better than another by more than |`min_delta`|. `best` is
    None until there is a value: any is better than None.
    """

    def __init__(self, monitor: str, mode: str, baseline: float | None = None, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'mode must be "auto", "min" or "max", got {mode!r}')
        self.monitor, self.mode, self.best, self.min_delta = monitor, mode, baseline, abs(min_delta)
        self.is_better: Callable[[float, float], bool] | None = None  # settled when the first value comes

    def is_improvement(self, value: float, than: float | None) -> bool:
        """Return whether `value` is better than another, which may be None."""
        if self.is_better is None:
            self.is_better = gt if self._settled_mode() == "max" else lt
        if than is None:
            return True
        return bool(self.is_better(value - self.min_delta if self.is_better is gt else value + self.min_delta, than))

    def _settled_mode(self) -> str:
        if self.mode != "auto":
            return self.mode
        name = self.monitor.removeprefix("val_")
        ways = {"up": "max", "down": "min"}
        for objective in getattr(self.model, "objectives", None) or []:
            for metric in (metric for each in objective.metrics or () for metric in each):
                if objective.log_name(metric.name) == name and getattr(metric, "_direction", None) in ways:
                    return ways[metric._direction]
        way = direction(name)
        if way is None:
            raise ValueError(
                f'{type(self).__name__} monitors "{self.monitor}", and whether less or more of it is better is not '
                'known: give mode="min" or mode="max"'
            )
        return way


def say(message: str, verbose: int) -> None:
    """Print what a callback does, if it was asked to be verbose."""
    if verbose > 0:
        print(message, flush=True)
