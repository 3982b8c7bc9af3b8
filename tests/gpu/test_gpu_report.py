"""The report on a GPU, from end to end on something small."""

import json

import pytest

from benchmarks import gpu_report, kernels

pytestmark = pytest.mark.gpu


@pytest.mark.slow
def test_report(cupy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(kernels, "LAYERS", (kernels.Layer("small", 2, 9, 3, 4),))
    monkeypatch.setattr(kernels, "IMAGES", 1)
    monkeypatch.setattr(kernels, "SIDES", {"cpu": 64, "gpu": 64})
    monkeypatch.setattr(kernels, "COPIED", 1 << 10)
    monkeypatch.setattr(gpu_report.inputs, "DATA_BYTES", 0)
    options = ["--models", "mnist-fc", "--rounds", "2", "--seconds", "0.001", "--no-tests", "--output", str(tmp_path)]
    assert gpu_report.main(options) == 0
    rows = json.loads((tmp_path / "gpu-kernels.json").read_text())["rows"]
    assert {"im2col", "GPU", "CPU"} <= {row["algorithm"] for row in rows}
    assert all(row["error"] < kernels.BOUND for row in rows)
    (result,) = json.loads((tmp_path / "gpu-training.json").read_text())["results"]
    assert len(result["milliseconds"]["tinyconv"]) == 2
    assert set(result["milliseconds"]) | set(result["absent"]) == set(gpu_report.ENGINES)
    assert (tmp_path / "gpu-training.png").stat().st_size > 10_000
    assert (tmp_path / "gpu-kernels.png").stat().st_size > 10_000
    assert "One training step on the GPU" in capsys.readouterr().out


def test_without_a_gpu(monkeypatch, capsys):
    def none(array, to):
        raise gpu_report.kernels.DeviceError("there is no GPU on this machine")

    monkeypatch.setattr(gpu_report.kernels, "move", none)
    assert gpu_report.main([]) == 2
    assert capsys.readouterr().err == "benchmarks.gpu_report: there is no GPU on this machine\n"
