"""A run of the command line inside the test's process, in an empty folder, with MNIST unpacked once."""

import signal

import pytest
from run_checks import Outcome, load_once

from tinyconv import train
from tinyconv.datasets import mnist


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """Run `python -m tinyconv.train` with the given arguments, without pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mnist, "load_data", load_once)
    monkeypatch.setattr(train.pictures, "draw", lambda *given: [])

    def run(*arguments):
        capsys.readouterr()
        try:
            code = train.main([str(argument) for argument in arguments])
        except SystemExit as ending:
            code = ending.code
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return run


@pytest.fixture
def interruptible():
    """Let the signals that stop a run reach Python, even where the tests run in the background or under nohup."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
