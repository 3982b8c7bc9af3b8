"""Callbacks beside Keras's, driven by the same logs: what they print, warn of, write, log and do to the model."""

import csv
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinyconv as tc

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
NAN, INF = float("nan"), float("inf")


def series(**values):
    """Turn each log's values into the logs of each epoch; an epoch lacks what is None."""
    epochs = max(map(len, values.values()))
    return [{name: each[i] for name, each in values.items() if each[i] is not None} for i in range(epochs)]


FALLING = series(loss=[1.0, 0.5, 0.25, 0.2, 0.19, 0.18], val_loss=[1.0, 0.8, 0.85, 0.79, 0.9, 0.95])
RISING = series(
    loss=[1.0, 0.9, 0.8, 0.7, 0.6], val_accuracy=[0.5, 0.625, 0.625, 0.75, 0.5], val_loss=[3.0, 2.0, 2.0, 2.0, 2.0]
)
FLAT = series(loss=[0.5] * 8, val_loss=[0.5] * 8)
SOMETIMES = series(loss=[1.0, 0.9, 0.8, 0.7], val_loss=[None, 0.5, None, 0.6])
NEVER = series(loss=[NAN] * 4, val_loss=[NAN] * 4)


def linear(engine, rate=0.5):
    """y = w·x: one weight, whose value says when it was saved."""
    model = engine.Sequential([engine.Input((1,)), engine.layers.Dense(1, use_bias=False)])
    quick = {} if engine is tc else dict(run_eagerly=True)  # no graph to be traced
    model.compile(engine.optimizers.SGD(rate), "mse", metrics=["accuracy"], **quick)
    model.train_on_batch(np.ones((2, 1)), np.ones((2, 1)))  # Keras then knows its metrics
    return model


def drive(engine, callbacks, epochs, model, batches=2):
    """Let callbacks hear of epochs with these logs, as `fit` would; return the learning rates and logs they left."""
    history = engine.callbacks.History()
    told = dict(model=model, epochs=len(epochs), steps=batches, verbose=1)
    listeners, rates = engine.callbacks.CallbackList([*callbacks, history], **told), []
    model.stop_training = False
    listeners.on_train_begin()
    for epoch, given in enumerate(epochs):
        logs = dict(given)
        listeners.on_epoch_begin(epoch)
        for batch in range(batches):
            listeners.on_train_batch_begin(batch)
            model.set_weights([np.full((1, 1), 10 * epoch + batch, np.float32)])
            listeners.on_train_batch_end(batch, {"loss": logs["loss"] + batch})
            if model.stop_training:
                break
        listeners.on_epoch_end(epoch, logs)
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            break
    listeners.on_train_end(logs)
    return rates, sorted(history.history.items())


def files():
    """What was written, by name: the weight in a file of weights, whichever engine's, the text of any other."""
    found, model = {}, linear(tc)
    for path in sorted(path for path in Path().rglob("*") if path.is_file()):
        if path.name.endswith(".weights.h5"):
            model.load_weights(str(path))
            found[str(path)] = float(model.get_weights()[0].item())
        else:
            found[str(path)] = path.read_bytes()
    return found


def compared(keras, make, trainings, tmp_path, monkeypatch, capsys, rate=0.5, batches=2):
    """Drive both engines' callbacks through the trainings; all that they leave must be equal; return it."""
    found = []
    for engine in (tc, keras):
        folder = tmp_path / engine.__name__
        folder.mkdir()
        monkeypatch.chdir(folder)
        model, callbacks = linear(engine, rate), make(engine)
        capsys.readouterr()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            left = [drive(engine, callbacks, epochs, model, batches) for epochs in trainings]
        said = capsys.readouterr().out
        heard = [str(each.message) for each in warned if issubclass(each.category, UserWarning)]
        found.append((left, said, heard, float(model.get_weights()[0].item()), files()))
    for ours, theirs in zip(*found, strict=True):
        assert repr(ours) == repr(theirs)  # NaN is not equal to itself
    return found[0]


def best_only(path, **settings):
    return lambda engine: [
        engine.callbacks.ModelCheckpoint(
            f"{path}.weights.h5", save_best_only=True, save_weights_only=True, verbose=1, **settings
        )
    ]


def every(path, **settings):
    return lambda engine: [
        engine.callbacks.ModelCheckpoint(f"{path}.weights.h5", save_weights_only=True, verbose=1, **settings)
    ]


def stopping(**settings):
    return lambda engine: [engine.callbacks.EarlyStopping(verbose=1, **settings)]


def plateau(**settings):
    return lambda engine: [engine.callbacks.ReduceLROnPlateau(verbose=1, factor=0.5, **settings)]


