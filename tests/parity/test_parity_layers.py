"""Outputs and gradients of every layer, with the same weights and a random cotangent."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from parity_checks import close, compare_layer

import tinyconv as tc
from tinyconv.layers import Layer

exact = settings(deadline=None, derandomize=True, max_examples=25, database=None)

pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
seeds = st.integers(0, 2**32 - 1)


@st.composite
def windows(draw, dilated):
    """Draw (shape of x, size, strides, padding, dilation) where the window fits; Keras takes strides or dilation."""
    size, strides, dilation = draw(pairs), draw(pairs), (1, 1)
    if dilated and draw(st.booleans()):
        strides, dilation = dilation, strides
    padding = draw(st.sampled_from(["valid", "same"]))
    spans = [(k - 1) * d + 1 if padding == "valid" else 1 for k, d in zip(size, dilation, strict=True)]
    h, w = (span + draw(st.integers(0, 6)) for span in spans)
    return (draw(st.integers(1, 3)), h, w, draw(st.integers(1, 4))), size, strides, padding, dilation


def for_slopes(precision, activation):
    """Return the bounds for an activation: TensorFlow keeps LeakyReLU's slope of 0.2 in float32 whatever x is."""
    if activation == "leaky_relu" and precision.dtype == "float64":
        return replace(precision, output=2e-8, gradient=2e-8)
    return precision


def kind_of(name, activation):
    """Return under what name the errors are reported."""
    return "slope of 0.2 in float32" if activation == "leaky_relu" else name


def random_input(shape, seed):
    """Return (generator, x): distinct values, so that no maximum ties and no ReLU meets its kink."""
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=shape)


@exact
@given(windows(dilated=True), st.integers(1, 5), st.booleans(), seeds)
@example(((2, 7, 8, 3), (3, 3), (2, 2), "same", (1, 1)), 4, True, 1)  # odd and even sizes, padding uneven
@example(((2, 5, 5, 2), (1, 1), (3, 2), "valid", (1, 1)), 3, True, 2)  # strides larger than the window
@example(((1, 3, 3, 1), (3, 3), (1, 1), "valid", (1, 1)), 1, False, 3)  # one pixel left
@example(((2, 9, 8, 3), (3, 2), (1, 1), "same", (2, 3)), 4, True, 4)  # dilation, uneven padding
@example(((1, 2, 2, 1), (4, 4), (1, 1), "same", (1, 1)), 2, True, 5)  # padding larger than the image
def test_conv2d(keras, precision, window, filters, use_bias, seed):
    shape, size, strides, padding, dilation = window
    rng, x = random_input(shape, seed)
    arguments = dict(filters=filters, kernel_size=size, strides=strides, padding=padding, dilation_rate=dilation)
    compare_layer(keras, precision, "Conv2D", {**arguments, "use_bias": use_bias}, x, rng)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("channels", "filters"), [(1, 32), (32, 64)])
def test_conv2d_of_mnist(keras, precision, rng, channels, filters, padding):
    """The sizes that training meets, where blocks and other algorithms come in."""
    x = rng.normal(size=(8, 28, 26, channels))
    compare_layer(keras, precision, "Conv2D", dict(filters=filters, kernel_size=3, padding=padding), x, rng)


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu", "sigmoid", "tanh", "softmax"])
def test_conv2d_activation(keras, precision, rng, activation):
    x = rng.normal(size=(2, 6, 5, 3))
    arguments = dict(filters=4, kernel_size=3, activation=activation)
    compare_layer(keras, for_slopes(precision, activation), "Conv2D", arguments, x, rng, kind_of("Conv2D", activation))


@pytest.mark.parametrize(
    ("channels", "filters", "groups", "arguments"),
    [
        (4, 6, 2, dict(kernel_size=3)),
        (6, 6, 3, dict(kernel_size=(2, 3), strides=2, padding="same")),
        (3, 6, 3, dict(kernel_size=3, padding="same", dilation_rate=2)),  # one channel a group
        (4, 4, 4, dict(kernel_size=1, use_bias=False)),
    ],
)
def test_conv2d_groups(keras, precision, rng, channels, filters, groups, arguments):
    x = rng.normal(size=(2, 7, 6, channels))
    compare_layer(
        keras, precision, "Conv2D", dict(filters=filters, groups=groups, **arguments), x, rng, "Conv2D groups"
    )


