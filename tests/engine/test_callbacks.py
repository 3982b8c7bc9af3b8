"""ModelCheckpoint, CSVLogger and what the progress line spells."""

import csv

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.callbacks.progress import format_logs


def fire(callback, *epochs):
    """Let a callback hear of epochs with these logs."""
    callback.on_train_begin()
    for epoch, logs in enumerate(epochs):
        callback.on_epoch_end(epoch, logs)


def test_checkpoint_saves_every_epoch(tmp_path, digits, network):
    model = network()
    checkpoint = tc.callbacks.ModelCheckpoint(str(tmp_path / "{epoch:02d}-{loss:.1f}.weights.h5"))
    losses = model.fit(*digits, epochs=2, verbose=0, callbacks=[checkpoint]).history["loss"]
    wanted = [f"0{epoch + 1}-{loss:.1f}.weights.h5" for epoch, loss in enumerate(losses)]
    assert sorted(path.name for path in tmp_path.iterdir()) == wanted
    other = network()
    other.load_weights(str(tmp_path / wanted[-1]))
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("monitor", "mode", "values", "saved"),
    [
        ("val_loss", "auto", [3, 2, 2.5, 1], [True, True, False, True]),
        ("val_accuracy", "auto", [0.3, 0.2, 0.5, 0.5], [True, False, True, False]),
        ("val_loss", "max", [3, 2, 4], [True, False, True]),
        ("accuracy", "min", [3, 2, float("nan")], [True, True, False]),
    ],
)
def test_checkpoint_keeps_the_best(monitor, mode, values, saved, capsys):
    class Recorder:
        def __init__(self):
            self.paths = []

        def save_weights(self, path):
            self.paths.append(path)

    checkpoint = tc.callbacks.ModelCheckpoint("a.weights.h5", monitor, verbose=1, save_best_only=True, mode=mode)
    checkpoint.model = Recorder()
    fire(checkpoint, *({monitor: value} for value in values))
    lines = [line for line in capsys.readouterr().out.splitlines() if "improve" in line]
    assert ["improved from" in line for line in lines] == saved
    assert checkpoint.model.paths == ["a.weights.h5"] * sum(saved)
    first = values[0]
    assert lines[0] == f"Epoch 1: {monitor} improved from None to {first:.5f}, saving model to a.weights.h5"


def test_checkpoint_takes_the_arguments_of_keras(keras, tmp_path, digits, network):
    """Keras asks for save_weights_only=True where the file is one of weights; mode comes after it."""
    for engine in (keras, tc):
        callback = engine.callbacks.ModelCheckpoint("a.weights.h5", "val_loss", 0, True, True, "max")
        assert callback.save_best_only
    path = tmp_path / "a.weights.h5"
    network().fit(*digits, verbose=0, callbacks=tc.callbacks.ModelCheckpoint(path, save_weights_only=True))
    assert path.is_file()


@pytest.mark.parametrize(
    ("name", "only"), [("a.weights.h5", False), ("a.safetensors", False), ("a.keras", True), ("a.h5", True)]
)
def test_checkpoint_whose_name_says_another_thing(name, only):
    with pytest.raises(ValueError, match=f"with save_weights_only={only} filepath must end in .*, got {name}"):
        tc.callbacks.ModelCheckpoint(name, save_weights_only=only)


@pytest.mark.parametrize("name", ["a.keras", "a.h5"])
def test_checkpoint_of_the_whole_model(name, digits, network, tmp_path):
    model = network()
    checkpoint = tc.callbacks.ModelCheckpoint(tmp_path / name, save_best_only=True, monitor="loss")
    model.fit(*digits, epochs=2, verbose=0, callbacks=checkpoint)
    again = tc.load_model(tmp_path / name)
    assert again.optimizer.iterations > 0
    assert all(map(np.array_equal, again.get_weights(), model.get_weights()))


@pytest.mark.parametrize("only", [None, True])
def test_checkpoint_in_safetensors(only, digits, network, tmp_path):
    model, path = network(), tmp_path / "{epoch}.safetensors"
    checkpoint = tc.callbacks.ModelCheckpoint(path, save_weights_only=only)
    model.fit(*digits, epochs=2, verbose=0, callbacks=checkpoint)
    again = network()
    again.load_weights(tmp_path / "2.safetensors")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["1.safetensors", "2.safetensors"]
    assert all(map(np.array_equal, again.get_weights(), model.get_weights()))


def test_checkpoint_errors():
    with pytest.raises(ValueError, match=r'must end in "\.weights\.h5", .* got a\.pickle'):
        tc.callbacks.ModelCheckpoint("a.pickle")
    with pytest.raises(ValueError, match='"auto", "min" or "max", got \'most\''):
        tc.callbacks.ModelCheckpoint("a.weights.h5", mode="most")
    for save_freq in ("batch", 0, 1.5):
        with pytest.raises(ValueError, match=f"save_freq must be .* got {save_freq!r}"):
            tc.callbacks.ModelCheckpoint("a.weights.h5", save_freq=save_freq)
    for name in ("w{}", "w{0}", "w{", "w}", "w{epoch:zz}", "{val_loss:d}", "{loss.best}", "{loss[0]}", "{loss:2.2.f}"):
        with pytest.raises(ValueError, match=r'filepath has fields such as "{epoch:02d}" .*, got '):
            tc.callbacks.ModelCheckpoint(name + ".weights.h5")
    tc.callbacks.ModelCheckpoint("{{a}}{epoch:02d}-{batch}-{val_top 2:.2f}-{loss!r:>8}.weights.h5")
    with pytest.raises(ValueError, match="names val_loss, but there are only epoch, batch, loss"):
        fire(tc.callbacks.ModelCheckpoint("{val_loss:.2f}.weights.h5"), {"loss": 1.0})


