"""The page as a file: every array that the manifest names is there and is what was recorded, and sizes are kept."""

import json
import os
import re

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.explorer.page.arrays import unpacked
from tinyconv.explorer.page.write import write
from tinyconv.explorer.recording import record

pytestmark = pytest.mark.usefixtures("without_keras")

ARRAY = re.compile(
    r'<script type="application/octet-stream" id="(\w+)" data-dtype="(\w+)" data-shape="([\d,]*)">(.*?)<'
)


def read(page):
    """Return the manifest of a page, or of a page's file, and its arrays by their names."""
    text = page.html if hasattr(page, "html") else page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="manifest">(.*?)</script>', text, re.DOTALL)
    arrays = {
        name: unpacked(dtype, tuple(int(each) for each in shape.split(",") if each), text)
        for name, dtype, shape, text in ARRAY.findall(text)
    }
    return json.loads(found[1]), arrays


def kept_of(array, kept):
    return array if kept is None else array[..., kept]


def small_model():
    tc.set_seed(0)
    tc.clear_session()
    model = tc.Sequential(
        [
            tc.Input((8, 8, 1)),
            tc.layers.Conv2D(4, 3, padding="same"),
            tc.layers.BatchNormalization(),
            tc.layers.ReLU(),
            tc.layers.MaxPooling2D(),
            tc.layers.Flatten(),
            tc.layers.Dropout(0.25),
            tc.layers.Dense(3, activation="softmax", kernel_regularizer=tc.regularizers.L2(0.01)),
        ],
        name="small",
    )
    model.compile("adam", "categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def explored(without_keras):
    model = small_model()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 8, 8, 1)).astype(np.float32), np.eye(3, dtype=np.float32)[[2, 0]]
    before = [np.array(weight.data) for weight in model.weights]
    page = tc.explore(model, x, y, steps=(0, 2))
    for weight, array in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.data, array)
    assert model.optimizer.iterations == 0
    return model, x, y, page, *read(page)


def test_every_array_is_there_and_is_what_was_recorded(explored):
    model, x, y, _, manifest, arrays = explored
    recording = record(model, x, y)
    named = set(re.findall(r'"(a\d+)"', json.dumps({**manifest, "classes": None})))
    assert named == set(arrays)
    assert len(manifest["values"]) == len(recording.values)
    for entry, value in zip(manifest["values"], recording.values, strict=True):
        first = entry["steps"][0]
        assert entry["shape"] == list(value.array.shape)
        np.testing.assert_array_equal(
            arrays[first["data"]].reshape(-1), kept_of(value.array, first["kept"]).reshape(-1)
        )
        if value.gradient is None:
            assert first["gradient"] == "none"
        else:
            np.testing.assert_array_equal(
                arrays[first["gradient"]].reshape(-1), kept_of(value.gradient, first["kept"]).reshape(-1)
            )
            assert first["gradient_norm"] == pytest.approx(np.linalg.norm(value.gradient), rel=1e-6)
        assert first["zeros"] == pytest.approx((value.array == 0).mean())
    for entry, update in zip(manifest["updates"], recording.updates, strict=True):
        assert entry["value"] == update.value
        first = entry["steps"][0]
        np.testing.assert_array_equal(arrays[first["after"]].reshape(-1), update.after.reshape(-1))
        np.testing.assert_array_equal(
            arrays[first["slots"]["velocity"][1]].reshape(-1), update.slots_after["velocity"].reshape(-1)
        )


def test_what_the_manifest_says(explored):
    model, *_, manifest, arrays = explored
    assert manifest["title"] == "small, label 2, 0"
    assert manifest["labels"] == [2, 0]
    assert manifest["steps"] == [0, 2]
    assert manifest["optimizer"]["rule"] == "adam"
    assert manifest["optimizer"]["iterations"] == [0, 2]
    assert all(update["decays"] for update in manifest["updates"])
    assert manifest["losses"][1] != manifest["losses"][0]
    assert manifest["left_out"] == []
    layers = {layer["name"]: layer for layer in manifest["layers"]}
    assert list(layers) == ["input", *(layer.name for layer in model.layers), "loss"]
    assert layers["conv2d"]["inbound"] == ["input"]
    assert layers["conv2d"]["parameters"] == 40
    assert layers["loss"]["inbound"] == ["dense"]
    kinds = [each["kind"] for each in manifest["operations"]]
    assert {"convolution", "batch_normalization", "elementwise", "max_pooling", "dropout", "dense"} <= set(kinds)
    convolution = manifest["operations"][0]
    assert convolution["settings"] == {"strides": [1, 1], "dilation": [1, 1], "pads": [1, 1], "groups": 1}
    assert convolution["letters"] == ["x", "w", "b"]
    assert convolution["steps"][0]["passed"] == ["all", "all", "all"]
    assert {check["verdict"] for check in convolution["checks"]} == {"right"}
    assert {check["input"] for check in convolution["checks"]} == {0, 1, 2}
    assert convolution["backends"]["reference"]["verdict"] == "right"
    assert convolution["backends"]["keras"] is None is manifest["keras"]
    # The kernel of the dense layer is used by the penalty, too: what each passes back is not the whole gradient.
    dense = next(each for each in manifest["operations"] if each["function"] == "Dense")
    assert dense["steps"][0]["passed"][1] in arrays


def test_a_notebook_shows_it_in_a_frame(explored):
    page = explored[3]
    assert page.path is None
    shown = page._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "<script" not in shown


def test_it_is_written_whole(tmp_path):
    model = small_model()
    x, y = np.ones((1, 8, 8, 1), np.float32), np.eye(3, dtype=np.float32)[[1]]
    page = tc.explore(model, x, y, tmp_path / "page.html", steps=(0,), classes=["a", "</script>", "c"])
    assert page.path == tmp_path / "page.html"
    assert page.path.read_text(encoding="utf-8") == page.html
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    assert read(page)[0]["classes"] == ["a", "</script>", "c"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes, which this system does not have")
def test_what_is_no_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="what lies there is no file"):
        write(pipe, "a page")
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_an_update_behind_a_constraint_is_said_to_be_one():
    model = tc.Sequential([tc.Input((3,)), tc.layers.Dense(2, kernel_constraint=tc.constraints.NonNeg())])
    model.compile("sgd", "mse")
    page = tc.explore(model, np.ones((1, 3)), np.zeros((1, 2)), steps=[0])
    manifest, _ = read(page)
    assert [update["constrained"] for update in manifest["updates"]] == [True, False]
