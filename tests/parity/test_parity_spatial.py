"""Outputs and gradients of the layers that slide windows over images or change their size; weights after training."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from parity_checks import both_models, close, compare_layer
from test_parity_layers import exact, random_input, seeds

import tinyconv as tc

sizes = st.tuples(st.integers(1, 4), st.integers(1, 4))


@st.composite
def depthwise_windows(draw):
    """Draw (shape of x, window's arguments). TensorFlow takes strides that are equal, or with them a dilation."""
    size, stride = draw(sizes), draw(st.integers(1, 3))
    dilation = draw(sizes) if stride == 1 else (1, 1)
    padding = draw(st.sampled_from(["valid", "same"]))
    spans = [(k - 1) * d + 1 if padding == "valid" else 1 for k, d in zip(size, dilation, strict=True)]
    h, w = (span + draw(st.integers(0, 9)) for span in spans)
    shape = draw(st.integers(1, 3)), h, w, draw(st.sampled_from([1, 3, 16, 18]))
    return shape, dict(kernel_size=size, strides=stride, padding=padding, dilation_rate=dilation)


@exact
@given(depthwise_windows(), st.integers(1, 3), st.booleans(), seeds)
@example(((2, 7, 8, 3), dict(kernel_size=3, strides=2, padding="same")), 1, True, 1)  # padding uneven
@example(((2, 5, 5, 2), dict(kernel_size=1, strides=3)), 2, True, 2)  # strides larger than the window
@example(((1, 3, 3, 1), dict(kernel_size=3)), 1, False, 3)  # one pixel left
@example(((2, 9, 8, 3), dict(kernel_size=(3, 2), padding="same", dilation_rate=(2, 3))), 2, True, 4)
@example(((1, 2, 2, 1), dict(kernel_size=4, padding="same")), 2, True, 5)  # padding larger than the image
def test_depthwise_conv2d(keras, precision, window, multiplier, use_bias, seed):
    shape, arguments = window
    rng, x = random_input(shape, seed)
    arguments = dict(arguments, depth_multiplier=multiplier, use_bias=use_bias)
    compare_layer(keras, precision, "DepthwiseConv2D", arguments, x, rng)


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((2, 29, 28, 32), dict(strides=1, padding="same", use_bias=False)),
        ((2, 29, 29, 32), dict(strides=2, padding="valid", use_bias=False)),
        ((2, 7, 7, 100), dict(strides=1, padding="same", use_bias=False)),
        ((2, 14, 14, 24), dict(strides=2, padding="same", activation="relu")),
    ],
    ids=str,
)
def test_depthwise_conv2d_of_mobilenet(keras, precision, rng, shape, arguments):
    x = rng.normal(size=shape)
    compare_layer(keras, precision, "DepthwiseConv2D", dict(kernel_size=3, **arguments), x, rng)


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid", "tanh", "softmax"])
def test_depthwise_conv2d_activation(keras, precision, rng, activation):
    arguments = dict(kernel_size=3, depth_multiplier=2, activation=activation)
    compare_layer(keras, precision, "DepthwiseConv2D", arguments, rng.normal(size=(2, 6, 5, 3)), rng)


