"""Training, measuring and predicting by the arguments, the counts and the names of each era."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.keras import era

RNG = np.random.default_rng(1)
X = RNG.normal(size=(40, 6)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[RNG.integers(0, 3, 40)]


def make(which="2", outputs=3, activation="softmax", loss="categorical_crossentropy", metrics=("accuracy",)):
    """Return a small compiled model, made by a script of an era: call it inside the era."""
    from keras.layers import Dense
    from keras.models import Sequential

    model = Sequential([Dense(8, activation="relu", input_shape=(6,)), Dense(outputs, activation=activation)])
    model.compile("sgd", loss, metrics=list(metrics))
    return model


@pytest.mark.parametrize(
    ("which", "given", "key"),
    [("1", "accuracy", "acc"), ("2", "accuracy", "acc"), ("2.2.5", "acc", "acc"), ("2.3.0", "accuracy", "accuracy"),
     ("2.3.0", "acc", "acc"), ("tf2", "accuracy", "accuracy"), ("tf2", "acc", "acc"), ("3", "accuracy", "accuracy")],
)  # fmt: skip
def test_keys_of_the_history(which, given, key):
    with era(which):
        words = {"nb_epoch": 1} if which == "1" else {"epochs": 1}
        history = make(metrics=[given]).fit(X, Y, verbose=0, validation_split=0.25, **words)
    assert list(history.history) == [key, "loss", f"val_{key}", "val_loss"] or set(history.history) == {
        "loss", key, "val_loss", f"val_{key}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("which", "epochs", "batches"), [("0.3.3", 100, 1), ("1", 10, 2), ("2.0.9", 10, 2), ("2.1.0", 1, 2), ("tf2", 1, 2)]
)
def test_what_fit_does_if_nothing_is_said(which, epochs, batches):
    seen = []

    class Count(tc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    with era(which):
        history = make().fit(X, Y, verbose=0, callbacks=[Count()])
    assert len(history.epoch) == epochs
    assert len(seen) == epochs * batches  # of 128 samples, and then of 32


def test_a_functional_model_trains_one_epoch_from_2_0_0_on():
    with era("2.0.0"):
        from keras.layers import Dense, Input
        from keras.models import Model

        x = Input((6,))
        model = Model(x, Dense(3, activation="softmax")(x))
        model.compile("sgd", "categorical_crossentropy")
        assert len(model.fit(X, Y, verbose=0).epoch) == 1


def test_show_accuracy():
    with era("0.3.3"):
        model = make(metrics=[])
        assert "acc" in model.fit(X, Y, nb_epoch=1, show_accuracy=True, verbose=0).history
        assert "acc" not in model.fit(X, Y, nb_epoch=1, verbose=0).history
        loss, accuracy = model.evaluate(X, Y, show_accuracy=True, verbose=0)
        assert accuracy == pytest.approx((model.predict(X).argmax(1) == Y.argmax(1)).mean())
        assert model.evaluate(X, Y, verbose=0) == pytest.approx(loss)
    with era("1"):
        model = make(metrics=[])
        assert "acc" not in model.fit(X, Y, nb_epoch=1, show_accuracy=True, verbose=0).history


def test_class_mode():
    labels = Y[:, :1]
    with era("0.3.3"):
        from keras.layers.core import Dense
        from keras.models import Sequential

        model = Sequential([Dense(1, activation="sigmoid", input_dim=6)])
        model.compile(loss="binary_crossentropy", optimizer="sgd", class_mode="binary")
        accuracy = model.evaluate(X, labels, show_accuracy=True, verbose=0)[1]
        assert accuracy == pytest.approx(((model.predict(X) > 0.5) == labels).mean())


def test_accuracy_with_binary_crossentropy_over_several_outputs():
    for which, kind in (("2.3.1", "binary"), ("tf2", "categorical")):
        with era(which):
            model = make(activation="sigmoid", loss="binary_crossentropy")
            accuracy, p = model.evaluate(X, Y, verbose=0)[1], model.predict(X)
        expected = ((p > 0.5) == (Y > 0.5)).mean() if kind == "binary" else (p.argmax(1) == Y.argmax(1)).mean()
        assert accuracy == pytest.approx(expected)


def batches_of(sizes):
    """Yield endlessly batches of these sizes, and keep count in the list `sizes.given`."""
    while True:
        for size in sizes:
            GIVEN.append(size)
            yield X[:size], Y[:size]


GIVEN: list[int] = []


def seen_by(model, **words):
    """Return the sizes of the batches that each epoch of `fit_generator` trained on."""
    epochs, sizes = [], []

    class Count(tc.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            sizes.clear()

        def on_train_batch_end(self, batch, logs=None):
            sizes.append(self.model.batch_samples)

        def on_epoch_end(self, epoch, logs=None):
            epochs.append(list(sizes))

    model.fit_generator(callbacks=[Count()], verbose=0, **words)
    return epochs


def test_samples_per_epoch_counts_samples_and_the_generator_runs_on():
    with era(1):
        found = seen_by(make(), generator=batches_of([4, 6, 5]), samples_per_epoch=12, nb_epoch=3)
    assert found == [[4, 6, 5], [4, 6, 5], [4, 6, 5]]
    with era(1):
        found = seen_by(make(), generator=batches_of([4, 6, 5]), samples_per_epoch=10, nb_epoch=3)
    assert found == [[4, 6], [5, 4, 6], [5, 4, 6]]


def test_validation_samples_are_counted_alike():
    with era(1):
        model = make()
        held_out = batches_of([4, 6])
        GIVEN.clear()
        model.fit_generator(
            ((x, y) for x, y in iter(batches_of([40]))), 40, 2, validation_data=held_out, nb_val_samples=10, verbose=0
        )
        assert [size for size in GIVEN if size < 40] == [4, 6, 4, 6]


def test_the_same_call_under_keras_2_counts_steps():
    with era(2):
        assert len(seen_by(make(), generator=batches_of([4]), samples_per_epoch=12, nb_epoch=1)[0]) == 12
        from keras.preprocessing.image import ImageDataGenerator

        images = ImageDataGenerator().flow(X.reshape(40, 6, 1, 1), Y, batch_size=8)
        from keras.layers import Dense, Flatten
        from keras.models import Sequential

        model = Sequential([Flatten(input_shape=(6, 1, 1)), Dense(3, activation="softmax")])
        model.compile("sgd", "categorical_crossentropy")
        assert len(seen_by(model, generator=images, samples_per_epoch=16, epochs=1)[0]) == 2
        # An epoch of as many batches as there are samples goes through the data again and again.
        assert len(seen_by(model, generator=images, steps_per_epoch=40, epochs=1)[0]) == 40


def test_measuring_and_predicting_by_generators():
    with era(1):
        model = make()
        assert model.predict_generator(batches_of([4, 6]), val_samples=10).shape == (10, 3)
        assert model.evaluate_generator(batches_of([40]), val_samples=40) == pytest.approx(
            model.evaluate(X, Y, verbose=0)
        )
    with era(2):
        model = make()
        assert model.predict_generator(batches_of([4]), steps=3).shape == (12, 3)
        assert len(model.evaluate_generator(batches_of([4]), steps=3)) == 2


def test_predict_classes():
    with era(2):
        model = make()
        np.testing.assert_array_equal(model.predict_classes(X), model.predict(X).argmax(1))
        np.testing.assert_array_equal(model.predict_proba(X), model.predict(X))
        model = make(outputs=1, activation="sigmoid", loss="binary_crossentropy")
        found = model.predict_classes(X)
        np.testing.assert_array_equal(found, model.predict(X) > 0.5)
        assert found.dtype == np.int32
    with era(3):
        assert not hasattr(make(), "predict_classes")


def logs_of(values):
    """Return a callback that says these validation losses, one an epoch, before others hear of them."""

    class Say(tc.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = values[epoch]

    return Say()


@pytest.mark.parametrize(("which", "epochs"), [("2.0.8", 5), ("2.0.9", 4), ("tf2", 4), ("3", 4)])
def test_patience_of_early_stopping(which, epochs):
    with era(which):
        from keras.callbacks import EarlyStopping

        calls = [logs_of([3, 2, 2, 2, 2, 2, 2]), EarlyStopping(monitor="val_loss", patience=2)]
        words = {"nb_epoch": 7} if which == "1" else {"epochs": 7}
        assert len(make().fit(X, Y, verbose=0, callbacks=calls, **words).epoch) == epochs


@pytest.mark.parametrize(("which", "first"), [("2.1.5", 4), ("2.1.6", 3), ("tf2", 3)])
def test_patience_of_the_learning_rate(which, first):
    with era(which):
        from keras.callbacks import ReduceLROnPlateau

        plateau = ReduceLROnPlateau(patience=2, factor=0.5, epsilon=1e-4)
        history = make().fit(X, Y, epochs=8, verbose=0, callbacks=[logs_of([1] * 8), plateau]).history
    rates = np.array(history["lr"])
    falls = list(np.flatnonzero(np.diff(rates) < 0))
    assert falls == [place for place in (first - 1, first + 1, first + 3) if place < 7]


def test_a_schedule_of_rates():
    for which in ("2.1.3", "2.1.4"):
        with era(which):
            from keras.callbacks import LearningRateScheduler

            scheduler = LearningRateScheduler(lambda epoch, rate=1.0: rate * 0.5)
            history = make().fit(X, Y, epochs=3, verbose=0, callbacks=[scheduler]).history
        expected = [0.5] * 3 if which == "2.1.3" else [0.005, 0.0025, 0.00125]
        assert history["lr"] == pytest.approx(expected)
    with era(3):
        from keras.callbacks import LearningRateScheduler

        history = make().fit(X, Y, epochs=1, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.5)]).history
        assert history["learning_rate"] == [0.5]


def test_names_of_checkpoints(tmp_path):
    for which, first in (("2.0.8", 0), ("2.0.9", 1)):
        with era(which):
            from keras.callbacks import ModelCheckpoint

            folder = tmp_path / which
            model = make()
            calls = [ModelCheckpoint(str(folder / "w.{epoch:02d}.hdf5"), save_weights_only=True)]
            model.fit(X, Y, epochs=2, verbose=0, callbacks=calls)
            assert sorted(path.name for path in folder.iterdir()) == [f"w.{first:02d}.hdf5", f"w.{first + 1:02d}.hdf5"]
            again = make()
            again.load_weights(str(folder / f"w.{first + 1:02d}.hdf5"))
            np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_the_period_of_checkpoints(tmp_path):
    with era(2):
        from keras.callbacks import ModelCheckpoint

        calls = [ModelCheckpoint(str(tmp_path / "m.{epoch}"), period=2)]
        make().fit(X, Y, epochs=5, verbose=0, callbacks=calls)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.2", "m.4"]


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5", "m.model", "m", "folder.of.tf/"])
def test_models_under_any_name(tmp_path, name):
    with era("tf2"):
        from tensorflow.keras.models import load_model

        model = make()
        model.save(str(tmp_path / name) + ("/" if name.endswith("/") else ""))
        again = load_model(str(tmp_path / name))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        assert again.optimizer.lr == 0.01


def test_models_as_text():
    with era(2):
        from keras.models import model_from_json, model_from_yaml

        model = make()
        for again in (model_from_json(model.to_json()), model_from_yaml(model.to_yaml())):
            again.set_weights(model.get_weights())
            np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_what_is_frozen_after_compile_is_trained_until_the_next():
    for which, trained in (("2", True), ("tf2", True), ("3", False)):
        with era(which):
            model = make()
            before = model.layers[0].get_weights()[0]
            model.layers[0].trainable = False
            model.train_on_batch(X, Y)
            assert (model.layers[0].get_weights()[0] != before).any() == trained
            model.compile("sgd", "categorical_crossentropy")
            before = model.layers[0].get_weights()[0]
            model.train_on_batch(X, Y)
            np.testing.assert_array_equal(model.layers[0].get_weights()[0], before)


def test_adversaries():
    """A generator learns through a frozen critic, which was compiled before, and learns by itself: a GAN."""
    with era(2):
        from keras.layers import Dense, Input
        from keras.models import Model, Sequential

        critic = Sequential([Dense(4, input_dim=6), Dense(1, activation="sigmoid")])
        critic.compile("sgd", "binary_crossentropy")
        generator = Sequential([Dense(6, input_dim=3)])
        noise = Input((3,))
        critic.trainable = False
        both = Model(noise, critic(generator(noise)))
        both.compile("sgd", "binary_crossentropy")
        z, ones = X[:, :3], np.ones((40, 1), np.float32)
        weights = [model.get_weights()[0].copy() for model in (generator, critic)]
        both.train_on_batch(z, ones)
        assert (generator.get_weights()[0] != weights[0]).any()
        np.testing.assert_array_equal(critic.get_weights()[0], weights[1])
        weights = [model.get_weights()[0].copy() for model in (generator, critic)]
        critic.train_on_batch(X, ones)
        assert (critic.get_weights()[0] != weights[1]).any()
        np.testing.assert_array_equal(generator.get_weights()[0], weights[0])


def test_losses_of_any_symbols():
    """A penalty on an inner symbol: in a function that finds it around it, and by `add_loss`; both as by hand."""
    with era(2):
        from keras import backend as K
        from keras import losses
        from keras.layers import Dense, Input
        from keras.models import Model

        def build():
            x = Input((6,))
            inner = Dense(4, name="inner")(x)
            return Model(x, Dense(3, name="outer")(inner)), inner

        first, inner = build()
        first.compile("sgd", lambda y_true, y_pred: losses.mse(y_true, y_pred) + K.mean(K.square(inner), axis=-1))
        second, other = build()
        second.set_weights(first.get_weights())
        second.add_loss(K.mean(K.square(other)))
        second.compile("sgd", "mse")
        w1, b1, w2, b2 = first.get_weights()
        z = X @ w1 + b1
        expected = np.mean((z @ w2 + b2 - Y) ** 2) + np.mean(z**2)
        for model in (first, second):
            assert model.train_on_batch(X, Y) == pytest.approx(expected, rel=1e-5)
        for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_one_optimizer_in_two_models():
    with era(2):
        from keras.optimizers import Adam

        rule = Adam(lr=0.01)
        for model in (make(), make()):
            model.compile(rule, "categorical_crossentropy")
            assert model.train_on_batch(X, Y) > 0
            assert model.optimizer.lr == 0.01


def test_words_without_meaning_are_passed_over():
    with era(2):
        model = make()
        model.fit(X, Y, class_weight="auto", shuffle="batch", verbose=0)
        words = {"workers": 4, "use_multiprocessing": True, "max_queue_size": 5}
        model.fit_generator(batches_of([4]), steps_per_epoch=2.5, verbose=0, **words)
    with era(1):
        model = make()
        words = {"nb_worker": 4, "pickle_safe": True, "max_q_size": 5}
        model.fit_generator(batches_of([4]), samples_per_epoch=8, nb_epoch=1, verbose=0, **words)


def test_automatic_names():
    expected = {
        "1": ["convolution2d_1", "maxpooling2d_1", "flatten_1", "dense_1", "dense_2"],
        "2": ["conv2d_1", "max_pooling2d_1", "flatten_1", "dense_1", "dense_2"],
        "tf2": ["conv2d", "max_pooling2d", "flatten", "dense", "dense_1"],
        "3": ["conv2d", "max_pooling2d", "flatten", "dense", "dense_1"],
    }
    for which, names in expected.items():
        with era(which):
            from keras import backend as K
            from keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
            from keras.models import Model, Sequential

            window = (3, 3) if which == "1" else ((3, 3),)
            stack = [Conv2D(2, *window, input_shape=(8, 8, 1)), MaxPooling2D(), Flatten(), Dense(2), Dense(2)]
            assert [layer.name for layer in Sequential(stack).layers] == names
            x = Input((3,))
            assert x.node.operation.name == ("input_layer_1" if which == "3" else "input_1")
            y = Dense(2)(x)
            assert Model(x, y).name == {"1": "model_1", "2": "model_1", "tf2": "model", "3": "functional"}[which]
            K.clear_session()
            assert Dense(2).name == names[3]
