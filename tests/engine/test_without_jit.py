"""The kernels as plain Python: coverage and tracebacks reach their lines only with Numba's compiler off."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent / "kernels"

# On arrays small enough for plain Python: each kernel against its twin in `reference`, at every awkward window.
CHOICE = "agrees_with_reference and float64 and not random_agrees"


def test_kernels_run_as_plain_python(tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TESTS), "-k", CHOICE]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run(command, env=environment, cwd=TESTS.parent.parent, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout[-4000:]
    assert int(run.stdout.splitlines()[-1].split(" passed")[0]) > 100
