"""Which weight of a file is which of a model: rows behind a Flatten, kernels of Keras 1, models within models."""

import json
import zipfile

import numpy as np
import old_keras
import pytest

import tinyconv as tc
from tinyconv import layers as L

H, W, C = 3, 4, 5
IMAGES = np.random.default_rng(0).random((2, 5, 6, 2), np.float32)


def network(**names):
    """A convolution, flattened to H·W·C numbers, and a Dense layer; the names may be others than the file's."""
    model = tc.Sequential(
        [
            tc.Input((5, 6, 2)),
            L.Conv2D(C, 3, activation="relu", name=names.get("conv", "c")),
            L.Flatten(name=names.get("flat", "f")),
            L.Dense(2, name=names.get("dense", "d")),
        ]
    )
    rng = np.random.default_rng(len(names))
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    return model


def rows_first(matrix):
    """The rows of a Dense kernel as they come behind a Flatten of (channels, height, width), one by one."""
    found = np.empty_like(matrix)
    for h in range(H):
        for w in range(W):
            for c in range(C):
                found[(c * H + h) * W + w] = matrix[(h * W + w) * C + c]
    return found


def described_first(model):
    config = {"class_name": "Sequential", "config": [old_keras.keras2(each) for each in model.layers]}
    config["config"][0]["config"] |= {"data_format": "channels_first", "batch_input_shape": [None, 2, 5, 6]}
    config["config"][1]["config"].pop("data_format", None)
    return config


def in_order_of_first(layer, weight):
    return rows_first(weight.numpy()) if weight.path == "d/kernel" else weight.numpy()


@pytest.mark.parametrize("how", ["same names", "by order", "by name"])
def test_load_weights_turns_the_rows_that_load_model_turns(how, tmp_path):
    model = network()
    old_keras.write(tmp_path / "a.h5", described_first(model), old_keras.stored(model, in_order_of_first))
    again = network(**({"conv": "x", "flat": "y", "dense": "z"} if how == "by order" else {"flat": "other"}))
    with pytest.warns(UserWarning, match=r"\(n, c, h, w\)"):
        again.load_weights(tmp_path / "a.h5", by_name=how == "by name")
    np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))


def test_load_weights_of_an_archive_turns_rows(tmp_path):
    model = network()
    model.save(tmp_path / "a.keras")
    stored = network(conv="c", flat="f", dense="d")
    conv, bias, matrix, offset = model.get_weights()
    stored.set_weights([conv, bias, rows_first(matrix), offset])
    stored.save(tmp_path / "b.keras")
    with zipfile.ZipFile(tmp_path / "b.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][0]["config"]["batch_shape"] = [None, 2, 5, 6]
    config["config"]["layers"][1]["config"]["data_format"] = "channels_first"
    config.pop("build_config")
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
        for name, content in {**members, "config.json": json.dumps(config)}.items():
            archive.writestr(name, content)
    again = network(conv="e")
    with pytest.warns(UserWarning, match=r"\(n, c, h, w\)"):
        again.load_weights(tmp_path / "b.keras")
    np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))


def test_weights_alone_of_keras_1_tell_their_order_by_their_shapes(tmp_path):
    """Kernels of (filters, channels, rows, columns) come with rows of (channels, height, width)."""
    model, again = network(), network(conv="x")
    kernel, bias, matrix, offset = model.get_weights()
    first = [("c", {"c_W": kernel.transpose(3, 2, 0, 1), "c_b": bias})]
    first += [("d", {"d_W": rows_first(matrix), "d_b": offset})]
    last = [("c", {"c_W": kernel, "c_b": bias}), ("d", {"d_W": matrix, "d_b": offset})]
    for layers in (first, last):
        again.set_weights([np.zeros(weight.shape) for weight in again.weights])
        old_keras.write(tmp_path / "a.h5", None, layers, version=None, backend=None)
        again.load_weights(tmp_path / "a.h5")
        np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))


