"""The kernels as plain Python: coverage and tracebacks reach their lines only with Numba's compiler off."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

# On arrays small enough for plain Python: each kernel against its twin in `reference`, at every awkward window.
CHOICE = "agrees_with_reference and float64 and not random_agrees"

# Winograd's algorithm serves float32 with whole vector registers of channels, which those arrays do not have.
WINOGRAD = """
import numpy as np
from tinyconv.kernels import Window, cpu, reference
from tinyconv.kernels.cpu.convolution import suits_winograd

def same(got, wanted):
    assert got.dtype == wanted.dtype == np.float32
    assert np.linalg.norm(got - wanted) < 1e-5 * np.linalg.norm(wanted)

rng = np.random.default_rng(0)
for padding in ("valid", "same"):
    window = Window((3, 3), padding=padding)
    x, w, b = (rng.standard_normal(shape, np.float32) for shape in ((2, 11, 10, 16), (3, 3, 16, 32), (32,)))
    assert suits_winograd(x.dtype, w.shape, window, 1, (11, 10))
    y = reference.conv2d(x, w, b, window, 1)
    same(cpu.conv2d(x, w, b, window, 1), y)
    same(cpu.conv2d_backward_input(y, w, window, 1, (11, 10)),
         reference.conv2d_backward_input(y, w, window, 1, (11, 10)))
    same(cpu.conv2d_backward_kernel(y, x, window, 1), reference.conv2d_backward_kernel(y, x, window, 1))
"""


def run(*arguments):
    """Run Python with the compiler off; return what it prints."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def test_every_kernel_runs_as_plain_python():
    out = run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "tests" / "kernels"), "-k", CHOICE)
    assert int(out.splitlines()[-1].split(" passed")[0]) > 100


def test_winograd_runs_as_plain_python():
    run("-W", "error", "-c", WINOGRAD)
