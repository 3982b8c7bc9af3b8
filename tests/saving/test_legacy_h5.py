"""Legacy ".h5" files: Keras 3 reads and writes them, too, and is the judge; and what users reported of loading."""

import h5py
import numpy as np
import old_keras
import pytest
from test_keras_archive import close, network

import tinyconv as tc
from tinyconv import layers as L

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture
def batch():
    rng = np.random.default_rng(5)
    return rng.random((6, 9, 9, 2), np.float32), np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]


def stack(name="sgd"):
    """Return a compiled stack that has made an update."""
    model = tc.Sequential(
        [tc.Input((9, 9, 2)), L.Conv2D(3, 3), L.BatchNormalization(), L.Flatten(), L.Dense(3, "softmax")]
    )
    model.compile(name, "categorical_crossentropy", metrics=["accuracy"])
    return model


def curve(model, batch, steps):
    return [float(np.ravel(model.train_on_batch(*batch))[0]) for _ in range(steps)]


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW", "Nadam", "Adagrad", "Adadelta"])
def test_from_keras_and_back(keras, name, batch, tmp_path):
    theirs = network(keras.layers, keras)
    options = {"SGD": {"momentum": 0.9}, "RMSprop": {"momentum": 0.5, "centered": True}}.get(name, {})
    theirs.compile(getattr(keras.optimizers, name)(**options), "categorical_crossentropy", run_eagerly=True)
    curve(theirs, batch, 3)
    theirs.save(tmp_path / "a.h5")
    ours = tc.load_model(tmp_path / "a.h5")
    close(ours.predict(batch[0], verbose=0), theirs.predict(batch[0], verbose=0))
    assert ours.optimizer.iterations == 3
    ours.save(tmp_path / "b.h5")
    again = keras.saving.load_model(tmp_path / "b.h5")
    close(again.predict(batch[0], verbose=0), theirs.predict(batch[0], verbose=0), 1e-6)
    assert int(again.optimizer.iterations) == 3
    np.testing.assert_allclose(curve(ours, batch, 20), curve(theirs, batch, 20), rtol=1e-4)


def test_weights_alone(keras, batch, tmp_path):
    ours, theirs = network(L, tc), network(keras.layers, keras)
    ours.save_weights(tmp_path / "a.h5")
    theirs.load_weights(tmp_path / "a.h5")
    close(ours.predict(batch[0], verbose=0), theirs.predict(batch[0], verbose=0))
    theirs.save(tmp_path / "b.h5")
    other = network(L, tc)
    other.load_weights(tmp_path / "b.h5")
    np.testing.assert_array_equal(other.predict(batch[0], verbose=0), ours.predict(batch[0], verbose=0))


@pytest.mark.parametrize("frozen_then", [True, False])
@pytest.mark.parametrize("frozen_now", [True, False])
def test_keras_10777_frozen_layers(frozen_then, frozen_now, batch, tmp_path):
    """Also tf#37541: files have trained weights first, whatever the model trains now."""
    models = []
    for frozen in (frozen_then, frozen_now):
        within = tc.Sequential(
            [tc.Input((9, 9, 2)), L.Conv2D(2, 3), L.BatchNormalization(), L.Conv2D(2, 3), L.Flatten()]
        )
        within.layers[0].trainable = not frozen
        models.append(tc.Sequential([tc.Input((9, 9, 2)), within, L.Dense(3)]))
        tc.clear_session()
    model, other = models
    model.save_weights(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        first = file["sequential"].attrs["weight_names"][0].decode()
    assert first == ("batch_normalization/gamma" if frozen_then else "conv2d/kernel")
    other.load_weights(tmp_path / "a.h5")
    np.testing.assert_array_equal(other.predict(batch[0], verbose=0), model.predict(batch[0], verbose=0))


def test_tf_50322_shared_layers(batch, tmp_path):
    model = network(L, tc)
    model.save(tmp_path / "a.h5")
    again = tc.load_model(tmp_path / "a.h5")
    np.testing.assert_array_equal(again.predict(batch[0], verbose=0), model.predict(batch[0], verbose=0))


def test_keras_21404_skip_mismatch(tmp_path):
    old = tc.Sequential([tc.Input((8,)), L.Dense(6, name="a"), L.Dense(4, name="b")])
    new = tc.Sequential([tc.Input((8,)), L.Dense(6, name="a"), L.Dense(5, name="b")])
    for name in ("a.h5", "a.weights.h5", "a.keras"):
        old.save(tmp_path / name) if name.endswith("keras") else old.save_weights(tmp_path / name)
        before = new.get_weights()
        with pytest.raises(ValueError, match=r"\(6, 5\)|\(6, 4\)"):
            new.load_weights(tmp_path / name)
        assert all(map(np.array_equal, new.get_weights(), before))
        with pytest.warns(UserWarning, match="1 layers keep their weights: .*b"):
            new.load_weights(tmp_path / name, skip_mismatch=True)
        assert np.array_equal(new.layers[0].kernel.numpy(), old.layers[0].kernel.numpy())
        assert np.array_equal(new.layers[1].kernel.numpy(), before[2])
        new.layers[0].kernel.assign(np.zeros((8, 6)))


def test_keras_14206_the_first_layer_that_differs_is_named(tmp_path):
    old = tc.Sequential([tc.Input((8,)), L.Dense(6, name="a"), L.Dense(6, name="b"), L.Dense(4, name="c")])
    new = tc.Sequential([tc.Input((8,)), L.Dense(6, name="x"), L.Dense(7, name="y")])
    old.save_weights(tmp_path / "a.h5")
    with pytest.raises(ValueError, match=r'a\.h5 has 3 .* 2; .* number 2: .*"y" \[\(6, 7\).*"b" \[\(6, 6\)'):
        new.load_weights(tmp_path / "a.h5")


def test_by_name(tmp_path):
    old = tc.Sequential([tc.Input((8,)), L.Dense(6, name="a"), L.Dense(6, name="b"), L.Dense(4, name="c")])
    new = tc.Sequential([tc.Input((8,)), L.Dense(6, name="a"), L.Dense(4, name="c"), L.Dense(1, name="d")])
    old.save_weights(tmp_path / "a.h5")
    last = new.layers[2].get_weights()
    new.load_weights(tmp_path / "a.h5", by_name=True)
    assert all(map(np.array_equal, new.layers[1].get_weights(), old.layers[2].get_weights()))
    assert all(map(np.array_equal, new.layers[2].get_weights(), last))
    old.save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ValueError, match="by_name"):
        new.load_weights(tmp_path / "a.weights.h5", by_name=True)


