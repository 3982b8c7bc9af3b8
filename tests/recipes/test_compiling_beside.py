"""A machine's first run has a second process compile kernels beside it."""

import subprocess
import sys

import numpy as np
import pytest
from numba.core import config as numba_config

from tinyconv.recipes import BY_NAME, ahead
from tinyconv.recipes.config import fresh
from tinyconv.recipes.training import build

RECIPE = BY_NAME["mnist-fc"]
CONFIG = fresh(RECIPE, {})


class Started:
    """Stands for `subprocess.Popen`."""

    def __init__(self, command, **streams):
        self.command, self.killed = command, False
        started.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        assert self.killed

    def kill(self):
        self.killed = True


started: list[Started] = []


@pytest.fixture(autouse=True)
def _processes(monkeypatch):
    started.clear()
    monkeypatch.setattr(ahead.subprocess, "Popen", Started)
    monkeypatch.setattr(ahead.cpus, "usable", lambda: 2)
    monkeypatch.setattr(ahead, "_nothing_on_disk", lambda: True)


@pytest.mark.parametrize(("variant", "names"), [(None, ["intel"]), ("code", ["intel", "code"])])
def test_a_process_beside_the_first_run(variant, names):
    intel = BY_NAME["intel"]
    with ahead.compiling_beside(intel, fresh(intel, {"variant": variant})):
        assert not started[0].killed
    assert [process.command[3:] for process in started] == [names]
    assert started[0].killed


def test_none_where_it_would_not_help(monkeypatch):
    with ahead.compiling_beside(RECIPE, fresh(RECIPE, {"backend": "reference"})):
        assert not started
    monkeypatch.setattr(ahead.cpus, "usable", lambda: 1)
    with ahead.compiling_beside(RECIPE, CONFIG):
        assert not started


@pytest.mark.skipif(numba_config.DISABLE_JIT, reason="nothing is on disk without the compiler")
def test_none_where_kernels_are_on_disk(monkeypatch):
    monkeypatch.undo()
    build(RECIPE, CONFIG)  # random numbers have a kernel
    assert not ahead._nothing_on_disk()


def test_it_takes_a_step_of_training(monkeypatch):
    made = []
    monkeypatch.setattr(ahead, "build", lambda *given: made.append(build(*given)) or made[0])
    ahead.go_back(RECIPE)
    assert made[0].optimizer.iterations == 1
    assert not np.array_equal(made[0].get_weights()[-1], np.zeros(10))


def test_large_networks_are_left_alone(monkeypatch):
    monkeypatch.setattr(ahead, "MOST", 1)
    monkeypatch.setattr(ahead, "backend", None)
    ahead.go_back(RECIPE)


def test_it_ends_when_its_standard_input_closes(monkeypatch):
    monkeypatch.undo()
    program = "from tinyconv.recipes import ahead; import time; ahead.go_back = lambda recipe: time.sleep(60); "
    command = [sys.executable, "-c", program + 'ahead.main(["mnist-fc"])']
    assert subprocess.run(command, stdin=subprocess.DEVNULL, timeout=50).returncode == 0
