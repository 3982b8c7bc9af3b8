"""`tf.image`: images (h, w, c) or (n, h, w, c), in another size, cut, turned, brighter, alike or not; and in files."""

from types import FunctionType
from typing import Any

import numpy as np

from ... import functions as F
from ...data.images.resize import resize_image
from ...functions.resampling import METHODS
from ...symbol import on_symbols
from ..operations import Values, drawing, held, likeness, shaping, tensor
from ..operations.values import as_type, type_of, whole
from ..vocabulary import missing, public
from . import image_files

extract_patches = shaping.extract_patches
psnr, ssim, sobel_edges = likeness.psnr, likeness.ssim, likeness.sobel_edges
rgb_to_yuv, yuv_to_rgb = likeness.rgb_to_yuv, likeness.yuv_to_rgb
decode_image, decode_jpeg, decode_png = image_files.decode_image, image_files.decode_jpeg, image_files.decode_png
decode_bmp, decode_gif = image_files.decode_bmp, image_files.decode_gif
encode_jpeg, encode_png = image_files.encode_jpeg, image_files.encode_png


class ResizeMethod:
    """The names of the methods that `resize` knows."""

    BILINEAR, NEAREST_NEIGHBOR, BICUBIC, AREA = "bilinear", "nearest", "bicubic", "area"
    LANCZOS3, LANCZOS5, GAUSSIAN, MITCHELLCUBIC = "lanczos3", "lanczos5", "gaussian", "mitchellcubic"


_BY_NUMBER = dict(enumerate(["bilinear", "nearest", "bicubic", "area"]))  # TensorFlow 1 counted them


def resize(
    images: Any,
    size: Any,
    method: Any = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: str | None = None,
    **_: Any,
) -> Any:
    """Return images in another size (height, width): floats, but of whole numbers whole ones by "nearest"."""
    x = tensor(images)
    method = _BY_NUMBER.get(method, method)
    height, width = (int(each) for each in whole(size))
    if preserve_aspect_ratio:
        h, w = x.shape[-3:-1]
        scale = min(height / h, width / w)
        height, width = round(scale * h), round(scale * w)
    if method == "nearest" and isinstance(x, Values):
        rows, columns = (
            METHODS["nearest"](new, old)[0][:, 0] for new, old in zip((height, width), x.shape[-3:-1], strict=True)
        )
        return held(np.asarray(x)[..., rows[:, None], columns, :])
    if not antialias and x.dtype != np.float64 and not getattr(x, "requires_grad", False):
        images = np.asarray(x) if x.ndim == 4 else np.asarray(x)[None]
        made = [resize_image(each, (height, width), method) for each in images]  # quicker, and without a gradient
        return held(np.stack(made) if x.ndim == 4 else made[0])
    if isinstance(x, Values):
        x = as_type(x, "float32")
    if x.shape[-3:-1] == (height, width):
        return x
    y = F.resize(x if x.ndim == 4 else x[None], (height, width), method, antialias)
    return y if x.ndim == 4 else y[0]


def resize_images(images: Any, size: Any, method: Any = "bilinear", *_: Any, **named: Any) -> Any:
    """Return images in another size: TensorFlow 1's name."""
    return resize(images, size, method, bool(named.get("preserve_aspect_ratio", False)))


def resize_bilinear(images: Any, size: Any, *_: Any, **__: Any) -> Any:
    """Return images in another size, linear between the pixels."""
    return resize(images, size)


def resize_nearest_neighbor(images: Any, size: Any, *_: Any, **__: Any) -> Any:
    """Return images in another size, of the nearest pixels."""
    return resize(images, size, "nearest")


