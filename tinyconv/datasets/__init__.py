"""Data sets to learn from, and the form in which a loss wants their labels."""

from . import mnist
from .labels import to_categorical

__all__ = ["mnist", "to_categorical"]