CASES = {
    "checkpoint every epoch": (every("a/{epoch:02d}-{val_loss:.2f}"), [FALLING]),
    "checkpoint every 3 batches": (every("{epoch}-{batch}", save_freq=3), [FALLING]),
    "checkpoint every 5 batches, twice": (every("{epoch}-{batch:02d}-{loss:.1f}", save_freq=5), [FALLING, RISING]),
    "checkpoint the best": (best_only("best"), [FALLING]),
    "checkpoint the best accuracy": (best_only("{epoch}", monitor="val_accuracy"), [RISING]),
    "checkpoint the largest": (best_only("best", mode="max"), [FALLING]),
    "checkpoint below a threshold": (best_only("best", initial_value_threshold=0.82), [FALLING]),
    "checkpoint above a threshold": (
        best_only("best", monitor="val_accuracy", initial_value_threshold=0.625),
        [RISING],
    ),
    "checkpoint, goes on": (best_only("{epoch}"), [FALLING, FALLING]),
    "checkpoint, no such log": (best_only("best", monitor="loss_of_hair", mode="min"), [FALLING]),
    "checkpoint, NaN": (best_only("best"), [NEVER]),
    "stop": (stopping(), [FALLING]),
    "stop, patience": (stopping(patience=2), [FALLING]),
    "stop, restore": (stopping(patience=2, restore_best_weights=True), [FALLING]),
    "stop, restore, ends by itself": (stopping(patience=9, restore_best_weights=True), [FALLING]),
    "stop, min_delta": (stopping(monitor="loss", min_delta=0.1, patience=1), [FALLING]),
    "stop, accuracy": (stopping(monitor="val_accuracy", patience=1), [RISING]),
    "stop, largest": (stopping(monitor="loss", mode="max", patience=2), [FALLING]),
    "stop, baseline": (stopping(baseline=0.79, patience=2, restore_best_weights=True), [FALLING]),
    "stop, baseline reached": (stopping(baseline=0.9, patience=2), [FALLING]),
    "stop, late start": (stopping(start_from_epoch=3, restore_best_weights=True), [FALLING]),
    "stop, starts after the end": (stopping(start_from_epoch=9, restore_best_weights=True), [FALLING]),
    "stop, never better": (stopping(patience=2, restore_best_weights=True), [NEVER]),
    "stop, no such log": (stopping(monitor="val_acuracy", mode="max"), [FALLING]),
    "stop, validated now and then": (stopping(patience=1, restore_best_weights=True), [SOMETIMES]),
    "stop, twice": (stopping(patience=1, restore_best_weights=True), [FALLING, RISING]),
    "reduce": (plateau(patience=1), [FALLING]),
    "reduce every epoch": (plateau(patience=1), [FLAT]),
    "reduce, cooldown": (plateau(patience=1, cooldown=2), [FLAT]),
    "reduce, patience": (plateau(patience=3), [FLAT]),
    "reduce, floor": (plateau(patience=1, min_lr=0.125), [FLAT]),
    "reduce, floor between": (plateau(patience=1, min_lr=0.1875), [FLAT]),
    "reduce, min_delta": (plateau(monitor="loss", patience=1, min_delta=0.1), [FALLING]),
    "reduce, accuracy": (plateau(monitor="val_accuracy", patience=1), [RISING]),
    "reduce, no such log": (plateau(monitor="val_acuracy", mode="max"), [FALLING]),
    "reduce, patience 0": (plateau(patience=0), [FALLING]),
    "reduce, twice": (plateau(patience=2), [FLAT, FLAT]),
    "schedule": (
        lambda engine: [engine.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5**epoch, verbose=1)],
        [FALLING],
    ),
    "schedule of the epoch": (
        lambda engine: [engine.callbacks.LearningRateScheduler(lambda epoch: 1.0 / 2**epoch)],
        [FALLING],
    ),
    "NaN": (lambda engine: [engine.callbacks.TerminateOnNaN()], [series(loss=[1.0, NAN, 2.0])]),
    "infinite": (lambda engine: [engine.callbacks.TerminateOnNaN()], [series(loss=[1.0, 0.5, -INF, 2.0])]),
    "table": (lambda engine: [engine.callbacks.CSVLogger("log.csv")], [FALLING]),
    "table without validation": (
        lambda engine: [engine.callbacks.CSVLogger("log.csv", separator=";")],
        [series(loss=[1.0, 1e-7, NAN], accuracy=[0.25, 0.5, 1 / 3])],
    ),
    "table, validated now and then": (lambda engine: [engine.callbacks.CSVLogger("log.csv")], [SOMETIMES]),
    "table, appended": (lambda engine: [engine.callbacks.CSVLogger("log.csv", append=True)], [FALLING, FALLING]),
    "table, begun anew": (lambda engine: [engine.callbacks.CSVLogger("log.csv")], [RISING, FALLING]),
    "table of several numbers": (
        lambda engine: [engine.callbacks.CSVLogger("log.csv")],
        [[{"loss": 1.0, "each": np.array([1, 2]), "name": "a,b"}]],
    ),
    "several together": (
        lambda engine: [
            engine.callbacks.ReduceLROnPlateau(patience=1, factor=0.25, verbose=1),
            engine.callbacks.CSVLogger("logs.csv"),
            *every("w{epoch}")(engine),
            *stopping(patience=3, restore_best_weights=True)(engine),
        ],
        [FALLING],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_logs(case, keras, tmp_path, monkeypatch, capsys):
    compared(keras, *CASES[case], tmp_path, monkeypatch, capsys)


def test_the_best_file_survives_an_epoch_that_was_not_validated(keras, tmp_path, monkeypatch, capsys):
    """Keras overwrites it with weights that nobody has measured; both warn."""
    found = {}

    for engine in (tc, keras):
        monkeypatch.chdir(tmp_path)
        with pytest.warns(UserWarning, match=r"Can save best model only with val_loss available\."):
            drive(engine, best_only(engine.__name__)(engine), SOMETIMES, linear(engine))
        found[engine] = files()[f"{engine.__name__}.weights.h5"]
    assert found[tc] == 11
    assert found[keras] == 21


@pytest.mark.parametrize("verbose", [0, 1, 2])
@pytest.mark.parametrize("steps", [3, None])
def test_keras_s_bar(verbose, steps, keras, monkeypatch, capsys):
    """Under a clock that goes by a third of a second at a look, every character is Keras's."""
    import keras.src.utils.progbar

    from tinyconv.callbacks import progbar

    said = []
    for engine, module in ((tc, progbar), (keras, keras.src.utils.progbar)):
        clock = iter(range(1_000_000))
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda clock=clock: next(clock) / 3))
        logger = engine.callbacks.ProgbarLogger()
        capsys.readouterr()
        for hook, batches in (("train", 4), ("test", 3), ("predict", 2)):
            logger.set_params({"verbose": verbose, "epochs": 2, "steps": steps})
            getattr(logger, f"on_{hook}_begin")()
            if hook == "train":
                logger.on_epoch_begin(1)
            for batch in range(batches if steps is None else steps):
                logs = {"loss": 0.5 / (batch + 1), "accuracy": 1e-5 * batch, "long_name": 123456.789}
                getattr(logger, f"on_{hook}_batch_end")(batch, logs)
            if hook == "train":
                logger.on_epoch_end(1, {"loss": 0.25, "val_loss": -1.0})
            getattr(logger, f"on_{hook}_end")({})
        bar = engine.utils.Progbar(200, verbose=verbose, interval=0.5, stateful_metrics=["b"], unit_name="sample")
        for step in (1, 5, 20):
            bar.add(step, [("a", step), ("b", step / 3)])
        bar.update(200)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert (said[0] == "") == (verbose == 0)


