"""`keras.backend`: what a session has in common, and mathematics on tensors."""

from .. import config, names
from ..saving.keras1 import DIMENSIONS

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "image_data_format",
    "image_dim_ordering",
    "set_floatx",
    "set_image_data_format",
    "set_image_dim_ordering",
]

floatx, set_floatx = config.floatx, config.set_floatx
image_data_format, set_image_data_format = config.image_data_format, config.set_image_data_format


def backend() -> str:
    """Return the framework that a script is to take this for."""
    return "tensorflow"


def epsilon() -> float:
    """Return what Keras adds to keep a division or a logarithm finite."""
    return 1e-7


def clear_session() -> None:
    """Start automatic names afresh."""
    names.clear_session()


def image_dim_ordering() -> str:
    """Return where images have their channels, in the words of Keras 1: "tf" or "th"."""
    return {layout: word for word, layout in DIMENSIONS.items() if word != "default"}[config.image_data_format()]


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Choose where images have their channels, in the words of Keras 1: "tf" or "th"."""
    config.set_image_data_format(DIMENSIONS.get(dim_ordering, dim_ordering))
