"""Layers and models of images with channels first: Keras's outputs, gradients, shapes and configurations."""

import numpy as np
import pytest
from parity_checks import both_layers, close, compare_layer, keras_gradients, our_gradients

import tinyconv as tc

FIRST = {"data_format": "channels_first"}
# Of these Keras on a CPU computes no gradient with channels first: its own with channels last is the judge.
LAST = [
    ("Conv2D", dict(filters=4, kernel_size=(3, 2), padding="same", activation="relu")),
    ("Conv2D", dict(filters=4, kernel_size=3, strides=2, activation="sigmoid")),
    ("Conv2DTranspose", dict(filters=3, kernel_size=3, strides=2, padding="same", activation="relu")),
]
LAYERS = [
    ("Conv2D", dict(filters=4, kernel_size=2, dilation_rate=2, groups=2, activation="sigmoid", **FIRST)),
    ("DepthwiseConv2D", dict(kernel_size=3, depth_multiplier=2, activation="softmax", use_bias=False, **FIRST)),
    ("SeparableConv2D", dict(filters=3, kernel_size=3, padding="same", activation="tanh", **FIRST)),
    ("MaxPooling2D", dict(pool_size=(3, 2), strides=2, padding="same", **FIRST)),
    ("AveragePooling2D", dict(pool_size=2, **FIRST)),
    ("GlobalAveragePooling2D", dict(**FIRST)),
    ("GlobalAveragePooling2D", dict(keepdims=True, **FIRST)),
    ("GlobalMaxPooling2D", dict(keepdims=True, **FIRST)),
    ("ZeroPadding2D", dict(padding=((1, 0), (2, 1)), **FIRST)),
    ("Cropping2D", dict(cropping=((1, 0), (2, 1)), **FIRST)),
    ("UpSampling2D", dict(size=(2, 3), **FIRST)),
    ("Flatten", dict(**FIRST)),
    ("Flatten", dict()),
    ("Resizing", dict(height=3, width=8, interpolation="nearest", **FIRST)),
    ("CenterCrop", dict(height=3, width=4, **FIRST)),
    ("LayerNormalization", dict(axis=1)),
    ("LayerNormalization", dict(axis=[1, 3])),
    ("GroupNormalization", dict(groups=2, axis=1)),
    ("Softmax", dict(axis=1)),
    ("PReLU", dict(shared_axes=[2, 3])),
    ("Activation", dict(activation="softmax")),
]


@pytest.mark.parametrize(("name", "arguments"), LAYERS, ids=str)
def test_layers(keras, precision, rng, name, arguments):
    compare_layer(keras, precision, name, arguments, rng.normal(size=(2, 4, 6, 5)), rng)


def images_first(x):
    return x.transpose(0, 3, 1, 2)


@pytest.mark.parametrize(("name", "arguments"), LAST, ids=str)
def test_layers_beside_channels_last(keras, precision, rng, name, arguments):
    x = rng.normal(size=(2, 6, 5, 4)).astype(precision.dtype)
    last, theirs = both_layers(keras, name, arguments, x.shape, rng)
    ours = getattr(tc.layers, name)(**arguments, **FIRST)
    ours.build((None, 4, 6, 5))
    ours.set_weights(last.get_weights())
    dy = rng.normal(size=last.compute_output_shape(x.shape)[1:]).astype(precision.dtype)
    dy = np.stack([dy, -2 * dy])
    y_keras, (dx_keras, *others_keras) = keras_gradients(theirs, x, lambda shape: dy)
    y, (dx, *others) = our_gradients(ours, images_first(x), lambda shape: images_first(dy))
    close(f"output, {name}", y, images_first(y_keras), precision.output)
    close(f"gradient, {name}", dx, images_first(dx_keras), precision.gradient)
    for mine, other in zip(others, others_keras, strict=True):
        close(f"gradient, {name}", mine, other, precision.gradient)


def test_an_activation_that_sees_the_order_goes_along_the_last_axis(rng):
    """As in Keras, where it is applied to the output as it is."""
    x = rng.normal(size=(2, 4, 6, 5))
    layer = tc.layers.Conv2D(3, 3, activation="softmax", dtype="float64", **FIRST)
    plain = tc.layers.Conv2D(3, 3, dtype="float64", **FIRST)
    y = layer(x).numpy()
    plain.build((None, 4, 6, 5))
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(y, tc.functions.softmax(plain(x)).numpy(), rtol=1e-12)
    np.testing.assert_allclose(y.sum(axis=3), 1)


