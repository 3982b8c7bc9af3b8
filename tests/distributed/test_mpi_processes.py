"""Ranks that are processes of mpiexec: together they compute what one process computes with the whole batches."""

import json

import numpy as np
import pytest
from launching import FOLDER, launch, launcher
from shared_runs import fit, network, state

import tinyconv as tc


def shared(folder, python, ranks, extra=""):
    """Train on several ranks; return the history and the state of each."""
    folder.mkdir()
    done = launch(python, ranks, FOLDER / "rank.py", "train", folder, extra)
    assert done.returncode == 0, done.stderr
    return found_by(folder, ranks)


def found_by(folder, ranks):
    """Return the history and the state that each rank has left."""
    found = []
    for rank in range(ranks):
        with np.load(folder / f"{rank}.npz") as arrays:
            found.append((json.loads((folder / f"{rank}.json").read_text()), [arrays[name] for name in arrays.files]))
    return found


def alone(extra=""):
    """Train in this process; return the history and the state."""
    model = network([lambda: tc.layers.BatchNormalization(synchronized=True)] if "synchronized" in extra else [])
    return fit(model), state(model)


def check(found, wanted, local_size=None):
    """All ranks have what one process has, and the same bits as each other."""
    for (history, neighbours, threads), arrays in found:
        assert neighbours == (local_size or len(found))
        assert threads >= 1
        for name, values in wanted[0].items():
            np.testing.assert_allclose(history[name], values, rtol=1e-10, atol=1e-10)
        for one, other, same in zip(arrays, wanted[1], found[0][1], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)
            np.testing.assert_array_equal(one, same)


def test_two_processes_train_as_one(tmp_path):
    """20 steps in float64 with dropout, augmentation, uneven shares and synchronized batch normalization."""
    check(shared(tmp_path / "run", launcher("mpich"), 2, "synchronized"), alone("synchronized"))


@pytest.mark.slow
@pytest.mark.parametrize("mpi", ["mpich", "openmpi"])
def test_any_number_of_processes_trains_as_one(tmp_path, mpi):
    for extra in ("", "synchronized"):
        wanted = alone(extra)
        for ranks in (1, 2, 3, 4):
            check(shared(tmp_path / f"{ranks}{extra}", launcher(mpi), ranks, extra), wanted)


@pytest.mark.slow
@pytest.mark.parametrize("mpi", ["mpich", "openmpi"])
def test_sums_in_the_order_of_ranks_repeat_to_the_bit(tmp_path, mpi):
    runs = [shared(tmp_path / str(n), launcher(mpi), 3, "deterministic") for n in range(3)]
    check(runs[0], alone())
    for other in runs[1:]:
        for (_, one), (_, again) in zip(runs[0], other, strict=True):
            for a, b in zip(one, again, strict=True):
                np.testing.assert_array_equal(a, b)
