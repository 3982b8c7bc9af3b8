"""The report on a GPU, from end to end on something small."""

import json

import pytest

from benchmarks import gpu_checks, gpu_report, gpu_training, kernels

pytestmark = pytest.mark.gpu


def found(folder, part):
    document = json.loads((folder / f"gpu-{part}.json").read_text())
    assert document["good"] is True
    assert document["seconds"] > 0
    return document["found"]


@pytest.mark.slow
def test_report(cupy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(kernels, "LAYERS", (kernels.Layer("small", 2, 9, 3, 4),))
    monkeypatch.setattr(kernels, "IMAGES", 1)
    monkeypatch.setattr(kernels, "SIDES", {"cpu": 64, "gpu": 64})
    monkeypatch.setattr(kernels, "COPIED", 1 << 10)
    monkeypatch.setattr(gpu_training.inputs, "DATA_BYTES", 0)
    monkeypatch.setattr(gpu_checks, "STEPS", 7)
    monkeypatch.setattr(gpu_checks, "REPEATED", 2)
    parts = ["device", "repeats", "losses", "training", "kernels", "compiled"]
    options = ["--models", "mnist-fc", "--rounds", "2", "--seconds", "0.001", "--output", str(tmp_path)]
    assert gpu_report.main([*options, "--parts", *parts]) == 0
    device = found(tmp_path, "device")
    assert isinstance(device["name"], str)
    assert min(device["memory_gib"], device["copy_gbs"], device["product_gflops"]) > 0
    assert found(tmp_path, "repeats") == {"mnist-fc": True}
    losses = found(tmp_path, "losses")["mnist-fc"]
    assert len(losses["cpu"]) == len(losses["gpu"]) == 7
    assert losses["worst"] >= losses["early"] >= 0
    rows = found(tmp_path, "kernels")["rows"]
    assert {"im2col", "GPU", "CPU"} <= {row["algorithm"] for row in rows}
    assert all(row["error"] < kernels.BOUND for row in rows)
    (result,) = found(tmp_path, "training")["results"]
    assert len(result["milliseconds"]["tinyconv"]) == 2
    (other,) = found(tmp_path, "compiled")["results"]
    assert {*result["milliseconds"], *result["absent"]} == set(gpu_training.EAGER)
    assert {*other["milliseconds"], *other["absent"]} == set(gpu_training.COMPILED)
    assert (tmp_path / "gpu-training.png").stat().st_size > 10_000
    assert (tmp_path / "gpu-kernels.png").stat().st_size > 10_000
    assert "One training step on the GPU" in capsys.readouterr().out


def test_a_part_that_fails_is_told_and_the_next_begins(cupy, tmp_path, monkeypatch, capsys):
    def fail(options, console):
        raise RuntimeError("no luck")

    monkeypatch.setattr(gpu_report, "PARTS", {"first": fail, "second": lambda options, console: ({"ran": 1}, True)})
    assert gpu_report.main(["--output", str(tmp_path)]) == 1
    first = json.loads((tmp_path / "gpu-first.json").read_text())
    assert first["good"] is False
    assert "RuntimeError: no luck" in first["found"]["failed"]
    assert found(tmp_path, "second") == {"ran": 1}
    assert "not right: first" in capsys.readouterr().out


def test_one_step_for_the_sanitizer(cupy):
    assert gpu_checks.main(["mnist-fc"]) == 0


def test_without_a_gpu(monkeypatch, capsys):
    def none(array, to):
        raise gpu_report.kernels.DeviceError("there is no GPU on this machine")

    monkeypatch.setattr(gpu_report.kernels, "move", none)
    assert gpu_report.main([]) == 2
    assert capsys.readouterr().err == "benchmarks.gpu_report: there is no GPU on this machine\n"
