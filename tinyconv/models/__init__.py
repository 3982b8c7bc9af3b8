"""Models: layers joined into a whole."""

from .cost import activation_values, multiply_adds
from .functional import Functional
from .model import Model
from .sequential import Sequential

__all__ = ["Functional", "Model", "Sequential", "activation_values", "multiply_adds"]
