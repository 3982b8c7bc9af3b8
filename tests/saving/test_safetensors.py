"""Weights in .safetensors files: the library's own reader and writer are the judges."""

import json
import os

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers as L

library = pytest.importorskip("safetensors.numpy")


def network(filters=3):
    """A model within a model, one layer used twice, and weights that are not learnt."""
    x = tc.Input((8, 8, 2))
    inner = tc.Sequential([L.Conv2D(4, 3), L.BatchNormalization()], name="features")
    shared = L.Conv2D(4, 1, name="twice")
    y = L.Conv2D(filters, 3, name="last")(shared(shared(inner(x))))
    return tc.Model(x, L.Dense(3, name="classes")(L.Flatten()(y)))


def filled(model, seed=1):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.standard_normal(weight.shape) for weight in model.weights])
    return model


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "m.safetensors")


def same(ours, theirs):
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other, strict=True)


def test_names_and_values_as_the_library_reads_them(path):
    model = filled(network())
    model.save_weights(path)
    held = library.load_file(path)
    assert sorted(held) == [
        *("classes/bias", "classes/kernel", "features/batch_normalization/beta", "features/batch_normalization/gamma"),
        *("features/batch_normalization/moving_mean", "features/batch_normalization/moving_variance"),
        *("features/conv2d/bias", "features/conv2d/kernel", "last/bias", "last/kernel", "twice/bias", "twice/kernel"),
    ]
    np.testing.assert_array_equal(held["twice/kernel"], model.get_layer("twice").kernel.numpy(), strict=True)
    np.testing.assert_array_equal(held["features/conv2d/kernel"], model.layers[1].layers[0].kernel.numpy())


def test_round_trip_whatever_automatic_names_are(path):
    saved = filled(network())
    saved.save_weights(path)
    loaded = network()  # its inner layers are called conv2d_1, …
    loaded.load_weights(path)
    same(loaded, saved)


def test_the_same_weights_give_the_same_bytes(tmp_path):
    model = filled(network())
    for name in "ab":
        model.save_weights(str(tmp_path / f"{name}.safetensors"))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.safetensors", "b.safetensors"]
    with pytest.raises(FileExistsError):
        model.save_weights(str(tmp_path / "a.safetensors"), overwrite=False)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8"])
def test_a_file_of_another_program(path, dtype):
    library.save_file({"c/bias": np.arange(3).astype(dtype), "c/kernel": np.ones((1, 1, 2, 3), dtype)}, path)
    model = tc.Sequential([tc.Input((4, 4, 2)), L.Conv2D(3, 1, name="c")])
    model.load_weights(path)
    np.testing.assert_array_equal(model.layers[0].bias.numpy(), np.arange(3, dtype=np.float32), strict=True)


def test_by_name_leaves_out_what_only_one_has(path):
    filled(network()).save_weights(path)
    other = tc.Sequential([tc.Input((8, 8, 4)), L.Conv2D(4, 1, name="twice"), L.Conv2D(4, 1, name="new")])
    before = other.layers[1].get_weights()
    with pytest.raises(ValueError, match=r"12 weights, the model 4; 2 of the model's are not in it: new/kernel, new/b"):
        other.load_weights(path)
    other.load_weights(path, by_name=True)
    np.testing.assert_array_equal(other.layers[0].kernel.numpy(), library.load_file(path)["twice/kernel"])
    np.testing.assert_array_equal(other.layers[1].get_weights()[0], before[0])


def test_what_does_not_fit_changes_nothing(path):
    filled(network()).save_weights(path)
    other = filled(network(filters=5), 2)
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"the model 12; .* are not in it"):
        other.load_weights(path)
    tc.clear_session()
    other = filled(network(filters=5), 2)
    with pytest.raises(ValueError, match=r"last/kernel has shape \(3, 3, 4, 3\), the model's last/kernel has"):
        other.load_weights(path)
    for mine, earlier in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, earlier)
    with pytest.warns(UserWarning, match='2 layers keep their weights: "last".*"classes"'):
        other.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(other.get_layer("last").kernel.numpy(), before[8])
    np.testing.assert_array_equal(other.get_layer("twice").bias.numpy(), library.load_file(path)["twice/bias"])


def damages(content):
    length = int.from_bytes(content[:8], "little")
    yield b"", "header too small"
    yield content[:100], "invalid header length"
    yield content[:-4], "not fully covered"
    yield content[:-1] + bytes([content[-1] ^ 1]), "do not fit their SHA-256"
    yield (1 << 62).to_bytes(8, "little") + content[8:], "header too large"
    yield content[:8] + b"[" * length + content[8 + length :], "not a .safetensors file, or damaged"
    yield content.replace(b'"F32"', b'"U32"', 1), "do not fit their SHA-256"


def test_damage_is_refused_in_one_line(path):
    model = filled(network())
    model.save_weights(path)
    before = model.get_weights()
    with open(path, "rb") as file:
        content = file.read()
    for damaged, message in damages(content):
        with open(path, "wb") as file:
            file.write(damaged)
        with pytest.raises(ValueError, match=message) as caught:
            model.load_weights(path)
        assert str(caught.value).startswith(path)
        assert "\n" not in str(caught.value)
    for mine, earlier in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, earlier)
    with pytest.raises(FileNotFoundError):
        model.load_weights(path + "x.safetensors")


def test_values_that_do_not_convert(path):
    model = tc.Sequential([tc.Input((2,)), L.Dense(1, name="d", use_bias=False)])
    library.save_file({"d/kernel": np.full((2, 1), 1e300)}, path)
    with pytest.raises(ValueError, match="d/kernel holds values too large for float32"):
        model.load_weights(path)
    library.save_file({"d/kernel": np.ones((2, 1), bool)}, path)
    with pytest.raises(ValueError, match="d/kernel holds bool, which does not convert: store float32"):
        model.load_weights(path)


def test_metadata_of_others_do_not_matter(path):
    """Nor does an order that is none."""
    model = tc.Sequential([tc.Input((2,)), L.Dense(1, name="d")])
    arrays = {"d/kernel": np.ones((2, 1), np.float32), "d/bias": np.ones(1, np.float32)}
    for note in ("{", json.dumps({"order": ["d/kernel"]}), json.dumps({"order": [{}]}), "[" * 100_000):
        library.save_file(arrays, path, {"tinyconv": note, "format": "pt"})
        model.load_weights(path)
    assert model.get_weights()[1] == 1


def test_inspect(path, capsys):
    from tinyconv.saving.command import main

    filled(network()).save_weights(path)
    assert main([path]) == 0
    said = capsys.readouterr().out
    assert "a .safetensors file: weights alone, written by tinyconv" in said
    assert "features/conv2d" in said
    assert "370 weights" in said
