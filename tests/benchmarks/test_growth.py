"""`python -m benchmarks.growth`: what is measured, what is marked, and the chart."""

import json
from dataclasses import replace

import pytest
from worker_standin import WorkerStandIn

from benchmarks import growth

CURVE = growth.CURVES["size"]


class Canned(WorkerStandIn):
    """3 ms and half a millisecond an image of 28×28, in training twice that; those of 80×80 cost ten times as much."""

    def call(self, method, *arguments):
        if method == "build":
            _, model, inputs, _ = arguments
            assert inputs.images.shape[1:] == (model.batch, *model.input_shape)
            self.cost = model.batch * (model.input_shape[0] / 28) ** 2 / 2
            self.cost *= 10 if model.input_shape[0] == 80 else 1
        if method == "calibrate":
            return 4
        return (3 + self.cost) * (2 if arguments[0] == "train" else 1) if method == "run" else None


@pytest.fixture
def small(monkeypatch):
    """Curves of few points, and no processes."""
    monkeypatch.setattr(growth, "Worker", Canned)
    for name, curve in growth.CURVES.items():
        monkeypatch.setitem(growth.CURVES, name, replace(curve, sizes=curve.sizes[:4], models=curve.models[:4]))


def test_each_point_is_measured_in_both_modes(small):
    points = growth.measure(growth.CURVES["mnist"], rounds=2, threads=2)
    assert [(each.mode, each.size) for each in points] == [(m, n) for m in ("train", "predict") for n in (1, 2, 4, 8)]
    assert [point.milliseconds for point in points[4:]] == [3.5, 4, 5, 7]
    assert [point.each for point in points[:4]] == [7, 4, 2.5, 1.75]


def test_each_point_is_compared_with_the_one_before():
    costs = [4.0, 2.0, 9.0, 3.0]
    points = [growth.Point("size", "train", size, 0.0, cost) for size, cost in enumerate(costs)]
    assert growth.steepness(points) == pytest.approx([1.0, 0.5, 4.5, 1 / 3])


def test_the_table_the_chart_and_the_file(small, tmp_path, capsys):
    chart, figures = tmp_path / "growth.png", tmp_path / "growth.json"
    assert growth.main(["--curves", "size", "--rounds", "1", "--chart", str(chart), "--json", str(figures)]) == 0
    said = capsys.readouterr().out
    assert "three convolutions, 8 images of 28×28 to 448×448" in said
    row = next(line for line in said.splitlines() if line.split()[1:2] == ["80"]).replace("│", " ").split()
    assert row[1:3] == ["659", "1.29e+04"]  # 2·(3 + 10·8·(80/28)²/2) ms for 8·80² pixels
    assert "×" in row
    assert chart.read_bytes().startswith(b"\x89PNG")
    found = json.loads(figures.read_text())
    assert [point["size"] for point in found["results"]] == [28, 40, 56, 80] * 2


def test_growth_refuses(capsys):
    with pytest.raises(SystemExit):
        growth.main(["--curves", "mnits"])
    assert "mnits" in capsys.readouterr().err
