"""Files of every kind that a folder may hold, made by Pillow or byte by byte."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

RNG = np.random.default_rng(7)


def noise(height, width, channels):
    """Return coloured squares of 8 pixels, uint8."""
    squares = np.random.default_rng([height, width, channels]).integers(
        0, 256, (height // 8 + 1, width // 8 + 1, channels), np.uint8
    )
    return squares.repeat(8, 0).repeat(8, 1)[:height, :width]


def encoded(image, kind, **settings):
    """Return an image as the bytes of a file."""
    file = BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def chunk(name, data):
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png16(pixels):
    """Return uint16 pixels (h, w, 1…4) as a PNG of 16 bits."""
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def huge_png(width, height):
    """Return a small file that says it is a large image: a decompression bomb."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * (width // 8 * 100), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def late_png():
    """Return a file that is whole at both ends and damaged in the middle."""
    data = encoded(Image.fromarray(noise(300, 300, 3)), "PNG")
    middle = len(data) // 2
    return data[:middle] + bytes(64) + data[middle + 64 :]


def kinds():
    """Return {name: bytes} of good files, each of another kind."""
    rgb, rgba = Image.fromarray(noise(40, 50, 3)), Image.fromarray(noise(40, 50, 4))
    grey, palette = Image.fromarray(noise(40, 50, 1)[..., 0]), rgb.quantize(17)
    frames = [rgb.quantize(30), rgba.convert("RGB").quantize(20)]
    turned = Image.Exif()
    turned[0x112] = 6
    return {
        "rgb.png": encoded(rgb, "PNG"),
        "rgba.png": encoded(rgba, "PNG"),
        "grey.png": encoded(grey, "PNG"),
        "grey_alpha.png": encoded(rgba.convert("LA"), "PNG"),
        "palette.png": encoded(palette, "PNG"),
        "palette_transparent.png": encoded(palette, "PNG", transparency=3),
        "bits.png": encoded(grey.convert("1"), "PNG"),
        "grey16.png": png16(RNG.integers(0, 65536, (40, 50, 1))),
        "rgb16.png": png16(RNG.integers(0, 65536, (40, 50, 3))),
        "rgba16.png": png16(RNG.integers(0, 65536, (40, 50, 4))),
        "rgb.bmp": encoded(rgb, "BMP"),
        "grey.bmp": encoded(grey, "BMP"),
        "palette.gif": encoded(palette, "GIF"),
        "transparent.gif": encoded(palette, "GIF", transparency=3),
        "animated.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "rgb.jpg": encoded(rgb, "JPEG"),
        "grey.jpg": encoded(grey, "JPEG"),
        "inks.jpg": encoded(Image.fromarray(noise(40, 50, 4), "CMYK"), "JPEG", quality=95),
        "turned.jpg": encoded(rgb, "JPEG", exif=turned),
        "a_png.jpg": encoded(rgb, "PNG"),
    }
