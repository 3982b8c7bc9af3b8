"""Data sets to learn from, and the form in which a loss wants their labels."""

from . import cifar10, cifar100, fashion_mnist, mnist
from .labels import to_categorical

__all__ = ["cifar10", "cifar100", "fashion_mnist", "mnist", "to_categorical"]
