"""Settings that tests of several ranks share."""

from collections.abc import Iterator

import pytest

import tinyconv as tc


@pytest.fixture(autouse=True)
def _settings_as_before() -> Iterator[None]:
    """The tests set the type of numbers, and seeds."""
    yield
    tc.set_floatx("float32")
