"""Optimizers by the arguments and defaults of the eras before Keras 3."""

from collections.abc import Callable
from typing import Any

from .. import optimizers
from ..optimizers import Optimizer
from ..schedules import LearningRateSchedule
from .eras import Era
from .spelling import Names, Patch, Spelling, bound, positions_of

# Positions in Keras 1 and 2, where they differ from today's.
POSITIONS = {
    "SGD": ("lr", "momentum", "decay", "nesterov"),
    "RMSprop": ("lr", "rho", "epsilon", "decay"),
    "Adagrad": ("lr", "epsilon", "decay"),
    "Adadelta": ("lr", "rho", "epsilon", "decay"),
    "Adam": ("lr", "beta_1", "beta_2", "epsilon", "decay", "amsgrad"),
    "Adamax": ("lr", "beta_1", "beta_2", "epsilon", "decay"),
    "Nadam": ("lr", "beta_1", "beta_2", "epsilon", "schedule_decay"),
}
RATES = {"Adadelta": 1.0, "Adagrad": 0.01, "Adamax": 0.002, "Nadam": 0.002}  # to Keras 2.3.1, where today's is 0.001
OUTSIDE = ("RMSprop", "Adagrad")


class Decayed(LearningRateSchedule):
    """`decay` of Keras 1 and 2: rate/(1 + decay·t), t the updates done; the rate itself can be set at any time."""

    def __init__(self, rate: float, decay: float) -> None:
        self.rate, self.decay = rate, decay

    def __call__(self, step: int) -> float:
        """Return the rate of an update."""
        return self.rate / (1 + self.decay * step)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule."""
        return {"rate": self.rate, "decay": self.decay}


class Rate(float):
    """The learning rate of an optimizer as a number that can be set, as a variable of Keras's backend can."""

    optimizer: Optimizer

    def assign(self, value: Any) -> None:
        """Set the optimizer's rate."""
        _set_rate(self.optimizer, value)

    def numpy(self) -> float:
        """Return the rate as a number."""
        return float(self)

    def get_value(self) -> float:
        """Return the rate as a number: what Theano's shared variables have."""
        return float(self)

    def set_value(self, value: Any) -> None:
        """Set the optimizer's rate: what Theano's shared variables have."""
        _set_rate(self.optimizer, value)


def _rate(optimizer: Optimizer) -> Rate:
    own = optimizer._learning_rate
    rate = Rate(own.rate if isinstance(own, Decayed) else optimizer.learning_rate)
    rate.optimizer = optimizer
    return rate


def _set_rate(optimizer: Optimizer, value: Any) -> None:
    own = optimizer._learning_rate
    if isinstance(own, Decayed):
        own.rate = float(value)
    else:
        optimizer.learning_rate = value if callable(value) else float(value)


def patches(era: Era) -> list[Patch]:
    """Return what an optimizer has besides: `lr`, to be read and set, and a number of updates with `.numpy()`."""
    if not era.old:
        return []
    return [(Optimizer, "lr", property(_rate, _set_rate)), (Optimizer, "iterations", property(_updates, _set_updates))]


class Updates(int):
    """The number of updates done."""

    def numpy(self) -> int:
        """Return the number."""
        return int(self)


def _updates(optimizer: Optimizer) -> Updates:
    return Updates(vars(optimizer)["iterations"])


def _set_updates(optimizer: Optimizer, value: Any) -> None:
    vars(optimizer)["iterations"] = int(value)


def spelled_names(era: Era) -> Names:
    """Return the optimizers of an era, by module."""
    if not era.old:
        return {}
    found: dict[str, Any] = {}
    for name in optimizers.__all__:
        kind = getattr(optimizers, name)
        if isinstance(kind, type) and issubclass(kind, Optimizer) and kind is not Optimizer:
            found[name] = Spelling(name, kind, _maker(name, kind, era))
            found[name.lower()] = found[name]

    def get(identifier: Any) -> Optimizer:
        """Return an optimizer by its name, with the era's defaults, or as it is."""
        known = isinstance(identifier, str) and identifier.lower() in found
        return found[identifier.lower()]() if known else optimizers.get(identifier)

    return {"optimizers": {**found, "get": get}}


def _maker(name: str, kind: type, era: Era) -> Callable[..., Any]:
    positions = POSITIONS.get(name, ()) if era.before(3) else positions_of(kind)
    positions = positions or positions_of(kind)

    def make(*given: Any, **named: Any) -> Any:
        arguments = bound(name, positions, given, named)
        rate = arguments.pop("lr", None)
        if rate is None:
            rate = arguments.pop("learning_rate", None)
        arguments.pop("learning_rate", None)
        decay = arguments.pop("decay", 0.0) or 0.0
        arguments = {argument: value for argument, value in arguments.items() if value is not None}
        told = {**defaults(name, era), **arguments}
        if rate is not None:
            told["learning_rate"] = rate
        if decay:
            own = told.get("learning_rate", positions_default(kind))
            told["learning_rate"] = Decayed(float(own), float(decay))
        return kind(**told)

    return make


def positions_default(kind: type) -> float:
    """Return the learning rate that a class has if none is given."""
    made: Any = kind()
    return float(made.learning_rate)


def defaults(name: str, era: Era) -> dict[str, Any]:
    """Return the arguments whose defaults in an era differ from today's."""
    found: dict[str, Any] = {}
    if era.before(3):
        found |= {"learning_rate": RATES[name]} if name in RATES else {}
        if name == "Adagrad":
            found["initial_accumulator_value"] = 0.0
        if name in ("RMSprop", "Adadelta", "Adagrad") and era.before(1, 0, 3):
            found["epsilon"] = 1e-6
        elif name != "SGD" and era.before(2, 1, 3):
            found["epsilon"] = 1e-8
    if name == "Nadam" and (era.before(3) or era.tf_before(2, 11)):
        found["schedule_decay"] = 0.004
    if name in OUTSIDE and not era.before(1, 0, 3) and (era.before(3) or era.tf_before(2, 11)):
        found["epsilon_mode"] = "outside"
    return found
