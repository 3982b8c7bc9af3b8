"""The kernels under the sanitizers of g++: no access out of bounds, no undefined behaviour, no race.

The tests of test_gpu_kernels.py run in processes of their own, on the stand-in even where there is a GPU. The address
sanitizer sees arrays that end where their memory ends; the thread sanitizer sees each CUDA thread of each block as a
thread of its own, ordered by nothing but barriers (runtime.cpp).
"""

import re
from pathlib import Path

import pytest
import standin
from standin import sanitizer

TESTS = str(Path(__file__).with_name("test_gpu_kernels.py"))

# Which tests; at least how many these are. Following every access of every thread takes its time.
CHOSEN = {
    "address,undefined": ("not float64 and (few or (promises and usual))", 1300),
    "thread": ("not float64 and few and (promises or (agrees and (overlap or dilation or groups or textbook)))", 220),
}


@pytest.fixture(scope="module")
def runs():
    """All processes, at once."""
    if not standin.available():
        pytest.skip("no g++, which compiles the kernels for the CPU")
    found = {
        name: sanitizer.start(
            name, "-m", "pytest", TESTS, "-q", "-x", "-s", "-p", "no:cacheprovider", "-m", "", "-k", which
        )
        for name, (which, _) in CHOSEN.items()
        if sanitizer.library(name)
    }
    yield found
    for process in found.values():
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOSEN)
def test_kernels_pass_under_sanitizers(runs, gpu, name):
    if name not in runs:
        pytest.skip(f"g++ came without {sanitizer.LIBRARIES[name]}")
    output, _ = runs[name].communicate()
    assert runs[name].returncode == 0, output[-6000:]
    assert int(re.search(r"(\d+) passed", output)[1]) >= CHOSEN[name][1]
