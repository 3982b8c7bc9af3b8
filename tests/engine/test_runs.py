"""Runs of fit, evaluate and predict: metrics of their own; callbacks; losses and metrics that the user wrote."""

import copy
import pickle

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import layers


class Evaluating(tc.callbacks.Callback):
    """Evaluates the model after every batch, and at the end of every epoch."""

    def __init__(self, x, y):
        self.x, self.y, self.found = x, y, []

    def on_train_batch_end(self, batch, logs=None):
        self.found.append(self.model.evaluate(self.x, self.y, verbose=0))

    on_epoch_end = on_train_batch_end


def test_evaluate_inside_a_callback_leaves_the_epoch_alone(digits, network):
    x, y = digits
    wrong = (y + 1) % 3  # so that the callback's accuracy is another
    accuracy = tc.metrics.SparseCategoricalAccuracy("own")
    one, other = network(), network()
    one.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy", accuracy])
    callback = Evaluating(x[:7], wrong[:7])
    histories = [
        one.fit(x, y, batch_size=16, epochs=3, verbose=0, callbacks=callback).history,
        other.fit(x, y, batch_size=16, epochs=3, verbose=0).history,
    ]
    assert histories[0]["accuracy"] == histories[1]["accuracy"] == histories[0]["own"]
    assert histories[0]["loss"] == histories[1]["loss"]
    assert len(callback.found) == 15
    assert callback.found[-1] == one.evaluate(x[:7], wrong[:7], verbose=0)
    assert accuracy.result() == callback.found[-1][1]


def test_the_metric_that_was_given_can_be_read(digits, network):
    x, y = digits
    accuracy = tc.metrics.SparseCategoricalAccuracy()
    seen = []

    class Reader(tc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((accuracy.result(), logs["sparse_categorical_accuracy"]))

    model = network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[accuracy])
    history = model.fit(x, y, batch_size=16, verbose=0, callbacks=Reader()).history
    assert all(given == logged for given, logged in seen)
    assert accuracy.result() == history["sparse_categorical_accuracy"][-1]


def test_an_error_in_a_run_does_not_hold_the_metrics(digits, network):
    accuracy = tc.metrics.SparseCategoricalAccuracy()
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[accuracy])
    stop = tc.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.fit(*digits, verbose=0, callbacks=stop)
    assert model.evaluate(*digits, verbose=0)[1] == accuracy.result()


def test_what_a_callback_adds_to_the_logs_is_in_the_history(digits, network):
    def add(epoch, logs):
        logs["epoch squared"] = epoch**2

    callback = tc.callbacks.LambdaCallback(on_epoch_end=add)
    model = network()
    history = model.fit(*digits, epochs=3, verbose=0, callbacks=[callback])
    assert history.history["epoch squared"] == [0, 1, 4]
    assert model.history is history
    assert repr(history).startswith("<History of 3 epochs: loss=")
    assert repr(history).endswith("epoch squared=4>")
    assert repr(model.fit(*digits, verbose=0)).startswith("<History of 1 epoch: loss=")


def test_evaluation_and_prediction_have_callbacks_that_can_stop_them(digits, network):
    x, y = digits
    model, outputs = network(), []

    class Stop(tc.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            self.model.stop_evaluating = batch == 1

        def on_predict_batch_end(self, batch, logs=None):
            outputs.append(logs["outputs"])
            self.model.stop_predicting = batch == 1

    part = model.evaluate(x[:20], y[:20], verbose=0)
    assert model.evaluate(x, y, batch_size=10, verbose=0, callbacks=Stop()) == pytest.approx(part, rel=1e-6)
    found = model.predict(x, batch_size=10, callbacks=[Stop()])
    np.testing.assert_array_equal(found, np.concatenate(outputs))
    assert len(found) == 20


@pytest.mark.parametrize(("verbose", "lines"), [(1, 1), (2, 1), (0, 0), ("auto", 0)])
def test_prediction_says_what_it_did_when_asked(verbose, lines, digits, network, capsys):
    network().predict(digits[0], batch_size=20, verbose=verbose)
    out = capsys.readouterr().out.splitlines()
    assert len(out) == lines
    assert all(line.startswith("Prediction  3/3  ") for line in out)
    with pytest.raises(ValueError, match='verbose must be "auto", 0, 1 or 2, got 3'):
        network().predict(digits[0], verbose=3)


# Losses and metrics of one's own, on y = w·x with w = 1.

X = np.array([[1.0], [2.0], [3.0], [4.0]])


def linear(loss, **settings):
    model = tc.Sequential([layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))])
    model.compile(tc.optimizers.SGD(0.1), loss, **settings)
    return model


