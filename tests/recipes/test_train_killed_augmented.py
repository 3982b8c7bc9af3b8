"""A process killed at any moment of an augmented run on photographs resumes to the same bits."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import photographs
import pytest
from run_checks import assert_same_run

from tinyconv.recipes import BY_NAME

DYING = str(Path(photographs.__file__))
NEVER = 10**9

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


@pytest.fixture
def run(tmp_path):
    """An augmented run of 3 epochs with 6 updates each, whose rate falls on the way."""
    folder = photographs.make(tmp_path / "scenes", BY_NAME["intel"].class_names, train=4, validation=2)
    options = ("--batch-size", "4", "--epochs", "3", "--augment", "--early-stop", "9", "--verbose", "0")
    return ("intel", "--data", str(folder), *options)


def command(moment, count, number, *arguments):
    return [sys.executable, DYING, moment, str(count), str(int(number)), *map(str, arguments)]


def done(*given):
    return subprocess.run(command(*given), capture_output=True, text=True, timeout=300)


def finished(*arguments):
    ended = done("update", NEVER, signal.SIGKILL, *arguments)
    assert ended.returncode == 0, ended.stderr


MOMENTS = [
    ("rename", 2),  # config.json is there, the beginning is not
    ("update", 4),  # in epoch 1, with images of epoch 1 in the making
    ("rename", 5),  # the best weights of epoch 1 are there, the last ones not
    ("flush", 5),  # one of the files of epoch 1 is written, aside
    ("update", 8),  # in epoch 2, or 3
]


@pytest.mark.slow
@pytest.mark.parametrize("moments", [MOMENTS], ids=len)
def test_killed_again_and_again(tmp_path, run, moments):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    finished(*run, "--output", whole)
    for index, (moment, count) in enumerate(moments):
        started = run if index == 0 else ("intel", "--resume")
        died = done(moment, count, signal.SIGKILL, *started, "--output", parts)
        assert died.returncode == -signal.SIGKILL, died.stderr
    finished("intel", "--resume", "--output", parts)
    assert_same_run(whole, parts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_killed_from_outside_at_a_random_moment(tmp_path, run, seed):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    finished(*run, "--output", whole)
    with subprocess.Popen(command("update", NEVER, 9, *run, "--output", parts), stdout=subprocess.DEVNULL) as process:
        while not (parts / "config.json").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(2 * random.Random(seed).random())
        process.kill()
    finished("intel", "--resume", "--output", parts)
    assert_same_run(whole, parts)


@pytest.mark.slow
def test_the_real_network_killed_in_an_augmented_epoch(tmp_path):
    """`cats-dogs` as it is: 5,046,369 weights, photographs of 150×150."""
    folder = photographs.make(tmp_path / "pets", ("cats", "dogs"), train=4, validation=2, size=(200, 180))
    run = ("cats-dogs", "--data", str(folder), "--batch-size", "4", "--epochs", "2", "--augment", "--verbose", "0")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    dying = str(Path(DYING).with_name("dying_run.py"))
    for output, killed_at in ((whole, NEVER), (parts, 3)):
        given = [sys.executable, dying, "update", str(killed_at), "9", *run, "--output", str(output)]
        ended = subprocess.run(given, capture_output=True, text=True, timeout=600)
        assert ended.returncode == (0 if output == whole else -9), ended.stderr
    resume = [sys.executable, dying, "update", str(NEVER), "9", "cats-dogs", "--resume", "--output", str(parts)]
    ended = subprocess.run(resume, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr
    assert_same_run(whole, parts)
