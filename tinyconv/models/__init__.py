"""Models: layers joined into a whole."""

from .model import Model
from .sequential import Sequential

__all__ = ["Model", "Sequential"]
