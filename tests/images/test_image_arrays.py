"""Arrays to images and back, and to files: what Keras makes of them."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import tinyconv as tc


@pytest.fixture
def arrays():
    rng = np.random.default_rng(3)
    spread = {channels: rng.normal(100, 40, (9, 7, channels)).clip(0, 255) for channels in (1, 3, 4)}
    return [*spread.values(), np.zeros((4, 4, 3)), np.full((4, 4, 1), 300.0), spread[3] / 255]


@pytest.mark.parametrize("scale", [True, False])
def test_array_to_img_is_keras_s(keras, arrays, scale):
    for x in arrays:
        before = x.copy()
        ours, theirs = tc.utils.array_to_img(x, scale=scale), keras.utils.array_to_img(x, scale=scale)
        assert ours.mode == theirs.mode
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))
        assert np.array_equal(x, before)


def test_channels_may_come_first(keras):
    x = np.arange(2 * 3 * 4, dtype="float32").reshape(3, 2, 4)
    ours = tc.utils.array_to_img(x, data_format="channels_first")
    assert ours.size == (4, 2)
    assert np.array_equal(np.asarray(ours), np.asarray(keras.utils.array_to_img(x, data_format="channels_first")))
    assert tc.utils.img_to_array(ours, data_format="channels_first").shape == (3, 2, 4)
    with pytest.raises(ValueError, match="data_format must be"):
        tc.utils.img_to_array(ours, data_format="first")


def test_img_to_array_has_three_axes_and_the_session_s_dtype(keras):
    image = Image.new("L", (5, 4), 9)
    assert tc.utils.img_to_array(image).shape == keras.utils.img_to_array(image).shape == (4, 5, 1)
    assert tc.utils.img_to_array(image).dtype == tc.floatx()
    assert tc.utils.img_to_array(image, dtype="uint8").dtype == np.uint8


@pytest.mark.parametrize("ending", ["png", "jpg", "JPG", "bmp"])
def test_save_img_writes_the_bytes_of_keras_s(keras, tmp_path, ending):
    x = np.random.default_rng(1).uniform(0, 255, (12, 10, 3))
    for engine, name in ((tc, "ours"), (keras, "theirs")):
        engine.utils.save_img(tmp_path / f"{name}.{ending}", x)
    assert (tmp_path / f"ours.{ending}").read_bytes() == (tmp_path / f"theirs.{ending}").read_bytes()


def test_save_img_takes_streams_and_leaves_transparency_out_of_jpegs():
    x = np.random.default_rng(1).uniform(0, 255, (12, 10, 4))
    file = BytesIO()
    with pytest.warns(UserWarning, match="JPEG has no transparency"):
        tc.utils.save_img(file, x, file_format="jpg", quality=50)
    assert tc.utils.load_img(BytesIO(file.getvalue())).size == (10, 12)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "lanczos3"])
def test_smart_resize_is_keras_s(keras, interpolation):
    x = np.random.default_rng(2).uniform(0, 255, (2, 30, 41, 3)).astype("float32")
    for given, size, layout in ((x, (9, 20), "channels_last"), (x[0], (50, 33), "channels_last")):
        theirs = keras.preprocessing.image.smart_resize(given, size, interpolation, layout)
        ours = tc.preprocessing.image.smart_resize(given, size, interpolation, layout)
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 2e-6 * 255
    first = tc.preprocessing.image.smart_resize(x.transpose(0, 3, 1, 2), (9, 20), data_format="channels_first")
    assert np.array_equal(first.transpose(0, 2, 3, 1), tc.preprocessing.image.smart_resize(x, (9, 20)))
    with pytest.raises(ValueError, match="images have shape"):
        tc.preprocessing.image.smart_resize(x[0, 0], (9, 20))


def test_the_names_are_keras_s(keras):
    for ours, theirs in ((tc.preprocessing.image, keras.preprocessing.image), (tc.preprocessing, keras.preprocessing)):
        names = {name for name in dir(theirs) if "image" in name or "img" in name or "resize" in name}
        assert names <= set(ours.__all__)


def test_shapes_that_are_no_image_are_refused():
    with pytest.raises(ValueError, match=r"an image has shape \(h, w, c\), got \(2, 2\)"):
        tc.utils.array_to_img(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="an image has 1, 3 or 4 channels, got 5"):
        tc.utils.array_to_img(np.zeros((2, 2, 5)))
    with pytest.raises(ValueError, match="an image has shape"):
        tc.utils.img_to_array(np.zeros(3))
