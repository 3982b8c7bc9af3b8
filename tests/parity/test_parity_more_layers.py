"""Normalization by groups and by length, noise that multiplies, and what only passes on, beside Keras's layers."""

import json
from dataclasses import replace

import numpy as np
import pytest
from parity_checks import close, close_numbers, compare_layer, make_layer, penalty

import tinyconv as tc

NORMALIZED = [
    ("GroupNormalization", dict(groups=2), (2, 5, 4, 6)),
    ("GroupNormalization", dict(groups=-1, epsilon=0.01), (2, 5, 4, 3)),
    ("GroupNormalization", dict(groups=1, scale=False, axis=3), (2, 5, 4, 3)),
    ("GroupNormalization", dict(groups=3, center=False), (4, 5, 6)),
    ("GroupNormalization", dict(groups=2, scale=False, center=False), (5, 8)),
    ("UnitNormalization", {}, (2, 3, 4, 5)),
    ("UnitNormalization", dict(axis=[1, 2]), (2, 3, 4, 5)),
    ("UnitNormalization", dict(axis=1), (3, 7)),
    ("RMSNormalization", {}, (2, 3, 4, 5)),
    ("RMSNormalization", dict(axis=[-2, -1], epsilon=0.1), (2, 3, 4, 5)),
    ("RMSNormalization", dict(axis=-1), (3, 7)),
    ("Softmax", dict(axis=1), (2, 5, 4, 3)),
    ("Softmax", dict(axis=[1, 2]), (2, 5, 4, 3)),
    ("Softmax", dict(axis=[3, 1]), (2, 5, 4, 3)),
    ("Softmax", dict(axis=[-1]), (3, 4)),
    ("Identity", {}, (2, 3, 4)),
    ("ActivityRegularization", dict(l1=0.5, l2=0.25), (2, 3, 4)),
]


@pytest.mark.parametrize(("name", "arguments", "shape"), NORMALIZED, ids=str)
def test_output_and_gradients(keras, precision, rng, name, arguments, shape):
    compare_layer(keras, precision, name, arguments, 3 * rng.normal(size=shape) + 1, rng)


@pytest.mark.parametrize("interpolation", ["bicubic", "lanczos3", "lanczos5"])
def test_smoother_upsampling(keras, precision, rng, interpolation):
    """TensorFlow interpolates in float32, whatever it is given, and has no gradient of Lanczos's in float64."""
    double = precision.dtype == "float64"
    if double:
        precision = replace(precision, output=1e-6, gradient=1e-6)
    for shape, size in (((2, 5, 6, 3), 2), ((1, 3, 1, 2), (1, 4))):
        arguments, x = dict(size=size, interpolation=interpolation), rng.normal(size=shape)
        if double and interpolation != "bicubic":
            ours, theirs = (np.asarray(make_layer(engine, "UpSampling2D", arguments)(x)) for engine in (tc, keras))
            close(f"output, {interpolation}", ours, theirs.astype(ours.dtype), precision.output)
        else:
            compare_layer(keras, precision, "UpSampling2D", arguments, x, rng, interpolation)


DOTS = [
    *((-1, (3, 5), (3, 5)), (1, (3, 5), (3, 5)), ((2, 1), (3, 4, 5), (3, 5, 2)), (-1, (3, 2, 4, 5), (3, 6, 5))),
    *(((1, -1), (3, 5), (3, 4, 5)), ((2, 3), (3, 4, 5, 2), (3, 2, 1, 5)), (1, (3, 5, 2), (3, 5))),
]


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("axes", "first", "second"), DOTS, ids=str)
def test_dot(keras, precision, rng, axes, first, second, normalize):
    """By the layer and by the function; shapes, values and gradients of both inputs."""
    import tensorflow as tf

    x = [rng.normal(size=shape).astype(precision.dtype) for shape in (first, second)]
    sources = [tf.constant(each) for each in x]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        theirs = keras.layers.Dot(axes, normalize)(sources)
    dy = rng.normal(size=theirs.shape).astype(precision.dtype)
    leaves = [tc.Tensor(each, requires_grad=True) for each in x]
    y = tc.layers.dot(leaves, axes, normalize=normalize)
    y.backward(dy)
    where = f"axes={axes}, normalize={normalize}"
    close("output, Dot", y.numpy(), theirs.numpy(), precision.output, where)
    gradients = tape.gradient(theirs, sources, output_gradients=tf.constant(dy))
    for leaf, gradient in zip(leaves, gradients, strict=True):
        close("gradient, Dot", leaf.grad, gradient.numpy(), precision.gradient, where)
    symbol = tc.layers.Dot(axes, normalize)([tc.Input(each.shape[1:]) for each in x])
    assert symbol.shape == (None, *y.shape[1:])


