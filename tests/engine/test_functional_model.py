"""Functional models: graphs of layers, checked by hand, against the same layers called one by one."""

import json

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers
from tinyconv.models.fusion import fused


@pytest.fixture
def images(rng):
    return rng.standard_normal((4, 8, 7, 3)).astype(np.float32)


def branches():
    """Two inputs, two outputs, a shared layer, a join, and layers that can be joined in one pass."""
    image, features = tc.Input((8, 7, 3), name="image"), tc.Input((5,), name="features")
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    x = layers.Conv2D(4, 3, padding="same", name="first")(image)
    x = layers.ReLU(name="rectified")(x)
    x = layers.Add(name="sum")([x, shared(shared(x))])
    x = layers.MaxPooling2D(name="pooled")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Concatenate(name="joined")([x, layers.Dense(3, activation="tanh", name="side")(features)])
    a = layers.Dense(3, activation="softmax", name="kind")(x)
    b = layers.Dense(1, activation="sigmoid", name="odd")(x)
    return tc.Model([image, features], [a, b], name="net")


def by_hand(model, image, features):
    """The same, one layer after the other."""
    layer = {each.name: each for each in model.layers}
    x = layer["rectified"](layer["first"](image))
    x = layer["sum"]([x, layer["shared"](layer["shared"](x))])
    x = layer["flat"](layer["pooled"](x))
    x = layer["joined"]([x, layer["side"](features)])
    return layer["kind"](x).numpy(), layer["odd"](x).numpy()


