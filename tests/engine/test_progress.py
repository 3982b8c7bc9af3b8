"""What training prints: one line an epoch, a moving bar, or nothing."""

import builtins
import re
import sys
import types
from contextlib import nullcontext

import pytest
from rich.console import Console

import tinyconv as tc
from tinyconv.callbacks import CallbackList
from tinyconv.callbacks.live_bar import LiveBar, broken
from tinyconv.callbacks.progress import ProgressBar


@pytest.mark.parametrize("verbose", [1, "auto", 2])
def test_one_line_an_epoch_where_there_is_no_terminal(verbose, digits, network, capsys):
    x, y = digits
    network().fit(x, y, batch_size=20, epochs=2, verbose=verbose, validation_data=(x[:6], y[:6]))
    out = capsys.readouterr().out
    number = r"[\d.e-]+"
    line = (
        rf"Epoch {{}}/2  3/3  [\d.]+ s  [\d,]+ images/s  "
        rf"loss: {number} - accuracy: {number} - val_loss: {number} - val_accuracy: {number}\n"
    )
    assert re.fullmatch(line.format(1) + line.format(2), out)


def test_an_epoch_that_is_stopped_says_how_far_it_came(digits, network, capsys):
    model = network()

    def stop(batch, logs):
        model.stop_training = batch == 1

    model.fit(*digits, batch_size=20, epochs=2, callbacks=tc.callbacks.LambdaCallback(on_train_batch_end=stop))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Epoch 1/2  2/3  ")


@pytest.mark.parametrize("kind", [ProgressBar, tc.callbacks.ProgbarLogger])
@pytest.mark.parametrize("fails", [False, True])
def test_a_bar_that_has_seen_a_training_shows_an_evaluation(kind, fails, digits, network, capsys):
    model, bar = network(), kind()

    def fail(batch, logs):
        raise OSError("the disk is gone")

    listeners = [bar, tc.callbacks.LambdaCallback(on_train_batch_end=fail)] if fails else [bar]
    with pytest.raises(OSError, match="the disk is gone") if fails else nullcontext():
        model.fit(*digits, callbacks=listeners)
    capsys.readouterr()
    model.evaluate(*digits, callbacks=bar)
    assert "loss: " in capsys.readouterr().out


def test_a_bar_that_is_told_nothing(capsys):
    """A loop of one's own need not say how many epochs and batches there will be."""
    with CallbackList(add_progbar=True, model=tc.Sequential()) as listeners:
        listeners.on_train_begin()
        listeners.on_epoch_begin(0)
        for batch in range(3):
            listeners.on_train_batch_end(batch, {"loss": 0.5})
        listeners.on_epoch_end(0, {"loss": 0.5})
        listeners.on_train_end()
        listeners.on_test_begin()
        listeners.on_test_end({"loss": 0.25})
        listeners.on_predict_begin()
        listeners.on_predict_end()
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"Epoch 1  3/3  [\d.]+ s  0 images/s  loss: 0\.5000", first)
    assert second == "loss: 0.2500"


def test_verbose_0_is_silent(digits, network, capsys):
    model = network()
    model.fit(*digits, verbose=0)
    model.evaluate(*digits, verbose=0)
    model.predict(digits[0])
    assert capsys.readouterr() == ("", "")


def test_a_moving_bar_on_a_terminal(digits, network, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    network().fit(*digits, epochs=2, verbose=1)
    lines = [line for line in capsys.readouterr().out.splitlines() if "images/s  loss" in line]
    assert len(lines) == 2


def test_the_bar_is_taken_down_when_training_fails(digits, network, monkeypatch):
    class Interrupter(tc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs):
            raise KeyboardInterrupt

    stopped = []
    monkeypatch.setattr(tc.callbacks.ProgressBar, "stop", lambda self: stopped.append(self))
    with pytest.raises(KeyboardInterrupt):
        network().fit(*digits, callbacks=[Interrupter()])
    assert stopped


def on_a_terminal(monkeypatch, width):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))


