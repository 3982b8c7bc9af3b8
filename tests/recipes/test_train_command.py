"""The command line: what it prints, and what it refuses in one line with exit code 2."""

import errno
import os
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from run_checks import SMALL, contents, load_once, refused

from tinyconv import kernels, train
from tinyconv.datasets import mnist
from tinyconv.optimizers import Optimizer
from tinyconv.recipes.folder import locked
from tinyconv.recipes.pictures import NAMES

ON_ARRAYS = ["mnist,", "mnist-cnn5", "mnist-fc", "mnist-sgd", "cifar10"]
ON_PHOTOGRAPHS = ["cats-dogs", "practicum", "intel", "vgg16-cats-dogs"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["mnst"],
            'unknown recipe "mnst": did you mean "mnist"? known are cats-dogs, cifar10, intel, mnist,',
        ),
        (["mnist-cn"], 'did you mean "mnist-cnn"?'),
        (["--epochs", "0"], "argument --epochs: needs a whole number from 1 up, got 0"),
        (["--epochs", "-3"], "--epochs: needs a whole number from 1 up, got -3"),
        (["--epochs", "2.5"], "--epochs: needs a whole number from 1 up, got 2.5"),
        (["--epochs"], "--epochs: expected one argument"),
        (["--batch-size", "0"], "--batch-size: needs a whole number from 1 up"),
        (["--batch-size", "60001"], "mnist's 60000 training images cannot fill one batch of 60001"),
        (["--learning-rate", "0"], "--learning-rate: needs a number above 0, got 0"),
        (["--learning-rate", "-0.1"], "--learning-rate: needs a number above 0, got -0.1"),
        (["--learning-rate", "nan"], "--learning-rate: needs a number above 0, got nan"),
        (["--learning-rate", "fast"], "--learning-rate: needs a number above 0, got fast"),
        (["--learning-rate", "0_001"], "--learning-rate: needs a number above 0, got 0_001"),
        (["--seed", "-1"], "--seed: needs a whole number from 0 to 2**64 - 1, got -1"),
        (["--seed", str(2**64)], "--seed: needs a whole number from 0"),
        (["--limit", "0"], "--limit: needs a whole number from 1 up"),
        (["--limit", "199"], "--limit 199 cannot fill one batch of 200: give a --batch-size that fits"),
        (["--limit", "60001"], "--limit 60001: mnist has 60000 training images"),
        (["--threads", "0"], "--threads: needs a whole number from 1 up"),
        (["--threads", "100000"], "--threads 100000: the number of threads must be a whole number from 1 to"),
        (["--backend", "cuda"], "--backend: needs cpu, reference or gpu, got cuda"),
        (["--verbose", "3"], "--verbose: invalid choice: 3"),
        (["--fast"], "unrecognized arguments: --fast"),
        (["--epoch", "3"], "unrecognized arguments: --epoch 3: did you mean --epochs?"),
        (["--Batch-Size=3"], "unrecognized arguments: --Batch-Size=3: did you mean --batch-size?"),
        (["MNIST"], 'unknown recipe "MNIST": did you mean "mnist"?'),
        (["mnist_fc"], 'unknown recipe "mnist_fc": did you mean "mnist-fc"?'),
        (["--output", ""], "--output: needs the name of a folder, got ''; the current folder is ."),
        (["--resume"], "holds no run to resume (no config.json): start one without --resume"),
    ],
)
def test_refusals(command, tmp_path, arguments, message):
    named = arguments if arguments[0][0] in "mM" else ["mnist", *arguments]
    refused(command(*named), message)
    assert list(tmp_path.iterdir()) == []


