"""Images in: which files a folder has, and what is in each. Folders are datasets by `tinyconv.utils`."""

from .decode import ImageError, load_image, read_image
from .files import ImageFiles, find_images
from .folder import ImageFolder
from .resize import resize_image
from .samples import SampleDataset

__all__ = [
    "ImageError",
    "ImageFiles",
    "ImageFolder",
    "SampleDataset",
    "find_images",
    "load_image",
    "read_image",
    "resize_image",
]
