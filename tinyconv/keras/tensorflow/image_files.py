"""Images in the bytes of files: what `tf.image` and `tf.io` have of one name."""

from io import BytesIO
from typing import Any

import numpy as np

from ...data.images.decode import read_pixels
from ..operations import held
from ..operations.values import whole


def decode_image(
    contents: Any, channels: Any = None, dtype: Any = "uint8", name: str | None = None, expand_animations: bool = True
) -> Any:
    """Return the image in a file's bytes, (h, w, c), of whole numbers from 0 to 255, or floats from 0 to 1."""
    mode = {0: None, None: None, 1: "grayscale", 3: "rgb", 4: "rgba"}[whole(channels)]
    content = bytes(contents.numpy() if hasattr(contents, "numpy") else contents)
    pixels = read_pixels(BytesIO(content), mode or _own_mode(content))
    from .image import convert_image_dtype

    return convert_image_dtype(held(pixels), dtype)


def _own_mode(content: bytes) -> str:
    """Return as what an image is read so that its channels stay."""
    from ...data.images.decode import opened

    with opened(BytesIO(content)) as image:
        if image.mode in ("1", "L", "I;16", "I", "F"):
            return "grayscale"
        return "rgba" if image.mode in ("RGBA", "LA", "PA") else "rgb"


def decode_jpeg(contents: Any, channels: Any = 0, *_: Any, **__: Any) -> Any:
    """Return the image in a JPEG file's bytes, (h, w, c), of whole numbers from 0 to 255."""
    return decode_image(contents, channels)


def decode_png(contents: Any, channels: Any = 0, dtype: Any = "uint8", name: str | None = None) -> Any:
    """Return the image in a PNG file's bytes, (h, w, c), of whole numbers from 0 to 255."""
    return decode_image(contents, channels)


def decode_bmp(contents: Any, channels: Any = 0, name: str | None = None) -> Any:
    """Return the image in a BMP file's bytes, (h, w, c), of whole numbers from 0 to 255."""
    return decode_image(contents, channels)


def decode_gif(contents: Any, name: str | None = None) -> Any:
    """Return the first frame in a GIF file's bytes, (1, h, w, 3), of whole numbers from 0 to 255."""
    return decode_image(contents, 3)[None]


def _encoded(image: Any, kind: str, **options: Any) -> Any:
    from PIL import Image

    from .reading import Content

    pixels, out = np.asarray(image), BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(out, kind, **options)
    return Content(out.getvalue())


def encode_jpeg(image: Any, format: str = "", quality: int = 95, *_: Any, **__: Any) -> Any:
    """Return the bytes of a JPEG file of an image of whole numbers."""
    return _encoded(image, "JPEG", quality=quality)


def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Any:
    """Return the bytes of a PNG file of an image of whole numbers."""
    return _encoded(image, "PNG")
