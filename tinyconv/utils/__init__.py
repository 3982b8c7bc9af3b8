"""What Keras keeps in `keras.utils`: images from files and folders."""

from ..datasets import to_categorical
from .image import array_to_img, img_to_array, load_img, save_img
from .image_dataset import image_dataset_from_directory

__all__ = ["array_to_img", "image_dataset_from_directory", "img_to_array", "load_img", "save_img", "to_categorical"]