@pytest.mark.parametrize("name", ["DepthwiseConv2D", "SeparableConv2D"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_depthwise_dilated_and_strided(keras, precision, rng, name, padding):
    """Keras computes all positions and takes some of them."""
    arguments = dict(kernel_size=(3, 2), strides=(2, 3), padding=padding, dilation_rate=(3, 2), depth_multiplier=2)
    if name == "SeparableConv2D":
        arguments["filters"] = 4
    compare_layer(keras, precision, name, arguments, rng.normal(size=(2, 12, 13, 3)), rng)


@exact
@given(depthwise_windows(), st.integers(1, 2), st.integers(1, 5), st.booleans(), seeds)
@example(((2, 7, 8, 3), dict(kernel_size=3, strides=2, padding="same")), 2, 4, True, 1)
@example(((2, 9, 8, 18), dict(kernel_size=(3, 2), padding="same", dilation_rate=(2, 3))), 1, 5, False, 2)
def test_separable_conv2d(keras, precision, window, multiplier, filters, use_bias, seed):
    shape, arguments = window
    rng, x = random_input(shape, seed)
    arguments = dict(arguments, depth_multiplier=multiplier, filters=filters, use_bias=use_bias)
    compare_layer(keras, precision, "SeparableConv2D", arguments, x, rng)


@pytest.mark.parametrize("activation", ["relu", "softmax"])
def test_separable_conv2d_activation(keras, precision, rng, activation):
    arguments = dict(filters=4, kernel_size=3, activation=activation)
    compare_layer(keras, precision, "SeparableConv2D", arguments, rng.normal(size=(2, 6, 5, 3)), rng)


@st.composite
def transposed_windows(draw):
    """Draw (shape of x, window's arguments): all that TensorFlow takes."""
    size, strides, padding = draw(sizes), draw(sizes), draw(st.sampled_from(["valid", "same"]))
    arguments = dict(kernel_size=size, strides=strides, padding=padding)
    if draw(st.booleans()):
        least = [0 if padding == "valid" or k % 2 else 1 for k in size]
        if all(low < s for low, s in zip(least, strides, strict=True)):
            arguments["output_padding"] = tuple(
                draw(st.integers(low, s - 1)) for low, s in zip(least, strides, strict=True)
            )
    return (draw(st.integers(1, 3)), *draw(sizes), draw(st.integers(1, 4))), arguments


@exact
@given(transposed_windows(), st.integers(1, 5), st.booleans(), seeds)
@example(((2, 3, 4, 2), dict(kernel_size=3, strides=2, padding="same")), 3, True, 1)
@example(((2, 3, 4, 2), dict(kernel_size=3, strides=2, padding="valid")), 3, True, 2)
@example(((2, 3, 4, 2), dict(kernel_size=(2, 1), strides=(4, 3), padding="valid")), 3, True, 3)  # gaps
@example(((1, 1, 1, 1), dict(kernel_size=4, padding="same")), 1, False, 4)
@example(((2, 3, 4, 2), dict(kernel_size=4, strides=2, padding="same", output_padding=1)), 3, True, 5)
@example(((2, 3, 4, 2), dict(kernel_size=3, strides=3, padding="valid", output_padding=(0, 2))), 3, True, 6)
def test_conv2d_transpose(keras, precision, window, filters, use_bias, seed):
    shape, arguments = window
    rng, x = random_input(shape, seed)
    arguments = dict(arguments, filters=filters, use_bias=use_bias)
    compare_layer(keras, precision, "Conv2DTranspose", arguments, x, rng)


@pytest.mark.parametrize(("channels", "filters", "size"), [(32, 16, 3), (64, 32, 2), (3, 16, 4)])
def test_conv2d_transpose_of_a_decoder(keras, precision, rng, channels, filters, size):
    """The sizes that training meets, where other algorithms come in."""
    arguments = dict(filters=filters, kernel_size=size, strides=2, padding="same", activation="relu")
    compare_layer(keras, precision, "Conv2DTranspose", arguments, rng.normal(size=(2, 9, 8, channels)), rng)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv2d_transpose_at_stride_1(keras, precision, rng, padding):
    """Winograd's part."""
    arguments = dict(filters=16, kernel_size=3, padding=padding)
    compare_layer(keras, precision, "Conv2DTranspose", arguments, rng.normal(size=(2, 9, 8, 16)), rng)


@pytest.mark.parametrize("dilation", [(2, 2), (3, 3)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv2d_transpose_dilated(keras, precision, rng, dilation, padding):
    """TensorFlow has none on a CPU; but a dilated kernel is an undilated one with zeros between its cells."""
    import tensorflow as tf

    dtype = precision.dtype
    x, kernel = rng.normal(size=(2, 6, 5, 3)).astype(dtype), rng.normal(size=(3, 2, 4, 3)).astype(dtype)
    bias = rng.normal(size=4).astype(dtype)
    layer = tc.layers.Conv2DTranspose(4, (3, 2), padding=padding, dilation_rate=dilation)
    layer.prepare((None, *x.shape[1:]))
    layer.set_weights([kernel, bias])
    spread = np.zeros((2 * dilation[0] + 1, dilation[1] + 1, 4, 3), dtype)
    spread[:: dilation[0], :: dilation[1]] = kernel
    sources = [tf.constant(x), tf.constant(spread), tf.constant(bias)]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        y_keras = keras.ops.conv_transpose(*sources[:2], padding=padding) + sources[2]
    dy = rng.normal(size=y_keras.shape).astype(dtype)
    dx, dw, db = (g.numpy() for g in tape.gradient(y_keras, sources, output_gradients=tf.constant(dy)))

    xt = tc.Tensor(x, requires_grad=True)
    y = layer(xt)
    y.backward(dy)
    close("output, Conv2DTranspose", y.numpy(), y_keras.numpy(), precision.output)
    expected = dx, dw[:: dilation[0], :: dilation[1]], db
    for ours, theirs in zip((xt.grad, *(weight.grad for weight in layer.weights)), expected, strict=True):
        close("gradient, Conv2DTranspose", ours, theirs, precision.gradient)


def test_conv2d_transpose_refuses_what_keras_cannot(keras, rng):
    x = rng.normal(size=(1, 3, 3, 1)).astype("float32")
    arguments = dict(filters=1, kernel_size=2, strides=2, padding="same", output_padding=0)
    with pytest.raises(Exception, match="Size"):  # of TensorFlow's own kind
        keras.layers.Conv2DTranspose(**arguments)(x)
    with pytest.raises(ValueError, match="does not bring back to 3×3"):
        tc.layers.Conv2DTranspose(**arguments)(x)
    for engine in (tc, keras):
        with pytest.raises(ValueError, match="output_padding"):
            engine.layers.Conv2DTranspose(1, 3, 2, output_padding=2)


@pytest.mark.parametrize(("name", "argument"), [("ZeroPadding2D", "padding"), ("Cropping2D", "cropping")])
@pytest.mark.parametrize(
    "sides", [None, 0, 2, (1, 2), (0, 1), ((0, 1), (2, 0)), ((1, 0), (0, 0)), (1, (0, 2))], ids=str
)
def test_padding_and_cropping(keras, precision, rng, name, argument, sides):
    arguments = {} if sides is None else {argument: sides}
    compare_layer(keras, precision, name, arguments, rng.normal(size=(2, 5, 6, 3)), rng)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", [(2, 2), 3, (1, 4), (5, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (1, 1, 6, 1), (3, 7, 1, 2), (1, 1, 1, 1)], ids=str)
def test_upsampling(keras, precision, rng, shape, size, interpolation):
    if interpolation == "bilinear" and precision.dtype == "float64":
        precision = replace(precision, output=1e-6, gradient=1e-6)  # TensorFlow interpolates in float32
    arguments = dict(size=size, interpolation=interpolation)
    kind = f"UpSampling2D {interpolation}"
    compare_layer(keras, precision, "UpSampling2D", arguments, rng.normal(size=shape), rng, kind)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("shape", [(3, 5, 4, 6), (1, 1, 7, 2), (2, 1, 1, 1)], ids=str)
def test_global_max_pooling(keras, precision, rng, shape, keepdims):
    compare_layer(keras, precision, "GlobalMaxPooling2D", dict(keepdims=keepdims), rng.normal(size=shape), rng)


def test_global_max_pooling_with_ties(keras, precision, rng):
    """Where several cells are the largest, they share the gradient, as in TensorFlow."""
    x = rng.integers(0, 2, size=(3, 4, 4, 2)).astype(np.float64)
    compare_layer(keras, precision, "GlobalMaxPooling2D", {}, x, rng)


STACK = [
    ("ZeroPadding2D", dict(padding=((0, 1), (0, 1)))),
    ("Conv2D", dict(filters=16, kernel_size=3, strides=2, activation="relu", use_bias=False)),
    ("DepthwiseConv2D", dict(kernel_size=3, padding="same", depthwise_regularizer="l2")),
    ("Conv2D", dict(filters=24, kernel_size=1, activation="relu")),
    ("SeparableConv2D", dict(filters=16, kernel_size=3, strides=2, padding="same", activation="tanh")),
    ("UpSampling2D", {}),
    ("Conv2DTranspose", dict(filters=8, kernel_size=3, strides=2, padding="same", activation="relu")),
    ("Cropping2D", dict(cropping=1)),
    ("GlobalMaxPooling2D", {}),
    ("Dense", dict(units=3, activation="softmax")),
]


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_weights_after_steps_of_training(keras, precision, rng):
    ours, theirs = both_models(keras, STACK, (17, 17, 3), rng)
    x, y = rng.normal(size=(8, 17, 17, 3)).astype(precision.dtype), rng.integers(0, 3, 8)
    for model, engine in ((ours, tc), (theirs, keras)):
        model.compile(engine.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    before = ours.get_weights()
    for _ in range(10):
        losses = [float(np.atleast_1d(model.train_on_batch(x, y))[0]) for model in (ours, theirs)]
        assert losses[0] == pytest.approx(losses[1], rel=precision.curve)
    for weight, first, other in zip(ours.weights, before, theirs.get_weights(), strict=True):
        assert (weight.numpy() != first).any()
        close("weight, 10 steps", weight.numpy(), other, precision.curve, weight.path)
