"""Images for training: Keras's ImageDataGenerator."""

from ..utils import image_dataset_from_directory
from . import image

__all__ = ["image", "image_dataset_from_directory"]