def test_it_computes_what_its_layers_compute(images, rng):
    model, features = branches(), rng.standard_normal((4, 5)).astype(np.float32)
    expected = by_hand(model, images, features)
    ways = [[images, features], {"image": images, "features": features}, (tc.Tensor(images), tc.Tensor(features))]
    for given in ways:
        for found, right in zip(model(given), expected, strict=True):
            np.testing.assert_allclose(found.numpy(), right, rtol=1e-5, atol=1e-6)
    for found, right in zip(model.predict([images, features], batch_size=3), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


def test_gradients_through_branches_and_shared_layers(rng):
    tc.set_floatx("float64")
    model = branches()

    def total(image, features, *weights):
        a, b = model([image, features])
        return a * 2.0 + b

    x = rng.standard_normal((2, 8, 7, 3)), rng.standard_normal((2, 5))
    assert tc.gradcheck(total, *x, *model.trainable_weights) < 1e-6


def test_shape_names_weights_and_layers():
    model = branches()
    assert model.input_shape == [(None, 8, 7, 3), (None, 5)]
    assert model.output_shape == [(None, 3), (None, 1)]
    assert (model.input_names, model.output_names) == (["image", "features"], ["kind", "odd"])
    assert isinstance(model, tc.Model)
    assert model.get_layer("sum").output.shape == (None, 8, 7, 4)
    assert model.count_params() == 112 + 148 + 18 + (4 * 3 * 4 + 3 + 1) * 4
    assert len(model.weights) == 10  # the shared layer's once
    assert [layer.name for layer in model.layers] == [
        *("image", "first", "rectified", "shared", "sum", "pooled", "features", "flat", "side", "joined", "kind", "odd")
    ]


def test_it_learns_two_things_at_once(images, rng):
    tc.set_seed(3)
    model, features = branches(), rng.standard_normal((4, 5))
    y = [np.array([0, 2, 1, 1]), np.array([0, 1, 1, 0])]
    model.compile(
        "adam",
        ["sparse_categorical_crossentropy", "binary_crossentropy"],
        metrics={"kind": ["accuracy"]},
        loss_weights={"kind": 1.0, "odd": 0.5},
    )
    history = model.fit([images, features], y, epochs=60, batch_size=2, verbose=0).history
    assert list(history) == ["loss", "kind_loss", "odd_loss", "kind_accuracy"]
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    np.testing.assert_allclose(history["loss"], np.add(history["kind_loss"], 0.5 * np.array(history["odd_loss"])), 1e-6)
    found = model.evaluate([images, features], dict(kind=y[0], odd=y[1]), verbose=0, return_dict=True)
    assert found["kind_accuracy"] == 1


def test_a_model_of_an_intermediate_output(images):
    model = branches()
    part = tc.Model(model.inputs[0], model.get_layer("sum").output)
    stack = tc.Sequential([tc.Input((8, 7, 3)), layers.Conv2D(2, 3, name="conv"), layers.Flatten()])
    conv = tc.Model(stack.inputs, stack.get_layer("conv").output)
    assert part.predict(images).shape == (4, 8, 7, 4)
    np.testing.assert_array_equal(conv.predict(images), stack.get_layer("conv")(images).numpy())
    conv.set_weights([weight * 0 for weight in conv.get_weights()])
    assert not stack.predict(images).any()  # one set of weights


def test_models_are_layers(images):
    inner = branches()
    image, features = tc.Input((8, 7, 3)), tc.Input((5,))
    a, b = inner([image, features])
    stack = tc.Sequential([layers.Dense(6, activation="relu"), layers.Dense(1)])
    outer = tc.Model([image, features], stack(layers.Concatenate()([a, b])))
    assert outer.get_layer("net") is inner
    assert outer.count_params() == inner.count_params() + stack.count_params()
    x = [images, np.ones((4, 5), np.float32)]
    joined = np.concatenate(inner.predict(x), axis=1)
    np.testing.assert_allclose(outer.predict(x), stack.predict(joined), rtol=1e-5, atol=1e-7)
    within = tc.Sequential([tc.Input((6,)), stack_of_two := tc.Sequential([layers.Dense(3), layers.Dense(2)])])
    assert within.output_shape == (None, 2)
    assert stack_of_two.count_params() == within.count_params() == 21 + 8


def test_freezing(images):
    model = branches()
    model.get_layer("shared").trainable = False
    assert [w.path for w in model.non_trainable_weights] == ["shared/kernel", "shared/bias"]
    before = model.get_weights()
    model.compile("sgd", ["sparse_categorical_crossentropy", "binary_crossentropy"])
    model.train_on_batch([images, np.ones((4, 5))], [np.zeros(4), np.ones(4)])
    for weight, old in zip(model.weights, before, strict=True):
        assert (weight.numpy() == old).all() == weight.path.startswith("shared")
    model.trainable = False
    assert model.trainable_weights == []
    model.trainable = True
    assert len(model.trainable_weights) == 10


def test_the_summary_says_what_is_connected_to_what(capsys):
    branches().summary()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines[1]) == 98
    at = next(i for i, line in enumerate(lines) if line.startswith("sum (Add)"))
    assert lines[at].split() == ["sum", "(Add)", "(None,", "8,", "7,", "4)", "0", "rectified[0][0]"]
    assert lines[at + 1].split() == ["shared[1][0]"]
    x = tc.Input((4,))
    tc.Model(x, layers.Dense(2)(x)).summary()
    assert "Connected to" not in capsys.readouterr().out


def test_configuration_round_trip():
    model = branches()
    config = json.loads(json.dumps(model.get_config()))
    twin = type(model).from_config(config)
    assert json.loads(json.dumps(twin.get_config())) == config
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    twin.set_weights(model.get_weights())
    x = [np.ones((2, 8, 7, 3)), np.ones((2, 5))]
    for found, right in zip(twin.predict(x), model.predict(x), strict=True):
        np.testing.assert_array_equal(found, right)
    stack = tc.Sequential([tc.Input((6,)), model_of_dense(), layers.Dense(2)])
    again = tc.Sequential.from_config(stack.get_config())
    assert again.get_config() == stack.get_config()
    assert again.output_shape == (None, 2)


def model_of_dense():
    x = tc.Input((6,))
    return tc.Model(x, layers.Dense(5, name="within")(x), name="inner")


