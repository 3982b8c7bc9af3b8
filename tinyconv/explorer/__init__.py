"""The explorer: every step of backpropagation on a network and an image of the user's own."""

from .explanation import explain
from .exploring import Page, explore

__all__ = ["Page", "explain", "explore"]
