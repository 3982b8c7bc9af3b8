"""What befalls one rank ends all, within seconds, with a word on which it was; what was saved can be loaded."""

import re
import time

import pytest
from launching import FOLDER, launch, launcher
from shared_runs import network

pytestmark = pytest.mark.slow

BOTH = pytest.mark.parametrize("mpi", ["mpich", "openmpi"])
WAITS = 4  # seconds that ranks wait for one that has stopped: see `rank.py`


def ended(folder, mpi, what, ranks=2):
    """Have something happen to rank 1 in the second epoch; return what all said, after checking how they ended."""
    done = launch(launcher(mpi), ranks, FOLDER / "rank.py", what, folder)
    assert done.returncode != 0
    assert not list(folder.glob("*.npz"))
    if what != "differ":
        assert time.time() - float((folder / "fault").read_text()) < 20
    return done.stdout + done.stderr


@BOTH
@pytest.mark.parametrize("what", ["kill", "raise", "stop", "interrupt"])
def test_one_rank_ends_all(tmp_path, mpi, what):
    said = ended(tmp_path, mpi, what, ranks=3)
    network().load_weights(str(tmp_path / "last.weights.h5"))
    if what == "raise":
        assert re.search(r"rank 1 of 3, on \S+:\s+Traceback", said), said
        assert "RuntimeError: the network is unhappy" in said
    if what == "stop":
        assert f"has waited {WAITS} s for the others: one has stopped, or the link to it is cut" in said
    if what == "interrupt":
        assert "KeyboardInterrupt" in said


@BOTH
def test_ranks_that_differ_are_refused_once(tmp_path, mpi):
    said = ended(tmp_path, mpi, "differ")
    assert said.count("RankError: weight dense/bias of rank 1 differs from that of rank 0") == 1, said
    assert not (tmp_path / "last.weights.h5").exists()
