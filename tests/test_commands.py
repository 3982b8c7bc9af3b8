"""What every command line of the package does alike: mistyped options, Ctrl-C, and a reader that goes away."""

import os
from contextlib import redirect_stdout

import pytest

from tinyconv import train
from tinyconv.commands import Parser, command
from tinyconv.zoo import __main__ as zoo

MAINS = {"train": (train.main, ["--list"]), "zoo": (zoo.main, [])}


@pytest.mark.parametrize(("main", "arguments"), MAINS.values(), ids=MAINS)
def test_a_closed_pipe_ends_the_command_in_silence(capsys, main, arguments):
    """Whoever read standard output is gone: `… | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as output, redirect_stdout(output):
        assert main(arguments) == 141
        print("what is left goes nowhere", flush=True)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("main", "arguments"), MAINS.values(), ids=MAINS)
def test_ctrl_c_ends_the_command_in_one_line(monkeypatch, capsys, main, arguments):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "listing", interrupted)
    monkeypatch.setattr(zoo, "rows", interrupted)
    assert main(arguments) == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_other_errors_pass():
    @command
    def main(arguments=None):
        raise FileNotFoundError("a bug")

    with pytest.raises(FileNotFoundError):
        main()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--wide"], "unrecognized arguments: --wide: did you mean --width?"),
        (["--WIDTH", "3"], "unrecognized arguments: --WIDTH 3: did you mean --width?"),
        (["x", "--xyzzy"], "unrecognized arguments: x --xyzzy"),
        (["--width", "many"], "argument --width: invalid int value: 'many'"),
    ],
)
def test_mistyped_options(capsys, arguments, message):
    parser = Parser("python -m some.where", "For a test.")
    parser.add_argument("--width", type=int)
    with pytest.raises(SystemExit) as ended:
        parser.parse(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"some.where: {message}\n"