FUNCTIONS = ["add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate", "dot"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_join(keras, rng, name):
    """On arrays and on symbols, by a name of one's own."""
    x = rng.normal(size=(2, 3, 4)).astype(np.float32)
    y = rng.normal(size=(2, 3, 4)).astype(np.float32)
    found = []
    for engine in (tc, keras):
        join = getattr(engine.layers, name)
        inputs = [engine.Input((3, 4)), engine.Input((3, 4))]
        model = engine.Model(inputs, join(inputs, name="mine"))
        assert model.layers[-1].name == "mine"
        found += [np.asarray(join([x, y])), np.asarray(model([x, y]))]
    for each in found:
        np.testing.assert_allclose(each, found[-1], rtol=1e-5, atol=1e-6)


def test_vectors_of_zeros(keras, precision):
    """They stay zeros, and the gradient of one is a number, which Keras's is not."""
    x = np.zeros((2, 3), precision.dtype)
    x[0] = 3, 0, 4
    ours = tc.Tensor(x, requires_grad=True)
    y = tc.layers.UnitNormalization()(ours)
    close("output, UnitNormalization", y.numpy(), keras.layers.UnitNormalization()(x).numpy(), precision.output)
    y.backward(np.ones_like(x))
    np.testing.assert_allclose(ours.grad[0], [0.2 * (1 - 0.6 * 1.4), 0.2, 0.2 * (1 - 0.8 * 1.4)], atol=1e-6)
    assert np.isfinite(ours.grad).all()


def test_penalty_of_activities(keras, precision, rng):
    """A penalty for the sum over the samples, divided by their number; in a model it joins the loss."""
    x = rng.normal(size=(6, 5)).astype(precision.dtype)
    found = []
    for engine in (tc, keras):
        layer = engine.layers.ActivityRegularization(l1=0.5, l2=0.25)
        model = engine.Sequential([engine.Input((5,)), layer])
        model.compile("sgd", "mean_squared_error")
        found.append(model.evaluate(x, 2 * x, verbose=0))
        assert "activity_regularizer" not in layer.get_config()
    close_numbers("penalty", *found, precision.output, precision.dtype)
    expected = (x**2).mean() + 0.5 * abs(x).sum() / 6 + 0.25 * (x**2).sum() / 6
    assert found[0] == pytest.approx(expected, rel=1e-5)


NOISES = [
    ("AlphaDropout", dict(rate=0.3)),
    ("AlphaDropout", dict(rate=0.3, noise_shape=(None, 1, 50))),
    ("GaussianDropout", dict(rate=0.3)),
    ("Dropout", dict(rate=0.3, noise_shape=(None, None, 1))),
    ("Dropout", dict(rate=0.3, noise_shape=(1, 40, 1))),
]


@pytest.mark.parametrize(("name", "arguments"), NOISES, ids=str)
def test_noise(keras, rng, name, arguments):
    """The numbers differ; the spread, and what falls together, are Keras's. Outside training nothing happens."""
    x = rng.normal(size=(100, 40, 50)).astype(np.float32)
    found = []
    for engine in (tc, keras):
        layer = getattr(engine.layers, name)(**arguments, seed=3)
        np.testing.assert_array_equal(np.asarray(layer(x, training=False)), x)
        found.append(np.asarray(layer(x, training=True)))
    ours, theirs = found
    noise_shape = arguments.get("noise_shape", (None, None, None))
    if noise_shape[0] is None:
        for moment in (np.mean, np.std):
            assert moment(ours) == pytest.approx(moment(theirs), abs=0.05)
    if name == "GaussianDropout":
        return
    fallen = [y == (0 if name == "Dropout" else most_common(y)) for y in found]
    axes = tuple(axis for axis, length in enumerate(noise_shape) if length == 1)
    for mask in fallen:
        assert mask.mean() == pytest.approx(0.3, abs=0.03 if noise_shape[0] is None else 0.25)  # of 40 draws in all
        assert (mask.any(axis=axes) == mask.all(axis=axes)).all()
    kept = ~(fallen[0] | fallen[1])
    np.testing.assert_allclose(ours[kept], theirs[kept], rtol=1e-5, atol=1e-6)


def most_common(y):
    """What AlphaDropout puts in the place of those that fall."""
    values, counts = np.unique(y, return_counts=True)
    return values[counts.argmax()]


CONFIGURED = [
    *((name, arguments) for name, arguments, _ in NORMALIZED),
    *(("Dot", dict(axes=[1, 2], normalize=True)), ("Dot", dict(axes=-1))),
    *(("UpSampling2D", dict(interpolation=method)) for method in ("bicubic", "lanczos3", "lanczos5")),
    *NOISES,
    ("GroupNormalization", dict(groups=2, gamma_regularizer=penalty("L2", l2=0.5), beta_constraint="non_neg")),
]


@pytest.mark.parametrize(
    ("name", "arguments"), CONFIGURED, ids=lambda part: part if isinstance(part, str) else ", ".join(part)
)
def test_configuration(keras, fresh_names, name, arguments):
    """All that Keras says of a layer, in its words; each reads what the other says."""
    ours, theirs = (make_layer(engine, name, arguments) for engine in (tc, keras))
    said, judge = ours.get_config(), theirs.get_config()
    assert said.keys() == judge.keys()
    assert {key: value for key, value in said.items() if key in arguments and key != "gamma_regularizer"} == {
        key: judge[key] for key in arguments if key not in ("gamma_regularizer", "beta_constraint")
    } | {key: said[key] for key in arguments if key == "beta_constraint"}
    assert type(ours).from_config(json.loads(json.dumps(judge))).get_config() == said
    again = type(theirs).from_config(json.loads(json.dumps(said))).get_config()
    assert json.dumps(again) == json.dumps(judge)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_files(keras, rng, tmp_path, ending):
    """From Keras, to tinyconv, and back."""
    layers = keras.layers
    stack = [
        *(layers.Identity(), layers.GroupNormalization(2), layers.GroupNormalization(-1, scale=False)),
        layers.GroupNormalization(1),
        *(layers.UnitNormalization([1, 2]), layers.RMSNormalization(), layers.ActivityRegularization(0.5, 0.25)),
        *(layers.AlphaDropout(0.5), layers.Softmax([1, 2]), layers.UpSampling2D(2, interpolation="bicubic")),
        *(layers.GaussianDropout(0.25), layers.Dropout(0.5, noise_shape=(None, 1, 1, None))),
    ]
    theirs = keras.Sequential([keras.Input((5, 4, 6)), *stack])
    theirs.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in theirs.weights if "seed" not in weight.path])
    x = rng.normal(size=(3, 5, 4, 6)).astype(np.float32)
    expected = theirs.predict(x, verbose=0)
    theirs.save(tmp_path / f"a{ending}")
    ours = tc.load_model(tmp_path / f"a{ending}")
    close("output, from a file", ours.predict(x), expected, 1e-5, ending)
    ours.save(tmp_path / f"b{ending}")
    back = keras.saving.load_model(tmp_path / f"b{ending}")
    close("output, from a file", back.predict(x, verbose=0), expected, 1e-5, ending)
    assert [layer.get_config() for layer in back.layers] == [layer.get_config() for layer in theirs.layers]
