"""What every command line of the package does alike: mistyped options, Ctrl-C, and a reader that goes away."""

import os
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tinyconv import __main__ as package
from tinyconv import train
from tinyconv.commands import Parser, command
from tinyconv.zoo import __main__ as zoo

PACKAGE = Path(package.__file__).parent
MAINS = {"train": (train.main, ["--list"]), "zoo": (zoo.main, []), "package": (package.main, [])}


@pytest.mark.parametrize(("main", "arguments"), MAINS.values(), ids=MAINS)
def test_a_closed_pipe_ends_the_command_in_silence(capsys, main, arguments):
    """Whoever read standard output is gone: `… | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as output, redirect_stdout(output):
        assert main(arguments) == 141
        print("what is left goes nowhere", flush=True)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full: /dev/full")
@pytest.mark.parametrize(("main", "arguments"), MAINS.values(), ids=MAINS)
def test_a_full_disk_under_the_output_is_one_line(capsys, main, arguments):
    with open("/dev/full", "w", encoding="utf-8") as output, redirect_stdout(output):
        assert main(arguments) == 2
    assert capsys.readouterr().err == "standard output cannot be written: No space left on device\n"


def test_no_standard_output_at_all():
    """As after `>&-`."""
    with redirect_stdout(None):
        assert train.main(["--list"]) == 0


@pytest.mark.parametrize(("main", "arguments"), MAINS.values(), ids=MAINS)
def test_ctrl_c_ends_the_command_in_one_line(monkeypatch, capsys, main, arguments):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "listing", interrupted)
    monkeypatch.setattr(zoo, "rows", interrupted)
    monkeypatch.setattr(package, "overview", interrupted)
    assert main(arguments) == 130
    assert capsys.readouterr().err == "Stopped.\n"


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "No such file", "data"), OSError(28, "No space left on device")]
)
def test_errors_of_other_files_pass(error):
    """The second may be of any disk: standard output is not full."""

    @command
    def main(arguments=None):
        print("all right")
        raise error

    with pytest.raises(OSError) as raised:  # noqa: PT011
        main()
    assert raised.value is error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--wide"], "unrecognized arguments: --wide: did you mean --width?"),
        (["--WIDTH", "3"], "unrecognized arguments: --WIDTH 3: did you mean --width?"),
        (["x", "--xyzzy"], "unrecognized arguments: x --xyzzy"),
        (["-w", "3"], "unrecognized arguments: -w 3"),
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


def test_the_package_itself_lists_its_commands(capsys):
    assert package.main([]) == 0
    said = capsys.readouterr().out
    for name, words in package.COMMANDS.items():
        assert f"python -m tinyconv.{name} " in said
        assert words in said
    runnable = {path.parent.name for path in PACKAGE.glob("*/__main__.py")}
    runnable |= {path.stem for path in PACKAGE.glob("*.py") if '__name__ == "__main__"' in path.read_text("utf-8")}
    assert set(package.COMMANDS) == runnable - {"__main__", "explorer"}  # which is run as `explore`


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "mnist"], "each command is a module of its own: python -m tinyconv.train mnist"),
        (
            ["Train"],
            'unknown command "Train": did you mean "train"? known are compile, convert, explore, functions, gradcheck, '
            "inspect, keras, predict, split_folder, train, visualize, zoo",
        ),
        (["--versoin"], "unrecognized arguments: --versoin: did you mean --version?"),
    ],
)
def test_the_package_itself_refuses(capsys, arguments, message):
    with pytest.raises(SystemExit) as ended:
        package.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"tinyconv: {message}\n"
