"""The kernels as plain Python: coverage and tracebacks reach their lines only with Numba's compiler off."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# On arrays small enough for plain Python: each kernel against its twin in `reference`, at every awkward window.
CHOICE = "agrees_with_reference and float64 and not random_agrees and not (wide and batch)"

# Winograd's algorithm and the direct one serve float32 with whole vector registers of channels, which those arrays do
# not have; depthwise convolution by blocks serves float32.
FLOAT32 = """
import numpy as np
from tinyconv.kernels import Window, conv_algorithm, cpu, reference
from tinyconv.kernels.cpu.convolution import dispatch, winograd

rng = np.random.default_rng(0)
WAYS = ("winograd", 1e9), ("winograd-3x3", 1e9), ("winograd-2x2", 1e9), ("winograd", 0), ("direct", 0)
for name, wide in WAYS:
    winograd.MAX_FUSED_BYTES, c = wide, 2 if name == "direct" else 16
    needs = name != "direct", True, True
    for window in (Window((3, 3)), Window((3, 3), padding="same")):
        x, w, b = (rng.standard_normal(shape, np.float32) for shape in ((2, 11, 10, c), (3, 3, c, 48), (48,)))
        for relu in (False, True):
            y = reference.conv2d(x, w, b, window, 1, relu)
            dy = rng.standard_normal(y.shape, np.float32)
            pooled, argmax = reference.conv2d_pooled(x, w, b, window, 1, relu)
            results = []
            for kernels in (cpu, reference):
                with conv_algorithm(name):
                    assert dispatch.choose_algorithm(x.dtype, w.shape, window, 1, (11, 10)) == name
                    results.append(
                        [
                            kernels.conv2d(x, w, b, window, 1, relu),
                            *kernels.conv2d_backward(dy, x, w, y if relu else None, window, 1, needs),
                            kernels.conv2d_pooled(x, w, b, window, 1, relu)[0],
                            *kernels.conv2d_pooled_backward(pooled, argmax, x, w, window, 1, needs),
                        ]
                    )
            for got, wanted in zip(*results, strict=True):
                if wanted is not None:
                    assert got.dtype == wanted.dtype == np.float32
                    assert np.linalg.norm(got - wanted) < 1e-5 * np.linalg.norm(wanted)

for window in (Window((3, 3), padding="same"), Window((3, 3), (2, 2), "same")):
    x, w, b = (rng.standard_normal(shape, np.float32) for shape in ((2, 5, 17, 18), (3, 3, 18, 1), (18,)))
    y = reference.depthwise_conv2d(x, w, b, window, True)
    dy = rng.standard_normal(y.shape, np.float32)
    results = [
        [
            kernels.depthwise_conv2d(x, w, b, window, True),
            *kernels.depthwise_conv2d_backward(dy, x, w, y, window, (True, True, True)),
        ]
        for kernels in (cpu, reference)
    ]
    for got, wanted in zip(*results, strict=True):
        assert np.linalg.norm(got - wanted) < 1e-5 * np.linalg.norm(wanted)
"""


def run(*arguments):
    """Run Python with the compiler off; return what it prints."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


@pytest.mark.slow
def test_every_kernel_runs_as_plain_python():
    out = run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "tests" / "kernels"), "-k", CHOICE)
    assert int(out.splitlines()[-1].split(" passed")[0]) > 100


@pytest.mark.slow
def test_vector_code_runs_as_plain_python():
    run("-W", "error", "-c", FLOAT32)
