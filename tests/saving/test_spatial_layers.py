"""Files of networks with depthwise, separable and transposed convolution, exchanged with live Keras."""

import numpy as np
import pytest

import tinyconv as tc

# TensorFlow's variables have not caught up with NumPy 2's signature of __array__; Keras calls it when it saves.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

X = np.random.default_rng(3).random((5, 9, 9, 2), np.float32)


def network(library):
    """Build the same network in tinyconv or in Keras; two layers of a kind, so that their files' names are counted."""
    layers = library.layers
    return library.Sequential(
        [
            library.Input((9, 9, 2)),
            layers.ZeroPadding2D(((0, 1), (1, 0))),
            layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2, bias_initializer="random_normal"),
            layers.DepthwiseConv2D(3, padding="same", name="mine"),
            layers.SeparableConv2D(5, 3, padding="same", activation="relu", bias_initializer="random_normal"),
            layers.UpSampling2D(),
            layers.SeparableConv2D(4, 2, use_bias=False),
            layers.Cropping2D(1),
            layers.Conv2DTranspose(6, 3, 2, "same", bias_initializer="random_normal"),
            layers.Conv2DTranspose(3, 2),
            layers.GlobalMaxPooling2D(),
        ]
    )


@pytest.mark.parametrize("direction", ["from Keras", "to Keras"])
def test_files_are_exchanged(keras, tmp_path, direction):
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(5)
    ours, theirs = network(tc), network(keras)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    before = ours.predict(X), theirs.predict(X, verbose=0)
    assert np.abs(before[0] - before[1]).max() > 0.01
    source, target = (theirs, ours) if direction == "from Keras" else (ours, theirs)
    source.save_weights(str(tmp_path / "a.weights.h5"))
    target.load_weights(str(tmp_path / "a.weights.h5"))
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
