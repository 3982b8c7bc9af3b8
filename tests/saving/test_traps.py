"""Files that would hang, swell or lie: each is refused in one line that names it, or read as what it is."""

import json
import zipfile

import h5py
import numpy as np
import old_keras
import pytest

import tinyconv as tc
from tinyconv import inspect
from tinyconv import layers as L
from tinyconv.models.description import rebuild
from tinyconv.saving.hdf5 import FileError


def small(optimizer="adam"):
    model = tc.Sequential([tc.Input((5,)), L.Dense(4, activation="tanh"), L.Dense(2)], name="small")
    model.compile(optimizer, "mse")
    model.train_on_batch(X, Y)
    return model


RNG = np.random.default_rng(3)
X, Y = RNG.random((8, 5), np.float32), RNG.random((8, 2), np.float32)


def test_a_group_that_holds_itself(tmp_path, capsys):
    model, path = small(), tmp_path / "a.weights.h5"
    model.save_weights(str(path))
    with h5py.File(path, "r+") as file:
        file["layers/again"] = file["layers"]
    with pytest.raises(FileError, match=r"a\.weights\.h5.*another place"):
        model.load_weights(str(path))
    assert inspect.main([str(path)]) == 2
    assert "a.weights.h5" in capsys.readouterr().err


def test_a_type_that_is_kept_apart(tmp_path):
    """A string's type may lie elsewhere in the file, its length then does not stand where lengths are looked for."""
    model, path = small(), tmp_path / "a.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        file["type"] = h5py.string_dtype()
        text = file.attrs["model_config"]
        del file.attrs["model_config"]
        file.attrs.create("model_config", text, dtype=file["type"])
    with pytest.raises(FileError, match=r"a\.h5.*has its type elsewhere"):
        tc.load_model(path)


@pytest.mark.parametrize("kind", ["chunks", "archive"])
def test_what_swells(kind, tmp_path):
    model = tc.Sequential([tc.Input((2000,)), L.Dense(10_000, use_bias=False)])
    model.set_weights([np.zeros((2000, 10_000), np.float32)])
    if kind == "chunks":
        path = tmp_path / "a.h5"
        small = {"d/kernel:0": np.zeros(1)}
        old_keras.write(path, None, [("d", small)])
        with h5py.File(path, "r+") as file:
            del file["d/d/kernel:0"]
            file.create_dataset("d/d/kernel:0", data=np.zeros((2000, 10_000), "f4"), compression="gzip")
        with pytest.raises(FileError, match=r"a\.h5.*the file stores"):
            model.load_weights(path)
        return
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.0.0"}')
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(80_000_000))
    with pytest.raises(FileError, match=r"a\.keras: model\.weights\.h5 says that it has 80,000,000 bytes"):
        tc.load_model(path)


@pytest.mark.parametrize("count", [np.inf, np.nan, -1.0, 0.5, 1e30])
def test_counts_that_are_none(count, tmp_path):
    model, path = small("sgd"), tmp_path / "a.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        group = file["optimizer_weights"]
        name = group.attrs["weight_names"][0].decode()
        del group[name]
        group[name] = np.float32(count)
    with pytest.raises(FileError, match=r"a\.h5: optimizer_weights/.*must be a count of updates"):
        tc.load_model(path)


def test_a_version_that_is_none_is_named_with_the_file(tmp_path, capsys):
    model = small()
    text = json.loads(model.to_json()) | {"keras_version": "new"}
    (tmp_path / "a.json").write_text(json.dumps(text))
    assert inspect.main([str(tmp_path / "a.json")]) == 2
    error = capsys.readouterr().err
    assert "a.json" in error
    assert "'new'" in error


