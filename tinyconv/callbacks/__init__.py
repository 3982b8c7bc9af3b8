"""Callbacks: what listens to training, evaluation and prediction."""

from .callback import Callback, CallbackList, History, LambdaCallback
from .checkpoint import ModelCheckpoint
from .csv_logger import CSVLogger
from .progress import ProgressBar

__all__ = ["CSVLogger", "Callback", "CallbackList", "History", "LambdaCallback", "ModelCheckpoint", "ProgressBar"]
