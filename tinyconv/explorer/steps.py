"""Recordings of the same samples after 0, 1, 10 … updates on them."""

from collections.abc import Generator, Sequence
from typing import Any

from ..data import Batch
from ..objectives import RunningMetrics
from .recording import Recording, record
from .standing import Standing


def record_steps(model: Any, x: Any, y: Any, steps: Sequence[int] = (0, 1, 10, 100)) -> list[Recording]:
    """Return a recording of samples x and targets y after each number of updates on them, see `recorded_steps`."""
    return list(recorded_steps(model, x, y, steps))


def recorded_steps(model: Any, x: Any, y: Any, steps: Sequence[int]) -> Generator[Recording, None, None]:
    """Record a step of a compiled model after each of so many updates by `train_on_batch`, one after the other.

    The model is as it was when the last is over, or the generator is closed; so are its metrics. Raises ValueError for
    steps that do not rise from 0 or more, and for a model and samples as `record` does.
    """
    if not steps or any(not isinstance(step, int) or step < 0 for step in steps) or sorted(set(steps)) != list(steps):
        raise ValueError(f"steps must be whole numbers of updates that rise, such as 0, 1, 10, 100, got {list(steps)}")
    model._require_compiled()
    model.checked(Batch(x, y, None))  # which builds a model that waited for it
    running = model._running
    with Standing(model), RunningMetrics(model.objectives):  # which are another's then: steps have copies
        try:
            done = 0
            for step in steps:
                for _ in range(step - done):
                    model.train_on_batch(x, y)
                done = step
                yield record(model, x, y)
        finally:
            model._running = running
