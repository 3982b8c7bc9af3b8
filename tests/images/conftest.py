"""Folders of images to read: those of the checkout's neighbour, where it has one, and some made here."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def photographs():
    """Folders of photographs, `cats_dogs` and `intel`, each with train/ and validation/."""
    if not (SHARED / "cats_dogs").is_dir():
        pytest.skip(f"{SHARED} has no photographs")
    return SHARED


@pytest.fixture(scope="session")
def judge(keras):
    """Keras, as installed, with TensorFlow's JPEG decoder set to the accurate transform.

    By itself TensorFlow takes libjpeg's fast one, which is off by up to 21 of 255 on these photographs, and which
    Pillow does not offer. All else is Keras's own.
    """
    tf = pytest.importorskip("tensorflow")
    decode_image = tf.image.decode_image

    def accurate(contents, channels=None, **named):
        return tf.cond(
            tf.io.is_jpeg(contents),
            lambda: tf.io.decode_jpeg(contents, channels, dct_method="INTEGER_ACCURATE"),
            lambda: decode_image(contents, channels, **named),
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.image, "decode_image", accurate)
        yield keras