def test_kernels_that_fit_both_orders_are_refused(tmp_path):
    """A name with "th" in quotes decides nothing."""
    model = tc.Sequential([tc.Input((8, 8, 3)), L.Conv2D(3, 3, name='"th"')])
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 3))
    layers = [('"th"', {"W": kernel, "b": np.zeros(3)})]
    old_keras.write(tmp_path / "a.h5", None, layers, version=None, backend=None)
    with pytest.raises(ValueError, match="fit channels first and last"):
        model.load_weights(tmp_path / "a.h5")
    config = {"name": '"th"', "batch_input_shape": [None, 8, 8, 3], "nb_filter": 3, "nb_row": 3, "nb_col": 3}
    for order in ("tf", "th"):
        shape = {"dim_ordering": order, "batch_input_shape": [None, 8, 8, 3] if order == "tf" else [None, 3, 8, 8]}
        whole = {"class_name": "Sequential", "config": [{"class_name": "Convolution2D", "config": config | shape}]}
        old_keras.write(tmp_path / "a.h5", whole, layers, version=None, backend=None)
        model.load_weights(tmp_path / "a.h5")
        expected = kernel.transpose(2, 3, 1, 0) if order == "th" else kernel
        np.testing.assert_array_equal(model.weights[0].numpy(), expected.astype(np.float32))


def within(frozen=(), prefix="", between=True):
    """A model within a model: two Dense layers of one shape, a batch normalization between or not."""
    middle = [L.BatchNormalization(name=f"{prefix}n")] if between else []
    dense = L.Dense(4, name=f"{prefix}a"), L.Dense(4, name=f"{prefix}b")
    inner = tc.Sequential([tc.Input((4,)), dense[0], *middle, dense[1]], name=f"{prefix}inner")
    model = tc.Sequential([tc.Input((4,)), inner, L.Dense(2, name=f"{prefix}c")])
    rng = np.random.default_rng(len(prefix))
    model.set_weights([rng.random(weight.shape) for weight in model.weights])
    for number in frozen:
        inner.layers[number].trainable = False
    return model


@pytest.mark.parametrize("then", [(), (0,), (0, 1, 2)])
@pytest.mark.parametrize("now", [(), (0,), (2,)])
def test_a_model_within_is_read_in_the_order_in_which_it_was_frozen(then, now, tmp_path):
    """Kept are what is trained, then the rest; the file's description says what was trained, whatever is now."""
    model, again = within(then), within(now, "other_")
    config = {"class_name": "Sequential", "config": {"name": "m", "layers": []}}
    inner, last = model.layers
    layers = [old_keras.keras2(each) for each in inner.layers]
    layers[0]["config"]["batch_input_shape"] = [None, 4]
    nested = {"class_name": "Sequential", "config": {"name": inner.name, "layers": layers}}
    config["config"]["layers"] = [nested, old_keras.keras2(last)]
    old_keras.write(tmp_path / "a.h5", config, old_keras.stored(model))
    again.load_weights(tmp_path / "a.h5")
    for found, expected in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_model_within_that_fits_in_two_orders_is_refused(tmp_path):
    model, again = within((0,), between=False), within((0,), "other_", between=False)
    pairs = [
        (layer.name, {f"w{number}": weight.numpy() for number, weight in enumerate(old_keras.trained_first(layer))})
        for layer in model.layers
    ]
    old_keras.write(tmp_path / "a.h5", None, pairs)
    before = again.get_weights()
    with pytest.raises(ValueError, match="several orders"):
        again.load_weights(tmp_path / "a.h5")
    for found, expected in zip(again.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("era", ["1.2.2", "2.2.4", "2.13.1", "3.0.0"])
def test_hard_sigmoid_is_what_it_was(era, tmp_path):
    """Keras 1 and 2 clip 0.2·x + 0.5; Keras 3 takes relu6(x + 3)/6."""
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 1, "activation": "hard_sigmoid"}}
    dense["config"]["batch_input_shape"] = [None, 1]
    layer = {"class_name": "Activation", "config": {"name": "a", "activation": "hard_sigmoid"}}
    x = np.linspace(-4, 4, 17, dtype=np.float32)[:, None]
    weights = [("d", {"d/kernel:0": np.ones((1, 1)), "d/bias:0": np.zeros(1)}), ("a", {})]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [dense, layer]}}
    old_keras.write(tmp_path / "a.h5", config, weights, era)
    model = tc.load_model(tmp_path / "a.h5")
    expected = x.astype(np.float64)
    for _ in range(2):
        expected = np.clip((expected + 3) / 6 if era == "3.0.0" else 0.2 * expected + 0.5, 0, 1)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)
    model.save(tmp_path / "b.keras")
    np.testing.assert_allclose(tc.load_model(tmp_path / "b.keras").predict(x, verbose=0), expected, atol=1e-6)
