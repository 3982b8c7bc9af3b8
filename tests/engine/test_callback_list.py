"""CallbackList, History and LambdaCallback: nested lists, a history of one's own, loops of one's own, hooks by name."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.callbacks import Callback, CallbackList, History, LambdaCallback, ProgbarLogger, ProgressBar

X = np.array([[1.0], [2.0], [3.0], [4.0]])


def linear():
    model = tc.Sequential([tc.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))])
    model.compile(tc.optimizers.SGD(0.01), "mse")
    return model


def test_lists_may_be_nested():
    heard = []
    a, b, c = (LambdaCallback(on_train_begin=lambda logs, name=name: heard.append(name)) for name in "abc")
    linear().fit(X, X, verbose=0, callbacks=[[a, (b,)], c])
    assert heard == ["a", "b", "c"]
    assert CallbackList([[a], [[b]]]).callbacks == [a, b]
    with pytest.raises(TypeError, match="callbacks must be"):
        CallbackList([[a], [print]])


def test_a_history_of_one_s_own_is_the_only_one_and_goes_on():
    history, model = History(), linear()
    first = model.fit(X, X, epochs=2, verbose=0, callbacks=[history])
    assert first is history is model.history
    again = model.fit(X, X, epochs=5, initial_epoch=2, verbose=0, callbacks=[history])
    assert again is history
    assert len(history.history["loss"]) == 5
    assert history.epoch == [2, 3, 4]


def test_a_loop_of_one_s_own():
    model, heard = linear(), []
    log = LambdaCallback(
        on_epoch_end=lambda epoch, logs: heard.append((epoch, logs)),
        on_test_begin=lambda logs: heard.append(("test", logs)),
        on_predict_batch_end=lambda batch, logs: heard.append((batch, logs)),
    )
    listeners = CallbackList([log], add_history=True, add_progbar=True, model=model, epochs=1, steps=2, verbose=0)
    assert [type(each) for each in listeners.callbacks] == [LambdaCallback, History, ProgressBar]
    assert all(each.model is model and each.params["steps"] == 2 for each in listeners.callbacks)
    assert len(CallbackList([History(), ProgbarLogger()], add_history=True, add_progbar=True).callbacks) == 2
    listeners.on_test_begin()
    listeners.on_predict_batch_end(3)
    listeners.on_epoch_end(0, {"loss": 1.0})
    assert heard == [("test", {}), (3, {}), (0, {"loss": 1.0})]
    assert listeners.callbacks[1].history == {"loss": [1.0]}


def test_a_hook_that_does_not_exist_is_refused():
    """Keras takes any name, and never calls it."""
    with pytest.raises(TypeError, match=r"has no hook on_epoch_ends: did you mean on_epoch_end\?"):
        LambdaCallback(on_epoch_ends=print)
    with pytest.raises(TypeError, match=r"LambdaCallback has no hook xyzzy$"):
        LambdaCallback(xyzzy=print)


def test_a_metric_says_which_way_it_gets_better():
    class Misses(tc.metrics.Mean):
        _direction = "down"

    def score(y, p):
        return tc.functions.mean(y * p, axis=-1)

    def fit(monitor, **settings):
        model = linear()
        model.compile(tc.optimizers.SGD(0.0), "mse", metrics=[Misses("accident"), score])
        stop = tc.callbacks.EarlyStopping(monitor, patience=1, **settings)
        return model.fit(X, X, epochs=4, verbose=0, callbacks=stop, validation_data=(X, X)).epoch

    assert fit("val_accident") == fit("val_score", mode="max") == [0, 1]
    with pytest.raises(ValueError, match=r'EarlyStopping monitors "val_score", and whether .* give mode='):
        fit("val_score")


class Logged(Callback):
    """Sets a log, as a callback of one's own may, before those that watch it."""

    def on_epoch_end(self, epoch, logs=None):
        logs["val_iou"] = [0.1, 0.5, 0.4, 0.3][epoch]


def test_what_one_callback_logs_another_watches(tmp_path):
    best = tc.callbacks.ModelCheckpoint(
        tmp_path / "{epoch}-{val_iou:.1f}.weights.h5", "val_iou", save_best_only=True, mode="max"
    )
    stop = tc.callbacks.EarlyStopping("val_iou", mode="max", patience=2)
    table = tc.callbacks.CSVLogger(tmp_path / "log.csv")
    history = linear().fit(X, X, epochs=9, verbose=0, callbacks=[Logged(), best, stop, table])
    assert history.epoch == [0, 1, 2, 3]
    assert sorted(path.name for path in tmp_path.glob("*.h5")) == ["1-0.1.weights.h5", "2-0.5.weights.h5"]
    assert (tmp_path / "log.csv").read_text().splitlines()[0] == "epoch,loss,val_iou"