def test_no_cupy(command, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.delitem(sys.modules, "tinyconv.kernels.gpu", raising=False)
    monkeypatch.delitem(sys.modules, "tinyconv.kernels.gpu.device", raising=False)
    message = '--backend gpu: the GPU kernels need CuPy, which is not installed: pip install -e ".[gpu]"'
    refused(command("mnist", "--backend", "gpu"), message)
    assert list(tmp_path.iterdir()) == []


def test_no_recipe(command):
    done = command()
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("usage: python -m tinyconv.train [-h] [--epochs N]")
    assert "mnist-sgd" in done.err
    assert "814,090" in done.err


def test_list(command):
    done = command("--list")
    assert done.code == 0
    header, *rows = done.out.splitlines()
    assert header.split()[:3] == ["recipe", "parameters", "epochs"]
    assert [row.split()[0] for row in rows] == [
        "mnist,",
        "mnist-cnn5",
        "mnist-fc",
        "mnist-sgd",
        "cifar10",
        *ON_PHOTOGRAPHS,
    ]
    assert "1,199,882" in rows[0]
    assert "99.06 %" in rows[0]


def test_summary(command, tmp_path):
    done = command("mnist-cnn", "--summary")
    assert done.code == 0
    assert "conv2d_1 (Conv2D)" in done.out
    assert "Total params: 1,199,882" in done.out
    assert list(tmp_path.iterdir()) == []


def test_alias_and_default_folder(command, tmp_path):
    done = command("mnist-cnn", "--limit", 4, "--batch-size", 2, "--epochs", 1)
    assert done.code == 0
    assert "1,199,882" in done.out
    assert "Epoch 1/1" in done.out
    assert sorted(contents(tmp_path / "runs/mnist")) == [
        ".lock",
        "best.weights.h5",
        "config.json",
        "history.csv",
        "last.weights.h5",
    ]


def test_help_is_light():
    code = (
        "import sys; sys.argv = ['train', '--help']\n"
        "from tinyconv import train\n"
        "try: train.main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'numba', 'scipy', 'h5py', 'matplotlib', 'rich', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "--learning-rate X" in done.stdout


def test_a_finished_run_is_not_overwritten(command, tmp_path):
    assert command(*SMALL, "--epochs", 1).code == 0
    before = contents(tmp_path / "runs/mnist-fc")
    refused(
        command(*SMALL, "--epochs", 1),
        "runs/mnist-fc already holds a run (config.json): use --resume to continue or --output for another folder",
    )
    assert contents(tmp_path / "runs/mnist-fc") == before


@pytest.mark.parametrize("name", ["last.weights.h5", "best.weights.h5", "history.csv"])
def test_files_of_somebody_else_are_not_overwritten(command, tmp_path, name):
    (tmp_path / name).write_text("precious")
    refused(command(*SMALL, "--output", tmp_path), f"already holds a run ({name})")
    assert contents(tmp_path) == {name: b"precious"}


@pytest.mark.parametrize("name", NAMES)
def test_pictures_of_somebody_else_are_not_overwritten(command, tmp_path, name):
    (tmp_path / name).write_text("precious")
    message = f"{tmp_path} holds {name}, which the run would overwrite: give another --output"
    refused(command(*SMALL, "--output", tmp_path), message)
    assert contents(tmp_path) == {name: b"precious"}


def test_one_process_at_a_time_in_a_folder(command, tmp_path, monkeypatch):
    """The other process starts while this one loads its data, or resumes what this one has just started."""
    message = "another process is at work in runs/mnist-fc: wait for its end, or give another --output"
    folder = tmp_path / "runs/mnist-fc"
    folder.mkdir(parents=True)
    with locked(folder):
        refused(command(*SMALL, "--epochs", 1), message)
        assert contents(folder) == {".lock": b""}
    assert command(*SMALL, "--epochs", 1).code == 0
    before = contents(folder)
    with locked(folder):
        refused(command("mnist-fc", "--resume", "--epochs", 3), message)
    assert contents(folder) == before
    assert command("mnist-fc", "--resume", "--epochs", 2).code == 0


def test_of_two_processes_that_start_at_once_the_second_overwrites_nothing(command, tmp_path, monkeypatch):
    folder = tmp_path / "run"

    def finished_meanwhile():
        folder.mkdir()
        (folder / "config.json").write_text("the other's")
        return load_once()

    monkeypatch.setattr(mnist, "load_data", finished_meanwhile)
    refused(command(*SMALL, "--output", folder), "already holds a run (config.json)")
    assert contents(folder) == {".lock": b"", "config.json": b"the other's"}


def test_a_file_system_without_locks(command, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr("fcntl.flock", refuse)
    assert command(*SMALL, "--epochs", 1).code == 0


def test_output_in_a_file(command, tmp_path):
    (tmp_path / "file").write_text("precious")
    refused(command(*SMALL, "--output", "file"), "output folder file cannot be made: File exists")
    refused(command(*SMALL, "--output", "file/run"), "output folder file/run cannot be made: Not a directory")
    refused(command(*SMALL, "--output", "file", "--resume"), "file holds no run to resume")
    assert contents(tmp_path) == {"file": b"precious"}


def test_output_without_permission(command, monkeypatch):
    from tinyconv import files

    def refuse(*_, **__):  # what the system says to all but root
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(files, "open", refuse, raising=False)
    refused(command(*SMALL, "--output", "locked"), "locked/config.json", "Permission denied", "Nothing was saved yet")
    monkeypatch.setattr(Path, "mkdir", refuse)
    refused(command(*SMALL, "--output", "locked/run"), "output folder locked/run cannot be made: Permission denied")


def test_a_full_disk_is_one_line_and_the_last_epoch_is_safe(command, monkeypatch, tmp_path):
    from tinyconv import files

    whole = os.replace
    count = 0

    def fill(source, target):
        nonlocal count
        ours = "runs" in Path(target).parts  # Numba, too, may replace files
        count += ours
        if ours and count > 7:  # config, last, table; best, last, table; best; and then the disk is full
            raise OSError(28, "No space left on device")
        whole(source, target)

    monkeypatch.setattr(files.os, "replace", fill)
    done = command(*SMALL, "--epochs", 5)
    refused(
        done,
        "runs/mnist-fc/last.weights.h5: cannot write the file: No space left on device",
        "runs/mnist-fc holds the run after epoch 1; continue with: python -m tinyconv.train mnist-fc --resume",
    )
    monkeypatch.setattr(files.os, "replace", whole)
    assert command("mnist-fc", "--resume").code == 0


def test_divergence_is_one_line_and_saves_nothing(command, tmp_path):
    with np.errstate(all="ignore"):
        done = command(*SMALL, "--learning-rate", "1e37", "--output", "run")
    refused(
        done, "training diverged in epoch 1: ", "try a smaller --learning-rate in another --output", "before epoch 1"
    )
    assert "nan" not in (tmp_path / "run/history.csv").read_text()


def test_a_bug_shows_its_traceback(command, monkeypatch):
    def broken(*given):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Optimizer, "apply", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        command(*SMALL, "--epochs", 1)


def test_a_reader_that_goes_away_stops_the_run(command, capsys):
    """As `… | head -3` does; what was trained is kept."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as output, redirect_stdout(output):
        assert train.main([*SMALL[:-1], "2", "--epochs", "2"]) == 141
    said = "Stopped: nobody reads the output any more. runs/mnist-fc holds the run after epoch 1; continue with: "
    assert capsys.readouterr().err.endswith(f"{said}python -m tinyconv.train mnist-fc --resume\n")
    assert command("mnist-fc", "--resume").code == 0


def test_threads_are_set(command, monkeypatch):
    counts = []
    monkeypatch.setattr(kernels, "set_threads", counts.append)
    assert command(*SMALL, "--epochs", 1, "--threads", 1).code == 0
    assert counts == [1]


def test_damaged_data_is_one_line(command, monkeypatch, tmp_path):
    def damaged():
        raise ValueError("mnist.gz is damaged: reinstall tinyconv")

    monkeypatch.setattr(mnist, "load_data", damaged)
    refused(command(*SMALL), "mnist.gz is damaged: reinstall tinyconv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_verbose(command, verbose):
    done = command(*SMALL[:-1], verbose, "--epochs", 1)
    assert ("Epoch 1/1" in done.out) == (verbose > 0)
    assert "best validation accuracy" in done.out
