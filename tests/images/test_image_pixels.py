"""The pixels of single files: those of live Keras, for each kind of file, colour mode, size and interpolation."""

import re
import warnings

import numpy as np
import pytest
from image_kinds import huge_png, kinds

import tinyconv as tc
from tinyconv.data.images import ImageError, read_image, resize_image
from tinyconv.data.images.resize import METHODS

KINDS = kinds()
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
# What TensorFlow decodes to 1 or to 4 channels; others it refuses, or reads wrongly (bits.png: alpha 1 of 255).
NO_GREY = ("inks.jpg", "rgb16.png", "rgba16.png")
AS_GREY = [name for name in KINDS if name not in NO_GREY and name[-3:] not in ("gif", "bmp")]
AS_RGBA = [name for name in KINDS if name.endswith("png") and name not in ("bits.png", "grey16.png")]
TOLERANCE = 2e-6 * 255  # both compute in float32
SIZES = [(7, 11), (40, 50), (64, 96), (1, 3)]


def keras_pixels(judge, path, color_mode, size, interpolation="bilinear", crop=False, pad=False):
    from keras.src.utils.image_dataset_utils import _load_image_tf

    return _load_image_tf(str(path), size, CHANNELS[color_mode], interpolation, "channels_last", crop, pad).numpy()


@pytest.fixture
def written(tmp_path):
    def write(name, data=None):
        path = tmp_path / name
        path.write_bytes(KINDS[name] if data is None else data)
        return path

    return write


@pytest.mark.parametrize(
    ("name", "color_mode"),
    [
        *((name, "rgb") for name in KINDS),
        *((name, "grayscale") for name in AS_GREY),
        *((name, "rgba") for name in AS_RGBA),
    ],
)
def test_pixels_are_keras_s(judge, written, name, color_mode):
    path = written(name)
    theirs = keras_pixels(judge, path, color_mode, (40, 50), "nearest")
    ours = read_image(path, color_mode)
    assert ours.dtype == np.float32
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("interpolation", METHODS)
def test_resized_pixels_are_keras_s(judge, written, interpolation):
    path = written("rgb.jpg")
    for size in SIZES:
        for aspect in ("free", "crop", "pad"):
            if aspect == "crop" and interpolation in ("gaussian", "mitchellcubic"):
                continue  # Keras has none
            theirs = keras_pixels(judge, path, "rgb", size, interpolation, aspect == "crop", aspect == "pad")
            ours = read_image(path, "rgb", size, interpolation, aspect)
            assert ours.shape == (*size, 3)
            assert np.abs(ours - theirs).max() < TOLERANCE, (size, aspect)


def test_resized_photographs_are_keras_s(judge, photographs):
    paths = sorted((photographs / "cats_dogs" / "train" / "dogs").glob("*.jpg"))[:12]
    for path in paths:
        for color_mode in ("rgb", "grayscale"):
            theirs = keras_pixels(judge, path, color_mode, (150, 150))
            assert np.abs(read_image(path, color_mode, (150, 150)) - theirs).max() < TOLERANCE


@pytest.mark.parametrize("interpolation", METHODS)
def test_any_size_is_resized_as_tensorflow_does(judge, interpolation):
    import tensorflow as tf

    rng = np.random.default_rng(5)
    for _ in range(30):
        image = rng.integers(0, 256, (*rng.integers(1, 300, 2), rng.choice([1, 3, 4])), np.uint8)
        size = tuple(rng.integers(1, 300, 2).tolist())
        theirs = tf.image.resize(image, size, method=interpolation).numpy()
        exactly = interpolation in ("bilinear", "nearest")
        assert np.abs(resize_image(image, size, interpolation) - theirs).max() <= (0 if exactly else TOLERANCE)


