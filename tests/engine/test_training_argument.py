"""`training=` where a layer or a model is called on symbols, or within another's call: who says, and who follows."""

import json

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers

X = np.ones((2, 200), np.float32)


def dropped(y):
    """Whether dropout was at work."""
    return bool((np.asarray(y if isinstance(y, np.ndarray) else y.numpy()) == 0).any())


def functional(layer, **arguments):
    x = tc.Input((200,))
    return tc.Model(x, layer(x, **arguments))


def models_of(layer, **arguments):
    """The layer called with `arguments` in a model, in a model within a model, and in a stack."""
    inner = functional(layer, **arguments)
    x = tc.Input((200,))
    return {
        "model": inner,
        "nested": tc.Model(x, inner(x)),
        "told otherwise from outside": tc.Model(x, inner(x, training=not arguments["training"])),
        "stacked": tc.Sequential([tc.Input((200,)), inner]),
    }


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("way", ["model", "nested", "told otherwise from outside", "stacked"])
def test_a_call_on_symbols_keeps_its_training(training, way):
    model = models_of(layers.Dropout(0.5), training=training)[way]
    again = tc.Model.from_config if way != "stacked" else tc.Sequential.from_config
    for each in (model, again(json.loads(json.dumps(model.get_config())))):
        assert dropped(each.predict(X)) is training
        assert dropped(each(X, training=True)) is training
        assert dropped(each(X, training=False)) is training


@pytest.mark.parametrize("arguments", [{}, {"training": None}])
def test_a_call_that_says_nothing_follows(arguments):
    model = functional(layers.Dropout(0.5), **arguments)
    for each in (model, tc.Sequential([model])):
        assert not dropped(each(X))
        assert not dropped(each.predict(X))
        assert dropped(each(X, training=True))
        assert model.get_config()["layers"][1]["inbound_nodes"][0]["kwargs"] == {}


@pytest.mark.parametrize("stack", [False, True])
def test_a_frozen_base_rests_while_its_head_is_trained(stack, rng):
    """The idiom of fine-tuning: the base's batch normalization keeps its averages, its weights learn."""
    parts = [layers.Conv2D(3, 3), layers.BatchNormalization(name="normal"), layers.ReLU(), layers.MaxPooling2D()]
    base = tc.Sequential([tc.Input((8, 8, 2)), *parts])
    if not stack:
        base = tc.Model(base.input, base.output)
    x = tc.Input((8, 8, 2))
    head = layers.BatchNormalization(name="own")(layers.Flatten()(base(x, training=False)))
    model = tc.Model(x, layers.Dense(1)(head))
    before = [weight.copy() for weight in base.get_weights()]
    model.compile("sgd", "mean_squared_error")
    model.fit(rng.standard_normal((8, 8, 8, 2)), np.arange(8.0)[:, None], verbose=0)
    changed = [bool((old != new).any()) for old, new in zip(before, base.get_weights(), strict=True)]
    assert changed == [True, True, True, True, False, False]  # not the moving averages
    assert (model.get_layer("own").moving_mean.numpy() != 0).any()


def test_a_layer_within_a_layer_follows_unless_told():
    class Around(layers.Layer):
        def __init__(self, **arguments):
            super().__init__()
            self.inner, self.arguments = layers.Dropout(0.5), arguments

        def call(self, x, training):
            return self.inner(x, **self.arguments)

    assert dropped(Around()(X, training=True))
    assert not dropped(Around()(X))
    assert dropped(Around(training=True)(X, training=False))
    assert not dropped(Around(training=False)(X, training=True))
    assert not dropped(layers.Dropout(0.5)(X))  # and nothing is left of it


def test_neighbours_with_another_training_are_not_computed_in_one_pass(rng):
    """A convolution and its normalization are one pass only where both are called alike."""
    x = tc.Input((6, 6, 2))
    normal = layers.BatchNormalization()
    model = tc.Model(x, layers.ReLU()(normal(layers.Conv2D(3, 3)(x), training=True)))
    images = rng.standard_normal((4, 6, 6, 2)).astype(np.float32)
    model.predict(images)
    assert (normal.moving_mean.numpy() != 0).all()


def test_other_arguments_of_calls_are_refused():
    config = functional(layers.Dropout(0.5)).get_config()
    config["layers"][1]["inbound_nodes"][0]["kwargs"] = {"mask": None}
    tc.Model.from_config(config)
    config["layers"][1]["inbound_nodes"][0]["kwargs"] = {"noise": 3}
    with pytest.raises(ValueError, match='layer "dropout" is called with noise=3: only training is offered'):
        tc.Model.from_config(config)
