"""Activations by Keras's names: functions on tensors, arrays and symbols.

Each of them may be given to a layer as `activation=`, and is described by its name.
"""

from collections.abc import Callable, Mapping
from typing import Any

from . import functions as F
from . import registry
from .functions import (
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
from .names import look_up
from .tensor import Tensor

hard_swish, swish = hard_silu, silu

Activation = Callable[..., Tensor]

ACTIVATIONS: dict[str, Activation] = {
    each.__name__: each
    for each in (
        *(celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear),
        *(log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign),
        *(sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold),
    )
}
__all__ = sorted([*ACTIVATIONS, "deserialize", "get", "hard_swish", "serialize", "swish"])

# Names for `get`: with the other names that Keras has for two of them, and what old Keras meant by one.
NAMES: dict[str, Activation] = {
    **ACTIVATIONS,
    "hard_swish": hard_silu,
    "swish": silu,
    "keras2_hard_sigmoid": F.keras2_hard_sigmoid,
}
# Those that do not see how elements lie side by side.
ELEMENTWISE = frozenset(ACTIVATIONS.values()) - {softmax, log_softmax, sparsemax, glu} | {F.keras2_hard_sigmoid}


def get(identifier: str | Mapping[str, Any] | Activation | None) -> Activation:
    """Return an activation by name, from its description, the given function, or `linear` for None."""
    if identifier is None:
        return linear
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    return registry.get_registered_object(identifier) or look_up("activation", identifier, NAMES)


def name_of(activation: Activation) -> str:
    """Return the name of an activation, as a configuration spells it."""
    return activation.__name__


def serialize(activation: Activation) -> Any:
    """Return the description of an activation: its name, or of one of the user's own what `registry` makes of it."""
    return name_of(activation) if activation in NAMES.values() else registry.serialize(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Activation:
    """Return the activation that `serialize`, or Keras, has described; `custom_objects` has one's own by name."""
    with registry.custom_object_scope(custom_objects):
        name = config
        while isinstance(name, Mapping):
            name = name.get("config") if name.get("class_name") == registry.FUNCTION else name.get("class_name")
        return get(name)
