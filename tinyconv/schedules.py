"""Learning rates that change from step to step, with Keras 3's names, arguments and numbers.

    tc.optimizers.SGD(learning_rate=tc.schedules.CosineDecay(0.1, decay_steps=1000))

A schedule is a function of the number of steps that are done, from 0, and of nothing else: a resumed run, which knows
its `iterations`, goes on as the unbroken one would have. Any plain function of the step serves as well. They compute in
double precision. Keras has them as `keras.optimizers.schedules`, and here they are `tc.optimizers.schedules` too.
"""

import inspect
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from math import ceil, cos, floor, log, pi
from typing import Any, Self

import numpy as np

from . import registry
from .arguments import not_negative, positive


class LearningRateSchedule:
    """Base of all schedules: called with the number of steps done, it returns the learning rate of the next."""

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        raise NotImplementedError(f"{type(self).__name__} defines no __call__(step)")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule, under Keras's names."""
        raise NotImplementedError(f"{type(self).__name__} defines no get_config: without it, it cannot be written down")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the schedule that `get_config` described."""
        return cls(**config)


class ExponentialDecay(LearningRateSchedule):
    """initial · decay_rate^p, p = step / decay_steps, rounded down if `staircase`."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = not_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps, self.decay_rate = _steps(decay_steps), not_negative("decay_rate", decay_rate)
        self.staircase, self.name = staircase, name

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        p = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (floor(p) if self.staircase else p)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] until step = boundaries[0], that one included, then values[1] until boundaries[1], … : steps down."""

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        self.boundaries, self.values = list(boundaries), [not_negative("values", value) for value in values]
        self.name = name
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"values must be one more than boundaries, got {len(self.values)} values and {len(self.boundaries)} "
                "boundaries"
            )
        if any(low >= high for low, high in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise ValueError(f"boundaries must rise, got {self.boundaries}")

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        return self.values[bisect_left(self.boundaries, step)]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule."""
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class PolynomialDecay(LearningRateSchedule):
    """(initial − end) · (1 − p)^power + end, p = step / decay_steps, at most 1: with `power` 1, a line down to `end`.

    With `cycle` the decay starts again each time it is through, over decay_steps · ⌈step / decay_steps⌉ steps.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = not_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps(decay_steps)
        self.end_learning_rate = not_negative("end_learning_rate", end_learning_rate)
        self.power, self.cycle, self.name = not_negative("power", power), cycle, name

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        total = self.decay_steps * (max(1, ceil(step / self.decay_steps)) if self.cycle else 1)
        p = min(step, total) / total
        return (self.initial_learning_rate - self.end_learning_rate) * (1 - p) ** self.power + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class InverseTimeDecay(LearningRateSchedule):
    """initial / (1 + decay_rate · p), p = step / decay_steps, rounded down if `staircase`.

    With `decay_steps` 1 it is what the optimizers of Keras 1 and 2 call `decay` (Keras 3 has dropped that argument):
    their `RMSprop(lr=1e-4, decay=1e-6)` is `RMSprop(InverseTimeDecay(1e-4, 1, 1e-6))`.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = not_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps, self.decay_rate = _steps(decay_steps), not_negative("decay_rate", decay_rate)
        self.staircase, self.name = staircase, name

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        p = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (floor(p) if self.staircase else p))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class CosineDecay(LearningRateSchedule):
    """top · ((1 − alpha) · (1 + cos πp) / 2 + alpha), p = step / decay_steps, at most 1 (Loshchilov & Hutter 2017).

    `top` is the initial learning rate. Given a `warmup_target`, that is the top, to which a line leads up from the
    initial learning rate in the first `warmup_steps` steps (Goyal et al. 2017, section 2.2); then the decay begins.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = not_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps, self.alpha, self.name = _steps(decay_steps), not_negative("alpha", alpha), name
        self.warmup_target = None if warmup_target is None else not_negative("warmup_target", warmup_target)
        not_negative("warmup_steps", warmup_steps)
        self.warmup_steps = warmup_steps

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        top = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return (self.warmup_target - top) * (step / self.warmup_steps) + top
            top, step = self.warmup_target, step - self.warmup_steps
        cosine = 0.5 * (1 + cos(pi * (min(step, self.decay_steps) / self.decay_steps)))
        return top * ((1 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay again and again: period i is t_mul times as long as the one before, and starts at initial · m_mulⁱ.

    initial · ((1 − alpha) · m_mulⁱ · (1 + cos πp) / 2 + alpha), p how much of the period is done (Loshchilov & Hutter
    2017, "SGDR").
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = not_negative("initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = _steps(first_decay_steps, "first_decay_steps")
        self.t_mul = positive("t_mul", t_mul)
        if self.t_mul < 1:
            raise ValueError(f"t_mul must be at least 1, or the restarts come to an end, got {t_mul}")
        self.m_mul, self.alpha, self.name = not_negative("m_mul", m_mul), not_negative("alpha", alpha), name

    def __call__(self, step: int) -> float:
        """Return the learning rate after `step` steps."""
        done = step / self.first_decay_steps  # in lengths of the first period
        if self.t_mul == 1:
            period = floor(done)
            p = done - period
        else:
            # The periods before the i-th have a length of (t_mulⁱ − 1) / (t_mul − 1) together.
            period = floor(log(1 - done * (1 - self.t_mul)) / log(self.t_mul))
            p = (done - (1 - self.t_mul**period) / (1 - self.t_mul)) / self.t_mul**period
        cosine = 0.5 * self.m_mul**period * (1 + cos(pi * p))
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }


def _steps(value: float, argument: str = "decay_steps") -> float:
    """Return a number of steps as it is, after checking that it is above 0."""
    positive(argument, value)
    return value


# What an optimizer takes as its learning rate: a number, a schedule, or a function of the step.
LearningRate = float | LearningRateSchedule | Callable[..., Any]

SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    one.__name__: one
    for one in (
        ExponentialDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
        InverseTimeDecay,
        CosineDecay,
        CosineDecayRestarts,
    )
}
registry.add_kind("schedule", "keras.optimizers.schedules", LearningRateSchedule, SCHEDULES)


def at(schedule: LearningRateSchedule | Callable[..., Any], step: int) -> float:
    """Return the learning rate after `step` steps by a schedule or a plain function.

    A plain function is given the step; one that can do without arguments is called without, as Keras calls it. Raises
    ValueError for what is no learning rate.
    """
    given = () if not isinstance(schedule, LearningRateSchedule) and _needs_nothing(schedule) else (step,)
    rate = schedule(*given)
    return not_negative(f"the learning rate of {_called(schedule)} after {step} steps", np.asarray(rate).item())


def _needs_nothing(function: Callable[..., Any]) -> bool:
    """Return whether `function` can be called without arguments."""
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):  # ValueError: written in C, and says nothing about itself
        return False
    return True


def _called(schedule: Callable[..., Any]) -> str:
    """Return what to call a schedule or a function in a message."""
    return str(getattr(schedule, "__name__", type(schedule).__name__))


def serialize(schedule: LearningRateSchedule | Callable[..., Any]) -> dict[str, Any]:
    """Return the description of a schedule as Keras nests it in an optimizer's; of a plain function, only its name."""
    return registry.serialize(schedule)


def deserialize(config: Mapping[str, Any]) -> LearningRateSchedule | Callable[..., Any]:
    """Return the schedule that `serialize`, or Keras's, described.

    Raises ValueError for one that is neither Keras's nor registered: a plain function, a class of one's own.
    """
    return registry.deserialize(config, "schedule")
