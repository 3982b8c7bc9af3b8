"""Networks with batch normalization exchange files with Keras while they train, moving averages included."""

import h5py
import numpy as np
import pytest

import tinyconv as tc

# TensorFlow's variables have not caught up with NumPy 2's signature of __array__; Keras calls it when it saves.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

RNG = np.random.default_rng(3)
X = RNG.random((16, 8, 8, 2), np.float32) + 1
Y = np.eye(3, dtype=np.float32)[RNG.integers(3, size=16)]


def network(library, dropout=0.0):
    """Build and compile the same network in tinyconv or in Keras."""
    layers = library.layers
    model = library.Sequential(
        [
            library.Input((8, 8, 2)),
            layers.Normalization(),
            layers.Conv2D(16, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.BatchNormalization(scale=False, name="second"),
            layers.Rescaling(0.5),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(6, activation="relu"),
            layers.LayerNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.layers[0].adapt(X)
    model.compile(library.optimizers.Adam(0.01), "categorical_crossentropy")
    return model


def train(model, steps):
    for step in range(steps):
        model.train_on_batch(X[step:], Y[step:])


def assert_same(ours, theirs, bound):
    for weight, variable in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), variable.numpy(), rtol=bound, atol=bound, err_msg=weight.path)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X, verbose=0), rtol=1e-3, atol=1e-4)


def listing(path):
    """Return {path of group or dataset: (shape, names of attributes)}."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: (getattr(item, "shape", None), sorted(item.attrs))}))
    return found


def test_layout_is_that_of_keras(keras, tmp_path):
    ours, theirs = network(tc), network(keras)
    for model, name in ((ours, "ours"), (theirs, "theirs")):
        train(model, 1)
        model.save_weights(str(tmp_path / f"{name}.weights.h5"))
    ours, theirs = listing(tmp_path / "ours.weights.h5"), listing(tmp_path / "theirs.weights.h5")
    assert {name: item for name, item in ours.items() if "seed_generator" not in name} == theirs
    assert ours["layers/batch_normalization_1/vars/2"] == ((16,), [])
    assert "layers/batch_normalization_1/vars/3" not in ours


def test_tinyconv_goes_on_from_keras(keras, tmp_path):
    theirs, ours = network(keras), network(tc)
    train(theirs, 3)
    theirs.save_weights(tmp_path / "a.weights.h5")
    ours.load_weights(tmp_path / "a.weights.h5")
    assert_same(ours, theirs, 0)
    assert ours.optimizer.iterations == 3
    train(ours, 3)
    train(theirs, 3)
    assert_same(ours, theirs, 2e-3)


def test_keras_goes_on_from_tinyconv(keras, tmp_path):
    ours, theirs = network(tc), network(keras)
    train(ours, 3)
    ours.save_weights(tmp_path / "a.weights.h5")
    theirs.optimizer.build(theirs.trainable_variables)
    theirs.load_weights(tmp_path / "a.weights.h5")
    assert_same(ours, theirs, 0)
    assert "int" in theirs.layers[0].count.dtype
    train(ours, 3)
    train(theirs, 3)
    assert_same(ours, theirs, 2e-3)


def test_frozen_layers_lie_in_files_as_others_do(keras, tmp_path):
    ours, theirs = network(tc), network(keras)
    for model in (theirs, ours):
        model.layers[2].trainable = False
    theirs.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    train(theirs, 2)
    train(ours, 2)
    theirs.save_weights(tmp_path / "a.weights.h5")
    ours.load_weights(tmp_path / "a.weights.h5")
    assert_same(ours, theirs, 0)
    assert [array.any() for array in ours.layers[2].get_weights()] == [True, False, False, True]
    thawed = network(tc)
    thawed.optimizer = None  # it would have more state than the file
    thawed.load_weights(str(tmp_path / "a.weights.h5"))
    assert_same(thawed, theirs, 0)


def test_a_copy_goes_on_with_the_same_bits(tmp_path):
    tc.set_seed(7)
    original = network(tc, dropout=0.5)
    train(original, 3)
    original.save_weights(str(tmp_path / "a.weights.h5"))
    tc.set_seed(7)
    copy = network(tc, dropout=0.5)
    copy.load_weights(str(tmp_path / "a.weights.h5"))
    for model in (original, copy):
        train(model, 3)
    for mine, other in zip(copy.get_weights(), original.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert copy.predict(X).tobytes() == original.predict(X).tobytes()
