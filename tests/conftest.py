"""Fixtures and settings that several folders of tests share."""

import gc
import os
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

import tinyconv
from tinyconv.kernels import ALGORITHMS

# A test is not wrong because the machine is busy.
settings.register_profile("tinyconv", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tinyconv")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let any test run with one of the convolution's algorithms."""
    parser.addoption("--conv-algorithm", choices=ALGORITHMS, default="auto", help="by which to convolve on the CPU")


def pytest_configure(config: pytest.Config) -> None:
    """Where processes test side by side (`-n`), none idles at the end, and a thread that waits leaves its core at once.

    Keras and TensorFlow read their environment once, when whatever test is the first imports them.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # By oneDNN, TensorFlow 2.21's float32 convolution of one channel to outputs one pixel wide is now and then wrong.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    if config.getoption("numprocesses", default=None):
        os.environ.setdefault("GOMP_SPINCOUNT", "0")  # see `kernels/cpu/compile.py`; the processes inherit it
        if config.getoption("dist") == "load":  # pytest-xdist's choice, if nobody made one
            config.option.dist = "worksteal"


def pytest_collection_finish() -> None:
    """Spare the collector of cycles what lives until the end: else each of its full passes takes a second."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _algorithm(request: pytest.FixtureRequest) -> Iterator[None]:
    with tinyconv.conv_algorithm(request.config.getoption("--conv-algorithm")):
        yield


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """Live Keras on TensorFlow, the judge; what needs it is skipped, by name, where it is not installed."""
    for package in ("keras", "tensorflow"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -e '.[test]' brings it")
    import keras

    return keras


@pytest.fixture(autouse=True)
def _fresh_names() -> None:
    """Automatic names start afresh in every test, whatever ran before."""
    tinyconv.clear_session()
