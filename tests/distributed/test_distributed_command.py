"""The command line on several ranks: one voice, one writer, one stop for all, and a run that others can go on with."""

import signal
import warnings

import numpy as np
import pytest
from launching import command, finished, launcher, started

from tinyconv import train
from tinyconv.distributed import Alone, threads

pytestmark = pytest.mark.slow
RUN = ("-m", "tinyconv.train", "mnist-fc", "--limit", "200", "--batch-size", "50", "--verbose", "2")


def table(folder):
    """Return the history of a run: a row an epoch."""
    return np.loadtxt(folder / "history.csv", delimiter=",", skiprows=1, ndmin=2)


@pytest.mark.parametrize("mpi", ["mpich", "openmpi"])
def test_a_stopped_run_goes_on_with_other_ranks(tmp_path, monkeypatch, mpi):
    monkeypatch.chdir(tmp_path)
    python = launcher(mpi)
    shared = (*RUN, "--distributed", "--output", "shared")
    running = started(command(python, 2, *shared, "--epochs", "5000"), cwd=tmp_path)
    while not (line := running.stdout.readline()).startswith("Epoch 1/"):
        assert line, finished(running).stderr
    running.send_signal(signal.SIGINT)
    done = finished(running)
    assert done.returncode != 0
    assert "Epoch 5000/" not in done.stdout
    if mpi == "mpich":  # Open MPI's launcher has its ranks' last words no more
        assert done.stderr.count("Stopped. shared holds the run after epoch") == 1, done.stderr
    epochs = len(table(tmp_path / "shared")) + 2
    done = finished(started(command(python, 3, *shared, "--resume", "--epochs", epochs), cwd=tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"Epoch {epochs}/{epochs}") == 1
    assert "exchange of a step" in done.stdout
    assert train.main([*RUN[2:-1], "0", "--epochs", str(epochs), "--output", "alone"]) == 0
    np.testing.assert_allclose(table(tmp_path / "shared")[:3], table(tmp_path / "alone")[:3], rtol=1e-3)
    np.testing.assert_allclose(table(tmp_path / "shared")[-1], table(tmp_path / "alone")[-1], rtol=0.05, atol=0.02)
    done = finished(started(command(python, 2, *shared), cwd=tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("tinyconv.train: shared already holds a run") == 1, done.stderr


def test_a_rank_that_is_bound_to_few_cores_warns(monkeypatch):
    """Of 16 cores two ranks get 8 each; one that may use a core alone uses that, and says so."""
    taken = []
    ranks = Alone()
    ranks.size = ranks.local_size = 2
    monkeypatch.setattr(threads, "granted", lambda: 16)
    monkeypatch.setattr(threads.kernels, "set_threads", taken.append)
    monkeypatch.setattr(threads, "usable", lambda: 16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert threads.take_share(ranks) == 8
    monkeypatch.setattr(threads, "usable", lambda: 1)
    with pytest.warns(
        UserWarning, match="rank 0 is bound to 1 of this machine's 16 cores, its share is 8: have mpiexec"
    ):
        assert threads.take_share(ranks) == 1
    assert taken == [8, 1]
