"""Activations by Keras's names."""

from collections.abc import Callable

from . import functions as F
from .names import look_up
from .tensor import Tensor

Activation = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Activation] = {
    "linear": F.linear,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "sigmoid": F.sigmoid,
    "softmax": F.softmax,
    "tanh": F.tanh,
}


def get(activation: str | Activation | None) -> Activation:
    """Return an activation by name, the given function, or `linear` for None."""
    if activation is None:
        return F.linear
    if callable(activation):
        return activation
    return look_up("activation", activation, ACTIVATIONS)


def name_of(activation: Activation) -> str:
    """Return the name of an activation, as a configuration spells it."""
    return activation.__name__
