"""A Numba that is made otherwise inside than those that were tried compiles kernels its own way, to the same bits."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from tinyconv.kernels import cpu

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="there is nothing to compile without the compiler"
)

COMPUTE = """
import hashlib
import numpy as np
from tinyconv.kernels import Window, cpu
from tinyconv.kernels.cpu import compile

rng = np.random.default_rng(0)
x, w, dense = (rng.standard_normal(shape, np.float32) for shape in ((2, 9, 11, 8), (3, 3, 8, 16), (8, 20)))
made = [cpu.rectifier(x, 0.1, 6.0, 0.0), cpu.dense(x, dense, None), cpu.conv2d(x, w, None, Window((3, 3)), 1, False),
        *cpu.dropout(x, 0.5, 1, 2, 3)]
print(hashlib.sha256(b"".join(array.tobytes() for array in made)).hexdigest(), compile._compilation.ours)
"""

# What is done to Numba before tinyconv is imported, and whether our part of compilation is known to have failed.
OTHERWISE = {
    "a class is missing": ("import numba.core.codegen as c; del c.JITCodeLibrary", True),
    "a method cannot be replaced": (
        "import numba.core.codegen as c; method = c.JITCPUCodegen.set_env\n"
        "c.JITCPUCodegen.set_env = property(lambda self: method.__get__(self))",
        False,
    ),
    "files of machine code are made otherwise": (
        "import numba.core.caching as c; c.IndexDataCacheFile._source_stamp = property()",
        True,
    ),
}


def compute(before, folder):
    """The bits that kernels give after the program `before`, compiled anew, and whether we took part in it."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", before + "\n" + COMPUTE], capture_output=True, text=True, env=environment, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize("change", OTHERWISE)
def test_other_insides_of_numba_give_the_same_bits(change, tmp_path):
    bits, ours = compute("", tmp_path / "usual")
    assert ours == "True"
    before, ours = OTHERWISE[change]
    assert compute(before, tmp_path / "otherwise") == [bits, str(ours)]


def test_a_small_kernel_without_our_part_of_compilation(tmp_path):
    program = (
        "import numba.core.codegen as c; del c.JITCodeLibrary\nimport numpy as np\nfrom tinyconv.kernels import cpu\n"
    )
    program += "print(cpu.rectifier(np.linspace(-9, 9, 1001), 0.1, 6.0, 0.5).tobytes().hex())"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == cpu.rectifier(np.linspace(-9, 9, 1001), 0.1, 6.0, 0.5).tobytes().hex()
