"""Fixtures and settings that several folders of tests share."""

import os
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

import tinyconv

# A test is not wrong because the machine is busy.
settings.register_profile("tinyconv", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tinyconv")


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """Live Keras on TensorFlow, the judge."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    return keras


@pytest.fixture(autouse=True)
def _fresh_names() -> None:
    """Automatic names start afresh in every test, whatever ran before."""
    tinyconv.clear_session()
