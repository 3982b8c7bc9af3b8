"""Layers, models and metrics of a script's own, as each era wrote them."""

import tarfile
import zipfile

import numpy as np
import pytest

from tinyconv.keras import era

X = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)


def trained(model, weight):
    """Train a step; return whether the weight changed."""
    before = weight.numpy().copy()
    model.compile(loss="mse", optimizer="sgd")
    model.fit(X, np.ones((8, 1)), batch_size=8, verbose=0)
    return (weight.numpy() != before).any()


def test_a_layer_of_keras_1():
    """Attributes before `super().__init__`, weights as variables in a list, the shape by its old name."""
    with era(1):
        from keras import backend as K
        from keras.engine.topology import Layer
        from keras.layers.core import Dense
        from keras.models import Sequential

        class Linear(Layer):
            def __init__(self, output_dim, **kwargs):
                self.output_dim = output_dim
                super().__init__(**kwargs)

            def build(self, input_shape):
                self.W = K.variable(np.full((input_shape[1], self.output_dim), 0.5))
                self.trainable_weights = [self.W]

            def call(self, x, mask=None):
                return K.dot(x, self.W)

            def get_output_shape_for(self, input_shape):
                return (input_shape[0], self.output_dim)

        model = Sequential()
        model.add(Linear(3, input_shape=(4,)))
        model.add(Dense(output_dim=1))
        np.testing.assert_allclose(model.layers[0](X).numpy(), np.repeat(X.sum(axis=1, keepdims=True), 3, 1) / 2, 1e-5)
        assert model.count_params() == 4 * 3 + 3 + 1
        assert trained(model, model.layers[0].W)


def test_a_layer_of_keras_2():
    with era(2):
        from keras import backend as K
        from keras.engine.base_layer import InputSpec, Layer
        from keras.layers import Dense
        from keras.models import Sequential

        class Linear(Layer):
            def __init__(self, units, **kwargs):
                self.units = units
                super(Linear, self).__init__(**kwargs)  # noqa: UP008  as it was written

            def build(self, input_shape):
                self.input_spec = InputSpec(ndim=2)
                self.kernel = self.add_weight("kernel", (input_shape[1], self.units), initializer="uniform")
                self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)
                super(Linear, self).build(input_shape)  # noqa: UP008

            def call(self, x):
                return K.dot(x, self.kernel)

            def compute_output_shape(self, input_shape):
                return (input_shape[0], self.units)

        model = Sequential([Linear(3, input_shape=(4,)), Dense(1)])
        assert model.output_shape == (None, 1)
        assert [weight.name for weight in model.layers[0].weights] == ["kernel", "count"]
        assert trained(model, model.layers[0].kernel)


def test_a_model_and_a_metric_of_tf_keras():
    with era("tf2"):
        import tensorflow as tf

        class Positives(tf.keras.metrics.Metric):
            def __init__(self, name="positives", **kwargs):
                super().__init__(name=name, **kwargs)
                self.found = self.add_weight("found", initializer="zeros")

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.found.assign_add(tf.reduce_sum(tf.cast(y_pred > 0, tf.float32)))

            def result(self):
                return self.found

            def reset_states(self):
                self.found.assign(0)

        class Net(tf.keras.Model):
            def __init__(self):
                super(Net, self).__init__()  # noqa: UP008
                self.dense = tf.keras.layers.Dense(1, kernel_initializer="ones")

            def call(self, inputs, training=False):
                return self.dense(inputs)

        model = Net()
        model.compile("sgd", lambda y_true, y_pred: tf.reduce_mean(tf.square(y_true - y_pred)), metrics=[Positives()])
        loss, positives = model.evaluate(X, np.zeros((8, 1)), verbose=0)
        total = X.sum(axis=1)
        np.testing.assert_allclose([loss, positives], [(total**2).mean(), (total > 0).sum()], rtol=1e-5)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(X))
        (dw, _) = tape.gradient(loss, model.trainable_variables)
        np.testing.assert_allclose(dw.numpy()[:, 0], X.sum(axis=0), rtol=1e-4)


