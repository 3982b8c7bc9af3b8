"""The pictures of a run: there, decodable, of a sensible size, and not blank."""

import numpy as np
import pytest
from PIL import Image
from run_checks import load_once

from tinyconv import train, visualize
from tinyconv.datasets import mnist
from tinyconv.recipes.pictures import NAMES
from tinyconv.recipes.report import duration

COMMON = {"curves.png", "predictions.png", "mistakes.png", "confusion.png", "precision_recall.png", "model.png"}
CONVOLUTIONAL = COMMON | {"filters.png", "activations.png", "sparsity.png", "convolution.png"}
DENSE = COMMON | {"templates.png", "hidden_units.png"}


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("mnist", CONVOLUTIONAL),
        pytest.param("mnist-cnn5", CONVOLUTIONAL, marks=pytest.mark.slow),
        ("mnist-fc", DENSE),
        pytest.param("mnist-sgd", DENSE, marks=pytest.mark.slow),
    ],
)
def test_pictures(monkeypatch, tmp_path, name, pictures):
    monkeypatch.setattr(mnist, "load_data", load_once)
    monkeypatch.setattr("tinyconv.recipes.mnist_sgd.STEPS", 3)
    titles = []

    def save(figure, path):
        titles.extend(t.get_text() for t in figure.axes[0].texts if t.get_fontsize() == visualize.style.TITLE)
        write(figure, path)

    write = visualize.save
    monkeypatch.setattr(visualize, "save", save)
    output = tmp_path / "run"
    options = ["--limit", "40", "--batch-size", "20", "--epochs", "2", "--verbose", "0", "--output", str(output)]
    assert train.main([name, *options]) == 0
    assert {path.name for path in output.glob("*.png")} == pictures
    for path in output.glob("*.png"):
        with Image.open(path) as image:
            image.load()
            assert min(image.size) >= 200
            pixels = np.asarray(image.convert("L"), np.float64)
        assert pixels.std() > 5, f"{path.name} is blank"
    assert [path.name for path in output.glob(".*")] == [".lock"], "left over"
    assert len(titles) == len(list(output.rglob("*.png"))) - 1, "but for the diagram, whose layers have names"
    assert all(title.startswith(f"{name}: ") for title in titles), "every picture says which run it is of"
    assert pictures <= set(NAMES)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (59.9, "59.9 s"),
        (60, "1 min 00 s"),
        (125.4, "2 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7320, "2 h 02 min"),
    ],
)
def test_duration(seconds, words):
    assert duration(seconds) == words