def test_a_bar_given_takes_the_place_of_the_own(capsys):
    linear(tc).fit(np.ones((4, 1)), np.ones((4, 1)), batch_size=2, callbacks=tc.callbacks.ProgbarLogger())
    out = capsys.readouterr().out
    assert "images/s" not in out
    assert "2/2" in out


def test_the_table_can_be_read(tmp_path):
    drive(tc, [tc.callbacks.CSVLogger(tmp_path / "a/log.csv")], FALLING, linear(tc))
    with (tmp_path / "a/log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [{name: float(row[name]) for name in logs} for row, logs in zip(rows, FALLING, strict=True)] == FALLING


@pytest.mark.parametrize("name", ["ReduceLROnPlateau", "LearningRateScheduler"])
def test_a_schedule_of_the_optimizer_s_own_is_kept(name, keras):
    for engine in (tc, keras):
        schedules = engine.optimizers.schedules
        model = linear(engine, schedules.ExponentialDecay(0.5, 10, 0.5))
        kind = getattr(engine.callbacks, name)
        callback = kind("val_loss", patience=0) if name == "ReduceLROnPlateau" else kind(lambda epoch: 0.1)
        with pytest.raises(TypeError, match=r"(?i)schedule"):
            drive(engine, [callback], FLAT, model)


def test_rates_are_set_and_read(keras):
    for engine in (tc, keras):
        optimizer = linear(engine).optimizer
        for rate in (0.25, np.float32(0.125), np.float64(0.5), 1):
            optimizer.learning_rate = rate
            assert float(optimizer.learning_rate) == rate
