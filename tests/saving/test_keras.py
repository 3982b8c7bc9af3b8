"""Files exchanged with live Keras, in both directions."""

import h5py
import numpy as np
import pytest
from standins import make_model

from tinyconv.saving.weights import load_weights, read_note, save_weights

# TensorFlow's variables have not caught up with NumPy 2's signature of __array__; Keras calls it when it saves.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

OPTIMIZERS = ["sgd", "rm_sprop", "adam"]


def listing(path):
    """Return {path of group or dataset: (shape, dtype, names of attributes)}."""
    found = {}

    def note(name, item):
        found[name] = (getattr(item, "shape", None), str(getattr(item, "dtype", "")), sorted(item.attrs))

    with h5py.File(path) as file:
        file.visititems(note)
        assert not file.attrs
    return found


def assert_same(ours, theirs):
    """Hold weights and optimizer variables of a stand-in and a Keras model equal to the last bit."""
    for weight, variable in zip(ours.trainable_weights, theirs.trainable_variables, strict=True):
        np.testing.assert_array_equal(weight.data, variable.numpy(), strict=True)
    for value, variable in zip(ours.optimizer.values, theirs.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(value, variable.dtype), variable.numpy())


def test_layout_is_that_of_keras(tmp_path, keras_model):
    save_weights(tmp_path / "ours.weights.h5", make_model("adam", seed=1))
    keras_model("adam").save_weights(tmp_path / "theirs.weights.h5")
    ours, theirs = listing(tmp_path / "ours.weights.h5"), listing(tmp_path / "theirs.weights.h5")
    extra = {name for name in ours if "seed_generator" in name}
    assert len(extra) == 6
    theirs["optimizer/vars/1"] = ((), "float64", [])  # the learning rate, in full
    assert {name: item for name, item in ours.items() if name not in extra} == theirs


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_reads_a_trained_keras_model(tmp_path, keras_model, optimizer):
    theirs, ours = keras_model(optimizer), make_model(optimizer)
    theirs.save_weights(tmp_path / "a.weights.h5")
    load_weights(tmp_path / "a.weights.h5", ours)
    assert_same(ours, theirs)
    assert ours.optimizer.values[0] == 1
    assert read_note(tmp_path / "a.weights.h5") is None


def test_reads_keras_weights_without_optimizer(tmp_path, keras_model):
    theirs, ours = keras_model(), make_model("adam", seed=2)
    before = ours.optimizer.values
    theirs.save_weights(tmp_path / "a.weights.h5")
    load_weights(tmp_path / "a.weights.h5", ours)
    for weight, variable in zip(ours.trainable_weights, theirs.trainable_variables, strict=True):
        np.testing.assert_array_equal(weight.data, variable.numpy(), strict=True)
    assert ours.optimizer.values is before


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_reads_a_keras_model_that_has_not_started(tmp_path, keras_model, optimizer):
    """Keras makes slots at the first step, so that its file has only iterations and learning rate."""
    theirs, ours = keras_model("adam", fresh=True), make_model(optimizer, seed=2)
    before = ours.optimizer.values
    theirs.save_weights(tmp_path / "a.weights.h5")
    load_weights(tmp_path / "a.weights.h5", ours)
    np.testing.assert_array_equal(ours.layers[0].weights[0].data, theirs.layers[0].kernel.numpy())
    assert ours.optimizer.values is before


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_keras_reads_what_tinyconv_writes(tmp_path, keras_model, optimizer):
    """A Keras model carried over through a file of tinyconv's has the same state and predicts the same."""
    original, ours, copy = keras_model(optimizer), make_model(optimizer), keras_model(optimizer, fresh=True)
    ours.optimizer.build(ours.trainable_weights)
    for weight, variable in zip(ours.trainable_weights, original.trainable_variables, strict=True):
        weight.data[...] = variable.numpy()
    ours.optimizer.load_variables([variable.numpy() for variable in original.optimizer.variables])
    save_weights(tmp_path / "a.weights.h5", ours, note={"epoch": 3})

    copy.optimizer.build(copy.trainable_variables)
    copy.load_weights(tmp_path / "a.weights.h5")
    assert_same(ours, copy)
    x = np.random.default_rng(2).random((4, 8, 8, 1), np.float32)
    assert np.ptp(original.predict_on_batch(x)) > 0
    np.testing.assert_array_equal(copy.predict_on_batch(x), original.predict_on_batch(x))


def test_optimizer_of_another_size_keeps_its_state(tmp_path, keras_model):
    ours = make_model("sgd", seed=2)
    before = ours.optimizer.values
    keras_model("adam").save_weights(tmp_path / "a.weights.h5")
    with pytest.warns(UserWarning, match=r"an optimizer with 18 variables, this model has sgd \(10\)"):
        load_weights(tmp_path / "a.weights.h5", ours)
    assert ours.optimizer.values is before
