"""A process killed at any moment, and Ctrl-C from a terminal, as the user meets them."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from run_checks import assert_same_run

DYING = str(Path(__file__).with_name("dying_run.py"))
RUN = ("mnist", "--limit", "40", "--batch-size", "10", "--epochs", "3", "--verbose", "2")  # 4 updates an epoch

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


def python(*arguments):
    return subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


def train(*arguments):
    """A run in a process of its own, as its user has it."""
    done = python("-m", "tinyconv.train", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_killed_again_and_again(tmp_path):
    """SIGKILL before the first checkpoint, between and inside updates, before, between and inside checkpoint writes."""
    rng = random.Random(20)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(*RUN, "--output", whole)

    moments = [
        ("rename", 2),  # config.json is there, the beginning is not
        ("update", rng.randint(1, 4)),  # in epoch 1
        ("rename", 5),  # the beginning again (3 files), the best weights of epoch 1 are there, the last ones not
        ("flush", rng.randint(4, 6)),  # one of the files of epoch 1 is written, aside
        ("update", rng.randint(5, 8)),  # in epoch 2, or 3
    ]
    for index, (moment, count) in enumerate(moments):
        started = RUN if index == 0 else ("mnist", "--resume")
        died = python(DYING, moment, count, signal.SIGKILL, *started, "--output", parts)
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert (parts / "config.json").exists()
    train("mnist", "--resume", "--output", parts)
    assert_same_run(whole, parts)
    assert {path.name for path in parts.iterdir()} == {path.name for path in whole.iterdir()}


@pytest.mark.slow
def test_killed_from_outside_at_a_random_moment(tmp_path):
    run = ("mnist-fc", "--limit", "200", "--batch-size", "10", "--epochs", "6", "--verbose", "0")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(*run, "--output", whole)
    started = [sys.executable, "-W", "error", "-m", "tinyconv.train", *run, "--output", str(parts)]
    with subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while not (parts / "config.json").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(random.random())
        process.kill()
    train("mnist-fc", "--resume", "--output", parts)
    assert_same_run(whole, parts)


def test_ctrl_c(tmp_path):
    """Exit code 130, one line, no traceback."""
    done = python(DYING, "update", 6, signal.SIGINT, *RUN, "--output", tmp_path)
    assert done.returncode == 130
    command = f"python -m tinyconv.train mnist --resume --output {tmp_path}"
    *_, line = done.stderr.splitlines()  # Numba may have said that it compiles
    assert line == f"Stopped. {tmp_path} holds the run after epoch 1; continue with: {command}"
    assert "Traceback" not in done.stderr


def test_a_disk_that_fills(tmp_path):
    """The system refuses files above 1 MB: the checkpoint of a network of 200,000 parameters and Adam has 2.4 MB."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))\n"
        "from tinyconv import train; sys.exit(train.main(sys.argv[1:]))"
    )
    done = python("-c", code, "mnist-fc", "--limit", 200, "--epochs", 1, "--output", tmp_path / "run")
    assert done.returncode == 2
    *_, line = done.stderr.splitlines()
    assert line.startswith(f"tinyconv.train: {tmp_path}/run/last.weights.h5: cannot write the file: File too large.")
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [".lock", "config.json"]