def resize_with_pad(
    image: Any, target_height: Any, target_width: Any, method: Any = "bilinear", antialias: bool = False
) -> Any:
    """Return images in another size, their shape kept by margins of 0."""
    x = tensor(image)
    (h, w), high, wide = x.shape[-3:-1], int(target_height), int(target_width)
    ratio = max(np.float32(w) / np.float32(wide), np.float32(h) / np.float32(high))
    exact = np.float32(h) / ratio, np.float32(w) / ratio
    height, width = (int(np.floor(length)) for length in exact)
    top, left = (max(int((full - length) / 2), 0) for full, length in zip((high, wide), exact, strict=True))
    return pad_to_bounding_box(resize(x, (height, width), method, antialias=antialias), top, left, high, wide)


def resize_with_crop_or_pad(image: Any, target_height: Any, target_width: Any) -> Any:
    """Return images of another size, cut to the middle, or with margins of 0."""
    x, high, wide = tensor(image), int(target_height), int(target_width)
    h, w = x.shape[-3:-1]
    x = crop_to_bounding_box(x, max((h - high) // 2, 0), max((w - wide) // 2, 0), min(h, high), min(w, wide))
    return pad_to_bounding_box(x, max((high - h) // 2, 0), max((wide - w) // 2, 0), high, wide)


resize_image_with_pad, resize_image_with_crop_or_pad = resize_with_pad, resize_with_crop_or_pad


def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Any:
    """Return images with margins of 0 around them, at a place within a size."""
    x, top, left = tensor(image), int(offset_height), int(offset_width)
    h, w = x.shape[-3:-1]
    pads = [(top, int(target_height) - h - top), (left, int(target_width) - w - left)]
    if any(part < 0 for pair in pads for part in pair):
        raise ValueError(f"an image of {h}×{w} does not fit into {target_height}×{target_width} at {top}, {left}")
    pads = [(0, 0)] * (x.ndim - 3) + pads + [(0, 0)]
    return held(np.pad(np.asarray(x), pads)) if isinstance(x, Values) else F.pad(x, pads)


def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Any:
    """Return the part of images of a size, from a place on."""
    x, top, left, height, width = (
        tensor(image),
        *map(int, (offset_height, offset_width, target_height, target_width)),
    )
    if top + height > x.shape[-3] or left + width > x.shape[-2]:
        raise ValueError(f"an image of {x.shape[-3:-1]} has no part of {height}×{width} at {top}, {left}")
    return x[..., top : top + height, left : left + width, :]


def central_crop(image: Any, central_fraction: float) -> Any:
    """Return the middle of images, a share of height and width."""
    x = tensor(image)
    h, w = x.shape[-3:-1]
    top, left = int((h - h * central_fraction) / 2), int((w - w * central_fraction) / 2)
    return x[..., top : h - top, left : w - left, :]


def random_crop(value: Any, size: Any, seed: Any = None, name: str | None = None) -> Any:
    """Return a part of x of a size, at a place chosen at random."""
    x, size = tensor(value), list(whole(size))
    size = [length if wanted == -1 else wanted for wanted, length in zip(size, x.shape, strict=True)]
    source = drawing.generator(seed)
    starts = [int(source.integers(0, length - wanted + 1)) for wanted, length in zip(size, x.shape, strict=True)]
    return x[tuple(slice(start, start + wanted) for start, wanted in zip(starts, size, strict=True))]


def _turned(x: Any, index: tuple[Any, ...]) -> Any:
    return tensor(x)[(..., *index)]


_BACK = slice(None, None, -1)


def flip_left_right(image: Any) -> Any:
    """Return images mirrored left to right."""
    return _turned(image, (_BACK, slice(None)))


def flip_up_down(image: Any) -> Any:
    """Return images mirrored upside down."""
    return _turned(image, (_BACK, slice(None), slice(None)))


def transpose(image: Any, name: str | None = None) -> Any:
    """Return images with rows and columns exchanged."""
    x = tensor(image)
    order = (1, 0, 2) if x.ndim == 3 else (0, 2, 1, 3)
    return held(np.transpose(np.asarray(x), order)) if isinstance(x, Values) else F.transpose(x, order)


def rot90(image: Any, k: Any = 1, name: str | None = None) -> Any:
    """Return images turned by k quarters, against the clock."""
    x = tensor(image)
    for _ in range(int(k) % 4):
        x = flip_up_down(transpose(x))
    return x


def _random_flip(image: Any, seed: Any, flip: Any) -> Any:
    x = tensor(image)
    chosen = drawing.generator(seed).random(x.shape[0] if x.ndim == 4 else ()) < 0.5
    if x.ndim == 3:
        return flip(x) if chosen else x
    mirrored = np.where(chosen[:, None, None, None], np.asarray(flip(x)), np.asarray(x))
    return held(mirrored)


def random_flip_left_right(image: Any, seed: Any = None) -> Any:
    """Return each image mirrored left to right, or not, at random."""
    return _random_flip(image, seed, flip_left_right)


def random_flip_up_down(image: Any, seed: Any = None) -> Any:
    """Return each image mirrored upside down, or not, at random."""
    return _random_flip(image, seed, flip_up_down)


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Any:
    """Return images in another type, scaled: whole numbers to 0 … 1, floats of 0 … 1 to whole numbers."""
    x, wanted = tensor(image), type_of(dtype)
    if x.dtype == wanted:
        return x
    whole_before, whole_after = isinstance(x, Values), wanted.kind in "iu"
    if whole_before and not whole_after:
        return as_type(x, wanted) * (1.0 / np.iinfo(x.dtype).max)
    if whole_after and not whole_before:
        scaled = np.asarray(x) * x.dtype.type(np.iinfo(wanted).max + 0.5)
        limits = np.iinfo(wanted)
        return as_type(np.clip(scaled, limits.min, limits.max) if saturate else scaled, wanted)
    if whole_before:
        before, after = np.iinfo(x.dtype).max, np.iinfo(wanted).max
        scaled = (
            np.asarray(x) // ((before + 1) // (after + 1))
            if before > after
            else np.asarray(x, wanted) * ((after + 1) // (before + 1))
        )
        return as_type(scaled, wanted)
    return as_type(x, wanted)


def _in_floats(image: Any, change: Any) -> Any:
    """Return what `change` makes of images as floats of 0 … 1, in their own type."""
    x = tensor(image)
    return convert_image_dtype(change(convert_image_dtype(x, "float32")), x.dtype, saturate=True)


def adjust_brightness(image: Any, delta: Any) -> Any:
    """Return images with a number added, of a scale from 0 to 1."""
    return _in_floats(image, lambda x: x + float(delta))


def adjust_contrast(images: Any, contrast_factor: Any) -> Any:
    """Return images whose pixels lie so many times as far from each channel's mean."""

    def change(x: Any) -> Any:
        middle = x.mean(axis=(x.ndim - 3, x.ndim - 2), keepdims=True)
        return (x - middle) * float(contrast_factor) + middle

    return _in_floats(images, change)


def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Any:
    """Return images whose saturation is so many times as large, at most 1."""
    return _in_floats(image, lambda x: _in_hsv(x, 1, lambda s: np.clip(s * float(saturation_factor), 0, 1)))


def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Any:
    """Return images whose hue, of a circle of length 1, is moved on."""
    return _in_floats(image, lambda x: _in_hsv(x, 0, lambda h: (h + float(delta)) % 1.0))


def _in_hsv(x: Any, part: int, change: Any) -> Any:
    hsv = np.array(rgb_to_hsv(x))
    hsv[..., part] = change(hsv[..., part])
    return hsv_to_rgb(hsv)


def adjust_gamma(image: Any, gamma: float = 1, gain: float = 1) -> Any:
    """Return gain·xᵞ of images as floats of 0 … 1."""
    return _in_floats(image, lambda x: x**gamma * gain)


def random_brightness(image: Any, max_delta: float, seed: Any = None) -> Any:
    """Return images brighter or darker by up to `max_delta`, of a scale from 0 to 1."""
    return adjust_brightness(image, drawing.generator(seed).uniform(-max_delta, max_delta))


def random_contrast(image: Any, lower: float, upper: float, seed: Any = None) -> Any:
    """Return images of another contrast, a factor between two bounds."""
    return adjust_contrast(image, drawing.generator(seed).uniform(lower, upper))


def random_saturation(image: Any, lower: float, upper: float, seed: Any = None) -> Any:
    """Return images of another saturation, a factor between two bounds."""
    return adjust_saturation(image, drawing.generator(seed).uniform(lower, upper))


def random_hue(image: Any, max_delta: float, seed: Any = None) -> Any:
    """Return images of another hue, moved on by up to `max_delta`."""
    return adjust_hue(image, drawing.generator(seed).uniform(-max_delta, max_delta))


def per_image_standardization(image: Any) -> Any:
    """Return each image with mean 0 and deviation 1; one of a single colour is divided by 1/√size."""
    x = as_type(image, "float32") if isinstance(tensor(image), Values) else tensor(image)
    over = (x.ndim - 3, x.ndim - 2, x.ndim - 1)
    least = 1 / np.sqrt(np.prod(x.shape[-3:]))
    return (x - x.mean(axis=over, keepdims=True)) / F.maximum(F.sqrt(x.var(axis=over, keepdims=True)), float(least))


_LUMA = (0.2989, 0.5870, 0.1140)


def rgb_to_grayscale(images: Any, name: str | None = None) -> Any:
    """Return images of one channel, 0.2989 R + 0.587 G + 0.114 B."""
    x = tensor(images)
    y = F.matmul(convert_image_dtype(x, "float32") if isinstance(x, Values) else x, np.array(_LUMA, "float32")[:, None])
    return convert_image_dtype(y, x.dtype)


def grayscale_to_rgb(images: Any, name: str | None = None) -> Any:
    """Return images of three equal channels."""
    x = tensor(images)
    return held(np.repeat(np.asarray(x), 3, -1)) if isinstance(x, Values) else F.concatenate([x, x, x], -1)


def rgb_to_hsv(images: Any, name: str | None = None) -> Any:
    """Return hue, saturation and value of images of floats, each from 0 to 1."""
    x = np.asarray(images)
    r, g, b = np.moveaxis(x, -1, 0)
    value, low = x.max(-1), x.min(-1)
    span = value - low
    safe = np.where(span == 0, 1, span)
    hue = np.select([r == value, g == value], [(g - b) / safe, 2 + (b - r) / safe], 4 + (r - g) / safe) / 6
    hue = np.where(span == 0, 0, hue % 1.0)
    saturation = np.where(value > 0, span / np.where(value > 0, value, 1), 0)
    return held(np.stack([hue, saturation, value], -1).astype(x.dtype))


def hsv_to_rgb(images: Any, name: str | None = None) -> Any:
    """Return red, green and blue of images in hue, saturation and value, each from 0 to 1."""
    x = np.asarray(images)
    h, s, v = np.moveaxis(x, -1, 0)
    places = (np.array([5, 3, 1]) + h[..., None] * 6) % 6
    return held((v[..., None] * (1 - s[..., None] * np.clip(np.minimum(places, 4 - places), 0, 1))).astype(x.dtype))


def total_variation(images: Any, name: str | None = None) -> Any:
    """Return the sum of the differences of neighbouring pixels, for each image."""
    x = tensor(images)
    over = tuple(range(x.ndim - 3, x.ndim))
    down = F.absolute(x[..., 1:, :, :] - x[..., :-1, :, :])
    across = F.absolute(x[..., 1:, :] - x[..., :-1, :])
    return F.sum(down, over) + F.sum(across, over)


for _name, _function in list(globals().items()):
    if isinstance(_function, FunctionType) and _function.__module__ == __name__ and not _name.startswith("_"):
        globals()[_name] = on_symbols(_function)
__all__ = public(globals())
__getattr__ = missing("tensorflow.image", globals())
