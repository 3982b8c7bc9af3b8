"""The benchmark of single kernels: every algorithm is tried and found right."""

import json

import pytest

from benchmarks import kernels


def _small(monkeypatch):
    monkeypatch.setattr(kernels, "IMAGES", 1)
    monkeypatch.setattr(kernels, "SIDES", {"cpu": 64, "gpu": 64})
    monkeypatch.setattr(kernels, "COPIED", 1 << 10)


@pytest.mark.slow
def test_rows(monkeypatch, tmp_path, capsys):
    layers = (kernels.Layer("few", 2, 12, 1, 16), kernels.Layer("many", 2, 12, 16, 16, padding="same"))
    monkeypatch.setattr(kernels, "LAYERS", layers)
    _small(monkeypatch)
    file = tmp_path / "kernels.json"
    assert kernels.main(["--threads", "1", "--seconds", "0.001", "--reference", "--json", str(file)]) == 0
    rows = json.loads(file.read_text())["rows"]
    found = {(row["kernel"], row["algorithm"]) for row in rows}
    assert found >= {("few", "reference"), ("few", "im2col"), ("few", "direct")}
    assert found >= {("many", "im2col"), ("many", "winograd"), ("many", "winograd-3x3"), ("many", "winograd-2x2")}
    assert all(row["milliseconds"] > 0 and row["error"] < kernels.BOUND for row in rows)
    assert "adam_inplace" in capsys.readouterr().out


@pytest.mark.slow
def test_a_wrong_result_is_reported(monkeypatch, capsys):
    monkeypatch.setattr(kernels, "LAYERS", ())
    _small(monkeypatch)
    monkeypatch.setattr(kernels.cpu_kernels, "relu", lambda x: x)
    assert kernels.main(["--threads", "1", "--seconds", "0.001"]) == 1
    assert "relu forward by CPU: error" in capsys.readouterr().out