def test_arrays_beside_symbols():
    """Constants of NumPy's double precision take the dtype of the symbol, as TensorFlow's tensors have them do."""
    mean, deviation = X.mean(axis=0).astype(np.float64), X.std(axis=0).astype(np.float64)
    for name in ("2", "tf2", "3"):
        with era(name):
            import keras

            x = keras.layers.Input((4,))
            y = keras.layers.Lambda(lambda t: (t - mean) / deviation)((x - mean) / deviation)
            model = keras.models.Model(x, y)
            expected = ((X - mean) / deviation - mean) / deviation
            np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_a_step_that_takes_a_dict():
    with era("3"):
        import keras

        class Summed(keras.Model):
            def train_step(self, data):
                return {"size": float(data["image"].shape[0]), "label": float(data["label"][0])}

        model = Summed()
        model.compile("sgd")
        batches = [{"image": X[:4], "label": np.array([1, 2, 3, 4])}, {"image": X[4:], "label": np.array([5, 6, 7, 8])}]
        history = model.fit((batch for batch in batches), verbose=0).history
        assert history == {"size": [4.0], "label": [5.0]}


@pytest.mark.parametrize(
    ("name", "accuracy"), [("1", "acc"), ("2.2", "acc"), ("2.3", "accuracy"), ("tf2", "accuracy")], ids=str
)
def test_metrics_names(name, accuracy):
    """What `evaluate` returns, by name, and what the history has; before and after there were data."""
    with era(name):
        from keras.layers import Dense, Input
        from keras.models import Model

        x = Input((4,))
        model = Model(x, Dense(3, activation="softmax")(x))
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
        assert model.metrics_names == ["loss", accuracy]
        history = model.fit(X, np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]], verbose=0).history
        assert list(history) == model.metrics_names == ["loss", accuracy]
        two = Model(x, [Dense(1, name="a")(x), Dense(1, name="b")(x)])
        two.compile("sgd", "mse", metrics={"b": ["mae"]})
        assert len(two.evaluate(X, [X[:, :1]] * 2, verbose=0)) == len(two.metrics_names) == 4
        assert two.metrics_names[:3] == ["loss", "a_loss", "b_loss"]


def test_a_step_of_tf_keras():
    """By `compiled_loss` and `compiled_metrics` it trains as `fit` does by itself."""
    histories = []
    with era("tf2"):
        import tensorflow as tf
        from tensorflow import keras

        class Custom(keras.Model):
            def train_step(self, data):
                x, y = data
                with tf.GradientTape() as tape:
                    y_pred = self(x, training=True)
                    loss = self.compiled_loss(y, y_pred, regularization_losses=self.losses)
                gradients = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
                self.compiled_metrics.update_state(y, y_pred)
                return {m.name: m.result() for m in self.metrics}

            def test_step(self, data):
                x, y = data
                y_pred = self(x, training=False)
                self.compiled_loss(y, y_pred, regularization_losses=self.losses)
                self.compiled_metrics.update_state(y, y_pred)
                return {m.name: m.result() for m in self.metrics}

        for kind in (Custom, keras.Model):
            x = keras.Input((4,))
            dense = keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l2")
            model = kind(x, dense(x))
            model.compile("sgd", "mse", metrics=["mae"])
            y = X[:, :1]
            history = model.fit(X, y, batch_size=4, epochs=2, shuffle=False, verbose=0, validation_data=(X, y)).history
            histories.append(history)
    assert histories[0].keys() == histories[1].keys()
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, rtol=1e-5, err_msg=name)


