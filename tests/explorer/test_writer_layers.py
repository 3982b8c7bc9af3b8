"""The layers of the page's diagram: their order, who feeds whom, nested models flattened."""

import numpy as np

import tinyconv as tc
from tinyconv import layers as L
from tinyconv.explorer.page.layers import boxes, layer_of
from tinyconv.explorer.recording import record

X, Y = np.ones((1, 6, 6, 1), np.float32), np.eye(3, dtype=np.float32)[[1]]


def fed_by(model):
    """Return the layers that feed each of a compiled model's, by the paths."""
    model.compile("sgd", "categorical_crossentropy")
    recording = record(model, X, Y)
    found = boxes(recording)
    taken = [number for box in found.values() for number in box.operations]
    assert sorted(taken) == list(range(len(recording.operations)))
    assert list(found)[-1] == "loss"
    return {path: list(box.inbound) for path, box in found.items()}, found, recording


def test_a_graph_that_branches_and_joins():
    x = tc.Input((6, 6, 1), name="image")
    left = L.Conv2D(2, 3, padding="same", name="left")(x)
    right = L.Conv2D(2, 1, name="right")(x)
    joined = L.Activation("linear", name="same")(L.Add(name="sum")([left, right]))
    model = tc.Model(x, L.Dense(3, activation="softmax", name="head")(L.Flatten(name="flat")(joined)))
    inbound, found, recording = fed_by(model)
    assert inbound == {
        "image": [],
        "left": ["image"],
        "right": ["image"],
        "sum": ["left", "right"],
        "same": ["sum"],
        "flat": ["same"],
        "head": ["flat"],
        "loss": ["head"],
    }
    # A layer that computes nothing passes on what it gets.
    assert found["same"].operations == []
    assert found["same"].output == found["sum"].output
    assert recording.values[found["image"].output].name == "image"


def test_models_within_models_are_flattened():
    inner = tc.Sequential([tc.Input((6, 6, 1)), L.Conv2D(2, 3, name="conv"), L.ReLU(name="relu")], name="block")
    x = tc.Input((6, 6, 1), name="image")
    y = L.Flatten(name="flat")(inner(L.Rescaling(2.0, name="twice")(x)))
    inbound, found, recording = fed_by(tc.Model(x, L.Dense(3, activation="softmax", name="head")(y)))
    assert inbound == {
        "image": [],
        "twice": ["image"],
        "block/conv": ["twice"],
        "block/relu": ["block/conv"],
        "flat": ["block/relu"],
        "head": ["flat"],
        "loss": ["head"],
    }
    owners = {value.name: layer_of(value, recording, found) for value in recording.values if value.role == "parameter"}
    assert owners["conv/kernel"] == "block/conv"
    assert owners["head/bias"] == "head"


def test_a_layer_that_is_used_twice():
    x = tc.Input((6, 6, 1), name="image")
    shared = L.Conv2D(1, 3, padding="same", name="shared")
    y = L.Flatten(name="flat")(shared(shared(x)))
    inbound, found, _ = fed_by(tc.Model(x, L.Dense(3, activation="softmax", name="head")(y)))
    assert inbound["shared"] == ["image", "shared"]
    assert len(found["shared"].operations) == 2


def test_a_model_with_a_call_of_its_own():
    class Own(tc.Model):
        def __init__(self):
            super().__init__()
            self.first = L.Conv2D(2, 3, name="first")
            self.second = L.Dense(3, activation="softmax", name="second")

        def call(self, x):
            return self.second(L.Flatten()(self.first(x)))

    inbound, found, _ = fed_by(Own())
    assert inbound["first"] == ["input"]
    assert inbound["loss"] == ["second"]
    assert next(path for path, box in found.items() if box.operations) == "first"
