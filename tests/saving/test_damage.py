"""Killed, out of space, cut short, hit by a stray byte: the old file stays, and damage never reaches the model."""

import errno
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standins import assert_equal, make_model

from tinyconv import files
from tinyconv.saving.weights import load_weights, read_note, save_weights


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.weights.h5"


def fail(error):
    def raise_it(*_):
        raise error

    return raise_it


@pytest.mark.parametrize("place", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_interrupted_write_leaves_the_old_file(path, monkeypatch, place, error):
    save_weights(path, make_model(seed=1))
    before = path.read_bytes()
    monkeypatch.setattr(os, place, fail(error))
    with pytest.raises(type(error)) as caught:
        save_weights(path, make_model(seed=2))
    if isinstance(error, OSError):
        assert str(caught.value) == f"[Errno {errno.ENOSPC}] cannot write the file: {error.strerror}: '{path}'"
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for place, kind in (("missing", FileNotFoundError), ("file", OSError)):
        with pytest.raises(kind, match=r"^\[Errno \d+\] cannot write the file: .*model\.weights\.h5'$"):
            save_weights(tmp_path / place / "model.weights.h5", make_model(seed=1))


def test_folder_without_permission(tmp_path, monkeypatch):
    def refuse(*_):  # what the system says to all but root
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(files, "open", refuse, raising=False)
    with pytest.raises(PermissionError, match=r"cannot write the file: .*model\.weights\.h5'$"):
        save_weights(tmp_path / "model.weights.h5", make_model(seed=1))


def test_target_that_is_a_folder(path):
    path.mkdir()
    with pytest.raises(OSError, match=r"cannot write the file: .*model\.weights\.h5'$"):
        save_weights(path, make_model(seed=1))
    assert list(path.parent.iterdir()) == [path]


def test_leftover_of_a_killed_write_is_replaced(tmp_path):
    (tmp_path / "a.partial").write_bytes(b"half")
    files.replace_file(tmp_path / "a", [b"one", bytearray(b"two")])
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a", b"onetwo")]


SAVE_FOR_EVER = """
import sys, itertools
import numpy as np
from types import SimpleNamespace
from tinyconv.saving.weights import save_weights
class Dense: name = "dense"
for count in itertools.count(1):
    layer = Dense()
    layer.weights = [SimpleNamespace(data=np.full((400, 400), count, "f4"), path="dense/kernel")]
    save_weights(sys.argv[1], SimpleNamespace(name="m", layers=[layer], optimizer=None), {"count": count})
"""


def test_killed_at_any_moment(path):
    """Whenever SIGKILL comes, the file is one whole checkpoint: its weights and its note are of the same step."""
    rng = np.random.default_rng()
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", SAVE_FOR_EVER, str(path)])
        try:
            old = path.read_bytes() if path.exists() else b""
            while not path.exists() or path.read_bytes() == old:
                assert writer.poll() is None, "the writer failed"
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.1))
        finally:
            writer.kill()
            writer.wait()

        class Dense:
            name = "dense"
            weights = [type("Weight", (), {"data": np.zeros((400, 400), "f4"), "path": "dense/kernel"})]

        model = type("Model", (), {"name": "m", "layers": [Dense()], "optimizer": None, "trainable_weights": []})
        load_weights(path, model)
        assert np.all(Dense.weights[0].data == read_note(path)["count"])


class TestDamage:
    """A file that is cut or overwritten loads as it was or not at all."""

    @pytest.fixture
    def saved(self, path):
        model = make_model(seed=1)
        save_weights(path, model, {"epoch": 3})
        return path.read_bytes(), model.state()

    def load(self, path, content, saved_state):
        path.write_bytes(content)
        model = make_model(seed=2)
        before = model.state()
        try:
            load_weights(path, model)
        except (ValueError, OSError):
            assert_equal(model.state(), before)
            return False
        assert_equal(model.state(), saved_state)
        return True

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(data=st.data())
    def test_overwritten(self, saved, path, data):
        content, state = bytearray(saved[0]), saved[1]
        start = data.draw(st.integers(0, len(content) - 1))
        mask = data.draw(st.binary(min_size=1, max_size=32).filter(any))[: len(content) - start]
        for index, bits in enumerate(mask, start):
            content[index] ^= bits
        loaded = self.load(path, content, state)
        assert not (loaded and start < len(content) - 48 and any(mask[: len(content) - 48 - start]))

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(data=st.data())
    def test_cut_short(self, saved, path, data):
        content, state = saved
        length = data.draw(st.integers(0, len(content) - 1))
        assert self.load(path, content[:length], state) == (length >= len(content) - 48)

    def test_edited_on_purpose(self, saved, path):
        """HDF5 drops the seal when it changes a file, so the change counts."""
        import h5py

        with h5py.File(path, "r+") as file:
            file["layers/dense/vars/1"][2] = 7
        model = make_model()
        load_weights(path, model)
        assert model.layers[5].weights[1].data[2] == 7
