"""Layers around a layer, RepeatVector, InputSpec and descriptions of layers: what Keras's are."""

import json

import numpy as np
import pytest
from parity_checks import close, compare_layer, keras_gradients, our_gradients

import tinyconv as tc
from tinyconv import layers


def both(keras, make, shape, rng):
    """Return the layer from both engines with the same weights; Keras makes its own from our description."""
    ours = make(tc)
    ours.prepare((None, *shape[1:]))
    theirs = keras.layers.deserialize(json.loads(json.dumps(layers.serialize(ours))))
    theirs.build((None, *shape[1:]))
    weights = [rng.normal(size=weight.shape) for weight in ours.weights]
    weights = [abs(w) if "variance" in weight.path else w for w, weight in zip(weights, ours.weights, strict=True)]
    assert [w.shape for w in weights] == [tuple(weight.shape) for weight in theirs.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return ours, theirs


CASES = {
    "TimeDistributed(Dense)": (lambda e: e.layers.TimeDistributed(e.layers.Dense(3, "tanh")), (2, 4, 5)),
    "TimeDistributed(Conv2D)": (lambda e: e.layers.TimeDistributed(e.layers.Conv2D(3, 2)), (2, 3, 5, 4, 2)),
    "TimeDistributed(BatchNormalization)": (
        lambda e: e.layers.TimeDistributed(e.layers.BatchNormalization()),
        (4, 3, 5),
    ),
    "SpectralNormalization(Dense)": (lambda e: e.layers.SpectralNormalization(e.layers.Dense(3), 2), (4, 5)),
    "SpectralNormalization(Conv2D)": (
        lambda e: e.layers.SpectralNormalization(e.layers.Conv2D(3, 2, padding="same")),
        (2, 5, 4, 2),
    ),
}


class InMode:
    """A layer called in training or outside it."""

    def __init__(self, layer, training):
        self.layer, self.training, self.trainable_weights = layer, training, layer.trainable_weights

    def __call__(self, x):
        return self.layer(x, training=self.training)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_wrappers(keras, precision, rng, case, training):
    make, shape = CASES[case]
    ours, theirs = both(keras, make, shape, rng)
    x = rng.normal(size=shape).astype(precision.dtype)
    cotangent = rng.normal(size=ours.compute_output_shape(shape)).astype(precision.dtype)
    y, gradients = our_gradients(InMode(ours, training), x, lambda _: cotangent)
    y_keras, gradients_keras = keras_gradients(InMode(theirs, training), x, lambda _: cotangent)
    close(f"output, {case}", y, y_keras, precision.output)
    for mine, other in zip(gradients, gradients_keras, strict=True):
        close(f"gradient, {case}", mine, other, precision.gradient)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        close(f"state, {case}", mine, other, precision.output)
    again = layers.deserialize(json.loads(json.dumps(keras.layers.serialize(theirs))))
    assert json.loads(json.dumps(again.get_config())) == json.loads(json.dumps(ours.get_config()))


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`:UserWarning")
@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("RepeatVector", dict(n=3), (2, 5)),
        ("LayerNormalization", dict(rms_scaling=True), (3, 4, 5)),
        ("LayerNormalization", dict(rms_scaling=True, axis=[1, 2]), (3, 4, 5)),
    ],
    ids=str,
)
def test_layers(keras, precision, rng, name, arguments, shape):
    ours, theirs = compare_layer(keras, precision, name, arguments, rng.normal(size=shape), rng)
    for key, value in arguments.items():
        assert ours.get_config()[key] == theirs.get_config()[key] == value


def test_a_kernel_of_zeros_stays(rng):
    layer = layers.SpectralNormalization(layers.Dense(3, kernel_initializer="zeros"))
    layer(rng.normal(size=(2, 4)), training=True)
    assert not layer.layer.kernel.numpy().any()


def test_the_largest_singular_value_becomes_one(rng):
    layer = layers.SpectralNormalization(layers.Dense(4), 50)
    x = rng.normal(size=(2, 6))
    for _ in range(3):
        layer(x, training=True)
    assert np.linalg.norm(layer.layer.kernel.numpy(), 2) == pytest.approx(1, rel=1e-5)


def test_own_wrappers_and_files(tmp_path, rng):
    """A wrapper of one's own; whole models with wrappers come back from a file."""

    @tc.register_keras_serializable("wrappers")
    class DoubledLayer(layers.Wrapper):
        def call(self, inputs):
            return self.layer(inputs) * 2.0

    stack = [
        tc.Input((3, 4)),
        DoubledLayer(layers.Dense(2)),
        layers.TimeDistributed(tc.Sequential([layers.Dense(5, "relu")])),
    ]
    model = tc.Sequential([*stack, layers.Flatten(), layers.SpectralNormalization(layers.Dense(2))])
    assert model.layers[0].trainable_weights == model.layers[0].layer.trainable_weights
    x = rng.random((2, 3, 4), np.float32)
    model.save(tmp_path / "a.keras")
    np.testing.assert_array_equal(
        tc.load_model(tmp_path / "a.keras").predict(x, verbose=0), model.predict(x, verbose=0)
    )
    frozen = DoubledLayer(layers.Dense(2), trainable=False)
    frozen.prepare((None, 4))
    assert frozen.trainable_weights == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.TimeDistributed(3), "TimeDistributed goes around a layer, got 3"),
        (lambda: layers.TimeDistributed(layers.Dense(2))(np.ones((2, 3))), "needs at least 3 axes"),
        (lambda: layers.SpectralNormalization(layers.ReLU())(np.ones((2, 3))), "needs a layer with a kernel, ReLU has"),
        (lambda: layers.SpectralNormalization(layers.Dense(1), 0), "power_iterations must be a positive integer"),
        (lambda: layers.RepeatVector(0), "n must be a positive integer, got 0"),
        (lambda: layers.RepeatVector(2)(np.ones((2, 3, 4))), "needs 2 axes"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_layers_and_models_describe_themselves(keras):
    model = tc.Sequential([tc.Input((4,)), layers.Dense(2, activation="relu")])
    for ours in (layers.Dropout(0.25), layers.Conv2D(2, 3, name="c"), model):
        described = json.loads(json.dumps(layers.serialize(ours)))
        theirs = keras.layers.deserialize(described)
        back = layers.deserialize(json.loads(json.dumps(keras.layers.serialize(theirs))))
        assert type(back) is type(ours)
        assert json.loads(json.dumps(back.get_config())) == described["config"]


SPECS = [
    *((dict(ndim=2), (3, 4), (3, 4, 5)), (dict(min_ndim=3), (2, 3, 4), (2, 3)), (dict(max_ndim=2), (2, 3), (2, 3, 4))),
    *((dict(shape=(None, 4)), (3, 4), (3, 5)), (dict(axes={-1: 4}), (2, 3, 4), (2, 3, 5))),
    (dict(ndim=3, axes={1: 2}), (5, 2, 3), (5, 3, 2)),
]


@pytest.mark.parametrize(("arguments", "fits", "misfits"), SPECS, ids=str)
def test_input_spec(keras, arguments, fits, misfits):
    """A layer of one's own refuses the inputs that Keras's refuses."""
    ours, theirs = layers.InputSpec(**arguments), keras.layers.InputSpec(**arguments)
    assert ours.get_config() == theirs.get_config()
    assert repr(ours) == repr(theirs)
    for engine in (tc, keras):

        class Own(engine.layers.Layer):
            def __init__(self):
                super().__init__()
                self.input_spec = engine.layers.InputSpec(**arguments)  # noqa: B023

            def call(self, inputs):
                return inputs * 1.0

        assert Own()(np.ones(fits, np.float32)).shape == fits
        layer = Own()
        with pytest.raises(ValueError, match="nput"):
            layer(np.ones(misfits, np.float32))
