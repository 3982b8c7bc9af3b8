"""The ".keras" file: what Keras writes tinyconv reads, what tinyconv writes Keras reads, and training goes on."""

import json
import zipfile

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers as L

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

# One of each, with the state that each keeps.
OPTIMIZERS = {
    "SGD": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    "RMSprop": {"momentum": 0.5, "centered": True},
    "Adam": {"amsgrad": True},
    "AdamW": {"weight_decay": 0.01},
    "Nadam": {},
    "Adagrad": {"learning_rate": 0.05},
    "Adadelta": {"learning_rate": 1.0},
}


def network(layers, model):
    """Return a network with two branches, a shared layer and a model within, by the layers of one engine."""
    image = layers.Input((9, 9, 2)) if hasattr(layers, "Input") else None
    within = model.Sequential([layers.Conv2D(4, 3, padding="same", activation="relu"), layers.BatchNormalization()])
    shared = layers.Conv2D(4, 3, padding="same")
    left, right = within(image), shared(shared(layers.Conv2D(4, 1)(image)))
    joined = layers.Concatenate()([left, layers.Add()([left, right])])
    flat = layers.GlobalAveragePooling2D()(layers.LeakyReLU(negative_slope=0.1)(joined))
    return model.Model(image, layers.Dense(3, activation="softmax")(flat))


@pytest.fixture
def batch():
    rng = np.random.default_rng(5)
    return rng.random((6, 9, 9, 2), np.float32), np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]


def close(ours, theirs, bound=1e-5):
    assert np.linalg.norm(ours - theirs) <= bound * np.linalg.norm(theirs)


