"""What Keras keeps in `keras.utils`: images from files and folders, batches by number, bars, diagrams of models."""

from typing import TYPE_CHECKING

from ..callbacks.progbar import Progbar
from ..config import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled
from ..data.pydataset import PyDataset, Sequence
from ..datasets import to_categorical
from ..names import clear_session
from ..randomness import set_seed as set_random_seed
from ..registry import (
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from .arrays import normalize, pack_x_y_sample_weight, unpack_x_y_sample_weight
from .downloads import get_file
from .image import array_to_img, img_to_array, load_img, save_img
from .image_dataset import image_dataset_from_directory
from .splitting import split_folder

if TYPE_CHECKING:  # loaded when it is asked for: see `offered.LATE`
    from ..visualize import plot_model

CustomObjectScope = custom_object_scope  # as Keras also calls it

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "load_img",
    "normalize",
    "pack_x_y_sample_weight",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_folder",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