@pytest.mark.parametrize("width", [40, 80, 100])
def test_an_epoch_breaks_between_its_entries_on_a_narrow_terminal(width, digits, network, capsys, monkeypatch):
    on_a_terminal(monkeypatch, width)
    x, y = digits
    network().fit(x, y, verbose=2, validation_data=(x, y))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1
    assert all(len(line) <= width for line in lines)
    entry = r"(Epoch 1/1|\d+/\d+|[\d.]+ s|[\d,]+ images/s|\w+: [\d.e+-]+)"
    for i, line in enumerate(lines):
        assert re.fullmatch(rf"{'  ' * (i > 0)}{entry}((  | - ){entry})*", line)
    assert re.findall(r"(\w+): ", " ".join(lines)) == ["loss", "accuracy", "val_loss", "val_accuracy"]


def test_broken_lines():
    head, entries = ["Epoch 1/2", "1.2 s"], ["loss: 0.5", "accuracy: 0.8"]
    assert broken(head, entries, None) == "Epoch 1/2  1.2 s  loss: 0.5 - accuracy: 0.8"
    assert broken(head, entries, 28) == "Epoch 1/2  1.2 s  loss: 0.5\n  accuracy: 0.8"
    assert broken(head, entries, 5) == "Epoch 1/2\n  1.2 s\n  loss: 0.5\n  accuracy: 0.8"
    assert broken([], entries, 30) == "loss: 0.5 - accuracy: 0.8"


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (120, r"Epoch 10/10 [━╸ ]{20} 150/300 \S+ 13,665 images/s loss: 0.5971 - accuracy: 0.8318 - top_5: 0.9018"),
        (80, r"Epoch 10/10 [━╸ ]{10} 150/300 \S+ loss: 0.5971 - accuracy: 0.8318"),
        (45, r"Epoch 10/10 150/300 \S+ loss: 0.5971"),
    ],
)
def test_a_narrow_bar_leaves_out_whole_entries(width, shown, monkeypatch, capsys):
    on_a_terminal(monkeypatch, width)
    bar = LiveBar("Epoch 10/10", 300)
    bar.stop()
    bar.move(150, "13,665 images/s", ["loss: 0.5971", "accuracy: 0.8318", "top_5: 0.9018"])
    capsys.readouterr()
    Console(width=width, color_system=None).print(bar.progress)
    assert re.fullmatch(shown, capsys.readouterr().out.rstrip())


def test_a_moving_bar_in_a_notebook(digits, network, capsys, monkeypatch):
    """One output an epoch, of a kernel that rich and IPython would know; the epoch's line replaces the bar."""
    outputs = []

    def display(shown, display_id):
        assert display_id
        outputs.append([shown])
        return types.SimpleNamespace(update=outputs[-1].append)

    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setattr(builtins, "get_ipython", lambda: shell, raising=False)
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    monkeypatch.setattr("tinyconv.callbacks.progress.PAUSE", 0)
    network().fit(*digits, batch_size=20, epochs=2)
    assert capsys.readouterr().out == ""
    assert len(outputs) == 2
    for epoch, (bar, *moves, line) in enumerate(outputs, start=1):
        assert len(moves) >= 2
        assert all(shown is bar for shown in moves)
        assert bar.tasks[0].completed == 3
        assert "text/html" in bar._repr_mimebundle_(None, None)
        assert re.match(rf"Epoch {epoch}/2  3/3  [\d.]+ s  [\d,]+ images/s  loss: ", line.plain)


def test_no_notebook_means_no_output_that_changes(digits, network, capsys, monkeypatch):
    """IPython on a terminal or in a pipe is no notebook."""
    monkeypatch.setattr(builtins, "get_ipython", lambda: object(), raising=False)
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    network().fit(*digits)
    assert capsys.readouterr().out.startswith("Epoch 1/1  ")


def test_a_bar_whose_length_is_not_known(digits, network, capsys, monkeypatch):
    """A generator does not say how many batches it has."""
    on_a_terminal(monkeypatch, 120)
    monkeypatch.setattr("tinyconv.callbacks.progress.PAUSE", 0)
    x, y = digits
    network().fit(((x[i : i + 20], y[i : i + 20]) for i in (0, 20, 40)), verbose=1)
    assert "Epoch 1/1  3/3  " in capsys.readouterr().out