def test_from_keras_and_back(keras, batch, tmp_path):
    theirs = network(keras.layers, keras)
    theirs.compile("adam", "categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    theirs.train_on_batch(*batch)
    theirs.save(tmp_path / "a.keras")
    ours = tc.load_model(tmp_path / "a.keras")
    close(ours.predict(batch[0], verbose=0), theirs.predict(batch[0], verbose=0))
    assert ours.optimizer.iterations == 1
    ours.save(tmp_path / "b.keras")
    again = keras.saving.load_model(tmp_path / "b.keras")
    close(again.predict(batch[0], verbose=0), theirs.predict(batch[0], verbose=0), 1e-6)
    assert int(again.optimizer.iterations) == 1
    assert again.compiled_metrics is not None


def test_from_tinyconv_to_keras(keras, batch, tmp_path):
    ours = network(L, tc)
    ours.save(tmp_path / "a.keras")
    close(ours.predict(batch[0], verbose=0), keras.saving.load_model(tmp_path / "a.keras").predict(batch[0], verbose=0))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_keras_13027_training_goes_on_where_it_stopped(keras, name, batch, tmp_path):
    """Also tf#44670: the count of updates and the slots of the optimizer are in the file."""
    theirs = keras.Sequential(
        [keras.Input((9, 9, 2)), keras.layers.Conv2D(3, 3), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )
    optimizer = getattr(keras.optimizers, name)(**OPTIMIZERS[name])
    theirs.compile(optimizer, "categorical_crossentropy", run_eagerly=True)
    for _ in range(3):
        theirs.train_on_batch(*batch)
    theirs.save(tmp_path / "a.keras")
    ours = tc.load_model(tmp_path / "a.keras")
    assert ours.optimizer.iterations == 3
    curves = [[float(np.squeeze(model.train_on_batch(*batch))) for _ in range(20)] for model in (ours, theirs)]
    np.testing.assert_allclose(*curves, rtol=1e-4)
    ours.save(tmp_path / "b.keras")
    again = keras.saving.load_model(tmp_path / "b.keras")
    assert int(again.optimizer.iterations) == 23
    np.testing.assert_allclose(again.test_on_batch(*batch), ours.test_on_batch(*batch), rtol=1e-4)


def test_schedules_and_weights_of_losses(keras, batch, tmp_path):
    x = tc.Input((9, 9, 2))
    flat = L.Flatten()(x)
    ours = tc.Model(x, [L.Dense(3, activation="softmax", name="a")(flat), L.Dense(1, name="b")(flat)])
    rate = tc.schedules.ExponentialDecay(0.1, 10, 0.5)
    ours.compile(
        tc.optimizers.SGD(rate, momentum=0.9), ["categorical_crossentropy", "mse"], [["accuracy"], None], [1.0, 0.5]
    )
    targets = [batch[1], np.ones((6, 1), np.float32)]
    ours.train_on_batch(batch[0], targets)
    ours.save(tmp_path / "a.keras")
    again = tc.load_model(tmp_path / "a.keras")
    theirs = keras.saving.load_model(tmp_path / "a.keras")
    assert again.evaluate(batch[0], targets, verbose=0) == ours.evaluate(batch[0], targets, verbose=0)
    losses = [float(each.train_on_batch(batch[0], targets)[0]) for each in (ours, again, theirs)]
    assert losses[0] == losses[1]
    assert losses[0] == pytest.approx(losses[2], rel=1e-5)
    assert ours.optimizer.learning_rate == again.optimizer.learning_rate


def test_inputs_and_outputs_by_name(keras, batch, tmp_path):
    """A model that takes and gives dicts does so here, and in Keras from here."""
    layers = keras.layers
    image, extra = keras.Input((9, 9, 2), name="image"), keras.Input((3,), name="extra")
    both = layers.Concatenate()([layers.Flatten()(image), extra])
    ends = {"u": layers.Dense(2, name="u")(both), "t": layers.Dense(1, name="t")(both)}
    theirs = keras.Model({"image": image, "extra": extra}, ends)
    theirs.compile("sgd", {"u": "mse", "t": "mae"}, loss_weights={"u": 1.0, "t": 0.5})
    x = {"image": batch[0], "extra": np.ones((6, 3), np.float32)}
    expected = theirs.predict(x, verbose=0)
    for ending in ("keras", "h5"):
        theirs.save(tmp_path / f"a.{ending}")
        ours = tc.load_model(tmp_path / f"a.{ending}")
        ours.save(tmp_path / f"b.{ending}")
        again = keras.models.load_model(tmp_path / f"b.{ending}")
        for found in (ours.predict(x, verbose=0), again.predict(x, verbose=0)):
            assert list(found) == list(expected)
            for name in ends:
                close(found[name], expected[name])
        assert ours.output_names == ["t", "u"]
        assert [each.weight for each in ours.objectives] == [0.5, 1.0]


def test_tf_33842_a_new_learning_rate_wins(batch, tmp_path):
    model = network(L, tc)
    model.compile(tc.optimizers.Adam(0.5), "categorical_crossentropy")
    model.train_on_batch(*batch)
    model.save(tmp_path / "a.keras")
    again = tc.load_model(tmp_path / "a.keras")
    again.compile(tc.optimizers.Adam(0.001), "categorical_crossentropy")
    again.train_on_batch(*batch)
    assert again.optimizer.learning_rate == 0.001


@tc.register_keras_serializable("tests")
class Twice(L.Layer):
    """Doubles its input."""

    def call(self, inputs):
        return inputs * 2.0


class Thrice(L.Layer):
    """Trebles its input."""

    def call(self, inputs):
        return inputs * 3.0


def half(y, p):
    return ((y - p) ** 2).mean(axis=-1) * 0.5


def test_layers_and_losses_of_ones_own(tmp_path):
    model = tc.Sequential([tc.Input((4,)), Twice(), Thrice(), L.Dense(2)])
    model.compile("sgd", half)
    model.save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match=r'a\.keras .*layers/2 "thrice" \(Thrice\): unknown .* custom_objects.* half'):
        tc.load_model(tmp_path / "a.keras")
    again = tc.load_model(tmp_path / "a.keras", custom_objects={"Thrice": Thrice, "half": half})
    x = np.ones((1, 4), np.float32)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert isinstance(again.layers[0], Twice)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_class_of_ones_own_may_have_another_name_today(ending, tmp_path):
    class Shift(L.Layer):
        def build(self, input_shape):
            self.by = self.add_weight((input_shape[-1],), "ones", name="by")

        def call(self, inputs):
            return inputs + self.by

    class Moved(Shift):
        pass

    model = tc.Sequential([tc.Input((3,)), Shift(), Shift()])
    model.set_weights([np.full(3, 2.0), np.full(3, 5.0)])
    model.save(tmp_path / f"a.{ending}")
    again = tc.load_model(tmp_path / f"a.{ending}", {"Shift": Moved})
    assert type(again.layers[0]) is Moved
    np.testing.assert_array_equal(again.predict(np.zeros((1, 3)), verbose=0), [[7.0, 7.0, 7.0]])


def rewritten(source, target, change, weights=None):
    """Copy a .keras file with its description changed."""
    with zipfile.ZipFile(source) as archive:
        config = json.loads(archive.read("config.json"))
        members = {name: archive.read(name) for name in archive.namelist()}
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_keras_19089_old_paths_of_modules(batch, tmp_path):
    """Also keras#21663 and tf#66381: tf.keras 2.13 wrote calls as lists, `batch_input_shape`, and other modules."""
    model = network(L, tc)
    model.save(tmp_path / "a.keras")

    def older(config):
        config |= {"module": "keras.src.engine.functional", "registered_name": "Functional"}
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "InputLayer":
                layer["config"]["batch_input_shape"] = layer["config"].pop("batch_shape")
            if layer["class_name"] == "LeakyReLU":
                layer["config"]["alpha"] = layer["config"].pop("negative_slope")
            layer["inbound_nodes"] = [
                [
                    [*each["config"]["keras_history"][:3], {}]
                    for each in (call["args"][0] if isinstance(call["args"][0], list) else call["args"])
                ]
                for call in layer["inbound_nodes"]
            ]
            for call in layer["inbound_nodes"]:
                for place in call:
                    place[1] += place[0].startswith("sequential")
        for end in ("input_layers", "output_layers"):
            config["config"][end] = [config["config"][end]]

    rewritten(tmp_path / "a.keras", tmp_path / "b.keras", older)
    again = tc.load_model(tmp_path / "b.keras")
    np.testing.assert_array_equal(again.predict(batch[0], verbose=0), model.predict(batch[0], verbose=0))


def test_all_lacks_at_once(tmp_path):
    model = tc.Sequential([tc.Input((4, 4, 1)), L.Flatten(), L.Dense(2)])
    model.save(tmp_path / "a.keras")

    def stranger(config):
        layers = config["config"]["layers"]
        code = {"class_name": "__lambda__", "config": {"code": "4wEAAA=="}}
        layers.insert(1, {"class_name": "Lambda", "config": {"name": "f", "function": code}})
        layers.append({"class_name": "LSTM", "config": {"name": "r", "units": 3}})
        layers.append({"class_name": "system", "module": "os", "config": {"name": "x"}, "registered_name": "system"})

    rewritten(tmp_path / "a.keras", tmp_path / "b.keras", stranger)
    with pytest.raises(ValueError, match="cannot make") as raised:
        tc.load_model(tmp_path / "b.keras", safe_mode=False)
    for part in ("b.keras", 'layers/1 "f" (Lambda)', 'layers/4 "r" (LSTM)', 'layers/5 "x" (system)'):
        assert part in str(raised.value)


def test_saving_is_atomic_and_repeatable(batch, tmp_path):
    model = network(L, tc)
    path = tmp_path / "a.keras"
    model.save(path)
    first = path.read_bytes()
    model.save(path)
    assert path.read_bytes() == first
    assert [each.name for each in tmp_path.iterdir()] == ["a.keras"]
    with pytest.raises(FileExistsError):
        model.save(path, overwrite=False)
    with pytest.raises(ValueError, match=r"\.keras"):
        model.save(tmp_path / "a.pickle")


def test_a_copy_of_the_layers(batch):
    model = network(L, tc)
    for again in (tc.models.clone_model(model), tc.models.model_from_json(model.to_json())):
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(again.predict(batch[0], verbose=0), model.predict(batch[0], verbose=0))
        assert again.optimizer is None


def test_json_of_keras_3(keras, batch):
    theirs = network(keras.layers, keras)
    ours = tc.model_from_json(theirs.to_json())
    ours.set_weights(theirs.get_weights())
    close(ours.predict(batch[0], verbose=0), theirs.predict(batch[0], verbose=0))
    assert keras.models.model_from_json(ours.to_json()).count_params() == ours.count_params()
