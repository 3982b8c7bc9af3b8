"""Convolution, rectifier and pooling in one pass: the numbers of the layers one by one, and when it is done."""

from math import inf

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers
from tinyconv.models.fusion import Fused, fused

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
    "a ceiling": lambda: [
        L.Conv2D(16, 3),
        L.BatchNormalization(),
        L.ReLU(0.3),
        L.DepthwiseConv2D(3),
        L.BatchNormalization(),
        L.Activation("relu6"),
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
def test_same_training_as_one_by_one(stack, dtype, rng):
    x, y = rng.standard_normal((8, 12, 11, 2)), rng.integers(0, 3, 8)
    found, predicted = [], []
    for enabled in (True, False):
        tc.clear_session()
        tc.set_seed(3)
        tc.set_floatx(dtype)
        model = tc.Sequential([*stack(), L.Flatten(), L.Dense(3, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        with tc.fusion(enabled):
            losses = [model.train_on_batch(x, y) for _ in range(5)]
            found.append([losses, *(weight.tolist() for weight in model.get_weights()), model(x).numpy().tolist()])
            predicted.append(model.predict(x))
    assert found[0] == found[1]
    assert found[0][0][0] > found[0][0][-1]
    # Where nothing is recorded, normalizations are folded into kernels.
    np.testing.assert_allclose(*predicted, rtol=0, atol=1e-5 if dtype == "float32" else 1e-14)


def passes(*stack):
    """How many layers each stage of a stack has, and what it does in one pass."""
    return [
        (len(stage.layers), stage.ceiling, getattr(stage, "pooled", False)) if isinstance(stage, Fused) else stage
        for stage in fused(stack)
    ]


def test_what_is_passes():
    convolution, relu, pool = L.Conv2D(4, 3), L.ReLU(), L.MaxPooling2D()
    assert passes(convolution, relu, pool, relu) == [(3, inf, True), relu]
    assert passes(convolution, pool) == [(2, None, True)]
    assert passes(convolution) == [convolution]
    assert passes(pool, convolution, convolution, pool) == [pool, convolution, (2, None, True)]
    normal = L.BatchNormalization()
    assert passes(convolution, normal, relu, pool) == [(3, inf, False), pool]
    assert passes(convolution, normal, pool) == [(2, None, False), pool]
    assert passes(relu, normal, relu) == [relu, (2, inf, False)]
    assert passes(L.Conv2D(4, 3, activation="relu"), normal)[1] == normal
    assert passes(normal, pool, relu) == [normal, pool, relu]
    assert passes(normal, L.ReLU(6.0), relu) == [(2, 6.0, False), relu]
    assert passes(convolution, normal, L.Activation("relu6")) == [(3, 6.0, False)]
    assert passes(L.Add(), relu, pool) == [(2, inf, False), pool]
    padding, depthwise = L.ZeroPadding2D(), L.DepthwiseConv2D(3)
    assert passes(padding, convolution) == [(2, None, False)]
    assert passes(padding, convolution, relu, pool, relu) == [(4, inf, True), relu]
    assert passes(padding, depthwise, normal, L.ReLU(6.0), convolution, normal) == [(4, 6.0, False), (2, None, False)]


def test_what_is_not_passes():
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
        L.ReLU(6.0),
        L.Activation("tanh"),
        L.Dropout(0.5),
    ):
        assert passes(convolution, other) == [convolution, other]
    for first in (Own(4, 3), L.Conv2D(4, 3, activation="tanh")):
        assert passes(first, pool) == [first, pool]
    for first, second in (
        (OwnNormal(), L.ReLU()),
        (L.BatchNormalization(), L.ReLU(negative_slope=0.1)),
        (L.BatchNormalization(), L.ReLU(threshold=0.1)),
        (L.Add(), L.ReLU(6.0)),
        (L.Maximum(), L.ReLU()),
        (L.ZeroPadding2D(), L.Conv2D(4, 3, padding="same")),
        (L.ZeroPadding2D(), L.Conv2D(4, 3, activation="tanh")),
        (L.ZeroPadding2D(), L.Conv2D(4, 3, data_format="channels_first")),
        (L.ZeroPadding2D(), L.DepthwiseConv2D(3)),
        (L.ZeroPadding2D(), L.MaxPooling2D()),
    ):
        assert passes(first, second) == [first, second]


@pytest.mark.parametrize("shapes", [[(4, 3), (4, 3)], [(4, 3), (4, 3), (4, 3)], [(4, 3), (4, 1)]], ids=str)
def test_sums_are_rectified_in_the_same_pass(shapes):
    found = []
    for enabled in (True, False):
        inputs = [tc.Input(shape) for shape in shapes]
        total = L.Add()(inputs)
        model = tc.Model(inputs, L.ReLU()(total))
        draws = np.random.default_rng(1)
        x = [tc.Tensor(draws.standard_normal((5, *shape)).astype(np.float32), requires_grad=True) for shape in shapes]
        with tc.fusion(enabled):
            y = model(x)
        y.backward(np.random.default_rng(2).standard_normal(y.shape).astype(np.float32))
        found.append([y.numpy().tolist(), *(each.grad.tolist() for each in x)])
    assert found[0][0] == np.maximum(sum(each.numpy() for each in x), 0).tolist()
    assert found[0] == found[1]


def test_errors_name_the_layer_that_does_not_fit():
    model = tc.Sequential([L.Conv2D(4, 3, input_shape=(6, 6, 1)), L.MaxPooling2D(name="squares")])
    model(np.zeros((2, 6, 6, 1)))
    with pytest.raises(ValueError, match=r'layer "squares" \(MaxPooling2D\) got an input of shape \(None, 1, 1, 4\)'):
        model(np.zeros((2, 3, 3, 1)))
    with pytest.raises(ValueError, match="tensor of float64, its weights are float32"):
        model(tc.Tensor(np.zeros((2, 6, 6, 1))))


@pytest.mark.parametrize("rectifier", [None, layers.ReLU, lambda: layers.ReLU(0.7)])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("arguments", [{}, {"strides": 2}, {"groups": 2}, {"scale": False}, {"center": False}])
def test_a_convolution_and_its_batch_normalization_are_one_pass(rectifier, use_bias, arguments, rng):
    tc.set_floatx("float64")
    of_norm = {name: value for name, value in arguments.items() if name in ("scale", "center")}
    of_conv = {name: value for name, value in arguments.items() if name not in of_norm}
    stack = [
        layers.Conv2D(6, 3, padding="same", use_bias=use_bias, bias_initializer="random_normal", **of_conv),
        layers.BatchNormalization(**of_norm),
        *([rectifier()] if rectifier else []),
        layers.Flatten(),
    ]
    model = tc.Sequential([tc.Input((5, 4, 4)), *stack])
    model.set_weights([rng.uniform(0.5, 2, w.shape) * (1 if "variance" in w.path else -1) for w in model.weights])
    x = rng.standard_normal((3, 5, 4, 4))
    y = tc.Tensor(x)
    for layer in stack:
        y = layer(y)
    assert (y.numpy() != 0).any()
    np.testing.assert_allclose(model.predict(x), y.numpy(), rtol=1e-12, atol=1e-12)
    # While a graph is recorded nothing is folded: γ and β get their gradients.
    learnt = stack[1].trainable_weights
    assert tc.gradcheck(lambda *weights: model(x), *learnt) < 1e-6
    assert tc.gradcheck(lambda *weights: model(x, training=True), *learnt) < 1e-6


@pytest.mark.parametrize(("first", "second", "left"), [(1, ((1, 1), (0, 1)), 0), (1, 1, 1), ((2, 1), 1, 2)], ids=str)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_padding_of_the_convolution_itself(first, second, left, data_format, rng):
    """To the bit what padding and convolution are one after the other, whether it is "same" that was added or not."""
    shape = (9, 12, 16) if data_format == "channels_last" else (16, 9, 12)
    stack = [
        *(L.ZeroPadding2D(first, data_format=data_format), L.Conv2D(16, 3, data_format=data_format), L.ReLU()),
        L.ZeroPadding2D(second, data_format=data_format),
        L.DepthwiseConv2D(3, strides=2, data_format=data_format),
        *(L.BatchNormalization(axis=-1 if data_format == "channels_last" else 1), L.ReLU(6.0)),
    ]
    model = tc.Sequential([tc.Input(shape), *stack, L.Flatten(), L.Dense(3)])
    model.compile("sgd", "mse")
    x, y = rng.standard_normal((4, *shape)).astype(np.float32), rng.standard_normal((4, 3)).astype(np.float32)
    start, found = model.get_weights(), []
    for enabled in (True, False):
        model.set_weights(start)
        with tc.fusion(enabled):
            losses = [model.train_on_batch(x, y) for _ in range(3)]
            found.append([losses, *(weight.tolist() for weight in model.get_weights())])
    assert found[0] == found[1]
    assert str(tc.profile(model, x)).count("Pad ") == left


def test_normalization_and_rectifier_in_one_pass_move_the_averages_once(rng):
    stack = [layers.Conv2D(16, 3), layers.BatchNormalization(), layers.ReLU()]
    model = tc.Sequential([tc.Input((8, 8, 3)), *stack])
    twin = tc.Sequential([tc.Input((8, 8, 3)), layers.Conv2D(16, 3), layers.BatchNormalization()])
    twin.set_weights(model.get_weights())
    x = tc.Tensor(rng.standard_normal((4, 8, 8, 3)).astype(np.float32))
    y, before = model(x, training=True), twin(x, training=True)
    np.testing.assert_array_equal(y.numpy(), np.maximum(before.numpy(), 0))
    for weight, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


def test_an_observer_sees_the_gradients_of_every_layer(rng):
    """Norms of gradients by layer, one operation at a time: the activation inside a layer is one of its own."""
    shared = L.Dense(6, activation="relu", name="shared")
    inner = tc.Sequential([tc.Input((6,)), shared, L.Dense(6, name="within")], name="inner")
    image = tc.Input((8, 8, 2))
    x = L.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = L.ReLU(name="relu")(L.BatchNormalization(name="normal")(L.MaxPooling2D(name="pool")(x)))
    x = shared(L.Dense(6, name="dense")(L.Flatten(name="flat")(x)))
    model = tc.Model(image, L.Add(name="sum")([inner(x), shared(x)]), name="net")
    operations, squares, calls_of_shared = {}, {}, set()

    def observe(function, inputs, dy, gradients):
        layers_around = [call.layer for call in function.calls]
        operations.setdefault(layers_around[-1].name, []).append(type(function).__name__)
        for tensor, gradient in zip(inputs, gradients, strict=True):
            if isinstance(tensor, L.Parameter) and gradient is not None:
                assert any(tensor is weight for weight in layers_around[-1].weights)
                name = layers_around[-1].name
                squares[name] = squares.get(name, 0) + np.square(gradient).sum()
        if layers_around[-1] is shared:
            calls_of_shared.add((function.calls[-1], "inner" in [layer.name for layer in layers_around]))

    images = tc.Tensor(rng.standard_normal((4, 8, 8, 2)).astype(np.float32))
    with tc.fusion(False):
        y = model(images, training=True)
    y.backward(rng.standard_normal(y.shape).astype(np.float32), observe=observe)
    assert {name: kinds for name, kinds in operations.items() if name != "shared"} == {
        "sum": ["Add"],
        "within": ["Dense"],
        "dense": ["Dense"],
        "flat": ["Reshape"],
        "relu": ["Relu"],
        "normal": ["BatchNorm"],
        "pool": ["MaxPool2D"],
        "conv": ["Relu", "Conv2D"],
    }
    assert sorted(operations["shared"]) == ["Dense"] * 3 + ["Relu"] * 3
    assert sorted(inside for _, inside in calls_of_shared) == [False, False, True]  # three calls of one layer
    for layer in (*model.layers[1:], inner.layers[1]):
        if layer not in (shared, inner) and layer.trainable_weights:
            norm = sum(np.square(weight.grad).sum() for weight in layer.trainable_weights)
            assert squares[layer.name] == pytest.approx(norm, rel=1e-5)
    with_fusion = model(images)
    assert type(with_fusion.creator).__name__ == "Add"
    assert [call.layer.name for call in with_fusion.creator.calls] == ["net", "sum"]


def test_an_activation_that_is_changed_later_counts(rng):
    """Passes are chosen at each call: a convolution whose activation changed is not rectified as before."""
    x = tc.Input((6, 6, 2))
    conv = L.Conv2D(4, 3, activation="relu")
    model = tc.Model(x, L.MaxPooling2D()(conv(x)))
    images = rng.standard_normal((2, 6, 6, 2)).astype(np.float32)
    rectified = model.predict(images)
    conv.activation = None
    assert conv.get_config()["activation"] == "linear"
    linear = model.predict(images)
    assert (linear < 0).any()
    np.testing.assert_array_equal(np.maximum(linear, 0), rectified)
