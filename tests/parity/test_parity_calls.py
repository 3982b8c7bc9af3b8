"""Calls of layers and models: their `training`, and layers that are called more than once, against live Keras."""

import json

import numpy as np
import pytest
from parity_checks import close

import tinyconv as tc
from tinyconv.layers.stochastic import Stochastic


def told(engine, **training):
    """A dropout and a normalization called with `training`, in a model within a model called with it."""
    x = engine.Input((50,), name="features")
    y = engine.layers.BatchNormalization(name="normal")(x, **training)
    inner = engine.Model(x, engine.layers.Dropout(0.5, name="drop")(y, **training), name="inner")
    x = engine.Input((50,), name="given")
    y = engine.layers.Dropout(0.5, name="last")(inner(x, **training), **training)
    return engine.Model(x, y, name="outer")


def arguments_of(config):
    """Return {layer: what else its calls are given}, models within included."""
    found = {}
    for layer in config["layers"]:
        found |= arguments_of(layer["config"]) if "layers" in layer["config"] else {}
        found[layer["name"]] = [call["kwargs"].get("training") for call in layer["inbound_nodes"]]
    return found


@pytest.mark.parametrize("training", [{"training": True}, {"training": False}, {"training": None}, {}], ids=str)
def test_training_in_configurations_of_both(keras, training):
    """Keras reads ours, we read Keras's, and both say in their own configuration what the calls were given."""
    x, said = np.ones((2, 50), np.float32), training.get("training")
    texts = {engine: json.dumps(told(engine, **training).get_config()) for engine in (tc, keras)}
    if training:
        assert arguments_of(json.loads(texts[tc])) == arguments_of(json.loads(texts[keras]))
    for engine in (tc, keras):
        for text in texts.values():
            model = type(told(engine)).from_config(json.loads(text))
            # Called without `training`: Keras's own fit and predict overrule the calls of a functional model.
            assert bool((np.asarray(model(x).numpy()) == 0).any()) is bool(said)
    # Keras says of a dropout that was told nothing that it was told False: as good as nothing.
    ours = tc.Model.from_config(json.loads(texts[keras]))
    assert arguments_of(ours.get_config())["normal"] == [said]
    assert arguments_of(ours.get_config())["drop"] == [said or None]
    assert (ours(x, training=True).numpy() == 0).any()


def test_every_random_layer_of_keras_that_was_told_nothing_trains(keras, rng):
    """In Keras's own words it was told its default, also where its description has no dtype policy."""
    kinds = [name for name, kind in vars(tc.layers).items() if isinstance(kind, type) and issubclass(kind, Stochastic)]
    assert {"Dropout", "SpatialDropout2D", "GaussianNoise"} <= set(kinds)
    arguments = {"RandomFlip": [], "RandomTranslation": [0.5, 0.5], "RandomCrop": [1, 1]}
    tc.set_seed(0)
    for name in kinds:
        given = keras.Input((4, 4, 3))
        layer = getattr(keras.layers, name)(*arguments.get(name, [0.5]))
        theirs = keras.Model(given, layer(keras.layers.Dense(3)(given)))
        ours = tc.Model.from_config(json.loads(json.dumps(theirs.get_config())))
        x = rng.random((9, 4, 4, 3)).astype(np.float32) + 1
        assert arguments_of(ours.get_config())[ours.layers[-1].name] == [None], name
        first, *others = (ours(x, training=True).numpy() for _ in range(5))
        assert any((first != other).any() for other in others), name


def branches(engine):
    """A normalization on two branches of different depth, joined."""
    x = engine.Input((3,))
    normal = engine.layers.BatchNormalization(momentum=0.5)
    wide = engine.layers.Dense(3, use_bias=False, kernel_initializer="ones")
    return engine.Model(x, engine.layers.Add()([normal(wide(x)), normal(x)]))


def equal_branches(engine):
    """A normalization on two branches of one depth, each with neighbours that can be computed in one pass with it."""
    x = engine.Input((4, 4, 2))
    layers, normal = engine.layers, engine.layers.BatchNormalization(momentum=0.5)
    ends = [layers.ReLU()(normal(layers.Conv2D(2, 1, kernel_initializer=start)(x))) for start in ("ones", "zeros")]
    return engine.Model(x, layers.Add()(ends))


def tower(engine):
    """A model with a normalization in it, used on two inputs, and after itself."""
    x = engine.Input((3,))
    y = engine.layers.BatchNormalization(momentum=0.5)(x)
    shared = engine.Model(x, engine.layers.ReLU()(y))
    a, b = engine.Input((3,)), engine.Input((3,))
    doubled = engine.layers.Dense(3, kernel_initializer="ones")(b)
    return engine.Model([a, b], engine.layers.Add()([shared(shared(a)), shared(doubled)]))


def within_and_without(engine):
    """A normalization that a model within uses too."""
    normal = engine.layers.BatchNormalization(momentum=0.5)
    x = engine.Input((3,))
    inner = engine.Model(x, normal(engine.layers.Dense(3, kernel_initializer="ones")(x)))
    x = engine.Input((3,))
    return engine.Model(x, engine.layers.Add()([normal(x), inner(x)]))


@pytest.mark.parametrize("make", [branches, equal_branches, tower, within_and_without])
def test_averages_of_a_normalization_called_twice(keras, make, rng):
    ours, theirs = make(tc), make(keras)
    x = [rng.normal(3.0, 2.0, (8, *shape[1:])).astype(np.float32) for shape in map(tuple, shapes(theirs))]
    given = x if len(x) > 1 else x[0]
    close("output, training", ours(given, training=True).numpy(), theirs(given, training=True).numpy(), 1e-5)
    for weight, judge in zip(ours.weights, theirs.weights, strict=True):
        close("moving averages", weight.numpy(), judge.numpy(), 1e-5, make.__name__)


def shapes(model):
    return [symbol.shape for symbol in model.inputs]


def test_images_of_any_size(keras, rng):
    """Shapes and outputs of a model with open height and width, and Keras's model made from our configuration."""

    def make(engine):
        layers, image = engine.layers, engine.Input((None, None, 3))
        x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
        x = layers.Concatenate()([x, layers.Conv2D(2, 1)(layers.MaxPooling2D(3, 1, padding="same")(x))])
        x = layers.Conv2DTranspose(3, 2, strides=2)(layers.AveragePooling2D(2)(x))
        return engine.Model(image, [x, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)), layers.Flatten()(x)])

    ours, theirs = make(tc), make(keras)
    assert ours.output_shape == [tuple(shape) for shape in theirs.output_shape]
    again = type(theirs).from_config(json.loads(json.dumps(ours.get_config())))
    for model in (theirs, again):
        model.set_weights(ours.get_weights())
        for size in ((8, 7), (5, 12)):
            x = rng.normal(size=(2, *size, 3)).astype(np.float32)
            for output, judge in zip(ours(x), model(x), strict=True):
                close("output, any size", output.numpy(), judge.numpy(), 1e-5)


def test_the_penalty_of_a_shared_layer_counts_once(keras):
    def make(engine):
        shared = engine.layers.Dense(3, kernel_initializer="ones", kernel_regularizer="l2")
        x = engine.Input((3,))
        inner = engine.Model(x, shared(x))
        x = engine.Input((3,))
        return engine.Model(x, shared(inner(x)))

    ours, theirs = make(tc), make(keras)
    assert [loss.item() for loss in ours.losses] == pytest.approx([float(loss) for loss in theirs.losses])
    assert sum(loss.item() for loss in ours.losses) == pytest.approx(0.09)
