"""Optimizers, with Keras 3's names, arguments, defaults and order of state in files.

The update formulas stand with the kernels, in `kernels/reference/update.py`; each runs in one pass, in place.
`schedules` are learning rates that change from step to step.
"""

from collections.abc import Mapping
from typing import Any

from .. import schedules
from ..names import look_up
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .nadam import Nadam
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

OPTIMIZERS: dict[str, type[Any]] = {
    one.__name__.lower(): one for one in (SGD, RMSprop, Adam, AdamW, Nadam, Adagrad, Adadelta)
}


def get(optimizer: str | Mapping[str, Any] | Optimizer) -> Optimizer:
    """Return an optimizer by name ("adam", capitals or not), from its description, or the given one."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, Mapping):
        return deserialize(optimizer)
    return look_up("optimizer", str(optimizer).lower(), OPTIMIZERS)()


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return the description of an optimizer, state apart, as Keras nests it in a model's."""
    name = type(optimizer).__name__
    own = OPTIMIZERS.get(name.lower()) is not type(optimizer)
    return {
        "module": None if own else "keras.optimizers",
        "class_name": name,
        "config": optimizer.get_config(),
        "registered_name": name if own else None,
    }


def deserialize(config: Mapping[str, Any]) -> Optimizer:
    """Return a new optimizer from what `serialize`, or Keras's, has made of one. Raises ValueError for unknown ones."""
    return look_up("optimizer", str(config["class_name"]).lower(), OPTIMIZERS).from_config(config["config"])
