"""Layers that old networks of images rarely had, one by one, in files of Keras 1 and 2 as these described them."""

import json

import numpy as np
import old_keras
import pytest

import tinyconv as tc
from tinyconv import layers as L

IMAGES = np.random.default_rng(1).random((2, 6, 5, 3), np.float32) - 0.3

# What tf.keras 2 said of a layer, and the layer of today.
KERAS_2 = {
    "PReLU": ({"shared_axes": None, "alpha_initializer": "zeros"}, L.PReLU()),
    "PReLU, shared": ({"shared_axes": [1, 2]}, L.PReLU(shared_axes=[1, 2])),
    "Permute": ({"dims": [2, 1, 3]}, L.Permute((2, 1, 3))),
    "Reshape": ({"target_shape": [5, -1]}, L.Reshape((5, -1))),
    "Softmax": ({"axis": -1}, L.Softmax()),
    "LayerNormalization": (
        {"axis": [3], "epsilon": 0.01, "scale": True},
        L.LayerNormalization(3, 0.01),
    ),
    "Softmax, over columns": ({"axis": [1, 2]}, L.Softmax([1, 2])),
    "GroupNormalization": ({"groups": 3, "axis": -1, "epsilon": 0.01}, L.GroupNormalization(3, epsilon=0.01)),
    "GroupNormalization, one": ({"groups": 1, "axis": -1}, L.GroupNormalization(1)),
    "UnitNormalization": ({"axis": [-1]}, L.UnitNormalization()),
    "GaussianDropout": ({"rate": 0.25}, L.GaussianDropout(0.25)),
    "AlphaDropout": ({"rate": 0.25}, L.AlphaDropout(0.25)),
    "Dropout of rows": ({"rate": 0.25, "noise_shape": [None, 1, 5, 3], "seed": 1}, L.Dropout(0.25, (None, 1, 5, 3))),
    "ActivityRegularization": ({"l1": 0.25, "l2": 0.5}, L.ActivityRegularization(0.25, 0.5)),
    "UpSampling2D": (
        {"size": [2, 2], "data_format": "channels_last", "interpolation": "lanczos5"},
        L.UpSampling2D(interpolation="lanczos5"),
    ),
    "Rescaling": ({"scale": 0.5, "offset": -1.0}, L.Rescaling(0.5, -1.0)),
    "Resizing": ({"height": 4, "width": 7, "interpolation": "bilinear"}, L.Resizing(4, 7)),
    "CenterCrop": ({"height": 4, "width": 3}, L.CenterCrop(4, 3)),
    "RandomCrop": ({"height": 4, "width": 3, "seed": 1}, L.RandomCrop(4, 3)),
    "RandomFlip": ({"mode": "horizontal", "seed": None}, L.RandomFlip("horizontal")),
    "RandomRotation": (
        {"factor": 0.1, "fill_mode": "reflect", "fill_value": 0.0, "interpolation": "bilinear", "seed": 2},
        L.RandomRotation(0.1),
    ),
    "RandomTranslation": (
        {"height_factor": 0.1, "width_factor": [0, 0.2], "fill_mode": "reflect", "fill_value": 0.0, "seed": 3},
        L.RandomTranslation(0.1, (0, 0.2)),
    ),
    "RandomZoom": ({"height_factor": 0.1, "width_factor": None, "fill_mode": "reflect", "seed": 1}, L.RandomZoom(0.1)),
    "RandomContrast": ({"factor": 0.2, "seed": 1}, L.RandomContrast(0.2)),
    "RandomBrightness": ({"factor": 0.2, "value_range": [0.0, 1.0], "seed": 1}, L.RandomBrightness(0.2, (0.0, 1.0))),
    "Normalization": ({"axis": [-1], "mean": None, "variance": None}, L.Normalization()),
}
KERAS_1 = {
    "PReLU": ({"init": "zero"}, L.PReLU()),
    "PReLU, shared": ({"init": "zero", "shared_axes": [1, 2]}, L.PReLU(shared_axes=[1, 2])),
    "Permute": ({"dims": [2, 1, 3]}, L.Permute((2, 1, 3))),
    "Reshape": ({"target_shape": [5, 18]}, L.Reshape((5, 18))),
    "GaussianDropout": ({"p": 0.25}, L.GaussianDropout(0.25)),
    "ActivityRegularization": ({"l1": 0.25, "l2": 0.5}, L.ActivityRegularization(0.25, 0.5)),
    "Activation": ({"activation": "relu"}, L.Activation("relu")),
    "Cropping2D": ({"cropping": [[1, 0], [0, 2]], "dim_ordering": "tf"}, L.Cropping2D(((1, 0), (0, 2)))),
}
FIRST = {  # with channels first: what the file says, the layer of today, and the weights' axes in the file
    "PReLU": ({"shared_axes": None}, L.PReLU(), (2, 0, 1)),
    "PReLU, shared": ({"shared_axes": [2, 3]}, L.PReLU(shared_axes=[1, 2]), (2, 0, 1)),
    "PReLU, over channels": ({"shared_axes": [1]}, L.PReLU(shared_axes=[3]), (2, 0, 1)),
    "LayerNormalization": ({"axis": [1], "epsilon": 0.001}, L.LayerNormalization(), None),
    "GroupNormalization": ({"groups": 3, "axis": 1}, L.GroupNormalization(3), None),
    "Softmax": ({"axis": 1}, L.Softmax(), None),
    "Minimum": ({}, L.Minimum(), None),
    "Rescaling": ({"scale": 0.5, "offset": 1.0}, L.Rescaling(0.5, 1.0), None),
    "Cropping2D": (
        {"cropping": [[1, 0], [0, 2]], "data_format": "channels_first"},
        L.Cropping2D(((1, 0), (0, 2))),
        None,
    ),
}


