"""Arguments that every layer takes, as Keras's do, whether its class lists them or not; and those of inputs."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers
from tinyconv.offered import NotOfferedError


def test_every_layer_takes_them():
    layer = layers.MaxPooling2D(2, activity_regularizer="l2", trainable=False, autocast=True, name="p")
    assert (layer.name, layer.trainable, layer.window.size) == ("p", False, (2, 2))
    assert layer.activity_regularizer.get_config() == {"l2": 0.01}
    assert layers.Add(trainable=False).trainable is False
    assert layers.Dropout(0.5, trainable=True).trainable is True
    model = tc.Sequential([layers.SpatialDropout2D(0.5, input_shape=(4, 5, 2)), layers.Flatten(trainable=False)])
    assert model.output_shape == (None, 40)


def test_the_length_of_a_vector():
    model = tc.Sequential([layers.Dense(3, input_dim=4), layers.Dense(2, activation="tanh", input_dim=7)])
    assert [layer.kernel.shape for layer in model.layers] == [(4, 3), (3, 2)]


def test_a_layer_of_ones_own_takes_them():
    class Own(layers.Layer):
        def __init__(self, units, **common):
            super().__init__(**common)
            self.units = units

        def call(self, inputs):
            return inputs * 1.0

    layer = Own(3, input_dim=2, activity_regularizer="l1", trainable=False, name="mine")
    assert (layer.name, layer.trainable, layer.batch_input_shape) == ("mine", False, (None, 2))
    assert layer.get_config()["activity_regularizer"]["class_name"] == "L1"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Flatten(trainable=3), "trainable must be True or False, got 3"),
        (lambda: layers.Flatten(autocast="no"), "autocast must be True or False"),
        (lambda: layers.Dense(3, input_dim=-4), "input_shape must hold positive integers"),
        (lambda: layers.Flatten(trainable=True, lora_rank=3), "Flatten does not offer lora_rank"),
        (lambda: layers.Flatten(trainable=True, nmae="x"), "has no argument nmae: did you mean name"),
        (lambda: layers.Dense(trainable=True, autocast=True), "missing 1 required positional argument: 'units'"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((NotOfferedError, TypeError, ValueError), match=message):
        make()


def test_inputs_with_their_batch():
    x = tc.Input(batch_shape=(None, 4, 5, 2), name="x")
    assert x.shape == (None, 4, 5, 2)
    assert layers.InputLayer(batch_shape=(None, 3)).get_config()["batch_shape"] == (None, 3)
    model = tc.Sequential([tc.Input((3,), 7), layers.Dense(2)])
    assert model.predict(np.ones((5, 3)), verbose=0).shape == (5, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tc.Input(), "Input needs shape"),
        (lambda: tc.Input((3,), batch_shape=(None, 3)), "one of shape and batch_shape may be given"),
        (lambda: tc.Input((3,), sparse=True), "sparse is not offered"),
        (lambda: tc.Input((3,), tensor=np.ones(3)), "input_tensor is not offered"),
        (lambda: tc.Input((3,), batch_size=0), "batch_size must be a positive integer, got 0"),
    ],
)
def test_inputs_that_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