def test_a_terminal_is_given_no_commands(tmp_path, capsys):
    config = json.loads(small().to_json())
    config["config"]["layers"][1]["config"]["name"] = "\x1b[2Jgone\r\x07"
    config["config"]["name"] = "two\nlines"
    (tmp_path / "a.json").write_text(json.dumps(config))
    inspect.main([str(tmp_path / "a.json")])
    (tmp_path / "b.json").write_text(json.dumps({"class_name": "\x1b]0;x\x07", "config": {}}))
    inspect.main([str(tmp_path / "b.json")])
    out = "".join(capsys.readouterr())
    assert out.isascii()
    assert all(each.isprintable() for each in out.splitlines())
    assert r"\x1b[2Jgone\r\x07" in out


def chain(count):
    """A functional model of `count` layers, one after the other."""
    start = x = tc.Input((2,))
    for number in range(count):
        x = L.Activation("tanh", name=f"a{number}")(x)
    return tc.Model(start, x)


def test_layers_that_come_in_any_order():
    """The calls are put in order at once, not gone over again and again: the count of layers looked at is linear."""
    model = chain(400)
    description = {"class_name": "Functional", "config": model.get_config()}
    description["config"]["layers"].reverse()
    again = rebuild(description)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    from tinyconv.models import description as module

    class Counted(dict):
        looks = 0

        def __getitem__(self, key):
            Counted.looks += 1
            return dict.__getitem__(self, key)

    needs = {(f"a{n}", 0): [(f"a{n - 1}", 0)] for n in range(1999, 0, -1)}
    order = module._in_order(Counted(needs), {("a0", 0)}, "m")
    assert order == [(f"a{n}", 0) for n in range(1, 2000)]
    assert Counted.looks <= len(needs)


def test_a_file_of_tf_keras_has_metrics_beside_its_layers(tmp_path):
    """tf.keras 2.13 to 2.15: no names, no learning rate among the optimizer's variables, and the state of metrics."""
    model = small()
    path = tmp_path / "a.weights.h5"
    numbers = dict(enumerate(value for name, value in model.optimizer.variables() if name != "learning_rate"))
    with h5py.File(path, "w") as file:
        for number, layer in enumerate(model.layers):
            place = "layers/dense_1" if number else "layers/dense"
            for at, weight in enumerate(layer.weights):
                file[f"{place}/vars/{at}"] = weight.numpy()
        file["metrics/mean/vars/0"] = np.float32(3)
        for number, value in numbers.items():
            file[f"optimizer/vars/{number}"] = np.asarray(value)
    again = tc.Sequential([tc.Input((5,)), L.Dense(4, activation="tanh"), L.Dense(2)])
    again.compile("adam", "mse")
    again.load_weights(str(path))
    for _ in range(3):
        assert again.train_on_batch(X, Y) == model.train_on_batch(X, Y)


class Doubled(L.Layer):
    """A layer of one's own that nobody registered."""

    def call(self, inputs):
        return inputs * 2.0


def cubed(x):
    return x * x * x


def test_models_of_one_s_own_layers_are_cloned():
    model = tc.Sequential([tc.Input((5,)), Doubled(), L.Dense(2, activation=cubed)])
    again = tc.models.clone_model(model)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("key", ["virtual_batch_size", "adjustment", "unheard_of"])
def test_arguments_that_change_a_normalization_are_named(key):
    config = {"name": "n", "axis": -1, "batch_input_shape": [None, 3]}
    described = {"class_name": "Sequential", "config": [{"class_name": "BatchNormalization", "config": config}]}
    assert tc.model_from_json(json.dumps(described)).count_params() == 12
    config[key] = 4
    with pytest.raises(ValueError, match=key):
        tc.model_from_json(json.dumps(described))


def test_a_lambda_says_that_it_cannot_be_found_again(tmp_path):
    model = tc.Sequential([tc.Input((5,)), L.Dense(2)])
    model.compile("sgd", lambda y_true, y_pred: (y_true - y_pred) * (y_true - y_pred))
    with pytest.warns(UserWarning, match="lambda"):
        model.save(tmp_path / "a.keras")
    assert tc.load_model(tmp_path / "a.keras", compile=False).count_params() == 12
