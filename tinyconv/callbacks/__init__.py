"""Callbacks: what listens to training."""

from .callback import Callback, CallbackList, History
from .checkpoint import ModelCheckpoint
from .csv_logger import CSVLogger
from .progress import ProgressBar

__all__ = ["CSVLogger", "Callback", "CallbackList", "History", "ModelCheckpoint", "ProgressBar"]