@pytest.mark.parametrize(("strides", "dilation"), [((2, 2), (2, 2)), ((3, 1), (2, 3)), ((1, 2), (3, 2))])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv2d_dilated_and_strided(keras, precision, rng, strides, dilation, padding):
    """Both layers refuse the pair, but the function takes it: a dilated kernel has zeros between its cells."""
    import tensorflow as tf

    with pytest.raises(ValueError, match="`strides > 1` not supported in conjunction with `dilation_rate > 1`"):
        keras.layers.Conv2D(1, 3, strides=2, dilation_rate=2)
    dtype = precision.dtype
    x = rng.normal(size=(2, 11, 12, 2)).astype(dtype)
    kernel, bias = rng.normal(size=(3, 2, 2, 4)).astype(dtype), rng.normal(size=4).astype(dtype)
    with pytest.raises(ValueError, match="strides and dilation_rate must not both be above 1"):
        tc.layers.Conv2D(1, 3, strides=2, dilation_rate=2)
    spread = np.zeros((2 * dilation[0] + 1, dilation[1] + 1, 2, 4), dtype)
    spread[:: dilation[0], :: dilation[1]] = kernel

    sources = [tf.constant(x), tf.constant(spread), tf.constant(bias)]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        y_keras = keras.ops.conv(*sources[:2], strides=strides, padding=padding) + sources[2]
    dy = rng.normal(size=y_keras.shape).astype(dtype)
    dx, dw, db = (g.numpy() for g in tape.gradient(y_keras, sources, output_gradients=tf.constant(dy)))

    leaves = [tc.Tensor(array, requires_grad=True) for array in (x, kernel, bias)]
    y = tc.functions.conv2d(*leaves, strides, padding, dilation)
    y.backward(dy)
    close("output, Conv2D", y.numpy(), y_keras.numpy(), precision.output)
    for leaf, theirs in zip(leaves, (dx, dw[:: dilation[0], :: dilation[1]], db), strict=True):
        close("gradient, Conv2D", leaf.grad, theirs, precision.gradient)


@exact
@given(st.sampled_from(["MaxPooling2D", "AveragePooling2D"]), windows(dilated=False), st.booleans(), seeds)
@example("MaxPooling2D", ((2, 7, 5, 2), (3, 3), (1, 2), "same", (1, 1)), False, 1)  # windows overlap, padding uneven
@example("AveragePooling2D", ((2, 7, 5, 2), (3, 2), (1, 1), "same", (1, 1)), False, 2)  # padding must not count
@example("AveragePooling2D", ((2, 9, 9, 1), (2, 2), (3, 4), "valid", (1, 1)), False, 3)  # gaps between windows
@example("MaxPooling2D", ((1, 2, 3, 1), (4, 4), (1, 1), "same", (1, 1)), True, 4)  # window larger than the image
def test_pooling(keras, precision, name, window, default_strides, seed):
    shape, size, strides, padding, _ = window
    rng, x = random_input(shape, seed)
    x -= 10  # a zero of padding would win, or count
    arguments = dict(pool_size=size, strides=None if default_strides else strides, padding=padding)
    compare_layer(keras, precision, name, arguments, x, rng)


@pytest.mark.parametrize("arguments", [{}, dict(pool_size=3, strides=1, padding="same"), dict(pool_size=3, strides=2)])
def test_max_pooling_with_ties(keras, precision, rng, arguments):
    """Where several cells are the largest, the gradient goes to the first, as in TensorFlow."""
    x = rng.integers(0, 2, size=(3, 8, 8, 2)).astype(np.float64)
    compare_layer(keras, precision, "MaxPooling2D", arguments, x, rng)


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_average_pooling(keras, precision, rng, keepdims):
    x = rng.normal(size=(3, 5, 4, 6))
    compare_layer(keras, precision, "GlobalAveragePooling2D", dict(keepdims=keepdims), x, rng)


@pytest.mark.parametrize("activation", [None, "relu", "leaky_relu", "sigmoid", "tanh", "softmax"])
@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 5), (2, 3, 2, 4), (1, 1)], ids=str)
def test_dense(keras, precision, rng, shape, activation):
    arguments = dict(units=3, activation=activation)
    compare_layer(
        keras,
        for_slopes(precision, activation),
        "Dense",
        arguments,
        rng.normal(size=shape),
        rng,
        kind_of("Dense", activation),
    )


