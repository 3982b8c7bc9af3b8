"""Random graphs of all layers: Keras builds the twin from the configuration, and must find the same numbers."""

import json
import os

import numpy as np
import parity_checks
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyconv as tc
from tinyconv import layers as L
from tinyconv.layers.augmentation import Augmentation

GRAPHS = int(os.environ.get("TINYCONV_RANDOM_GRAPHS", "200"))
BOUND = 1e-9  # relative in norm, of float64; a chain of layers may lose a digit

either = st.booleans()
paddings = st.sampled_from(["valid", "same"])
activations = st.sampled_from(["linear", "relu", "tanh", "sigmoid", "softmax"])
orders = st.sampled_from(["channels_last", "channels_last", "channels_first"])
strides = st.sampled_from([1, 1, 2, (2, 1)])


def window(draw, shape, largest=3, order="channels_last"):
    """Return a window's size that fits images of `shape`."""
    lengths = shape[1:3] if order == "channels_last" else shape[2:4]
    return tuple(draw(st.integers(1, min(largest, length))) for length in lengths)


def convolution(draw, shape):
    groups = draw(st.sampled_from([g for g in (1, 1, 2, 3) if shape[3] % g == 0]))
    filters = groups * draw(st.integers(1, 4))
    step, spread = draw(st.sampled_from([(1, 1), (2, 1), ((1, 2), 1), (1, 2)]))
    size = window(draw, shape, 2 if spread == 2 else 3)
    padding = draw(paddings) if spread == 1 else "same"
    given = dict(padding=padding, dilation_rate=spread, groups=groups, use_bias=draw(either))
    return L.Conv2D(filters, size, step, **given, activation=draw(activations))


def pooling(kind):
    def draw_one(draw, shape):
        order = draw(orders)
        return kind(window(draw, shape, 3, order), draw(st.sampled_from([None, 1, 2])), draw(paddings), order)

    return draw_one


def depthwise(draw, shape):
    order = draw(orders)
    size, steps, padding = window(draw, shape, 3, order), draw(st.sampled_from([1, 2])), draw(paddings)
    return L.DepthwiseConv2D(size, steps, padding, draw(st.integers(1, 2)), order)


def plain(kind, **choices):
    """Return a maker of layers of a kind; each argument is drawn from its choices."""
    return lambda draw, shape: kind(**{name: draw(st.sampled_from(values)) for name, values in choices.items()})


