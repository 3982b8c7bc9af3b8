"""What the tests of runs share: a small run, what a command left behind, and the comparison of two folders."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from tinyconv.datasets import mnist

SMALL = ("mnist-fc", "--limit", "200", "--batch-size", "50", "--verbose", "0")  # 4 updates an epoch

load_once = cache(mnist.load_data)


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def arrays(path):
    """Return every array of a weights file by its place, and the note."""
    found = {}
    with h5py.File(path) as root:
        root.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def assert_same_run(one, other):
    """Assert that two folders hold the same weights, state and history, bit for bit."""
    for name in ("last.weights.h5", "best.weights.h5"):
        left, right = arrays(Path(one, name)), arrays(Path(other, name))
        assert left.keys() == right.keys()
        for place, value in left.items():
            np.testing.assert_array_equal(value, right[place], err_msg=f"{name}: {place}")
    assert Path(one, "history.csv").read_text() == Path(other, "history.csv").read_text()


def contents(folder):
    """Return the bytes of every file in a folder by name."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def refused(outcome, *words):
    """Assert that a command failed in one clear line."""
    assert outcome.code == 2, outcome
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.startswith("tinyconv.train: ")
    for word in words:
        assert word in outcome.err, outcome.err