def test_dense_without_bias(keras, precision, rng):
    compare_layer(keras, precision, "Dense", dict(units=7, use_bias=False), rng.normal(size=(5, 600)), rng)


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu", "sigmoid", "tanh", "softmax"])
@pytest.mark.parametrize("scale", [1, 30], ids=["moderate", "saturated"])
def test_activation(keras, precision, rng, activation, scale):
    x = scale * rng.normal(size=(4, 3, 7))
    compare_layer(
        keras,
        for_slopes(precision, activation),
        "Activation",
        dict(activation=activation),
        x,
        rng,
        kind_of("Activation", activation),
    )


@pytest.mark.parametrize("slope", [0.0, 0.125, 0.375, 1.0, 2.5])  # exact in float32: see `for_slopes`
def test_relu(keras, precision, rng, slope):
    compare_layer(keras, precision, "ReLU", dict(negative_slope=slope), rng.normal(size=(3, 4, 5)), rng)


def test_softmax(keras, precision, rng):
    compare_layer(keras, precision, "Softmax", {}, 3 * rng.normal(size=(3, 4, 5)), rng)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (2, 3, 4, 5)], ids=str)
def test_flatten(keras, precision, rng, shape):
    compare_layer(keras, precision, "Flatten", {}, rng.normal(size=shape), rng)


@pytest.mark.parametrize("target", [(12,), (3, 4), (-1, 2, 3), (2, -1), (1, 12, 1)], ids=str)
def test_reshape(keras, precision, rng, target):
    compare_layer(keras, precision, "Reshape", dict(target_shape=target), rng.normal(size=(5, 2, 6)), rng)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_dropout_outside_training(keras, precision, rng, rate):
    compare_layer(keras, precision, "Dropout", dict(rate=rate), rng.normal(size=(5, 2, 6)), rng)


def test_dropout_in_training(keras, precision):
    """The masks differ, what they do to the numbers does not."""
    x = np.full((400, 500), 3.0, precision.dtype)
    ours = tc.layers.Dropout(0.3, seed=1)(x, training=True).numpy()
    theirs = keras.layers.Dropout(0.3, seed=1)(x, training=True).numpy()
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-6)
    for y in (ours, theirs):
        assert abs((y == 0).mean() - 0.3) < 0.005


def test_dropout_of_everything(keras, precision, rng):
    x = rng.normal(size=(3, 4)).astype(precision.dtype)
    for engine in (tc, keras):
        assert not engine.layers.Dropout(1.0)(x, training=True).numpy().any()


def test_every_layer_is_compared():
    """A new layer needs a test here, or in one of the files for its kind."""
    compared = "Activation AveragePooling2D Conv2D Dense Dropout Flatten "
    compared += "GlobalAveragePooling2D MaxPooling2D ReLU Reshape Softmax "
    compared += "BatchNormalization LayerNormalization Normalization Rescaling "  # in test_parity_normalization.py
    # in test_parity_spatial.py
    compared += (
        "Conv2DTranspose Cropping2D DepthwiseConv2D GlobalMaxPooling2D SeparableConv2D UpSampling2D ZeroPadding2D"
    )
    compared += " ELU LeakyReLU PReLU Permute GaussianNoise SpatialDropout2D"  # in test_parity_activations.py
    compared += " RandomFlip RandomRotation RandomZoom RandomTranslation RandomBrightness RandomContrast RandomCrop"
    compared += " RandomHue RandomSaturation RandomGrayscale RandomInvert RandomShear"
    compared += " CenterCrop Resizing"  # in test_parity_augmentation.py
    compared += " RepeatVector TimeDistributed SpectralNormalization"  # in test_parity_wrappers.py
    # in test_parity_more_layers.py
    compared += " ActivityRegularization AlphaDropout GaussianDropout GroupNormalization Identity"
    compared += " RMSNormalization UnitNormalization"
    compared += " Lambda"  # in test_parity_symbols.py
    kinds = {
        value.__name__ for value in vars(tc.layers).values() if isinstance(value, type) and issubclass(value, Layer)
    }
    joining = "Add Average Concatenate Dot Maximum Minimum Multiply Subtract"  # in test_parity_random_models.py
    assert kinds - {"Layer", "InputLayer", "Wrapper"} == {*compared.split(), *joining.split()}