IMAGES = {
    L.Conv2D: convolution,
    L.MaxPooling2D: pooling(L.MaxPooling2D),
    L.AveragePooling2D: pooling(L.AveragePooling2D),
    L.DepthwiseConv2D: depthwise,
    L.SeparableConv2D: lambda draw, shape: L.SeparableConv2D(
        draw(st.integers(1, 3)), window(draw, shape), draw(st.sampled_from([1, 2])), draw(paddings)
    ),
    L.Conv2DTranspose: lambda draw, shape: L.Conv2DTranspose(
        draw(st.integers(1, 3)), window(draw, shape), draw(st.sampled_from([1, 2])), draw(paddings)
    ),
    L.ZeroPadding2D: lambda draw, shape: L.ZeroPadding2D(((draw(st.integers(0, 2)), 1), (0, draw(st.integers(0, 2))))),
    L.Cropping2D: lambda draw, shape: L.Cropping2D(((0, int(shape[1] > 1)), (int(shape[2] > 2), 0))),
    # Of the nearest: TensorFlow's bilinear interpolation rounds to float32.
    L.UpSampling2D: lambda draw, shape: L.UpSampling2D((1 + (shape[1] < 9), 2)),
    L.GlobalMaxPooling2D: plain(L.GlobalMaxPooling2D, keepdims=[False, True], data_format=[None, "channels_first"]),
    L.SpatialDropout2D: plain(L.SpatialDropout2D, rate=[0.5]),
    L.Permute: lambda draw, shape: L.Permute(draw(st.permutations([1, 2, 3]))),
    L.GlobalAveragePooling2D: plain(
        L.GlobalAveragePooling2D, keepdims=[False, True], data_format=[None, "channels_first"]
    ),
    L.CenterCrop: lambda draw, shape: L.CenterCrop(draw(st.integers(1, shape[1])), draw(st.integers(1, shape[2]))),
    L.Resizing: plain(L.Resizing, height=[3, 7], width=[2, 6], interpolation=["nearest"]),
    L.Flatten: plain(L.Flatten, data_format=[None, "channels_first"]),
    L.Reshape: lambda draw, shape: L.Reshape((shape[2], shape[3], shape[1])),
}
ANY = {
    L.Dense: plain(L.Dense, units=[1, 2, 5], activation=["linear", "relu", "tanh"], use_bias=[True, False]),
    L.Activation: plain(L.Activation, activation=["relu", "tanh", "sigmoid", "softmax"]),
    L.ReLU: plain(L.ReLU, negative_slope=[0.0, 0.25]),
    L.Softmax: plain(L.Softmax, axis=[-1, 1]),
    L.Dropout: plain(L.Dropout, rate=[0.5]),
    L.GaussianNoise: plain(L.GaussianNoise, stddev=[0.5]),
    L.BatchNormalization: plain(
        L.BatchNormalization, axis=[-1, 1], scale=[True, False], center=[True, False], momentum=[0.5]
    ),
    L.LayerNormalization: plain(L.LayerNormalization, axis=[-1, 1], scale=[True, False], epsilon=[0.25]),
    L.GroupNormalization: lambda draw, shape: L.GroupNormalization(
        draw(st.sampled_from([groups for groups in (-1, 1, 2, 3) if shape[-1] % groups == 0])), scale=draw(either)
    ),
    L.RMSNormalization: plain(L.RMSNormalization, epsilon=[0.25]),
    L.AlphaDropout: plain(L.AlphaDropout, rate=[0.5]),
    L.GaussianDropout: plain(L.GaussianDropout, rate=[0.5]),
    L.Identity: plain(L.Identity),
    L.ActivityRegularization: plain(L.ActivityRegularization, l1=[0.0, 0.5], l2=[0.25]),
    L.Normalization: plain(L.Normalization, mean=[0.5], variance=[4.0]),
    L.Rescaling: plain(L.Rescaling, scale=[0.5], offset=[-1.0]),
    L.ELU: plain(L.ELU, alpha=[1.0, 0.5]),
    L.LeakyReLU: plain(L.LeakyReLU, negative_slope=[0.25]),
    L.PReLU: plain(L.PReLU),
    L.SpectralNormalization: lambda draw, shape: L.SpectralNormalization(
        L.Dense(draw(st.integers(1, 4))), draw(st.integers(1, 2))
    ),
}
VECTORS = {L.RepeatVector: plain(L.RepeatVector, n=[1, 3])}
TIMES = {L.TimeDistributed: lambda draw, shape: L.TimeDistributed(ANY[draw(st.sampled_from(INNER))](draw, shape))}
INNER = [L.Dense, L.BatchNormalization, L.PReLU, L.Activation]
JOINING = [L.Dot, L.Add, L.Multiply, L.Average, L.Maximum, L.Minimum, L.Subtract, L.Concatenate]


@st.composite
def graphs(draw):
    """Return a functional model: up to two inputs, branches, joins, shared layers, a model within, all outputs."""
    tc.clear_session()
    inputs = [tc.Input(tuple(draw(st.integers(1, n)) for n in (8, 8, 4))) for _ in range(draw(st.integers(1, 2)))]
    made, used = list(inputs), []
    for _ in range(draw(st.integers(2, 9))):
        symbol = draw(st.sampled_from(made))
        alike = [other for other in made if other.shape == symbol.shape]
        sharable = [layer for layer in used if layer.input_shape == symbol.shape]
        action = draw(st.sampled_from(["layer"] * 5 + ["join"] * 2 + ["share"] * bool(sharable) + ["model"]))
        if action == "join":
            kind = draw(st.sampled_from(JOINING[len(symbol.shape) > 3 :]))  # no products of all places with all
            joining = kind(-1) if kind is L.Dot else kind()
            made.append(joining([symbol, draw(st.sampled_from(alike))]))
        elif action == "share":
            made.append(draw(st.sampled_from(sharable))(symbol))
        elif action == "model":
            start = tc.Input(symbol.shape[1:])
            end = draw_layer(draw, symbol.shape)(start)
            end = draw_layer(draw, end.shape)(end)
            made.append(tc.Model(start, end)(symbol))
        else:
            used.append(draw_layer(draw, symbol.shape))
            made.append(used[-1](symbol))
    fed = {symbol for made_one in made for symbol in made_one.node.inputs}
    return tc.Model(inputs, [symbol for symbol in made if symbol not in fed and symbol not in inputs])


def draw_layer(draw, shape):
    """Return a new layer that takes `shape`."""
    table = {**ANY, **(VECTORS if len(shape) == 2 else TIMES), **(IMAGES if len(shape) == 4 else {})}
    return table[draw(st.sampled_from(sorted(table, key=lambda kind: kind.__name__)))](draw, shape)