def test_csv_logger(tmp_path, digits, network):
    path = tmp_path / "history.csv"
    history = network().fit(*digits, epochs=3, verbose=0, callbacks=[tc.callbacks.CSVLogger(str(path))]).history
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    for name, values in history.items():
        assert [float(row[name]) for row in rows] == values
    assert [entry.name for entry in tmp_path.iterdir()] == ["history.csv"]


def test_csv_logger_appends_and_takes_new_columns(tmp_path):
    """Keras writes a log that comes late nowhere, and an appended one into whichever column is next."""
    path = tmp_path / "history.csv"
    fire(tc.callbacks.CSVLogger(str(path), ";"), {"loss": 0.5})
    fire(tc.callbacks.CSVLogger(str(path), ";", append=True), {"val_loss": 1.0, "rate": 0.1, "loss": 0.25})
    assert path.read_text() == "epoch;loss;val_loss;rate\n0;0.5;NA;NA\n0;0.25;1.0;0.1\n"
    fire(tc.callbacks.CSVLogger(str(path), ";"), {"loss": 2.0})
    assert path.read_text() == "epoch;loss;val_loss\n0;2.0;NA\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epoch,loss\n0,1,2\n", r"row 1 of .*history\.csv has 3 values for 2 columns: mend it"),
        ("epoch;loss\n0;1\n", r"history\.csv has no column epoch, but epoch;loss: give its separator, or mend it"),
        ("epoch,loss\n0,\0\n".encode("utf-16"), r"history\.csv is no table, to which epochs could be appended: mend"),
    ],
)
def test_csv_logger_appends_to_no_other_file(tmp_path, content, message):
    path = tmp_path / "history.csv"
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        tc.callbacks.CSVLogger(path, append=True).on_train_begin()
    assert path.read_bytes() == content


def test_csv_logger_fills_up_a_row_that_a_dead_process_left(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,accuracy,loss\n0,0.5,1.0\n1,0.7")
    fire(tc.callbacks.CSVLogger(path, append=True), {"loss": 0.25, "accuracy": 1.0})
    assert path.read_text() == "epoch,accuracy,loss\n0,0.5,1.0\n1,0.7,NA\n0,1.0,0.25\n"
    for separator in ("", ", ", 5):
        with pytest.raises(ValueError, match="separator must be one character"):
            tc.callbacks.CSVLogger(path, separator)


@pytest.mark.parametrize(
    ("logs", "line"),
    [
        ({"loss": 0.123456, "accuracy": 1.0}, "loss: 0.1235 - accuracy: 1.0000"),
        ({"loss": 70188.4}, "loss: 7.019e+04"),
        ({"loss": 0.0, "val_loss": 1.23456e-5}, "loss: 0.0000 - val_loss: 1.235e-05"),
        ({"loss": float("nan")}, "loss: nan"),
    ],
)
def test_spelling(logs, line):
    assert format_logs(logs) == line


def test_strangers_are_no_callbacks(digits, network):
    for strangers in ([print], print, 3, [tc.callbacks.History(), None]):
        with pytest.raises(TypeError, match="must be tinyconv"):
            network().fit(*digits, callbacks=strangers, verbose=0)


@pytest.mark.parametrize("name", ["new/a.weights.h5", "new/{epoch}/a.weights.h5"])
def test_checkpoint_makes_its_folders(name, tmp_path, digits, network):
    """Before training: what cannot be made would be known only after an epoch."""
    checkpoint = tc.callbacks.ModelCheckpoint(str(tmp_path / name))
    checkpoint.on_train_begin()
    assert (tmp_path / "new").is_dir()
    network().fit(*digits, verbose=0, callbacks=checkpoint)
    assert (tmp_path / name.format(epoch=1)).is_file()


def test_a_folder_that_cannot_be_made_is_known_before_training(tmp_path, digits, network):
    (tmp_path / "file").write_text("")
    for callback in (
        tc.callbacks.ModelCheckpoint(str(tmp_path / "file/a.weights.h5")),
        tc.callbacks.CSVLogger(str(tmp_path / "file/history.csv")),
    ):
        model = network()
        with pytest.raises(OSError, match="file"):
            model.fit(*digits, verbose=0, callbacks=[callback])
        assert model.optimizer.iterations == 0


def test_csv_logger_makes_its_folder(tmp_path, digits, network):
    network().fit(*digits, verbose=0, callbacks=tc.callbacks.CSVLogger(str(tmp_path / "a/b/history.csv")))
    assert (tmp_path / "a/b/history.csv").read_text().startswith("epoch,accuracy,loss,val_accuracy,val_loss\n0,")
