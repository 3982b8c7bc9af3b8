"""The loading benchmark on a small folder: it checks, times every reader, and trains."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmarks import loading


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(18):
            pixels = rng.integers(0, 256, (20, 24, 3), np.uint8).repeat(8, 0).repeat(8, 1)
            Image.fromarray(pixels).save(tmp_path / "photos" / kind / f"{number}.jpg")
    return tmp_path / "photos"


@pytest.mark.slow
def test_every_reader_reads_the_folder(keras, folder, tmp_path, capsys):
    assert loading.main([str(folder), "--rounds", "1", "--threads", "1", "--json", str(tmp_path / "out.json")]) == 0
    said = capsys.readouterr().out
    rows = json.loads((tmp_path / "out.json").read_text())["results"]
    assert [row.get("reader", row.get("what")) for row in rows] == [
        *loading.READERS,
        "as they are",
        "with augmentation",
    ]
    assert all(row["images"] == 36 and row["rate"] > 0 and row["work"] > 0 for row in rows[:3])
    assert all(row["steps"] == 2 and 0 < row["share"] < 1 for row in rows[3:])
    for words in (
        "images a second",
        "ms of one core an image",
        "tinyconv",
        "Keras",
        "Pillow alone",
        "of that waiting for data",
        "of 255 apart",
    ):
        assert words in said


def test_readers_that_differ_are_not_timed():
    def one():
        return iter([(np.zeros((2, 4, 4, 3)), np.zeros(2))])

    for other in (np.full((2, 4, 4, 3), 9.0), np.zeros(2)), (np.zeros((2, 4, 4, 3)), np.ones(2)):
        with pytest.raises(ValueError, match="tinyconv and Keras read other images"):
            loading.check({"tinyconv": one, "Keras": lambda other=other: iter([other])})


def test_waiting_is_what_next_takes(monkeypatch):
    """By a clock that goes on only where a batch is made."""
    now = [0.0]
    monkeypatch.setattr(loading.time, "perf_counter", lambda: now[0])

    class Slow(loading.Dataset):
        def __len__(self):
            return 3

        def epoch(self, number):
            for _ in range(3):
                now[0] += 0.25
                yield loading.Batch(np.zeros((1, 1)), np.zeros((1, 1)))

    watched = loading.Watched(Slow())
    assert len(list(watched.epoch(0))) == len(watched) == 3
    assert watched.waited == 0.75
    assert loading.Waiting("", 3, 2 * watched.waited, watched.waited).share == 0.5


def test_a_folder_that_is_none_is_one_line(keras, tmp_path, capsys):
    assert loading.main([str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("benchmarks.loading: ")
