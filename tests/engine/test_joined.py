"""Convolution, rectifier and pooling in one pass: the numbers of the layers one by one, and when it is done."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers
from tinyconv.layers.joined import Joined, stages
from tinyconv.models import sequential

L = layers
STACKS = {
    "convolution, pool": lambda: [L.Conv2D(16, 3, activation="relu"), L.MaxPooling2D()],
    "first layer": lambda: [L.Conv2D(16, 5, padding="same", activation="relu", input_shape=(12, 11, 2)), L.MaxPool2D()],
    "rectifier by itself": lambda: [L.Conv2D(16, 3), L.Activation("relu"), L.MaxPooling2D()],
    "rectifier without pooling": lambda: [L.Conv2D(16, 3, use_bias=False), L.ReLU()],
    "rectifier behind pooling": lambda: [L.Conv2D(4, 3), L.MaxPooling2D(), L.ReLU()],
    "no rectifier": lambda: [L.Conv2D(16, 3), L.MaxPooling2D()],
    "normalized": lambda: [
        L.Conv2D(16, 3),
        L.BatchNormalization(beta_initializer="random_normal"),
        L.ReLU(),
        L.MaxPooling2D(),
        L.Conv2D(5, 3, activation="relu"),
        L.BatchNormalization(scale=False),
        L.Activation("relu"),
        L.ReLU(),
    ],
    "all of it twice": lambda: [
        L.Conv2D(16, 3, activation="relu"),
        L.Conv2D(16, 3, activation="relu"),
        L.MaxPooling2D(),
        L.Conv2D(4, 2, activation="tanh"),
        L.Conv2D(4, 2, padding="same"),
        L.ReLU(),
        L.ReLU(),
        L.MaxPooling2D(),
    ],
}


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_training_as_one_by_one(stack, dtype, monkeypatch, rng):
    x, y = rng.standard_normal((8, 12, 11, 2)), rng.integers(0, 3, 8)
    found = []
    for how in (stages, lambda layers: layers):
        monkeypatch.setattr(sequential, "stages", how)
        tc.clear_session()
        tc.set_seed(3)
        tc.set_floatx(dtype)
        model = tc.Sequential([*stack(), L.Flatten(), L.Dense(3, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        losses = [model.train_on_batch(x, y) for _ in range(5)]
        found.append([losses, *(weight.tolist() for weight in model.get_weights()), model.predict(x).tolist()])
    assert found[0] == found[1]
    assert found[0][0][0] > found[0][0][-1]


def joined(*stack):
    """How many layers each stage of a stack has, and what it does in one pass."""
    return [
        (len(stage.layers), stage.relu, stage.pooled) if isinstance(stage, Joined) else stage for stage in stages(stack)
    ]


def test_what_is_joined():
    convolution, relu, pool = L.Conv2D(4, 3), L.ReLU(), L.MaxPooling2D()
    assert joined(convolution, relu, pool, relu) == [(3, True, True), relu]
    assert joined(convolution, pool) == [(2, False, True)]
    assert joined(convolution) == [convolution]
    assert joined(pool, convolution, convolution, pool) == [pool, convolution, (2, False, True)]
    normal = L.BatchNormalization()
    assert joined(convolution, normal, relu, pool) == [convolution, (2, True, False), pool]
    assert joined(normal, pool, relu) == [normal, pool, relu]


def test_what_is_not_joined():
    class Own(L.Conv2D):
        pass

    class OwnNormal(L.BatchNormalization):
        pass

    convolution, pool = L.Conv2D(4, 3), L.MaxPooling2D()
    for other in (
        L.MaxPooling2D(3),
        L.MaxPooling2D(2, 1),
        L.MaxPooling2D(padding="same"),
        L.AveragePooling2D(),
        L.ReLU(negative_slope=0.1),
        L.Activation("tanh"),
        L.Dropout(0.5),
    ):
        assert joined(convolution, other) == [convolution, other]
    for first in (Own(4, 3), L.Conv2D(4, 3, activation="tanh")):
        assert joined(first, pool) == [first, pool]
    for first, second in ((OwnNormal(), L.ReLU()), (L.BatchNormalization(), L.ReLU(negative_slope=0.1))):
        assert joined(first, second) == [first, second]


def test_errors_name_the_layer_that_does_not_fit():
    model = tc.Sequential([L.Conv2D(4, 3, input_shape=(6, 6, 1)), L.MaxPooling2D(name="squares")])
    model(np.zeros((2, 6, 6, 1)))
    with pytest.raises(ValueError, match=r'layer "squares" \(MaxPooling2D\) got an input of shape \(None, 1, 1, 4\)'):
        model(np.zeros((2, 3, 3, 1)))
    with pytest.raises(ValueError, match="tensor of float64, its weights are float32"):
        model(tc.Tensor(np.zeros((2, 6, 6, 1))))
