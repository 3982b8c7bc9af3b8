"""Every test of a kernel runs on each namespace of kernels and in both precisions."""

from importlib import import_module

import numpy as np
import pytest


@pytest.fixture(scope="session", params=["reference", "cpu"])
def kernels(request):
    return import_module("tinyconv.kernels." + request.param)


@pytest.fixture(scope="session", params=["cpu"])
def twin(request):
    """A namespace that must agree with the reference."""
    return import_module("tinyconv.kernels." + request.param)


@pytest.fixture(scope="session", params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(20_240_607)