def test_keras_4774_layers_without_weights_do_not_count(tmp_path):
    """Keras 1.1 listed one layer more: the input's."""
    model = tc.Sequential([tc.Input((8,)), L.Dense(6), L.Dense(4)])
    layers = [("input_1", {}), *old_keras.stored(model), ("dropout_1", {})]
    old_keras.write(tmp_path / "a.h5", None, layers, "1.1.0", None)
    other = tc.Sequential([tc.Input((8,)), L.Dense(6), L.Dense(4)])
    other.load_weights(tmp_path / "a.h5")
    assert all(map(np.array_equal, other.get_weights(), model.get_weights()))


# What Keras 2 wrote of an optimizer, and in which order: one kind of slot of all weights after the other.
OLD_SLOTS = {"sgd": ["momentum"], "adam": ["m", "v", "vhat"], "rmsprop": ["rms"]}


@pytest.mark.parametrize("name", OLD_SLOTS)
def test_keras_13027_training_goes_on_from_a_file_of_keras_2(name, batch, tmp_path):
    model = stack(tc.optimizers.RMSprop(0.002, epsilon_mode="outside") if name == "rmsprop" else name)
    if name == "sgd":
        model.compile(tc.optimizers.SGD(0.1, momentum=0.9), "categorical_crossentropy", metrics=["accuracy"])
    curve(model, batch, 3)
    optimizer = model.optimizer
    slots = []
    for kind, own in zip(OLD_SLOTS[name], [*optimizer.slots, "vhat"], strict=False):
        for number, weight in enumerate(model.trainable_weights):
            value = optimizer.slots[own][number] if own in optimizer.slots else np.zeros(1, np.float32)
            slots.append((f"training/{name}/{weight.path}/{kind}:0", value))
    config = {"lr": optimizer.learning_rate, "decay": 0.0}
    config |= {"sgd": {"momentum": 0.9, "nesterov": False}, "adam": {"epsilon": None, "amsgrad": False}}.get(
        name, {"rho": 0.9}
    )
    training = {
        "optimizer_config": {
            "class_name": {"sgd": "SGD", "adam": "Adam", "rmsprop": "RMSprop"}[name],
            "config": config,
        },
        "loss": "categorical_crossentropy",
        "metrics": ["acc"],
        "sample_weight_mode": None,
        "loss_weights": None,
    }
    described = {"class_name": "Sequential", "config": [old_keras.keras2(layer) for layer in model.layers]}
    described["config"][0]["config"]["batch_input_shape"] = [None, 9, 9, 2]
    state = [(f"training/{name}/iterations:0", np.int64(3)), *slots]
    old_keras.write(tmp_path / "a.h5", described, old_keras.stored(model), "2.1.6", training=training, optimizer=state)
    again = tc.load_model(tmp_path / "a.h5")
    assert curve(again, batch, 5) == curve(model, batch, 5)
    assert again.optimizer.iterations == 8


def test_the_decay_of_keras_2(batch, tmp_path):
    model = stack()
    config = {"lr": 0.1, "decay": 0.5, "momentum": 0.0, "nesterov": False}
    training = {"optimizer_config": {"class_name": "SGD", "config": config}, "loss": "mse", "metrics": None}
    described = {"class_name": "Sequential", "config": [old_keras.keras2(layer) for layer in model.layers]}
    described["config"][0]["config"]["batch_input_shape"] = [None, 9, 9, 2]
    old_keras.write(tmp_path / "a.h5", described, old_keras.stored(model), "2.2.4", training=training)
    again = tc.load_model(tmp_path / "a.h5")
    curve(again, batch, 2)
    assert again.optimizer.learning_rate == pytest.approx(0.1 / (1 + 0.5 * 2))


def test_lists_of_names_too_long_for_one_attribute(keras, tmp_path):
    names = [f"{'a_rather_long_name_of_a_layer_' * 4}{number}" for number in range(700)]
    model = tc.Sequential([tc.Input((1,)), *(L.Activation("linear", name=name) for name in names), L.Dense(1)])
    model.save_weights(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert "layer_names" not in file.attrs
        assert "layer_names1" in file.attrs
        found = keras.src.legacy.saving.legacy_h5_format.load_attributes_from_hdf5_group(file, "layer_names")
    assert found == [*names, "dense"]
    model.load_weights(tmp_path / "a.h5")
