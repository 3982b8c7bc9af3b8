"""Which activation a layer's output comes from: losses compute from the logits behind it."""

from ..activations import name_of
from ..layers import Flatten, Layer, ReLU, Reshape


def activation_of(layer: Layer) -> tuple[bool, str | None]:
    """Return whether the layer only rearranges its input, and the name of its activation, None if it is not known."""
    if isinstance(layer, Flatten | Reshape):
        return True, None
    if isinstance(layer, ReLU):
        return False, "relu"
    activation = getattr(layer, "activation", None)
    return False, name_of(activation) if activation is not None else None
