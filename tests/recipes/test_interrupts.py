"""Ctrl-C and SIGTERM at random moments end a run, each of them; none is printed as ignored while training goes on."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from threading import Timer

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")

# Trains without end, again and again; says when it starts, and when an interrupt came through, with finite weights.
FIT = """
import signal, sys
import numpy as np
import tinyconv as tc

signal.signal(signal.SIGINT, signal.default_int_handler)

class Started(tc.callbacks.Callback):
    def on_train_begin(self, logs=None):
        print("started", flush=True)

model = tc.Sequential([tc.Input((28, 28, 1)), tc.layers.Conv2D(8, 3, activation="relu"), tc.layers.MaxPooling2D(),
                       tc.layers.Conv2D(8, 3), tc.layers.BatchNormalization(), tc.layers.Dropout(0.3),
                       tc.layers.Flatten(), tc.layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
rng = np.random.default_rng(0)
for _ in range(int(sys.argv[1])):
    try:
        model.fit(rng.random((256, 28, 28, 1), np.float32), rng.integers(0, 10, 256), batch_size=64, epochs=10**6,
                  verbose=0, callbacks=[Started()])
    except KeyboardInterrupt:
        print("stopped", all(np.isfinite(weight).all() for weight in model.get_weights()), flush=True)
"""

COMMAND = """
import signal, sys
from tinyconv import train

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
sys.exit(train.main(sys.argv[1:]))
"""


@contextmanager
def started(*arguments):
    """Yield a process of Python's that can be interrupted; it is killed if it does not end by itself."""
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def interrupt(process, number, moment):
    """Send a signal after so many seconds, and return the next line that the process writes: none, if it ended."""
    time.sleep(moment)
    process.send_signal(number)
    killing = Timer(120, process.kill)  # a signal waits for the kernel that is being compiled
    killing.start()
    line = process.stdout.readline()
    killing.cancel()
    return line


@pytest.mark.parametrize("module", ["numpy", "argparse"])
def test_an_interrupt_of_the_first_imports_is_one_line(module, tmp_path):
    """The module that is imported at the moment is one that sends the signal to itself."""
    lines = (
        "import os, signal",
        "signal.signal(signal.SIGINT, signal.default_int_handler)",
        "os.kill(os.getpid(), signal.SIGINT)",
    )
    (tmp_path / f"{module}.py").write_text("\n".join(lines))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    run = [sys.executable, "-m", "tinyconv.train", "mnist"]
    done = subprocess.run(run, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped.\n")


@pytest.mark.parametrize("times", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_interrupts_of_fit_reach_the_caller(times):
    rng = random.Random(times)
    with started("-c", FIT, str(times)) as process:
        for run in range(times):
            assert process.stdout.readline() == "started\n"
            # The first may find the kernels being loaded or compiled.
            assert interrupt(process, signal.SIGINT, rng.random() if run else 3 * rng.random()) == "stopped True\n"
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "ignored" not in errors


# A hundred in all, in four tests that can run side by side.
HUNDRED = [(25, seed) for seed in range(1, 5)]


@pytest.mark.slow
@pytest.mark.parametrize(("times", "seed"), HUNDRED)
def test_interrupts_end_the_command_line_with_everything_saved(times, seed, tmp_path):
    rng = random.Random(seed)
    options = ("mnist", "--limit", "200", "--batch-size", "20", "--verbose", "0")
    with started("-c", COMMAND, *options, "--epochs", "1", "--output", str(tmp_path / "whole")) as process:
        _, errors = process.communicate()  # the kernels are compiled
        assert process.returncode == 0, errors
    for run in range(times):
        folder, number = tmp_path / str(run), (signal.SIGINT, signal.SIGTERM)[run % 2]
        with started("-c", COMMAND, *options, "--epochs", "1000000", "--output", str(folder)) as process:
            while "files go to" not in process.stdout.readline():  # the last line before training
                assert process.poll() is None
            assert interrupt(process, number, 3 * rng.random()) == ""
            _, errors = process.communicate(timeout=300)
        assert process.returncode == 128 + number, errors
        assert "ignored" not in errors
        assert "Traceback" not in errors
        assert errors.splitlines()[-1].startswith(f"Stopped. {folder} holds the run")
        assert {path.name for path in folder.iterdir()} >= {"config.json", "last.weights.h5", "history.csv"}
