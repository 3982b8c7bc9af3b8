"""Runs over seeds: their statistics by hand, one training by either engine, the file that grows, and the tables."""

import json
import subprocess
from math import isinf, sqrt

import pytest
from matplotlib.axes import Axes
from PIL import Image

from benchmarks import curves, reproduction, seed_run, seeds
from benchmarks.processes import WorkerError
from tinyconv.recipes import BY_NAME, mnist_sgd
from tinyconv.recipes.config import fresh


def runs(tinyconv, keras):
    found = []
    for engine, accuracies in (("tinyconv", tinyconv), ("keras", keras)):
        for seed, accuracy in enumerate(accuracies):
            history = {"val_accuracy": [0.5, accuracy], "first_loss": [100.0 + seed, 10.0 + seed]}
            found.append(
                {"engine": engine, "seed": seed, "accuracy": accuracy, "seconds": 60.0 + seed, "history": history}
                | {"images": [60_000, 10_000]}
            )
    return found


def test_statistics():
    """Of 1, 2, 3 and of 2, 2, 5: means 2 and 3, variances 1 and 3, so 1/√(1/3 + 3/3) standard errors apart."""
    found = runs([0.01, 0.02, 0.03], [0.02, 0.02, 0.05])
    ours, theirs = seeds.spread(found, "tinyconv"), seeds.spread(found, "keras")
    assert (ours.mean, ours.deviation, ours.n) == (pytest.approx(2), pytest.approx(1), 3)
    assert (theirs.mean, theirs.deviation) == (pytest.approx(3), pytest.approx(sqrt(3)))
    assert seeds.standard_errors(found) == pytest.approx(1 / sqrt(4 / 3))
    assert seeds.standard_errors(runs([0.5, 0.5], [0.5, 0.5])) == 0
    assert isinf(seeds.standard_errors(runs([0.5, 0.5], [0.75, 0.75])))
    assert seeds.standard_errors(runs([0.5], [0.6, 0.7])) is None
    assert seeds.spread(found, "other") is None


@pytest.fixture
def canned(monkeypatch):
    """Trainings that are known beforehand, and the requests for them."""
    requests = []

    def train(request, threads):
        requests.append(request)
        if len(requests) == 3:
            raise KeyboardInterrupt
        accuracy = 0.9 + 0.01 * request["options"]["seed"] + (0.001 if request["engine"] == "keras" else 0)
        return {"accuracy": accuracy, "seconds": 1.5, "history": {"loss": [0.1]}, "images": [5, 5]}

    monkeypatch.setattr(seeds, "train", train)
    return requests


def test_engines_take_turns_and_an_interrupted_comparison_goes_on(canned, tmp_path, capsys):
    file = tmp_path / "fc.json"
    command = ["mnist-fc", "--seeds", "3", "--epochs", "2", "--threads", "1", "--json", str(file)]
    assert seeds.main(command) == 130
    assert "the same command goes on" in capsys.readouterr().out
    assert len(json.loads(file.read_text())["runs"]) == 2
    assert seeds.main(command) == 0
    turns = [(request["options"]["seed"], request["engine"]) for request in canned]
    assert turns == [(0, "tinyconv"), (0, "keras"), (1, "tinyconv"), (1, "tinyconv"), *turns[4:]]
    assert turns[4:] == [(1, "keras"), (2, "tinyconv"), (2, "keras")]
    assert {next(iter(request["options"].items())) for request in canned} == {("epochs", 2)}
    said = capsys.readouterr().out
    assert "91.00 %" in said
    assert "The means lie 0.1 standard errors apart." in said
    found = json.loads(file.read_text())
    assert found["settings"]["recipe"] == "mnist-fc"
    assert found["machine"]["cpu"]
    assert found["date"]
    assert [(run["seed"], run["engine"]) for run in found["runs"]] == [(k, e) for k in range(3) for e in seeds.ENGINES]


def test_other_settings_are_not_mixed(canned, tmp_path, capsys):
    file = tmp_path / "fc.json"
    assert seeds.main(["mnist-fc", "--seeds", "1", "--epochs", "2", "--json", str(file)]) == 0
    with pytest.raises(SystemExit) as ending:
        seeds.main(["mnist-fc", "--seeds", "1", "--epochs", "3", "--json", str(file)])
    assert ending.value.code == 2
    assert "holds runs with other settings" in capsys.readouterr().err


def test_a_training_that_fails_is_one_line(monkeypatch):
    def run(*given, **named):
        return subprocess.CompletedProcess(given, 1, "", "Traceback\nValueError: no such thing\n")

    monkeypatch.setattr(seeds.subprocess, "run", run)
    with pytest.raises(WorkerError, match="keras ended with code 1: ValueError: no such thing"):
        seeds.train({"engine": "keras"}, 1)


@pytest.mark.slow
def test_keras_trains_the_same_network(keras, monkeypatch):
    """`mnist-sgd` shuffles nothing and draws nothing: from the same weights all its losses are the same."""
    monkeypatch.setattr(mnist_sgd, "STEPS", 3)
    recipe = BY_NAME["mnist-sgd"]
    config = fresh(recipe, {"limit": 512, "epochs": 3, "seed": 1})
    data = recipe.load(config)
    ours, theirs = seed_run.ours(recipe, config, data), seed_run.keras(recipe, config, data, same_weights=True)
    assert ours["history"].keys() == theirs["history"].keys()
    for name in ("loss", "first_loss", "val_loss"):
        assert len(ours["history"][name]) == 3
        assert ours["history"][name] == pytest.approx(theirs["history"][name], rel=1e-4)
    assert ours["accuracy"] == pytest.approx(theirs["accuracy"], abs=0.01)


