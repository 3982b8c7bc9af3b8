"""Layers and models of one's own: the same class bodies in both engines, weight for weight and file for file."""

import numpy as np
import pytest
from parity_checks import close

import tinyconv as tc

# TensorFlow's variables have not caught up with NumPy 2's signature of __array__; Keras calls it when it saves.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def classes(engine):
    """Return a layer and a model, written once for both engines."""
    layers = engine.layers

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.convs, self.norms = [], []
            for filters in (3, 4):
                self.convs.append(layers.Conv2D(filters, 3, padding="same", activation="tanh"))
                self.norms.append(layers.BatchNormalization())
            self.table = {"b": layers.Dense(3), "a": layers.Dense(4)}
            self._hidden = layers.Dense(2)
            self.alias = self.table["a"]
            self.deep = [[layers.Dense(2)], layers.Dropout(0.5)]

        def build(self, input_shape):
            self.count = self.add_weight(shape=(2,), initializer="zeros", trainable=False, name="count")
            self.scale = self.add_weight(shape=(1,), initializer="ones", name="scale")
            super().build(input_shape)

        def call(self, x):
            for conv, norm in zip(self.convs, self.norms):  # noqa: B905  as a guide has it
                x = norm(conv(x))
            x = self.table["a"](self.table["b"](x))
            return self._hidden(self.deep[1](self.deep[0][0](x))) * self.scale

    class Net(engine.Model):
        def __init__(self):
            super().__init__()
            self.d = layers.Conv2D(2, 1)
            self.out = layers.Dense(2)
            self.block = Block()
            self.poolings = [layers.GlobalAveragePooling2D()]

        def call(self, x, training=None):
            return self.out(self.poolings[0](self.block(self.d(x), training=training)))

    return Block, Net


def functional(engine):
    image = engine.Input((5, 4, 3))
    block = classes(engine)[0]
    return engine.Model(image, engine.layers.Dense(1)(engine.layers.Flatten()(block()(image))))


def subclassed(engine):
    model = classes(engine)[1]()
    model(np.zeros((1, 5, 4, 3), np.float32))
    return model


@pytest.mark.parametrize("make", [functional, subclassed])
def test_weights_and_files(keras, make, rng, tmp_path):
    ours, theirs = make(tc), make(keras)
    assert [(w.name, w.shape) for w in ours.weights] == [(w.name, tuple(w.shape)) for w in theirs.weights]
    for attribute in ("trainable_weights", "non_trainable_weights"):
        assert [w.shape for w in getattr(ours, attribute)] == [tuple(w.shape) for w in getattr(theirs, attribute)]
    x = rng.normal(size=(4, 5, 4, 3)).astype(np.float32)
    for source, target in ((ours, theirs), (theirs, ours)):
        source.set_weights([rng.uniform(0.2, 1, weight.shape) for weight in source.weights])
        path = str(tmp_path / "a.weights.h5")
        source.save_weights(path)
        target.load_weights(path)
        for weight, judge in zip(source.get_weights(), target.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, judge)
        close("output, own layers", ours(x).numpy(), theirs(x).numpy(), 1e-5, make.__name__)


def test_a_trained_model_of_ones_own(keras, rng):
    """The same steps from the same weights, the block's layers in training with it."""
    ours, theirs = subclassed(tc), subclassed(keras)
    for model in (ours, theirs):
        model.block.deep[1].rate = 0.0
    theirs.set_weights(ours.get_weights())
    x, y = rng.normal(size=(8, 5, 4, 3)).astype(np.float32), rng.normal(size=(8, 2)).astype(np.float32)
    curves = []
    for model in (ours, theirs):
        model.compile("sgd", "mean_squared_error")
        curves.append(model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(*curves, rtol=1e-4)
    for weight, judge in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(weight, judge, rtol=1e-3, atol=1e-5)


def test_a_file_with_more_or_less_is_refused(tmp_path):
    model = subclassed(tc)
    path = str(tmp_path / "a.weights.h5")
    model.save_weights(path)
    model.more = None
    other = classes(tc)[1]()
    other.block.table["c"] = tc.layers.Dense(2)
    other(np.zeros((1, 5, 4, 3), np.float32))
    other.block.table["c"].build((None, 2))
    with pytest.raises(ValueError, match=r"has no block/table/dense_2 in .*, which has dense: make the model"):
        other.load_weights(path)
    other.save_weights(path)
    with pytest.raises(ValueError, match="has weights in block/table/dense_2, the model has no such layer"):
        model.load_weights(path)