def test_layers_that_follow_each_other_are_fused_only_where_nobody_looks(images):
    x = tc.Input((8, 7, 3))
    conv = layers.Conv2D(4, 3)(x)
    relu = layers.ReLU()(conv)
    pooled = layers.MaxPooling2D()(relu)
    alone = tc.Model(x, pooled)
    watched = tc.Model(x, [pooled, relu])
    passes = [
        [type(each).__name__ for step in model.steps for each in fused(step.layers)] for model in (alone, watched)
    ]
    assert passes == [["Convolved"], ["Convolved", "MaxPooling2D"]]
    np.testing.assert_array_equal(alone.predict(images), watched.predict(images)[0])


def test_memory_of_what_is_over_is_given_up():
    x = y = tc.Input((3,))
    for _ in range(5):
        y = layers.Dense(3)(y)
    steps = tc.Model(x, y).steps
    assert [[symbol.origin for symbol in step.over] for step in steps] == [
        [symbol.origin for symbol in step.inputs] for step in steps
    ]


def test_a_deep_graph_is_no_deep_recursion():
    x = y = tc.Input((2,))
    for _ in range(3000):
        y = layers.Activation("linear")(y)
    model = tc.Model(x, y)
    assert len(model.layers) == 3001
    np.testing.assert_array_equal(model.predict(np.ones((1, 2))), np.ones((1, 2)))


X, Z = tc.Input((4,), name="x"), tc.Input((4,), name="z")
MISTAKES = {
    "disconnected": (
        lambda: tc.Model(X, layers.Add()([X, Z])),
        ValueError,
        r'needs "z", which is not among the inputs',
    ),
    "two names": (
        lambda: tc.Model(X, layers.Dense(2, name="a")(layers.Dense(2, name="a")(X))),
        ValueError,
        r'two layers of the model are called "a"',
    ),
    "outputs before inputs": (lambda: tc.Model(layers.Dense(2)(X), X), ValueError, r'needs "x", which is not among'),
    "no symbol": (lambda: tc.Model(np.ones(3), X), TypeError, r"start with x = tc.Input"),
    "values": (lambda: np.asarray(X), TypeError, r"has no values: make a model of it"),
    "truth": (lambda: bool(X), TypeError, r"no values to decide by"),
    "a list": (lambda: layers.Dense(2)([X, Z]), ValueError, r"takes one tensor, got a list of 2"),
    "wrong rank": (lambda: layers.Conv2D(2, 3)(X), ValueError, r"needs 4 axes"),
    "mixed": (lambda: layers.Add()([X, np.ones((1, 4))]), TypeError, r"got symbols and ndarray in one call"),
    "other dtype": (lambda: layers.Dense(2, dtype="float64")(X), ValueError, r"computes in float64"),
    "one input of two": (lambda: branches().predict(np.ones((1, 8, 7, 3))), ValueError, r"needs a list or a dict of 2"),
    "a wrong name": (lambda: branches().predict({"image": 1, "feature": 2}), ValueError, r"'features', got"),
    "counts": (lambda: branches().predict([np.ones((1, 8, 7, 3)), np.ones((2, 5))]), ValueError, r"\[1, 2\] samples"),
    "shape": (lambda: branches().predict([np.ones((1, 8, 7, 3)), np.ones((1, 6))]), ValueError, r'input "features"'),
    "a loss too many": (
        lambda: branches().compile("sgd", ["mse"] * 3),
        ValueError,
        r"loss needs one for each output \(kind, odd\), got 3",
    ),
    "an unbuilt layer": (lambda: layers.Dense(2).output, ValueError, r"not a part of a model yet"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_explained(mistake):
    make, error, message = MISTAKES[mistake]
    with pytest.raises(error, match=message):
        make()


def test_files(tmp_path, images):
    inner, path = branches(), str(tmp_path / "net.weights.h5")
    image, features = tc.Input((8, 7, 3)), tc.Input((5,))
    outer = tc.Model([image, features], layers.Concatenate()(inner([image, features])))
    outer.save_weights(path)
    saved = outer.get_weights()
    outer.set_weights([weight + 1 for weight in saved])
    outer.load_weights(path)
    for found, right in zip(outer.get_weights(), saved, strict=True):
        np.testing.assert_array_equal(found, right)
    with pytest.raises(ValueError, match="the model has no such layer"):
        tc.Sequential([tc.Input((2,)), layers.Flatten()]).load_weights(path)
