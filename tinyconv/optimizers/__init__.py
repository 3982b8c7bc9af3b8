"""Optimizers, with Keras 3's names, arguments, defaults and order of state in files.

The update formulas stand with the kernels, in `kernels/reference/update.py`; each runs in one pass, in place.
`schedules` are learning rates that change from step to step.
"""

from collections.abc import Mapping
from typing import Any

from .. import registry, schedules
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .ftrl import Ftrl
from .lamb import Lamb
from .lion import Lion
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
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

OPTIMIZERS: dict[str, type[Any]] = {
    one.__name__.lower(): one for one in (SGD, RMSprop, Adam, AdamW, Adamax, Nadam, Adagrad, Adadelta, Ftrl, Lamb, Lion)
}
registry.add_kind("optimizer", "keras.optimizers", Optimizer, OPTIMIZERS)


def get(identifier: str | Mapping[str, Any] | Optimizer) -> Optimizer:
    """Return an optimizer by name ("adam", capitals or not), from its description, or the given one."""
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    name = str(identifier)
    return registry.find("optimizer", name if registry.get_registered_object(name) else name.lower())()


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return the description of an optimizer, state apart, as Keras nests it in a model's."""
    return registry.serialize(optimizer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """Return a new optimizer from what `serialize`, or Keras's, has made of one; `custom_objects` has one's own.

    Raises ValueError for unknown ones.
    """
    with registry.custom_object_scope(custom_objects):
        return registry.deserialize(config, "optimizer")
