"""Files of several eras that others wrote: each scores what is known of it, and computes what Keras does."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tinyconv as tc

SHARED = Path(__file__).parents[3] / "shared"
FILES = SHARED / "keras_files"

pytestmark = [
    pytest.mark.skipif(
        not FILES.is_dir(), reason="the files of others lie beside the checkout, in ../shared/keras_files"
    ),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]


def digits():
    with np.load(SHARED / "data" / "mnist.npz") as data:
        return data["x_test"][:400, ..., None].astype(np.float32) / 255, data["y_test"][:400]


def small_photos():
    """Return the first test images of CIFAR-10, in 0 … 255: a sheet has 50 rows of 100."""
    folder = SHARED / "data" / "cifar10"
    sheet = np.asarray(Image.open(folder / "test-00.webp")).reshape(50, 32, 100, 32, 3).swapaxes(1, 2)
    with np.load(folder / "labels.npz") as labels:
        return sheet.reshape(-1, 32, 32, 3)[:400].astype(np.float32), labels["test"][:400]


@pytest.mark.parametrize(
    ("name", "data", "score"),
    [
        ("tfkeras2.4.0_cifar10_resnet8_mlperf_tiny.h5", small_photos, 0.8925),
        ("keras3.10.0_legacy_h5_mnist_cnn_himalrana.h5", digits, 0.9925),
        ("keras3.11.1_mnist_cnn_gurdeepsingh.keras", digits, 0.99),
    ],
)
def test_scores(keras, name, data, score):
    x, labels = data()
    ours = tc.load_model(FILES / name)
    found = ours.predict(x, verbose=0)
    assert np.mean(found.argmax(1) == labels) == score
    assert ours.optimizer.iterations > 0
    if not name.startswith("tfkeras"):  # whose metrics Keras 3 does not read
        theirs = keras.saving.load_model(FILES / name, compile=False).predict(x, verbose=0)
        assert np.linalg.norm(found - theirs) <= 1e-5 * np.linalg.norm(theirs)


@pytest.mark.parametrize("name", sorted(each.name for each in FILES.glob("*[5s]")))
def test_they_outlive_every_format(name, tmp_path):
    """What is loaded and saved computes the same bits, and trains on from where it was."""
    model = tc.load_model(FILES / name)
    x = np.random.default_rng(0).random((4, *model.input_shape[1:]), np.float32)
    expected, kept = model.predict(x, verbose=0), None
    for ending in ("keras", "h5"):
        model.save(tmp_path / f"a.{ending}")
        again = tc.load_model(tmp_path / f"a.{ending}")
        np.testing.assert_array_equal(again.predict(x, verbose=0), expected)
        state = [np.asarray(value) for _, value in again.optimizer.variables()]
        assert again.optimizer.iterations == model.optimizer.iterations
        assert kept is None or all(map(np.array_equal, state, kept))
        kept = state
    for ending in ("weights.h5", "h5", "safetensors"):
        model.save_weights(tmp_path / f"b.{ending}")
        other = tc.models.clone_model(model)
        other.load_weights(tmp_path / f"b.{ending}")
        np.testing.assert_array_equal(other.predict(x, verbose=0), expected)


def test_the_network_of_keras_1():
    model = tc.load_model(FILES / "keras1.2.2_tf_dl4j_batch_to_conv2d.h5")
    assert model.count_params() == 49_985
    assert [layer.name for layer in model.layers] == ["dense_1", "reshape_1", "batchnormalization_1", "convolution2d_1"]
    assert model.predict(np.ones((2, 100), np.float32), verbose=0).shape == (2, 5, 5, 5)
    assert isinstance(model.optimizer, tc.optimizers.SGD)