def test_every_layer_may_be_drawn():
    classes = {value for value in vars(L).values() if isinstance(value, type) and issubclass(value, L.Layer)}
    augmenting = {kind for kind in classes if issubclass(kind, Augmentation)}  # draw other numbers than Keras's
    undefined = {L.UnitNormalization}  # Keras's gradient of a vector of zeros, as ReLU makes them, is not a number
    bases = {L.Layer, L.InputLayer, L.Lambda, L.Wrapper}  # a function is described by its name only
    assert {*IMAGES, *ANY, *VECTORS, *TIMES, *JOINING} == classes - augmenting - undefined - bases


def kinds(model):
    """The classes of a model's layers, to name it by."""
    return " ".join(type(x).__name__ + (f"({kinds(x)})" if hasattr(x, "layers") else "") for x in model.layers)


def without_dropout(config):
    """Return the configuration with every dropout's rate 0: the engines draw other numbers."""
    text = json.dumps(config).replace('"rate": 0.5', '"rate": 0.0').replace('"stddev": 0.5', '"stddev": 0.0')
    return json.loads(text)


@pytest.fixture(scope="module")
def double(keras):
    """Both engines in float64."""
    before = keras.config.floatx(), keras.config.dtype_policy(), tc.floatx()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    tc.set_floatx("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])
    tc.set_floatx(before[2])


@pytest.mark.filterwarnings("ignore:Exception encountered:UserWarning", "ignore:You are using a softmax:UserWarning")
@pytest.mark.parametrize("count", [8, pytest.param(GRAPHS, marks=pytest.mark.slow)])
def test_random_models(keras, double, count):
    import tensorflow as tf

    @parity_checks.examples(count)
    @given(graphs(), st.integers(0, 2**32 - 1))
    def compare(model, seed):
        rng = np.random.default_rng(seed)
        config = without_dropout(model.get_config())
        ours = type(model).from_config(config)
        keras.backend.clear_session(free_memory=False)
        theirs = keras.Model.from_config(json.loads(json.dumps(config)))
        assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
        assert ours.count_params() == theirs.count_params()
        read_back = json.loads(json.dumps(type(ours).from_config(theirs.get_config()).get_config()))
        for mine, other in zip(json.loads(json.dumps(ours.get_config()))["layers"], read_back["layers"], strict=True):
            assert mine == other
        assert read_back == json.loads(json.dumps(ours.get_config()))

        weights = [rng.uniform(0.2, 1, w.shape) * rng.choice([-1, 1], w.shape) for w in theirs.get_weights()]
        weights = [abs(w) if "variance" in ours.weights[i].path else w for i, w in enumerate(weights)]
        ours.set_weights(weights)
        theirs.set_weights(weights)
        x = [rng.standard_normal((2, *shape[1:])) for shape in tc.layers.graph.flat_shapes(ours.input_shape)]
        for training in (False, True):
            compare_once(ours, theirs, x, rng, training)
        for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            parity_checks.close("state, random models", mine, other, BOUND)

    def compare_once(ours, theirs, x, rng, training):
        given = [tf.constant(each) for each in x]
        with tf.GradientTape() as tape:
            tape.watch(given)
            right = tc.layers.graph.flat(theirs(given if len(given) > 1 else given[0], training=training))
            cotangents = [rng.standard_normal(y.shape) for y in right]
            total = tf.add_n([tf.reduce_sum(y * dy) for y, dy in zip(right, cotangents, strict=True)])
        variables = theirs.trainable_variables
        gradients = tape.gradient(total, [*given, *variables], unconnected_gradients="zero")
        leaves = [tc.Tensor(each, requires_grad=True) for each in x]
        found = tc.layers.graph.flat(ours(leaves if len(leaves) > 1 else leaves[0], training=training))
        for y, other in zip(found, right, strict=True):
            parity_checks.close("output, random models", y.numpy(), other, BOUND, kinds(ours))
        for weight in ours.trainable_weights:
            weight.grad = None
        sum_of = [tc.functions.sum(y * dy) for y, dy in zip(found, cotangents, strict=True)]
        value = sum_of[0]
        for term in sum_of[1:]:
            value = value + term
        value.backward()
        scale = max(float(np.linalg.norm(tf.convert_to_tensor(g))) for g in gradients)
        for leaf, right_one in zip([*leaves, *ours.trainable_weights], gradients, strict=True):
            mine = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad
            error = np.linalg.norm(mine - np.asarray(right_one))
            assert error <= BOUND * max(scale, 1), f"gradient of {leaf.shape}: {error:.1e} of {scale:.1e}"

    compare()