def network(layer, joins=False):
    """Return a model of a convolution and the layer, with random weights."""
    layer = type(layer).from_config({**layer.get_config(), "name": "it"})
    image = tc.Input((6, 5, 3))
    x = L.Conv2D(3, 1, name="first")(image)
    model = tc.Model(image, layer([x, image] if joins else x))
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.2, 0.9, weight.shape) for weight in model.weights])
    return model


def saved(path, model, config, version, turn=None, first=False):
    """Write what an old Keras would have of the model whose layer "it" it describes as `config`."""
    old = version.startswith("1")

    def describe(layer):
        described = old_keras.keras2(layer)
        if layer.name == "it":
            return {"class_name": type(layer).__name__, "config": {"name": "it", "trainable": True, **config}}
        if first and isinstance(layer, L.InputLayer):
            n, h, w, c = described["config"]["batch_input_shape"]
            described["config"]["batch_input_shape"] = [n, c, h, w]
        elif first:
            described["config"]["data_format"] = "channels_first"
        return described

    def change(layer, weight):
        values = weight.numpy()
        return values.transpose(turn) if turn and layer.name == "it" else values

    described, stored = old_keras.functional(model, describe), old_keras.stored(model, change)
    if isinstance(model.get_layer("it"), L.Normalization):
        stored = [(n, {**held, "it/count:0": np.int64(9)} if n == "it" else held) for n, held in stored]
    old_keras.write(path, described, stored, version, backend=None if old else "tensorflow")


@pytest.mark.parametrize("version", ["1.2.2", "2.4.0"])
def test_every_other_layer(version, tmp_path):
    for name, (config, layer) in (KERAS_1 if version == "1.2.2" else KERAS_2).items():
        model = network(layer)
        saved(tmp_path / "a.h5", model, config, version)
        again = tc.load_model(tmp_path / "a.h5")
        np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0), name)
        ours, theirs = (json.loads(json.dumps(each.get_layer("it").get_config())) for each in (again, model))
        different = {key for key in theirs if ours[key] != theirs[key]} - {"seed", "alpha_initializer", "build_config"}
        assert not different, f"{name}: {different}"


def test_every_other_layer_with_channels_first(tmp_path):
    for name, (config, layer, turn) in FIRST.items():
        model = network(layer, joins=name == "Minimum")
        saved(tmp_path / "a.h5", model, config, "2.4.0", turn, first=True)
        with pytest.warns(UserWarning, match=r"\(n, c, h, w\)"):
            again = tc.load_model(tmp_path / "a.h5")
        np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0), name)


def test_scalar_products_of_keras_1():
    """Merge(mode="dot") is Dot today."""
    inputs = [
        {"class_name": "InputLayer", "name": name, "config": {"name": name, "batch_input_shape": shape}}
        for name, shape in (("a", [None, 3, 4]), ("b", [None, 5, 4]))
    ]
    config = {"name": "it", "mode": "dot", "dot_axes": [2, 2], "concat_axis": -1, "output_shape": None}
    places = [["a", 0, 0], ["b", 0, 0]]
    layers = [*inputs, {"class_name": "Merge", "name": "it", "config": config, "inbound_nodes": [places]}]
    described = {"name": "m", "layers": layers, "input_layers": places, "output_layers": [["it", 0, 0]]}
    text = json.dumps({"class_name": "Model", "config": described, "keras_version": "1.2.2"})
    a, b = np.random.default_rng(2).random((2, 3, 4), np.float32), np.ones((2, 5, 4), np.float32)
    expected = np.einsum("nik,njk->nij", a, b)
    np.testing.assert_allclose(tc.model_from_json(text).predict([a, b], verbose=0), expected, rtol=1e-6)
