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
    """Let Ctrl-C reach Python, even where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