class Absolute(tc.losses.Loss):
    """|y − ŷ|, as one writes it without thinking of dtypes."""

    def call(self, y_true, y_pred):
        return F.mean(F.absolute(y_true - y_pred), axis=-1)


def absolute(y_true, y_pred):
    return F.absolute(y_true - y_pred)


def mean_absolute(y_true, y_pred):
    return F.mean(F.absolute(y_true - y_pred))


class Count(tc.metrics.Metric):
    """How many predictions are above a limit: as Keras's guide writes a metric."""

    def __init__(self, name="count", **others):
        super().__init__(name=name, **others)
        self.above = self.add_weight(name="above", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        found = (np.asarray(y_pred) > 2).astype("float32")
        if sample_weight is not None:
            found = found[:, 0] * np.reshape(sample_weight, -1)
        self.above.assign_add(found.sum())

    def result(self):
        return self.above


@pytest.mark.parametrize("loss", [Absolute(), absolute, mean_absolute])
@pytest.mark.parametrize("y", [np.zeros((4, 1)), np.zeros(4), np.zeros((4, 1), int), np.zeros((4, 1), np.float32)])
def test_a_loss_of_ones_own_takes_targets_of_any_dtype(loss, y):
    """Float64 zeros were "Subtract got tensors of float64 and float32"; (n,) targets must not become n×n."""
    model = linear(loss, metrics=[absolute])
    assert model.evaluate(X, y, verbose=0) == pytest.approx([2.5, 2.5])
    model.fit(X, y, verbose=0)
    assert model.get_weights()[0].item() == pytest.approx(1 - 0.1 * 2.5)


def test_one_hot_targets_of_a_loss_of_ones_own(rng):
    class Right(tc.losses.Loss):
        def call(self, y_true, y_pred):
            return 1 - F.sum(y_true * y_pred, axis=-1)

    model = tc.Sequential([layers.Softmax(input_shape=(3,))])
    model.compile("sgd", Right())
    x, labels = rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])
    wanted = 1 - (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))[np.arange(5), labels].mean()
    assert model.evaluate(x, np.eye(3)[labels], verbose=0) == pytest.approx(wanted, rel=1e-6)


def test_a_metric_of_ones_own():
    count, weighted = Count(), Count()
    model = linear("mse", metrics=[count], weighted_metrics=[weighted])
    weights = np.array([1, 1, 0.5, 2])
    logs = model.evaluate(X, X, batch_size=3, sample_weight=weights, verbose=0, return_dict=True)
    assert logs == {"loss": 0.0, "count": 2.0, "weighted_count": 2.5}
    assert float(count.result()) == 2
    history = model.fit(X, X, epochs=2, sample_weight=weights, verbose=0).history
    assert history["count"] == [2.0, 2.0]
    assert count.variables[0].name == "above"
    assert Count()([[0]], [[3.0]]).item() == 1


def test_variables_of_a_metric():
    variable = tc.metrics.Metric().add_weight((2,), "ones", name="seen")
    variable.assign_add([1.0, 2.0])
    variable.assign_sub(0.5)
    assert variable.numpy().tolist() == [1.5, 2.5]
    variable.assign(3)
    assert variable.numpy().tolist() == [3, 3]
    with pytest.raises(ValueError, match=r"variable seen has shape \(2,\), it cannot be set to \(3,\)"):
        variable.assign(np.ones(3))


def test_metrics_of_one_name_are_all_reported():
    model = linear("mse", metrics=[absolute, absolute], weighted_metrics=[absolute])
    logs = model.evaluate(X, 0 * X, sample_weight=np.array([1.0, 0, 0, 0]), verbose=0, return_dict=True)
    assert logs == {"loss": 0.25, "absolute": 2.5, "absolute_1": 2.5, "weighted_absolute": 1.0}


def test_reductions():
    assert linear(tc.losses.MeanSquaredError("sum")).evaluate(X, 0 * X, verbose=0) == 30
    assert linear(Absolute(reduction="mean")).evaluate(X, 0 * X, verbose=0) == 2.5
    with pytest.raises(ValueError, match='unknown reduction "most"'):
        Absolute(reduction="most")


# Arguments.


@pytest.mark.parametrize("weights", [2.0, [2.0], (2,), {"dense": 2.0}, {"dense": np.float32(2)}], ids=repr)
def test_loss_weights_of_one_output(weights):
    assert linear("mse", loss_weights=weights).evaluate(X, 0 * X, verbose=0) == pytest.approx(15)


