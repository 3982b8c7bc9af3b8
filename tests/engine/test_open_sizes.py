"""Inputs of open height and width: built once, run on any size, refused where a number is needed."""

import json

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers as L

OPEN = (None, None, 3)


def everything():
    """A model with every layer that leaves height and width open, and one output that does not."""
    image = tc.Input(OPEN)
    x = L.Rescaling(2.0)(L.Normalization(mean=0.5, variance=2.0)(image))
    x = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = L.Add()([x, L.DepthwiseConv2D(3, padding="same")(L.BatchNormalization()(x))])
    x = L.Concatenate()([x, L.SeparableConv2D(4, 3, padding="same")(x)])
    x = L.AveragePooling2D(padding="same")(L.MaxPooling2D(3, 1, padding="same")(x))
    x = L.Cropping2D(1)(L.ZeroPadding2D(2)(L.UpSampling2D(2)(x)))
    x = L.SpatialDropout2D(0.5)(L.LayerNormalization()(L.PReLU(shared_axes=[1, 2])(x)))
    x = L.Permute((2, 1, 3))(L.Conv2DTranspose(5, 3, strides=2)(x))
    x = L.GaussianNoise(0.1)(L.Softmax()(L.LeakyReLU()(L.ELU()(x))))
    y = L.Dense(2)(L.GlobalAveragePooling2D()(x))
    return tc.Model(image, [x, y, L.GlobalMaxPooling2D(keepdims=True)(x), L.Flatten()(x), L.Reshape((-1, 5))(x)])


def test_any_size_and_the_shapes_of_a_model_of_that_size(rng):
    model = everything()
    assert model.output_shape == [(None, None, None, 5), (None, 2), (None, 1, 1, 5), (None, None), (None, None, 5)]
    again = tc.Model.from_config(json.loads(json.dumps(model.get_config())))
    again.set_weights(model.get_weights())
    for size in ((9, 12), (16, 7)):
        images = rng.standard_normal((2, *size, 3)).astype(np.float32)
        found = model.predict(images)
        for output, other, shape in zip(found, again.predict(images), model.output_shape, strict=True):
            np.testing.assert_array_equal(output, other)
            assert all(known in (None, length) for known, length in zip(shape, output.shape, strict=True))
        fixed = tc.Input((*size, 3))
        symbols = model(fixed)
        assert [symbol.shape[1:] for symbol in symbols] == [output.shape[1:] for output in found]
        for output, other in zip(found, tc.Model(fixed, symbols).predict(images), strict=True):
            np.testing.assert_array_equal(output, other)


@pytest.mark.parametrize("kind", ["stack", "functional"])
def test_training_on_two_sizes(kind, rng, capsys):
    stack = [L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(), L.GlobalAveragePooling2D(), L.Dense(1)]
    model = tc.Sequential([tc.Input(OPEN), *stack])
    if kind == "functional":
        model = tc.Model(model.input, model.output)
    model.compile("adam", "mean_squared_error")
    for size in ((9, 8), (12, 13)):
        x, y = rng.standard_normal((8, *size, 3)), np.ones((8, 1))
        history = model.fit(x, y, epochs=5, verbose=0).history["loss"]
        assert history[-1] < history[0]
        assert model.evaluate(x, y, verbose=0) < history[0]
    model.summary()
    assert "(None, None, None, 4)" in capsys.readouterr().out
    assert model.count_params() == 4 * 28 + 5
    with pytest.raises(ValueError, match="3"):
        model.predict(rng.standard_normal((8, 9, 9, 4)))
    with pytest.raises(ValueError, match=r"window of 3×3 is larger than the image of 2×9"):
        model.predict(rng.standard_normal((8, 2, 9, 3)))


REFUSED = [
    (lambda x: L.Dense(2)(L.Flatten()(x)), "dense.*features is open, as Flatten leaves that of images of any size"),
    (lambda x: L.PReLU()(x), "p_re_lu.*number of slopes is open"),
    (lambda x: L.LayerNormalization([1, 2, 3])(x), "layer_normalization.*number of features is open"),
    (lambda x: L.Conv2D(2, 3)(L.Permute((3, 1, 2))(x)), "conv2d.*number of channels is open"),
    (lambda x: L.Add()([x, tc.Input((5, 6, 4))]), "add.*got inputs of shapes"),
    (lambda x: L.Concatenate()([tc.Input((None, 5, 3)), tc.Input((4, 6, 3))]), "must agree on every axis but -1"),
    (lambda x: L.Conv2D(2, 3)(L.Cropping2D(3)(tc.Input((None, 5, 3)))), "nothing would be left"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_needs_a_number_is_refused(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call(tc.Input(OPEN))
    assert "\n" not in str(caught.value)


def test_lengths_that_meet():
    wide, other = tc.Input((None, 6, 3)), tc.Input((5, None, 3))
    assert L.Add()([wide, other]).shape == (None, 5, 6, 3)
    assert L.Concatenate()([wide, other]).shape == (None, 5, 6, 6)
    assert L.Concatenate(axis=1)([wide, other]).shape == (None, None, 6, 3)
    assert L.Multiply()([tc.Input((None, 1)), tc.Input((None, 4))]).shape == (None, None, 4)
    assert L.Add()([tc.Input((None, 2)), tc.Input((1, 2))]).shape == (None, None, 2)


def test_what_a_model_of_any_size_costs_is_not_known():
    with pytest.raises(ValueError, match="open"):
        tc.models.multiply_adds(everything())
