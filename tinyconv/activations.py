"""Activations by Keras's names."""

from collections.abc import Callable

from . import functions as F
from .names import look_up
from .tensor import Tensor

Activation = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Activation] = {
    "elu": F.elu,
    "exponential": F.exponential,
    "gelu": F.gelu,
    "hard_sigmoid": F.hard_sigmoid,
    "leaky_relu": F.leaky_relu,
    "linear": F.linear,
    "log_softmax": F.log_softmax,
    "relu": F.relu,
    "relu6": F.relu6,
    "selu": F.selu,
    "sigmoid": F.sigmoid,
    "silu": F.silu,
    "softmax": F.softmax,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "tanh": F.tanh,
}

# Names for `get`: with the other name that Keras has for one of them, and what old Keras meant by one.
NAMES: dict[str, Activation] = {**ACTIVATIONS, "swish": F.silu, "keras2_hard_sigmoid": F.keras2_hard_sigmoid}

# Those that do not see how elements lie side by side.
ELEMENTWISE = frozenset(ACTIVATIONS.values()) - {F.softmax, F.log_softmax} | {F.keras2_hard_sigmoid}


def get(activation: str | Activation | None) -> Activation:
    """Return an activation by name, the given function, or `linear` for None."""
    if activation is None:
        return F.linear
    if callable(activation):
        return activation
    return look_up("activation", activation, NAMES)


def name_of(activation: Activation) -> str:
    """Return the name of an activation, as a configuration spells it."""
    return activation.__name__