def test_a_training_in_a_process_of_its_own():
    outcome = seeds.train(
        {"engine": "tinyconv", "recipe": "mnist-fc", "same_weights": False, "options": {"limit": 200, "epochs": 2}}, 1
    )
    assert outcome["images"] == [200, 200]
    assert len(outcome["history"]["val_accuracy"]) == 2
    assert outcome["accuracy"] == pytest.approx(outcome["history"]["val_accuracy"][-1])


def test_curves_are_drawn(monkeypatch, tmp_path):
    labels = []
    draw = Axes.plot

    def plot(self, epochs, values, line, **given):
        labels.append((given["label"], line, list(values)))
        return draw(self, epochs, values, line, **given)

    monkeypatch.setattr(Axes, "plot", plot)
    found = runs([0.9, 0.8], [0.7])
    for run in found:
        run["history"] |= {"accuracy": [0.4, 0.5], "loss": [2.0, 1.0], "val_loss": [3.0, 2.0]}
    curves.draw("cifar10", found, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (1280, 512)
    assert len(labels) == 12, "training and validation, accuracy and loss, of three trainings"
    assert [label for label, _, _ in labels if label] == ["tinyconv", "Keras"] * 2
    assert (None, "-", [0.5, 0.8]) in labels
    assert (None, ":", [2.0, 1.0]) in labels


def test_tables():
    settings = {"epochs": 10, "threads": 2, "variant": None, "limit": None, "augment": None, "same_weights": False}
    machine = {"cpu": "a processor", "load": 2.5}
    known = {"settings": settings, "machine": machine, "date": "2026-05-04T10:00:00+00:00"}
    found = {
        "mnist-fc": {**known, "runs": runs([0.98, 0.99], [0.97, 0.98])},
        "mnist-sgd": {**known, "runs": runs([0.92], [0.93])},
    }
    table = reproduction.accuracies(found).splitlines()
    assert table[0].startswith("| recipe | parameters | tinyconv | Keras | apart | epochs | document |")
    assert "| `mnist` | 1,199,882 | not run yet | – | – | – | 99.06 % |" in table
    assert "| `mnist-fc` | 199,210 | 98.50 ± 0.71 % (2) | 97.50 ± 0.71 % (2) | 1.4 | 10 | 98.26 % |" in table
    assert "| `mnist-sgd` | 814,090 | 92.00 % (1) | 93.00 % (1) | – | 10 | 92.00 % |" in table
    assert len(table) == 2 + len(reproduction.RECIPES)
    figures = reproduction.figures(found)
    assert "| `mnist-fc` | test accuracy | 98.26 % | 98.50 % ± 0.71 % | 97.50 % ± 0.71 % |" in figures
    assert "| `mnist-sgd` | loss at step 500 | 13,980 | 10 | 10 |" in figures
    assert "| `mnist-sgd` | loss at step 6,000 | 2,655 | not reached | not reached |" in figures
    said = reproduction.sources(found)
    assert "- `mnist-fc`: 60,000 + 10,000 images, 60 s by tinyconv and 60 s by Keras a training; a processor" in said
    assert "2 threads, 2026-05-04." in said
    machine["load"] = 12.6
    assert "2 threads beside other work (load 13), 2026-05-04." in reproduction.sources(found)


def test_every_page_has_its_marks_and_says_what_the_files_say(capsys):
    assert reproduction.main(["--check"]) == 0, capsys.readouterr().out
    with pytest.raises(ValueError, match="a page needs the marks"):
        reproduction.filled("no marks", "accuracies", "")
    page = f"before\n{reproduction.BEGIN.format('x')}old\n{reproduction.END}\nafter"
    assert reproduction.filled(page, "x", "new\n") == page.replace("old", "new")


def test_a_stale_page_is_found_and_filled(monkeypatch, tmp_path, capsys):
    (tmp_path / "page.md").write_text(f"{reproduction.BEGIN.format('t')}{reproduction.END}\n")
    monkeypatch.setattr(reproduction, "ROOT", tmp_path)
    monkeypatch.setattr(reproduction, "PAGES", {"page.md": {"t": lambda found: f"{len(found)} files\n"}})
    monkeypatch.setattr(reproduction, "FOLDER", tmp_path)
    (tmp_path / "mnist.json").write_text("{}")
    (tmp_path / "other.json").write_text("{}")
    assert reproduction.main(["--check"]) == 1
    assert "page.md is out of date" in capsys.readouterr().out
    assert reproduction.main([]) == 0
    assert "1 files" in (tmp_path / "page.md").read_text()
    assert reproduction.main(["--check"]) == 0


def test_every_recipe_has_a_figure_that_stands_for_it():
    found = {name: recipe.accuracy_figure.document for name, recipe in BY_NAME.items()}
    expected = {"mnist": "99.06 %", "mnist-sgd": "92.00 %", "cifar10": "none given", "cats-dogs": "72.83 %"}
    expected |= {"practicum": "none given", "intel": "75 %", "vgg16-cats-dogs": "78.38 %"}
    assert found.items() >= expected.items()