def test_metrics_that_find_symbols_around_them():
    """As of variational autoencoders: a metric computes with an inner symbol of the model."""
    with era(2):
        from keras import backend as K
        from keras.layers import Dense, Input
        from keras.models import Model

        x = Input((4,))
        inner = Dense(3)(x)
        model = Model(x, Dense(1)(inner))

        def size(y_true, y_pred):
            return K.sum(K.square(inner), axis=1)

        def error(y_true, y_pred):
            return K.mean(K.square(y_true - y_pred), axis=-1)

        y = np.ones((8, 1))
        values = Model(x, inner).predict(X)
        wanted = [(np.square(y - model.predict(X)).mean()), np.square(values).sum(axis=1).mean()]
        model.compile("sgd", lambda y_true, y_pred: error(y_true, y_pred) + size(y_true, y_pred), metrics=[error, size])
        np.testing.assert_allclose(model.evaluate(X, y, verbose=0), [sum(wanted), *wanted], rtol=1e-5)
        assert model.metrics_names == ["loss", "error", "size"]


@pytest.mark.parametrize("which", ["2", "tf2"])
def test_metrics_in_one_list_are_of_each_output(which):
    with era(which):
        from keras.layers import Dense, Input
        from keras.models import Model

        x = Input((4,))
        model = Model(x, [Dense(2, "softmax", name="a")(x), Dense(1, name="b")(x)])
        model.compile("sgd", ["categorical_crossentropy", "mse"], metrics=["accuracy", "mae"])
        found = model.evaluate(X, [np.eye(2)[[0, 1] * 4], np.ones((8, 1))], verbose=0)
        assert len(found) == 7
        names = ["acc", "mean_absolute_error"] if which == "2" else ["accuracy", "mae"]
        assert model.metrics_names[3:] == [f"{output}_{name}" for output in "ab" for name in names]


def test_a_layer_that_joins():
    with era(2):
        from keras.layers import Input
        from keras.layers.merge import _Merge
        from keras.models import Model

        class Middle(_Merge):
            def _merge_function(self, inputs):
                return (inputs[0] + inputs[1]) / 2

        x, y = Input((4,)), Input((4,))
        np.testing.assert_allclose(Model([x, y], Middle()([x, y])).predict([X, 3 * X]), 2 * X, rtol=1e-6)


@pytest.mark.parametrize("which", ["1", "2", "tf2"])
def test_a_list_of_one_output_is_the_output(which):
    with era(which):
        from keras.layers import Dense, Input
        from keras.models import Model

        x = Input(shape=(4,))
        named = {"input": [x], "output": [Dense(2)(x)]} if which == "1" else {"inputs": [x], "outputs": [Dense(2)(x)]}
        assert Model(**named).predict(X).shape == (8, 2)
        assert Model([x], [Dense(2)(x)]).predict(X).shape == (8, 2)


def test_a_model_that_was_called_before_it_is_compiled():
    with era("tf2"):
        from tensorflow import keras

        class Two(keras.Model):
            def __init__(self):
                super().__init__()
                self.a, self.b = keras.layers.Dense(2), keras.layers.Dense(1)

            def call(self, x):
                return self.a(x), self.b(x)

        model = Two()
        a, b = model(X)
        model.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mse"]])
        found = model.evaluate(X, [np.zeros((8, 2)), np.zeros((8, 1))], verbose=0)
        first, second = np.square(a).mean(), np.abs(b).mean()
        wanted = [first + second, first, second, np.abs(a).mean(), np.square(b).mean()]
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize(("which", "there"), [("1", True), ("2.2.4", True), ("2.3.1", False), ("tf2", False)])
def test_callbacks_see_what_is_validated_on(which, there):
    with era(which):
        from keras.callbacks import Callback
        from keras.layers import Dense
        from keras.models import Sequential

        seen = []

        class Look(Callback):
            def on_epoch_end(self, epoch, logs=None):
                seen.append(self.validation_data)

        x, y = np.arange(40.0).reshape(10, 4), np.arange(10.0)
        model = Sequential([Dense(1, input_shape=(4,))])
        model.compile("sgd", "mse")
        epochs = {"nb_epoch" if which == "1" else "epochs": 1}
        model.fit(x, y, verbose=0, validation_split=0.2, callbacks=[Look()], **epochs)
        model.fit(x, y, verbose=0, validation_data=(x[:3], y[:3]), callbacks=[Look()], **epochs)
        if not there:
            assert seen == [None, None]
            return
        for found, part in zip(seen, (slice(8, None), slice(3)), strict=True):
            for one, other in zip(found, (x[part], y[part], np.ones(len(y[part]))), strict=True):
                np.testing.assert_array_equal(one, other)


