"""Single images: from files to Pillow's images to arrays, and back, with Keras's names and meaning."""

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import data_format_of, floatx
from ..data.images import load_image, resize_image

if TYPE_CHECKING:
    from PIL.Image import Image


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> "Image":
    """Return an image file, or a BytesIO, as an image of Pillow's, resized to `target_size` (h, w) if given.

    `color_mode` is "grayscale", "rgb" or "rgba"; `interpolation` one of Pillow's: "nearest", "bilinear", "bicubic",
    "hamming", "box" or "lanczos". `keep_aspect_ratio` cuts the middle out before, in the shape of `target_size`. 16-bit
    grey stays 16-bit in "grayscale"; in colour it loses the lower 8 bits. A damaged file is a ValueError naming it.
    """
    return load_image(path, color_mode, target_size, interpolation, keep_aspect_ratio)


def img_to_array(img: Any, data_format: str | None = None, dtype: str | None = None) -> np.ndarray:
    """Return an image of Pillow's as an array (h, w, c), of the dtype `floatx()` if none is given."""
    x = np.asarray(img, dtype=dtype or floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"an image has shape (h, w) or (h, w, c), got {x.shape}")
    if x.ndim == 2:
        x = x[..., None]
    return x.transpose(2, 0, 1) if _channels_first(data_format) else x


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: str | None = None) -> "Image":
    """Return an array (h, w, c) of 1, 3 or 4 channels as an image of Pillow's.

    `scale` spreads its values over 0 to 255, the least to the greatest; without it they are cut to whole numbers,
    modulo 256, and grey ones above 255 make an image of 32 bits.
    """
    from PIL import Image

    x = np.array(x, dtype=dtype or floatx())
    if x.ndim != 3:
        raise ValueError(f"an image has shape (h, w, c), got {x.shape}")
    if _channels_first(data_format):
        x = x.transpose(1, 2, 0)
    if x.shape[2] not in (1, 3, 4):
        raise ValueError(f"an image has 1, 3 or 4 channels, got {x.shape[2]}")
    if scale:
        x = x - x.min()
        if x.max() != 0:
            x /= x.max()
        x *= 255
    if x.shape[2] == 1:
        kind = "int32" if x.max() > 255 else "uint8"
        return Image.fromarray(x[..., 0].astype(kind))
    with np.errstate(invalid="ignore"):
        return Image.fromarray(x.astype("uint8"))


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Write an array (h, w, c) as an image file, see `array_to_img`; `kwargs` go to Pillow's `Image.save`.

    The format is that of the name's ending unless `file_format` is given. JPEG has no transparency: that is left out.
    """
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = Path(path).suffix[1:]
    if file_format is not None and file_format.lower() == "jpg":
        file_format = "jpeg"
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and file_format is not None and file_format.lower() == "jpeg":
        warnings.warn("JPEG has no transparency: the image is saved as RGB", stacklevel=2)
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def smart_resize(
    x: Any, size: tuple[int, int], interpolation: str = "bilinear", data_format: str = "channels_last"
) -> np.ndarray:
    """Return an image (h, w, c), or several (n, h, w, c), as float32 of `size` (h, w), not stretched.

    The largest part in the middle that has the shape of `size` is resized, as `image_dataset_from_directory` does with
    `crop_to_aspect_ratio`.
    """
    x = np.asarray(x)
    if x.ndim not in (3, 4):
        raise ValueError(f"images have shape (h, w, c) or (n, h, w, c), got {x.shape}")
    first = _channels_first(data_format)
    images = [np.moveaxis(image, 0, -1) if first else image for image in (x if x.ndim == 4 else x[None])]
    resized = np.stack([resize_image(image, size, interpolation, "crop") for image in images])
    resized = np.moveaxis(resized, -1, 1) if first else resized
    return resized if x.ndim == 4 else resized[0]


def _channels_first(data_format: str | None) -> bool:
    """Return whether the channels are the first axis; tinyconv itself has them last."""
    return data_format_of(data_format) == "channels_first"
