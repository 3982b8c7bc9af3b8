"""Live Keras is the judge of this folder: what it has and tinyconv has must be the same thing."""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import parity_checks
import pytest

import tinyconv as tc


@pytest.fixture(scope="session", autouse=True)
def judge():
    """Skip everything here, by name, where the judge is not installed."""
    for package in ("keras", "tensorflow"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -e '.[test]' brings it")


@dataclass(frozen=True)
class Precision:
    """A floating-point type, and how far results and gradients may lie from Keras's, relative in norm."""

    dtype: str
    output: float
    gradient: float
    curve: float


PRECISIONS = [Precision("float32", 1e-5, 1e-4, 1e-3), Precision("float64", 1e-10, 1e-10, 1e-8)]


@pytest.fixture(
    scope="module",
    params=[PRECISIONS[0], pytest.param(PRECISIONS[1], marks=pytest.mark.slow)],
    ids=lambda precision: precision.dtype,
)
def precision(request, keras):
    """Both engines in float32, then both in float64."""
    before = keras.config.floatx(), keras.config.dtype_policy(), tc.floatx()
    dtype = request.param.dtype
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    tc.set_floatx(dtype)
    yield request.param
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])
    tc.set_floatx(before[2])


@pytest.fixture
def rng():
    return np.random.default_rng(20_240_607)


@pytest.fixture
def fresh_names(keras):
    """Let automatic names start at "conv2d" in both engines."""
    keras.backend.clear_session(free_memory=False)
    tc.clear_session()


def pytest_terminal_summary(terminalreporter):
    """Say how close it was: the worst relative error of each kind of comparison."""
    if parity_checks.WORST:
        terminalreporter.section("largest relative differences from Keras")
        for (kind, dtype), (error, where) in sorted(parity_checks.WORST.items()):
            terminalreporter.line(f"{kind:40} {dtype:8} {error:.1e}  {where}")