def test_a_bilinear_sample_by_hand():
    """Two pixels to three: the places are −1/6, 1/2 and 7/6, so the edge, the middle and the edge."""
    assert resize_image(np.array([[[10], [20]]], np.uint8), (1, 3))[0, :, 0].tolist() == [10, 15, 20]


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"])
@pytest.mark.parametrize("color_mode", CHANNELS)
def test_load_img_is_keras_s(keras, written, interpolation, color_mode):
    for name in KINDS:
        path = written(name)
        if name == "grey16.png" and color_mode != "grayscale":
            continue  # Keras clips it: see below
        for size in (None, (40, 50), (9, 30)):
            for keep in (False, True):
                given = dict(
                    color_mode=color_mode, target_size=size, interpolation=interpolation, keep_aspect_ratio=keep
                )
                ours, theirs = tc.utils.load_img(path, **given), keras.utils.load_img(path, **given)
                assert ours.mode == theirs.mode
                assert np.array_equal(tc.utils.img_to_array(ours), keras.utils.img_to_array(theirs))


def test_keras_4486_10437_sixteen_bits_of_grey_are_kept_not_clipped(keras, written):
    """Grey stays in 16 bits, as in Keras; in colour, where Keras makes 255 of nearly all, the upper 8 bits are kept."""
    path = written("grey16.png")
    kept = tc.utils.img_to_array(tc.utils.load_img(path, color_mode="grayscale"))
    assert np.array_equal(kept, keras.utils.img_to_array(keras.utils.load_img(path, color_mode="grayscale")))
    assert kept.max() > 60_000
    coloured = tc.utils.img_to_array(tc.utils.load_img(path))
    assert np.array_equal(coloured, np.repeat(kept // 256, 3, axis=2))
    assert np.array_equal(read_image(path), coloured)
    assert np.array_equal(read_image(path, "grayscale"), kept // 256)


def test_grey_of_32_bits_is_refused_by_name(tmp_path):
    path = tmp_path / "deep.tif"
    tc.utils.array_to_img(np.full((4, 4, 1), 70_000.0), scale=False).save(path)
    assert tc.utils.img_to_array(tc.utils.load_img(path, color_mode="grayscale")).max() == 70_000
    with pytest.raises(ImageError, match=r"deep\.tif holds grey values from 70000 to 70000, which 8 bits do not"):
        tc.utils.load_img(path)
    with pytest.raises(ImageError, match=r"deep\.tif holds grey values"):
        read_image(path)


def test_keras_15047_an_empty_file_is_named(written):
    for read in (tc.utils.load_img, read_image):
        with pytest.raises(ImageError, match=r"empty\.jpg is empty"):
            read(written("empty.jpg", b""))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("text.jpg", b"<html>no image</html>", r"is no image \(JPEG, PNG, GIF, BMP, PPM, TIFF, WEBP\)"),
        ("script.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", r"is no image"),
        ("cut.jpg", KINDS["rgb.jpg"][:-300], "is damaged: .*[Tt]runcated"),
        ("cut.png", KINDS["rgb.png"][:-60], "is damaged: "),
        ("cut.gif", KINDS["palette.gif"][:-100], "is damaged: "),
        ("cut.bmp", KINDS["rgb.bmp"][:-3000], "is damaged: .*[Tt]runcated"),
        ("head.jpg", KINDS["rgb.jpg"][:50], "is damaged|is no image"),
        ("middle.png", KINDS["rgb16.png"][:2000] + bytes(64) + KINDS["rgb16.png"][2064:], "is damaged: "),
        ("bomb.png", huge_png(50_000, 50_000), r"is too large .*MAX_IMAGE_PIXELS is the limit"),
        ("large.png", huge_png(10_000, 10_000), r"is too large .*MAX_IMAGE_PIXELS is the limit"),
    ],
)
def test_damaged_files_are_refused_by_name(written, name, data, message):
    path = written(name, data)
    for read in (tc.utils.load_img, read_image):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own, of large images
            with pytest.raises(ImageError, match=f"{re.escape(str(path))} ({message})") as raised:
                read(path)
            assert "\n" not in str(raised.value)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        tc.utils.load_img(tmp_path / "none.jpg")
    with pytest.raises(TypeError, match="path must be a str, bytes, a Path or a BytesIO, got int"):
        tc.utils.load_img(3)


def test_unknown_words_are_refused(written):
    path = written("rgb.png")
    for read in (tc.utils.load_img, read_image):
        with pytest.raises(ValueError, match=r"^color_mode must be"):
            read(path, "RGB")
        with pytest.raises(ValueError, match=r"^interpolation must be one of"):
            read(path, "rgb", (4, 4), "cubic")