@pytest.mark.parametrize("axis", [1, -3, 2])
@pytest.mark.parametrize("training", [False, True])
def test_batch_normalization_along_another_axis(keras, precision, rng, axis, training):
    x = rng.normal(size=(3, 4, 6, 5)).astype(precision.dtype)
    ours, theirs = both_layers(keras, "BatchNormalization", dict(axis=axis), x.shape, rng)
    weights = [np.abs(weight) for weight in ours.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    dy = rng.normal(size=x.shape).astype(precision.dtype)
    y_keras, gradients_keras = keras_gradients(lambda_of(theirs, training), x, lambda shape: dy)
    y, gradients = our_gradients(lambda_of(ours, training), x, lambda shape: dy)
    close("output, BatchNormalization", y, y_keras, precision.output)
    for mine, other in zip(gradients, gradients_keras, strict=True):
        close("gradient, BatchNormalization", mine, other, precision.gradient)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        close("state, BatchNormalization", mine, other, precision.output)


class lambda_of:  # noqa: N801
    """A layer called in training or outside it."""

    def __init__(self, layer, training):
        self.layer, self.training, self.trainable_weights = layer, training, layer.trainable_weights

    def __call__(self, x):
        return self.layer(x, training=self.training)


def network(engine, first):
    """Return a model with what stands between convolutions: branches, joins, activations, dropout of nothing."""
    layers, order = engine.layers, {"data_format": "channels_first" if first else "channels_last"}
    axis = 1 if first else -1
    start = engine.Input((3, 12, 10) if first else (12, 10, 3))
    x = layers.Conv2D(4, 3, padding="same", **order)(start)
    x = layers.BatchNormalization(axis=axis)(x)
    x = layers.Activation("relu")(x)
    y = layers.Conv2D(4, 3, padding="same", activation="relu", **order)(x)
    y = layers.LeakyReLU()(y)
    z = layers.ReLU()(layers.Add()([x, y]))
    z = layers.Multiply()([layers.Dropout(0.0)(z), layers.ELU()(y)])
    z = layers.Concatenate(axis=axis)([z, y])
    z = layers.Conv2D(6, 3, **order)(z)
    z = layers.ReLU()(z)
    z = layers.MaxPooling2D(**order)(z)
    z = layers.SeparableConv2D(5, 3, padding="same", **order)(z)
    z = layers.ZeroPadding2D(((0, 1), (1, 0)), **order)(z)
    z = layers.SpatialDropout2D(0.0, **order)(z)
    z = layers.AveragePooling2D(2, **order)(z)
    return engine.Model(start, layers.Dense(3, activation="softmax")(layers.Flatten(**order)(z)))


def test_shapes_summary_and_configuration_are_keras_s(keras):
    tc.clear_session()
    keras.backend.clear_session(free_memory=False)
    ours, theirs = network(tc, True), network(keras, True)
    assert ours.input_shape == theirs.input_shape
    assert ours.count_params() == theirs.count_params()
    for mine, other in zip(ours.layers, theirs.layers, strict=True):
        assert mine.output.shape == other.output.shape
        assert [w.shape for w in mine.weights] == [tuple(w.shape) for w in other.weights]
        assert mine.get_config().get("data_format") == other.get_config().get(
            "data_format", mine.get_config().get("data_format")
        )
    again = tc.Model.from_config(theirs.get_config())
    assert [layer.output.shape for layer in again.layers] == [layer.output.shape for layer in ours.layers]


@pytest.mark.parametrize("fused", [True, False])
def test_training_equals_that_with_channels_last(precision, rng, fused):
    """To the bit: it is the same computation."""
    last, first = network(tc, False), network(tc, True)
    first.set_weights(last.get_weights())
    x, y = rng.normal(size=(8, 12, 10, 3)).astype(precision.dtype), np.eye(3)[rng.integers(0, 3, 8)]
    with tc.fusion(fused):
        for model, given in ((last, x), (first, images_first(x))):
            model.compile(tc.optimizers.SGD(0.1), "categorical_crossentropy")
            model.fit(given, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        np.testing.assert_array_equal(first.predict(images_first(x), verbose=0), last.predict(x, verbose=0))
    for mine, other in zip(first.get_weights(), last.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_nothing_is_laid_out_anew_between_layers(rng, monkeypatch):
    """Forward and backward: no tensor's numbers are asked for in the order of channels first."""
    asked = []
    monkeypatch.setattr(tc.functions.ChannelsFirst, "data", property(lambda self: asked.append(self)))
    model = network(tc, True)
    loss = tc.losses.loss_of("categorical_crossentropy")
    loss(np.eye(3, dtype="float32")[[0, 1]], model(rng.normal(size=(2, 3, 12, 10)), training=True)).backward()
    assert asked == []
    assert all(weight.grad is not None for weight in model.trainable_weights)