def test_losses_and_metrics_of_one_output_by_name():
    model = linear({"dense": "mse"}, metrics={"dense": [absolute]}, weighted_metrics={"dense": absolute})
    assert model.evaluate(X, 0 * X, verbose=0) == pytest.approx([7.5, 2.5, 2.5])
    assert linear(["mse"]).evaluate(X, 0 * X, verbose=0) == 7.5
    with pytest.raises(ValueError, match="loss_weights must be finite numbers, got 'a'"):
        linear("mse", loss_weights=["a"])
    with pytest.raises(ValueError, match="loss_weights must be finite numbers, got nan"):
        linear("mse", loss_weights=[float("nan")])


def test_integers_of_numpy_and_data_of_other_kinds(digits, network):
    x, y = digits
    one, other = network(), network()
    assert one.fit(x, y, epochs=np.int64(3), initial_epoch=np.int32(1), batch_size=np.int16(20), verbose=0).epoch == [
        1,
        2,
    ]
    other.fit(tc.Tensor(x), tc.Tensor(y.astype(np.float32)), epochs=3, initial_epoch=1, batch_size=20, verbose=0)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.predict(tc.Tensor(x)), one.predict(x))


def test_images_may_lack_the_axis_of_one_channel(digits, network):
    x, y = digits
    one, other = network(), network()
    one.fit(x[..., 0], y, verbose=0)
    other.fit(x[..., None], y, verbose=0)
    np.testing.assert_array_equal(one.predict(x[..., 0]), other.predict(x))


def test_a_frozen_model_is_fitted_to_no_effect(digits, network):
    model = network()
    model.trainable = False
    before, results = model.get_weights(), model.evaluate(*digits, verbose=0)
    with pytest.warns(UserWarning, match="no weights that training changes: all its layers are frozen"):
        history = model.fit(*digits, epochs=2, verbose=0).history
    assert history["loss"][1] == pytest.approx(results[0], rel=1e-6)
    assert history["loss"][0] == pytest.approx(results[0], rel=1e-6)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert isinstance(model.train_on_batch(*digits, return_dict=True)["accuracy"], float)


def test_single_batches_take_the_same_arguments(digits, network):
    x, y = digits
    one, other = network(), network()
    weights = {0: 0.5, 1: 3.0}
    each = np.array([weights.get(label, 1.0) for label in y])
    assert one.train_on_batch(x, y, class_weight=weights) == other.train_on_batch(x, y, each)
    assert one.train_on_batch(x, y, each, weights, True) == other.train_on_batch(x, y, each**2, return_dict=True)
    assert one.test_on_batch(x, y, each, True) == other.test_on_batch(x, y, sample_weight=each, return_dict=True)


# Copies, descriptions.


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "pickle"]
)
def test_a_copied_optimizer_goes_on_with_its_weights(copied, rng):
    w = tc.Tensor(rng.normal(size=(3, 2)))
    optimizer = tc.optimizers.Adam(0.1)
    gradients = rng.normal(size=(4, 3, 2))
    for g in gradients[:2]:
        optimizer.apply([g], [w])
    other, (v,) = copied((optimizer, [w]))
    for g in gradients[2:]:
        optimizer.apply([g], [w])
        other.apply([g], [v])
    np.testing.assert_array_equal(w.data, v.data)
    assert v is not w
    assert repr(other) == "<Adam learning_rate=0.1, iterations=4>"


def test_a_read_only_weight_is_refused_by_name():
    values = np.ones(3)
    values.flags.writeable = False
    w = tc.Tensor(values)
    with pytest.raises(ValueError, match=r"weight \(3,\) is a read-only array"):
        tc.optimizers.SGD().apply([np.ones(3)], [w])


def test_what_compile_was_given_is_described(digits, network):
    x, y = digits
    model = network()
    assert tc.Sequential([layers.Dense(1)]).get_compile_config() == {}
    model.compile(
        tc.optimizers.Adam(tc.schedules.ExponentialDecay(0.01, 5, 0.5)),
        tc.losses.SparseCategoricalCrossentropy(reduction="sum"),
        metrics=["accuracy", tc.metrics.SparseTopKCategoricalAccuracy(2)],
        loss_weights=[0.5],
        weighted_metrics=["accuracy"],
    )
    other = network()
    config = model.get_compile_config()
    other.compile_from_config(config)
    assert other.get_compile_config() == config
    assert list(config) == ["optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"]
    histories = [each.fit(x, y, epochs=2, verbose=0).history for each in (model, other)]
    assert histories[0] == histories[1]
