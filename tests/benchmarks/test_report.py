"""Tables, ratios, JSON and the chart, from figures made up."""

import io
import json

import pytest
from rich.console import Console

from benchmarks import chart, report
from benchmarks.networks import MODELS
from benchmarks.report import Figures, Ratio

RUN = [
    Figures(
        "mnist", "train", "tinyconv", 200, steps=10, milliseconds=[100.0, 90.0, 110.0, 400.0, 95.0], peak_mib=300.0
    ),
    Figures("mnist", "train", "keras", 200, steps=5, milliseconds=[250.0, 200.0, 150.0], peak_mib=700.0),
    Figures("mnist", "train", "pytorch", 200, steps=5, milliseconds=[260.0, 300.0, 310.0], peak_mib=500.0),
    Figures("mnist", "train", "pytorch-channels-last", 200, status="disagrees", detail="gradient of …"),
    Figures("mnist-fc", "train", "keras", 200, status="absent", detail="tensorflow is not installed"),
    Figures("mnist-fc", "train", "tinyconv", 200, steps=400, milliseconds=[2.0, 2.5, 3.0]),
    Figures("mnist-fc", "train", "pytorch", 200, steps=400, milliseconds=[2.0, 2.0, 2.0]),
    Figures("mnist-fc", "predict", "pytorch", 200, steps=400, milliseconds=[0.5], peak_mib=310.0),
]


def printed(table):
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    return console.file.getvalue()


def rows(table):
    """The cells of each row."""
    lines = [line for line in printed(table).splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines]


def test_ratios_are_of_medians_against_the_best_opponent():
    assert report.ratios(RUN) == [
        Ratio("mnist", "train", "keras", 2.0, "pytorch", 0.6),
        Ratio("mnist-fc", "train", "pytorch", 0.8, None, None),
    ]


def test_figures():
    ours = RUN[0]
    assert ours.median == 100
    assert ours.quartiles == (95, 110)
    assert ours.images_per_second == 2000


def test_race_table_has_a_row_an_engine():
    found = {label: cells for label, *cells in rows(report.race_table(RUN[:4]))}
    assert list(found) == ["tinyconv", "Keras/TensorFlow", "PyTorch", "PyTorch channels_last"]
    assert found["Keras/TensorFlow"] == ["200", "175 – 225", "1,000", "700", "2.00"]
    assert found["PyTorch channels_last"][0] == "disagrees"


def test_ratio_table():
    assert rows(report.ratio_table(report.ratios(RUN))) == [
        ["mnist", "2.00 Keras", "0.60 PyTorch"],
        ["mnist-fc", "0.80 PyTorch", "–"],
    ]


def test_ratio_table_has_one_row_a_network_for_both_modes():
    found = [
        Ratio("intel", "train", "keras", 1.5, "pytorch-channels-last", 0.5),
        Ratio("cifar10", "train", "pytorch", 0.75, "pytorch", 0.6),
        Ratio("intel", "predict", "pytorch-channels-last", 2.0, "keras", 0.25),
    ]
    assert rows(report.ratio_table(found)) == [
        ["intel", "1.50 Keras", "2.00 PyTorch", "0.50 PyTorch", "0.25 Keras"],
        ["cifar10", "0.75 PyTorch", "", "0.60 PyTorch", ""],
    ]


def test_the_tables_of_all_networks_keep_every_word_on_a_narrow_screen():
    found = [Ratio(model, mode, "pytorch", 1.23, "pytorch", 4.56) for model in MODELS for mode in ("train", "predict")]
    console = Console(file=io.StringIO(), width=80)
    console.print(report.ratio_table(found))
    text = console.file.getvalue()
    assert "…" not in text
    assert text.count("1.23 PyTorch") == text.count("4.56 PyTorch") == 2 * len(MODELS)


def test_milliseconds_have_no_exponent():
    assert [report.milliseconds(value) for value in (0.1234, 12.34, 99.96, 999.6, 4321.0)] == [
        "0.123",
        "12.3",
        "100",
        "1,000",
        "4,321",
    ]


def test_json_holds_machine_versions_settings_and_every_round(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    report.write_json(path, report.document(RUN, {"threads": 2}))
    found = json.loads(path.read_text())
    assert list(tmp_path.iterdir()) == [path]
    assert found["machine"]["cpu"]
    assert found["machine"]["cores"] >= 1
    assert found["versions"]["numpy"]
    assert found["date"].endswith("+00:00")
    assert found["settings"] == {"threads": 2}
    first = found["results"][0]
    assert first["milliseconds"] == RUN[0].milliseconds
    assert (first["median"], first["quartiles"], first["status"]) == (100, [95, 110], "timed")
    assert found["results"][3]["detail"] == "gradient of …"
    assert found["ratios"][0]["speed"] == 2.0


def test_a_failed_write_leaves_the_older_result(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        report.write_json(path, {"cannot be written": object()})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_chart_draws_modes_and_absent_engines(tmp_path):
    path = tmp_path / "chart.png"
    chart.draw(RUN, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="nothing to draw"):
        chart.draw(RUN[3:5], path)