def test_a_stack_that_begins_with_models_side_by_side():
    with era(1):
        from keras.layers import Dense, Merge
        from keras.models import Sequential

        left, right = Sequential(), Sequential()
        left.add(Dense(3, input_dim=4))
        right.add(Dense(2, input_dim=4))
        model = Sequential()
        model.add(Merge([left, right], mode="concat"))
        model.add(Dense(2, activation="softmax"))
        joined = np.hstack([left.predict(X), right.predict(X)])
        w, b = model.get_weights()[-2:]
        scores = np.exp(joined @ w + b)
        np.testing.assert_allclose(model.predict([X, X]), scores / scores.sum(1, keepdims=True), rtol=1e-5)
        assert (model.predict_classes([X, X]) == scores.argmax(1)).all()
        model.compile("sgd", "categorical_crossentropy")
        model.fit([X, X], np.eye(2)[[0, 1] * 4], nb_epoch=1, verbose=0)
        assert len(model.get_weights()) == 6


def test_mnist_of_tensorflow_1():
    with era("2"):
        from tensorflow.examples.tutorials.mnist import input_data

        data = input_data.read_data_sets("MNIST_data/", one_hot=True)
        assert (data.train.num_examples, data.validation.num_examples, data.test.num_examples) == (55000, 5000, 10000)
        x, y = data.train.next_batch(100)
        assert x.shape == (100, 784)
        assert x.dtype == np.float32
        assert 0 <= x.min() < x.max() <= 1
        np.testing.assert_array_equal(y.sum(1), np.ones(100))
        part = data.validation
        seen = np.concatenate([part.next_batch(2000)[0] for _ in range(5)])
        assert part.epochs_completed == 2
        np.testing.assert_allclose(seen.sum(), 2 * part.images.sum(), rtol=1e-3)


@pytest.mark.parametrize("which", ["2", "tf2"])
def test_archives_are_unpacked_beside_themselves(which, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    (tmp_path / "pets.zip").touch()
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        archive.writestr("pets_small/cats/1.txt", "a cat")
    with tarfile.open(tmp_path / "flowers.tgz", "w:gz") as archive:
        archive.add(tmp_path / "pets.zip", "flowers/1.txt")
    with era(which):
        from keras.utils import get_file

        path = get_file("pets.zip", "http://localhost/pets.zip", extract=True)
        assert path == str(tmp_path / "pets.zip")
        for folder in ("pets_small", "pets_extracted/pets_small"):
            assert (tmp_path / folder / "cats" / "1.txt").read_text() == "a cat"
        assert get_file("pets.zip", "http://localhost/pets.zip") == path
        flowers = get_file("flowers", "http://localhost/flowers.tgz", untar=True)
        assert flowers == str(tmp_path / "flowers")
        assert (tmp_path / "flowers" / "1.txt").is_file()
        assert get_file("flowers", "http://localhost/flowers.tgz", untar=True) == flowers


def test_outputs_of_one_layer_have_names_of_their_own():
    """As tf_keras names them."""
    with era("tf2"):
        from keras.layers import Dense, Input
        from keras.models import Model

        x = Input((4,))
        inner = Model(x, [Dense(1, name="a")(x), Dense(3, name="b")(x)], name="disc")
        model = Model(x, inner(Dense(4)(x)))
        model.compile("sgd", ["mse", "mse"], metrics=["mae"])
        found = model.train_on_batch(X, [np.ones((8, 1)), np.ones((8, 3))])
        assert model.metrics_names == ["loss", "disc_loss", "disc_1_loss", "disc_mae", "disc_1_mae"]
        np.testing.assert_allclose(found[0], found[1] + found[2], rtol=1e-6)
