"""Layers whose `call` takes several tensors, and others besides: the same text with both engines."""

import numpy as np
import pytest

import tinyconv as tc

# TensorFlow's variables have not caught up with NumPy 2's signature of __array__; Keras calls it when it saves.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

RNG = np.random.default_rng(5)
A, B = RNG.standard_normal((6, 4, 4, 2)).astype(np.float32), RNG.standard_normal((6, 4, 4, 3)).astype(np.float32)


def layers_of(engine):
    layers = engine.layers

    class Join(layers.Layer):
        """A block of a U-Net: features, what is skipped to it, and how much of that counts."""

        def __init__(self, filters, **kwargs):
            super().__init__(**kwargs)
            self.filters = filters
            self.conv = layers.Conv2D(filters, 3, padding="same", name="conv")
            self.drop = layers.Dropout(0.5)

        def build(self, x_shape, skip_shape):
            self.shift = self.add_weight(shape=(self.filters,), initializer="ones", name="shift")
            self.conv.build((*x_shape[:-1], x_shape[-1] + skip_shape[-1]))

        def call(self, x, skip, share=1.0, training=False):
            joined = (tc.functions if engine is tc else engine.ops).concatenate([x, skip * share], axis=-1)
            return self.drop(self.conv(joined) + self.shift, training=training)

        def get_config(self):
            return {**super().get_config(), "filters": self.filters}

    class Optional(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = layers.Dense(3, name="dense")

        def call(self, inputs, other=None):
            y = self.dense(inputs)
            return y if other is None else y + other

    return Join, Optional


def network(engine):
    join, optional = layers_of(engine)
    a, b = engine.Input((4, 4, 2), name="a"), engine.Input((4, 4, 3), name="b")
    block, plain = join(3, name="join"), optional(name="optional")
    y = block(a, b)
    y = engine.layers.Activation("tanh")(y)
    return engine.Model([a, b], plain(block(y[..., :2], skip=y, share=0.5), other=b))


def test_values_and_training(keras, fresh_names):
    found, weights = [], None
    for engine in (keras, tc):
        model = network(engine)
        weights = weights or model.get_weights()
        model.set_weights(weights)
        model.get_layer("join").drop.rate = 0.0
        model.compile("sgd", "mse", run_eagerly=True)
        y = model.predict([A, B], verbose=0)
        history = model.fit([A, B], 0 * B, batch_size=3, epochs=2, shuffle=False, verbose=0).history
        found.append((y, history["loss"], [each.path.split("/")[-1] for each in model.weights]))
    for ours, theirs in zip(found[1][:2], found[0][:2], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    assert found[1][2] == found[0][2]


def test_called_on_arrays(keras):
    for engine in (keras, tc):
        join, optional = layers_of(engine)
        layer = join(3)
        assert tuple(layer(A, B).shape) == tuple(layer(A, skip=B, share=0.0).shape) == (6, 4, 4, 3)
        assert (np.asarray(layer(A, B, training=True)) == 0).any()
        layer = optional()
        difference = np.asarray(layer(A, B)) - np.asarray(layer(A))
        np.testing.assert_allclose(difference, B, rtol=1e-3, atol=1e-5)
        np.testing.assert_array_equal(np.asarray(layer(A, None)), np.asarray(layer(A)))


def test_files(tmp_path):
    kinds = {kind.__name__: kind for kind in layers_of(tc)}
    model = network(tc)
    model.save(tmp_path / "a.keras")
    again = tc.load_model(tmp_path / "a.keras", custom_objects=kinds)
    np.testing.assert_array_equal(again([A, B]).numpy(), model([A, B]).numpy())
    assert tc.models.clone_model(model).output_shape == model.output_shape


def test_what_is_missing_is_named():
    join, _ = layers_of(tc)
    with pytest.raises(TypeError, match=r'"join.*" is called on x: its call needs skip'):
        join(3)(A)
    with pytest.raises(TypeError, match=r'"join.*" is called on skip: its call needs x'):
        join(3)(skip=B)
