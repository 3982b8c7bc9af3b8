"""What layers, models and optimizers had besides before Keras 3."""

import numpy as np
import pytest

from tinyconv.keras import era

X = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)


def test_weights_by_the_letters_of_keras_1():
    with era(1):
        from keras.layers import Dense
        from keras.models import Sequential

        model = Sequential([Dense(3, input_dim=4)])
        layer = model.layers[0]
        np.testing.assert_array_equal(layer.W.get_value(), model.get_weights()[0])
        layer.b.set_value(np.ones(3))
        np.testing.assert_allclose(model.predict(X), X @ layer.W.get_value() + 1, rtol=1e-5)


@pytest.mark.parametrize("which", ["1", "2.1"])
def test_layers_are_taken_off_a_stack(which):
    """As scripts take the classes off a network, whose features they go on with."""
    with era(which):
        from keras.layers import Dense
        from keras.models import Sequential

        model = Sequential([Dense(3, input_dim=4), Dense(2, name="classes")])
        features = model.layers[0]
        assert model.layers.pop().name == "classes"
        model.outputs = [model.layers[-1].output]
        model.layers[-1].outbound_nodes = []
        assert model.layers == [features]
        assert model.predict(X).shape == (8, 3)
        model.add(Dense(5))
        assert model.predict(X).shape == (8, 5)


@pytest.mark.parametrize("which", ["1", "2"])
def test_layers_are_taken_off_a_graph(which):
    with era(which):
        from keras.layers import Dense, Input
        from keras.models import Model

        x = Input((4,))
        inner = Dense(3, name="features")(x)
        model = Model(x, Dense(2, name="classes")(inner))
        whole = Model(x, inner).predict(X)
        model.layers.pop()
        assert model.layers[-1].name == "features"
        model.outputs = [model.layers[-1].output]
        assert model.layers[-1].name == "features"
        np.testing.assert_array_equal(model.predict(X), whole)
        assert model.output.shape == (None, 3)


def test_what_a_script_prepares():
    with era(2):
        from keras.layers import Dense
        from keras.models import Sequential
        from keras.utils.conv_utils import conv_output_length, deconv_length, normalize_data_format, normalize_tuple

        model = Sequential([Dense(3, input_shape=(4,))])
        model._make_predict_function()
        model.reset_states()
        assert model.layers[0].get_output_shape_at(0) == (None, 3)
        assert model.layers[0].get_input_shape_at(0) == (None, 4)
        assert normalize_data_format(None) == "channels_last"
        assert normalize_tuple(3, 2, "kernel_size") == (3, 3)
        assert [conv_output_length(9, 3, padding, 2) for padding in ("same", "valid")] == [5, 4]
        assert [deconv_length(4, 2, 3, padding, None) for padding in ("same", "valid")] == [8, 9]


def test_an_optimizer_minimizes():
    with era("tf2"):
        import tensorflow as tf

        v = tf.Variable(3.0)
        optimizer = tf.keras.optimizers.SGD(0.1)
        optimizer.minimize(lambda: v * v, [v])
        np.testing.assert_allclose(v.numpy(), 2.4, rtol=1e-6)
        with tf.GradientTape() as tape:
            loss = v * v
        optimizer.minimize(loss, [v], tape=tape)
        np.testing.assert_allclose(v.numpy(), 2.4 * 0.8, rtol=1e-6)
        assert optimizer.iterations.numpy() == optimizer.iterations == 2


def test_checkpoints_of_weights(tmp_path):
    with era("tf2"):
        import tensorflow as tf

        model = tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,))])
        before = model.predict(X)
        assert tf.train.latest_checkpoint(tmp_path) is None
        for number in (1, 2):
            model.save_weights(str(tmp_path / "inner" / f"cp-{number:04d}.ckpt"))
        last = tf.train.latest_checkpoint(tmp_path / "inner")
        assert last == str(tmp_path / "inner" / "cp-0002.ckpt")
        model.set_weights([0 * weight for weight in model.get_weights()])
        model.load_weights(last).expect_partial()
        np.testing.assert_array_equal(model.predict(X), before)


def test_first_values_under_a_name():
    """As layers of Keras 1 make their weights."""
    with era(1):
        from keras import backend as K
        from keras import initializations
        from keras.engine.topology import Layer
        from keras.models import Sequential

        class Linear(Layer):
            def __init__(self, output_dim, init="glorot_uniform", **kwargs):
                self.output_dim, self.init = output_dim, initializations.get(init)
                super().__init__(**kwargs)

            def build(self, input_shape):
                self.W = self.init((input_shape[1], self.output_dim), name=f"{self.name}_W")
                self.b = initializations.zero((self.output_dim,), name="b")
                self.trainable_weights = [self.W, self.b]
                self.seen = initializations.one((2,), name="seen")
                self.non_trainable_weights = [self.seen]

            def call(self, x, mask=None):
                return K.dot(x, self.W) + self.b

            def get_output_shape_for(self, input_shape):
                return (input_shape[0], self.output_dim)

        model = Sequential([Linear(3, input_shape=(4,))])
        w, b, _ = model.get_weights()
        assert w.std() > 0
        assert len(model.trainable_weights) == 2
        np.testing.assert_allclose(model.predict(X), X @ w, rtol=1e-5, atol=1e-6)
        model.compile("sgd", "mse")
        model.fit(X, np.ones((8, 3)), nb_epoch=1, verbose=0)
        assert (model.get_weights()[1] != b).all()


def test_bases_at_the_root_of_keras_3():
    with era("3"):
        import keras

        class Double(keras.Layer):
            def call(self, x):
                return 2 * x

        x = keras.Input((4,))
        assert isinstance(x, keras.KerasTensor)
        assert isinstance(keras.losses.MeanSquaredError(), keras.Loss)
        assert isinstance(keras.optimizers.Adam(), keras.Optimizer)
        assert isinstance(keras.metrics.Mean(), keras.Metric)
        np.testing.assert_array_equal(keras.Model(x, Double()(x)).predict(X, verbose=0), 2 * X)
        assert keras.version() == keras.__version__
        np.testing.assert_array_equal(keras.layers.Pipeline([Double(), Double()])(X).numpy(), 4 * X)
