"""One image file becomes one array, or one refusal that names it: everything that reads images reads them here.

Files are told by what is in them, not by the ends of their names. Of an animation the first frame counts; a rotation
that EXIF asks for is not made, as Keras makes none.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arguments import known, pair
from .resize import resize_image

if TYPE_CHECKING:
    from PIL.Image import Image

CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")  # Pillow's
FORMATS = (
    "JPEG",
    "PNG",
    "GIF",
    "BMP",
    "PPM",
    "TIFF",
    "WEBP",
)  # Pillow would start other programs for some of the others
MARKED_END = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND"}  # what whole files have near their end
NEAR = 4096  # bytes
LUMA = np.array([9797, 19234, 3737], np.uint32)  # of red, green and blue, in 1/32768: 0.299, 0.587, 0.114


class ImageError(ValueError):
    """A file from which no image can be read; the message begins with its name."""


def check_color_mode(color_mode: str) -> str:
    """Return `color_mode` after checking that it is one that images are read in."""
    if color_mode not in CHANNELS:
        raise ValueError(f'color_mode must be "grayscale", "rgb" or "rgba", got {color_mode!r}')
    return color_mode


@contextmanager
def opened(source: Any) -> Iterator["Image"]:
    """Open an image file, or a stream (BytesIO), whose head is read and whose pixels are not.

    Whatever fails in the `with` block fails as ImageError, which names the file. A missing file is a FileNotFoundError.
    """
    from PIL import Image, UnidentifiedImageError

    if not isinstance(source, str | bytes | os.PathLike | BytesIO):  # open() takes integers, too
        raise TypeError(f"path must be a str, bytes, a Path or a BytesIO, got {type(source).__name__}")
    name = "the stream" if isinstance(source, BytesIO) else os.fsdecode(source)
    with open(source, "rb") if not isinstance(source, BytesIO) else source_kept(source) as file:
        try:
            with Image.open(file, formats=FORMATS) as image:
                most = Image.MAX_IMAGE_PIXELS
                if most is not None and image.width * image.height > most:
                    raise Image.DecompressionBombError(f"{image.width}×{image.height} pixels")
                yield image
        except ImageError:
            raise
        except UnidentifiedImageError:
            empty, known = file.seek(0, os.SEEK_END) == 0, ", ".join(FORMATS)
            raise ImageError(f"{name} is {'empty' if empty else f'no image ({known})'}") from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            fix = "PIL.Image.MAX_IMAGE_PIXELS is the limit, raise it if you trust the file"
            raise ImageError(f"{name} is too large ({error}): {fix}") from None
        except MemoryError:
            raise
        except Exception as error:  # a damaged file may fail anywhere in Pillow, in any way
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the machine's trouble, not the file's
            raise ImageError(f"{name} is damaged: {error}") from error


@contextmanager
def source_kept(stream: BytesIO) -> Iterator[BytesIO]:
    """Give a stream that stays open."""
    yield stream


def fault(path: str) -> str | None:
    """Return why no image can be read from a file, None if one can as far as its head and its end tell.

    Pixels are decoded only where the end is not as the format has it: so truncated files are found at little cost,
    while damage in the middle shows when the file is read.
    """
    try:
        with opened(path) as image:
            mark = MARKED_END.get(image.format or "")
            with open(path, "rb") as file:
                file.seek(max(0, os.path.getsize(path) - NEAR))
                if mark is None or mark not in file.read():
                    image.load()
    except ImageError as error:
        return str(error).removeprefix(path).strip()
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        return f"cannot be opened: {error.strerror}"
    return None


def read_image(
    path: str | Path,
    color_mode: str = "rgb",
    size: tuple[int, int] | None = None,
    interpolation: str = "bilinear",
    aspect: str = "free",
) -> np.ndarray:
    """Return an image as float32 (h, w, c), values 0 to 255, resized to `size` (h, w) as `resize_image` does.

    The pixels before are those of Keras's `image_dataset_from_directory`: of JPEGs grey is the luminance that they
    hold, of other images 0.299 R + 0.587 G + 0.114 B rounded down; 16-bit values lose their lower 8 bits; what is
    transparent in a GIF is black; CMYK inks are multiplied.
    """
    image = read_pixels(path, color_mode)
    return image.astype(np.float32) if size is None else resize_image(image, size, interpolation, aspect)


def read_pixels(path: str | Path | BytesIO, color_mode: str = "rgb") -> np.ndarray:
    """Return an image, of a file or a stream, as uint8 (h, w, c), as large as it is: see `read_image`."""
    check_color_mode(color_mode)
    name = "the stream" if isinstance(path, BytesIO) else os.fsdecode(path)
    with opened(path) as image:
        if color_mode == "grayscale":
            image.draft("L", image.size)
        image.load()
        image = in_eight_bits(image, name)
        if color_mode == "rgba":
            return np.asarray(image.convert("RGBA"))
        if color_mode == "grayscale" and image.mode in ("1", "L", "LA"):
            return np.asarray(image.convert("L"))[..., None]
        rgb = _rgb(image)
        return rgb if color_mode == "rgb" else (rgb @ LUMA >> 15).astype(np.uint8)[..., None]


def _rgb(image: "Image") -> np.ndarray:
    """Return the pixels of an image (8 bits a channel) as uint8 (h, w, 3)."""
    if image.mode == "CMYK":
        light = 255 - np.asarray(image).astype(np.uint16)
        return (light[..., :3] * light[..., 3:] // 255).astype(np.uint8)
    if image.format == "GIF" and image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        return np.where(rgba[..., 3:] == 0, 0, rgba[..., :3]).astype(np.uint8)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))  # convert would copy


def in_eight_bits(image: "Image", name: str) -> "Image":
    """Return an image of more bits than 8 a channel in 8: the upper ones of 16; others only if none is lost.

    Pillow's own conversion would make 255 of everything above.
    """
    from PIL import Image

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 255:
            raise ImageError(
                f"{name} holds grey values from {values.min()} to {values.max()}, which 8 bits do not: convert it"
            )
    return image


def load_image(
    source: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> "Image":
    """Return an image of Pillow's, resized by Pillow to `target_size` (h, w): the pixels of Keras's `load_img`.

    With `keep_aspect_ratio` the middle of the image that has the shape of `target_size` is resized, not the whole.
    Grey images keep their 16 bits in "grayscale"; in colour they lose the lower 8.
    """
    from PIL.Image import Resampling

    check_color_mode(color_mode)
    known("interpolation", interpolation, RESAMPLING)
    with opened(source) as image:
        image.load()
        name = "the stream" if isinstance(source, BytesIO) else os.fsdecode(source)
        wanted = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}[color_mode]
        if wanted == "L" and image.mode in ("L", "I;16", "I"):
            decoded = image.copy()
        else:
            decoded = in_eight_bits(image, name).convert(wanted)
    if target_size is None or decoded.size == (target_size[1], target_size[0]):
        return decoded
    height, width = pair("target_size", target_size)
    box = (0, 0, decoded.width, decoded.height)
    if keep_aspect_ratio:
        crop_height = min(decoded.height, decoded.width * height // width)
        crop_width = min(decoded.width, decoded.height * width // height)
        top, left = (decoded.height - crop_height) // 2, (decoded.width - crop_width) // 2
        box = (left, top, left + crop_width, top + crop_height)
    return decoded.resize((width, height), Resampling[interpolation.upper()], box)
