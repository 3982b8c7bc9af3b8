"""Keras's files: weights, optimizer and dropout state in the ".weights.h5" layout that Keras 3 writes and reads."""

from .weights import load_weights, read_note, save_weights

__all__ = ["load_weights", "read_note", "save_weights"]
