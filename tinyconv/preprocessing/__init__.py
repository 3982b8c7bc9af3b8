"""Images for training: Keras's ImageDataGenerator."""

from . import image

__all__ = ["image"]
