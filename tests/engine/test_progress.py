"""What training prints: one line an epoch, a moving bar, or nothing."""

import re

import pytest

import tinyconv as tc


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
