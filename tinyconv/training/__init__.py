"""Training: compile, fit, evaluate and predict; checks of the data that they are given."""

from .trainer import Trainer

__all__ = ["Trainer"]
