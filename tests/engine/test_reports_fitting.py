"""What users of Keras reported about fitting: each line of the trackers is a test here."""

import warnings

import numpy as np
import pytest

import tinyconv as tc

X = np.arange(1.0, 8.0)[:, None]


def linear(rate=0.0, **settings):
    """y = w·x with w = 1."""
    model = tc.Sequential([tc.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))])
    model.compile(tc.optimizers.SGD(rate), "mse", **settings)
    return model


class Numbered(tc.utils.PyDataset):
    """Batches of one sample, whose value is its number; writes down what is asked of it."""

    def __init__(self, n, **settings):
        super().__init__(**settings)
        self.n, self.heard = n, []

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        self.heard.append(index)
        return np.full((1, 1), float(index)), np.zeros((1, 1))

    def on_epoch_begin(self):
        self.heard.append("begin")

    def on_epoch_end(self):
        self.heard.append("end")


def generator(n, size=2):
    for i in range(n):
        yield np.full((size, 1), float(i)), np.zeros((size, 1))


@pytest.mark.parametrize("source", ["arrays", "generator", "numbered", "dataset"])
def test_keras_12773_pr23360_a_short_last_batch_is_no_lack_of_data(source):
    """Nothing is said unless steps were asked for that the data do not have."""
    made = {
        "arrays": lambda: dict(x=X, y=X, batch_size=4),
        "generator": lambda: dict(x=generator(3)),
        "numbered": lambda: dict(x=Numbered(3)),
        "dataset": lambda: dict(x=tc.data.ArrayDataset(X, X, batch_size=4)),
    }[source]
    model = linear()
    assert model.fit(**made(), verbose=0).epoch == [0]  # warnings are errors
    model.evaluate(**made(), verbose=0)
    model.predict(made()["x"])
    with pytest.warns(UserWarning, match=r"^Your input ran out of data; interrupting training\.") as said:
        model.fit(**made(), steps_per_epoch=9, epochs=3, verbose=0)
    assert len(said) == 1


@pytest.mark.parametrize("source", ["arrays", "numbered", "dataset", "again"])
def test_tf_25254_keras_10944_validation_sees_the_same_samples_each_epoch(source):
    seen = []

    class Watch(tc.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs["val_loss"])

    y = 0 * X
    given = {
        "arrays": (X, y),
        "numbered": Numbered(7),
        "dataset": tc.data.ArrayDataset(X, y, batch_size=2),
        "again": Again([*generator(5, 1)]),
    }[source]
    steps = dict(validation_steps=2, validation_batch_size=2 if source == "arrays" else None)
    linear().fit(X, X, epochs=3, verbose=0, validation_data=given, callbacks=Watch(), **steps)
    first_two = {"arrays": (1 + 4 + 9 + 16) / 4, "dataset": (1 + 4 + 9 + 16) / 4, "numbered": 0.5, "again": 0.5}
    assert seen == [pytest.approx(first_two[source])] * 3


class Again:
    """Can be gone through again and again, and has no len."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def test_tf_38596_the_loss_of_an_epoch_is_weighted_by_the_size_of_each_batch():
    want = float((X**2).mean())
    model = linear(metrics=[tc.metrics.BinaryAccuracy()])
    history = model.fit(X, 0 * X, batch_size=4, shuffle=False, verbose=0, validation_data=(X, 0 * X)).history
    batches = [(X[:4], 0 * X[:4]), (X[4:], 0 * X[4:])]
    assert history["loss"] == [pytest.approx(want)]
    assert history["val_loss"] == [pytest.approx(want)]
    assert model.fit(iter(batches), verbose=0).history["loss"] == [pytest.approx(want)]
    assert model.evaluate(Again(batches), verbose=0)[0] == pytest.approx(want)


def test_keras_19740_losses_are_divided_by_samples_and_weighted_metrics_by_weights():
    """Loss: Σ weightᵢ·lossᵢ / n. Weighted metric: Σ weightᵢ·valueᵢ / Σ weightᵢ. Metric: without weights."""
    weights = np.array([0.0, 1.0, 2.0, 0.0, 3.0, 0.5, 0.5])

    def squares(y, p):
        return tc.functions.mean((y - p) ** 2, axis=-1)

    model = linear(metrics=[squares], weighted_metrics=[squares])
    found = model.evaluate(X, 0 * X, sample_weight=weights, batch_size=3, verbose=0, return_dict=True)
    squared = X[:, 0] ** 2
    assert found["loss"] == pytest.approx((weights * squared).sum() / 7)
    assert found["squares"] == pytest.approx(squared.mean())
    assert found["weighted_squares"] == pytest.approx((weights * squared).sum() / weights.sum())


@pytest.mark.parametrize("workers", [dict(), dict(workers=3), dict(workers=2, max_queue_size=1)], ids=str)
@pytest.mark.parametrize("steps", [None, 4, 2])
def test_keras_12927_23283_tf_35911_45962_epochs_are_told_once_and_shuffle_is_kept_to(workers, steps):
    """`on_epoch_begin` before any batch is asked for, `on_epoch_end` once, after all and before the next."""
    data = Numbered(4, **workers)
    linear().fit(data, shuffle=False, epochs=2, steps_per_epoch=steps, verbose=0)
    parts = [data.heard[i : i + len(data.heard) // 2] for i in (0, len(data.heard) // 2)]
    asked = [[0, 1, 2, 3]] * 2 if steps != 2 else [[0, 1], [2, 3]]
    for part, numbers in zip(parts, asked, strict=True):
        assert [part[0], part[-1]] == ["begin", "end"]
        assert sorted(part[1:-1]) == numbers  # threads may begin in another order
    shuffled = Numbered(20, **workers)
    linear().fit(shuffled, epochs=2, verbose=0)
    first, second = ([each for each in shuffled.heard[i : i + 22] if isinstance(each, int)] for i in (0, 22))
    assert sorted(first) == sorted(second) == [*range(20)]
    assert first != second
    assert first != sorted(first)


def test_tf_35911_the_end_of_an_epoch_comes_before_the_next_batch_and_after_the_last_update():
    heard = []

    class Telling(Numbered):
        def on_epoch_end(self):
            heard.append("data end")

        def on_epoch_begin(self):
            heard.append("data begin")

    watch = tc.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: heard.append("epoch"),
        on_train_batch_end=lambda batch, logs: heard.append(batch),
        on_epoch_end=lambda epoch, logs: heard.append("epoch end"),
        on_test_begin=lambda logs: heard.append("validation"),
    )
    linear().fit(Telling(2), epochs=2, verbose=0, callbacks=watch, validation_data=(X, X))
    assert heard == ["epoch", "data begin", 0, 1, "data end", "validation", "epoch end"] * 2


def test_tf_45962_an_epoch_that_is_cut_short_ends_too():
    data = Numbered(5)

    class Stop(tc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    linear().fit(data, shuffle=False, epochs=3, verbose=0, callbacks=Stop())
    assert data.heard == ["begin", 0, 1, 2, "end"]


def test_an_epoch_may_change_the_data_for_the_next():
    class Growing(Numbered):
        def on_epoch_end(self):
            self.n += 1

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        steps = []
        watch = tc.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
        linear().fit(Growing(2), epochs=3, verbose=0, callbacks=watch)
    assert steps == [0, 1, 0, 1, 2, 0, 1, 2, 3]
