"""The kernels as plain Python: coverage and tracebacks reach their lines only with Numba's compiler off."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

# On arrays small enough for plain Python: each kernel against its twin in `reference`, at every awkward window.
CHOICE = "agrees_with_reference and float64 and not random_agrees"

# Winograd's algorithm and the direct one serve float32 with whole vector registers of channels, which those arrays do
# not have.
FLOAT32 = """
import numpy as np
from tinyconv.kernels import Window, cpu, reference
from tinyconv.kernels.cpu.convolution import suits_direct, suits_winograd

rng = np.random.default_rng(0)
for suits, c in ((suits_winograd, 16), (suits_direct, 2)):
    for window in (Window((3, 3)), Window((3, 3), padding="same")):
        x, w, b = (rng.standard_normal(shape, np.float32) for shape in ((2, 11, 10, c), (3, 3, c, 48), (48,)))
        assert suits(x.dtype, w.shape, window, 1, (11, 10))
        for relu in (False, True):
            y = reference.conv2d(x, w, b, window, 1, relu)
            dy, needs = rng.standard_normal(y.shape, np.float32), (suits is suits_winograd, True, True)
            results = []
            for kernels in (cpu, reference):
                gradients = kernels.conv2d_backward(dy, x, w, y if relu else None, window, 1, needs)
                results.append([kernels.conv2d(x, w, b, window, 1, relu), *gradients])
            for got, wanted in zip(*results, strict=True):
                if wanted is not None:
                    assert got.dtype == wanted.dtype == np.float32
                    assert np.linalg.norm(got - wanted) < 1e-5 * np.linalg.norm(wanted)
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


def test_vector_code_runs_as_plain_python():
    run("-W", "error", "-c", FLOAT32)
