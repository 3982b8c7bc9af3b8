"""compile, fit, evaluate, predict: what they do with their arguments, what they report and what they print."""

import re
from itertools import chain

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers


class Watcher(tc.callbacks.Callback):
    """Writes down every call."""

    def __init__(self):
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("train")

    def on_train_end(self, logs=None):
        self.calls.append("end")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch}")

    def on_epoch_end(self, epoch, logs):
        self.calls.append(f"end {epoch} {' '.join(logs)}")

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(f"batch {batch}")

    def on_train_batch_end(self, batch, logs):
        self.calls.append(f"end batch {batch} {' '.join(logs)}")


def linear(**settings):
    """y = w·x with w = 1, trained on squared error: every number can be worked out by hand."""
    model = tc.Sequential([layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,), **settings)])
    model.compile(tc.optimizers.SGD(0.1), "mse")
    return model


X = np.array([[1.0], [2.0], [3.0], [4.0]])


def weight(model):
    return float(model.get_weights()[0][0, 0])


def test_a_network_learns(digits, network):
    x, y = digits
    model = network(optimizer=tc.optimizers.Adam(0.01))
    history = model.fit(x, y, batch_size=10, epochs=15, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert model.evaluate(x, y, verbose=0)[1] > 0.9
    assert model.predict(x).shape == (60, 3)
    np.testing.assert_allclose(model.predict(x).sum(axis=1), 1, rtol=1e-5)


def test_one_step_by_hand():
    model = linear()
    assert model.train_on_batch(X[:2], 3 * X[:2]) == pytest.approx((4 + 16) / 2)
    assert weight(model) == pytest.approx(1 + 0.1 * 2 * (2 * 1 * 1 + 4 * 2 * 1) / 2)
    assert model.test_on_batch(X[:1], np.zeros((1, 1))) == pytest.approx(weight(model) ** 2)
    assert model.train_on_batch(X[:1], X[:1], return_dict=True).keys() == {"loss"}


def test_history(digits, network):
    x, y = digits
    history = network().fit(x, y, epochs=3, verbose=0, validation_data=(x[:9], y[:9]))
    assert history.epoch == [0, 1, 2]
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(
        len(values) == 3 and all(type(value) is float for value in values) for values in history.history.values()
    )


def test_reported_loss_is_the_mean_over_samples_while_training():
    model = linear()
    first = (1 * 4 + 4 * 4 + 9 * 4) / 3
    history = model.fit(X, 3 * X, batch_size=3, shuffle=False, verbose=0)
    moved = 1 + 0.1 * 2 * 2 * (1 + 4 + 9) / 3
    last = (4 * (3 - moved)) ** 2
    assert history.history["loss"] == [pytest.approx((3 * first + 1 * last) / 4)]


def test_callbacks_are_called_in_order(digits, network):
    x, y = digits
    watcher, other = Watcher(), Watcher()
    network().fit(x, y, batch_size=40, epochs=2, verbose=0, callbacks=[watcher, other], validation_data=(x, y))
    epoch = ["batch 0", "end batch 0 loss accuracy", "batch 1", "end batch 1 loss accuracy"]
    end = "loss accuracy val_loss val_accuracy"
    assert watcher.calls == ["train", "epoch 0", *epoch, f"end 0 {end}", "epoch 1", *epoch, f"end 1 {end}", "end"]
    assert other.calls == watcher.calls
    assert watcher.params["epochs"] == 2
    assert watcher.params["steps"] == 2


def test_callbacks_hear_in_the_order_of_the_list(digits, network):
    heard = []

    class Speaker(tc.callbacks.Callback):
        def __init__(self, name):
            self.name = name

        def on_epoch_end(self, epoch, logs):
            heard.append((self.name, self.model.name))

    network().fit(*digits, verbose=0, callbacks=[Speaker("a"), Speaker("b")])
    assert heard == [("a", "sequential"), ("b", "sequential")]


@pytest.mark.parametrize("moment", ["on_epoch_end", "on_train_batch_end"])
def test_stop_training(moment, digits, network):
    watcher = Watcher()
    stopper = tc.callbacks.Callback()
    setattr(stopper, moment, lambda number, logs: setattr(stopper.model, "stop_training", True))
    model = network()
    history = model.fit(*digits, batch_size=20, epochs=5, verbose=0, callbacks=[stopper, watcher])
    assert history.epoch == [0]
    assert watcher.calls.count("batch 1") == (moment == "on_epoch_end")
    assert watcher.calls[-1] == "end"
    assert model.fit(*digits, epochs=2, verbose=0).epoch == [0, 1]


def test_initial_epoch(digits, network):
    history = network().fit(*digits, epochs=5, initial_epoch=3, verbose=0)
    assert history.epoch == [3, 4]
    assert network().fit(*digits, epochs=3, initial_epoch=3, verbose=0).epoch == []


def test_validation_split_takes_the_last_part():
    """The first three samples are fitted by w = 1, the last by w = 5: only validation sees it."""
    model = linear()
    history = model.fit(X, X * [[1], [1], [1], [5]], validation_split=0.25, verbose=0).history
    assert history["loss"] == [0.0]
    assert history["val_loss"] == [pytest.approx((4 * 4) ** 2)]


def test_validation_split_and_weights():
    """Class weights belong to training alone; sample weights go with their samples."""
    y = np.array([[0.0], [0.0], [1.0], [1.0]])
    weights = {0: 1.0, 1: 100.0}
    history = linear().fit(X, y, validation_split=0.5, class_weight=weights, verbose=0, batch_size=1, shuffle=False)
    w = weight(linear())
    for x in (1.0, 2.0):
        w -= 0.1 * 2 * w * x * x
    assert history.history["val_loss"][0] == pytest.approx(((3 * w - 1) ** 2 + (4 * w - 1) ** 2) / 2)
    sample_weight = np.array([0, 0, 1, 3.0])
    history = linear().fit(X, y, validation_split=0.5, sample_weight=sample_weight, verbose=0)
    assert history.history["val_loss"][0] == pytest.approx((1 * 4 + 3 * 9) / 2)


def test_sample_weight_scales_losses_and_steps():
    model = linear()
    loss = model.train_on_batch(X, 3 * X, sample_weight=np.array([0, 2.0, 0, 0]))
    assert loss == pytest.approx(2 * 16 / 4)
    assert weight(model) == pytest.approx(1 + 0.1 * 2 * 2 * 4 * 2 / 4)
    assert model.evaluate(X, np.zeros((4, 1)), verbose=0, sample_weight=np.zeros(4)) == 0


def test_class_weight_is_the_sample_weight_of_a_class(digits, network):
    x, y = digits
    weights = {0: 0.5, 1: 1.0, 2: 4.0}
    one, other, third = network(), network(), network()
    one.fit(x, y, class_weight=weights, verbose=0)
    other.fit(x, y, sample_weight=np.array([weights[label] for label in y]), verbose=0)
    third.fit(x, y, verbose=0)
    for a, b, c in zip(one.get_weights(), other.get_weights(), third.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


def test_class_weight_of_one_hot_targets(digits, network):
    x, y = digits
    runs = []
    for weights in (None, {0: 1, 1: 1, 2: 1}, {0: 1, 1: 1, 2: 0}):
        model = network()
        model.compile("sgd", "categorical_crossentropy")
        runs.append(model.fit(x, np.eye(3)[y], class_weight=weights, verbose=0).history["loss"][0])
    assert runs[0] == runs[1] > runs[2] > 0


def test_shuffling_is_settled_by_the_seed():
    seen = []

    class Model(tc.Sequential):
        def __call__(self, x, training=False):
            if training:
                seen.append(x[:, 0].tolist())
            return super().__call__(x, training)

    def run(seed, **settings):
        seen.clear()
        tc.set_seed(seed)
        model = Model([layers.Dense(1, input_shape=(1,))])
        model.compile("sgd", "mse")
        model.fit(np.arange(10.0)[:, None], np.zeros((10, 1)), batch_size=4, epochs=2, verbose=0, **settings)
        return [list(batch) for batch in seen]

    first = run(1)
    assert run(1) == first
    assert run(2) != first
    assert [len(batch) for batch in first] == [4, 4, 2] * 2
    epochs = [*chain(*first[:3])], [*chain(*first[3:])]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert epochs[0] != epochs[1]
    assert [*chain(*run(1, shuffle=False))] == [*range(10)] * 2


def test_pixels_as_bytes(rng, network):
    x, y = rng.integers(0, 256, (12, 8, 8, 1)).astype(np.uint8), np.arange(12) % 3
    one, other = network(), network()
    one.fit(x, y, verbose=0)
    other.fit(x.astype(np.float64), y.astype(np.uint8), verbose=0)
    np.testing.assert_array_equal(one.predict(x), other.predict(x.astype(np.float32)))
    assert one.predict(x).dtype == np.float32


def test_lists_are_data():
    model = linear()
    model.fit([[1], [2]], [[1], [2]], verbose=0)
    assert model.predict([[3]]).tolist() == [[3.0]]


def test_evaluate_prints_and_returns(digits, network, capsys):
    x, y = digits
    model = network()
    values = model.evaluate(x, y)
    assert re.fullmatch(r"loss: [\d.]+ - accuracy: [\d.]+\n", capsys.readouterr().out)
    assert model.evaluate(x, y, return_dict=True, verbose=0) == dict(zip(["loss", "accuracy"], values, strict=True))
    assert isinstance(network(metrics=()).evaluate(x, y, verbose=0), float)


def test_batch_size_changes_neither_evaluation_nor_prediction(digits, network):
    x, y = digits
    model = network(dtype="float64")
    assert model.evaluate(x, y, batch_size=7, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-12)
    np.testing.assert_allclose(model.predict(x, batch_size=7), model.predict(x, batch_size=60), rtol=1e-12)


def test_evaluation_leaves_weights_and_dropout_alone(digits, network):
    model = network(dropout=0.5)
    before = model.get_weights()
    first = model.evaluate(*digits, verbose=0)
    model.predict(digits[0])
    assert model.evaluate(*digits, verbose=0) == first
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_frozen_layers_stay(digits):
    x, y = digits
    model = tc.Sequential([layers.Flatten(), layers.Dense(4, trainable=False), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model(x)
    before = model.get_weights()
    model.fit(x, y, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[2] != after[2]).any()


def test_penalties_are_in_the_loss_and_in_the_step():
    model = linear(kernel_regularizer=tc.regularizers.L2(0.5))
    assert model.train_on_batch(X, X) == pytest.approx(0.5)
    assert weight(model) == pytest.approx(1 - 0.1 * 2 * 0.5)


class Fed(tc.data.Dataset):
    """The same two batches in every epoch."""

    def __len__(self):
        return 2

    def epoch(self, number):
        yield X[:2], 3 * X[:2]
        yield X[2:], 3 * X[2:], np.array([1.0, 0.0])


def test_a_dataset_of_ones_own():
    one, other = linear(), linear()
    one.fit(Fed(), verbose=0)
    other.fit(X, 3 * X, batch_size=2, shuffle=False, sample_weight=np.array([1.0, 1, 1, 0]), verbose=0)
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


@pytest.mark.parametrize(
    "extra",
    [{"y": X}, {"batch_size": 2}, {"sample_weight": X[:, 0]}, {"validation_split": 0.5}],
    ids=lambda extra: next(iter(extra)),
)
def test_a_dataset_takes_no_arguments_that_would_be_ignored(extra):
    with pytest.raises(ValueError, match=rf"fit on a \w+ takes no {next(iter(extra))}"):
        linear().fit(Fed(), **extra, verbose=0)


OPTIMIZERS = ["sgd", "rmsprop", "adam", "adagrad", "Adam", tc.optimizers.SGD(0.05, momentum=0.9, nesterov=True)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_descend(optimizer):
    model = linear()
    model.compile(optimizer, "mse")
    first, *_, last = model.fit(X, 3 * X, epochs=20, verbose=0).history["loss"]
    assert last < first


def test_loss_on_logits_stays_exact_where_probabilities_round():
    """softmax(±200) is 1 and 0 in float32: from probabilities, the loss would be −ln 10⁻⁷ and its gradient 0."""
    fused = tc.Sequential([layers.Dense(2, activation="softmax", kernel_initializer="ones", input_shape=(2,))])
    fused.set_weights([np.diag([200.0, -200.0]), np.zeros(2)])
    fused.compile(tc.optimizers.SGD(1.0), "categorical_crossentropy")
    assert fused.train_on_batch([[1.0, 1.0]], [[0.0, 1.0]]) == pytest.approx(400)
    np.testing.assert_allclose(fused.get_weights()[1], [-1, 1])


def test_running_again_goes_on(digits, network):
    once, twice = network(), network()
    once.fit(*digits, epochs=2, verbose=0)
    twice.fit(*digits, epochs=1, verbose=0)
    twice.fit(*digits, epochs=2, initial_epoch=1, verbose=0)
    for one, other in zip(once.get_weights(), twice.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
