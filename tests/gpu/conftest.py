"""The GPU's kernels under the tests of all kernels: on a GPU where one is, else on the CPU (folder standin)."""

import functools
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "kernels"))  # kernel_checks and the tests that are shared

import standin
from standin.compiler import sanitizers


def has_gpu():
    """Whether CuPy is installed and a GPU answers."""
    if find_spec("cupy") is None:
        return False
    import cupy

    try:
        return cupy.cuda.runtime.getDeviceCount() > 0
    except cupy.cuda.runtime.CUDARuntimeError:
        return False


@contextmanager
def cupy_of_this_machine():
    """Give CuPy if it has a GPU, else the stand-in for it; skip the tests if there is no compiler either."""
    if not sanitizers() and has_gpu():
        yield import_module("cupy")
        return
    if not standin.available():
        pytest.skip("neither a GPU with CuPy nor g++, which compiles the kernels for the CPU")
    with standin.installed() as cupy:
        yield cupy


class OnNumPy:
    """The kernels of `tinyconv.kernels.gpu` as functions of NumPy arrays; what they do to an argument is seen there."""

    def __init__(self, cupy, kernels):
        self._cupy, self._kernels = cupy, kernels
        self.__all__ = kernels.__all__

    def __getattr__(self, name):
        function = getattr(self._kernels, name)

        @functools.wraps(function)
        def call(*args):
            moved = [self._cupy.asarray(arg) if isinstance(arg, np.ndarray | np.generic) else arg for arg in args]
            result = function(*moved)
            for arg, there in zip(args, moved, strict=True):
                if isinstance(arg, np.ndarray) and arg.tobytes() != (after := self._cupy.asnumpy(there)).tobytes():
                    arg[...] = after
            return self._fetched(result)

        return call

    def _fetched(self, result):
        if isinstance(result, tuple):
            return tuple(self._fetched(part) for part in result)
        if result is None:
            return None
        assert isinstance(result, self._cupy.ndarray)
        return self._cupy.asnumpy(result)


@pytest.fixture(scope="module")
def cupy():
    with cupy_of_this_machine() as module:
        yield module


@pytest.fixture(scope="module")
def gpu(cupy):
    """`tinyconv.kernels.gpu`."""
    if find_spec("tinyconv.kernels.gpu") is None:
        pytest.skip("there are no GPU kernels yet: no folder kernels/gpu")
    return import_module("tinyconv.kernels.gpu")


# What the kernels' constants are: as they stand; or so small that the loops over threads, images and rows go round more
# than once, and end unevenly.
POLICIES = {
    "usual blocks": {},
    "few tiny blocks": {
        "launch.BLOCK": 8,
        "launch.MAX_BLOCKS": 3,
        "im2col.BYTES": 20_000,
        "rows.RUN": 5,
        "depthwise.RUN": 5,
    },
}


@pytest.fixture(scope="module", params=[pytest.param("usual blocks", marks=pytest.mark.slow), "few tiny blocks"])
def kernels(request, cupy, gpu):
    with pytest.MonkeyPatch.context() as patch:
        for constant, value in POLICIES[request.param].items():
            patch.setattr(f"tinyconv.kernels.gpu.{constant}", value)
        yield OnNumPy(cupy, gpu)


@pytest.fixture(scope="module")
def twin(kernels):
    return kernels


@pytest.fixture(
    scope="session",
    params=[pytest.param(np.float32, id="float32"), pytest.param(np.float64, id="float64", marks=pytest.mark.slow)],
)
def dtype(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(20_240_607)
