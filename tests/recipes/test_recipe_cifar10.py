"""The CNN article's run, on images that are made up: the data set is not shipped."""

from pathlib import Path

import numpy as np
import pytest
from run_checks import assert_same_run, contents, refused

from tinyconv.datasets import cache, cifar10
from tinyconv.recipes import BY_NAME
from tinyconv.recipes.config import fresh

RUN = ("cifar10", "--batch-size", 20, "--verbose", 0)


@pytest.fixture
def images(monkeypatch):
    """100 images to train on, 40 to test on: the class is how bright they are."""
    rng = np.random.default_rng(1)
    parts = []
    for count in (100, 40):
        y = rng.integers(0, 10, (count, 1), np.uint8)
        x = rng.integers(0, 25, (count, 32, 32, 3), np.uint8) + 25 * y[..., None, None]
        parts.append((x.astype(np.uint8), y))
    monkeypatch.setattr(cifar10, "load_data", lambda: tuple(parts))
    return parts


def test_data_are_prepared_as_in_the_article(images):
    recipe = BY_NAME["cifar10"]
    data = recipe.load(fresh(recipe, {"limit": 60}))
    (x, y), (x_test, y_test) = images
    for (made, targets), pixels, labels in ((data.training, x[:60], y[:60]), (data.test, x_test, y_test)):
        assert made.dtype == np.float32
        np.testing.assert_allclose(made, pixels / 255, rtol=1e-7)
        np.testing.assert_array_equal(targets.argmax(axis=1), labels[:, 0])
        np.testing.assert_array_equal(targets.sum(axis=1), 1)
    assert data.validation is data.test
    np.testing.assert_array_equal(recipe.prepare(x_test.astype(np.float32)), data.test[0])


def test_a_run_saves_every_epoch_and_resumes_to_the_same_bits(command, images):
    assert command(*RUN, "--epochs", 3, "--output", "whole").code == 0
    for epochs in (1, 2, 3):
        resume = ["--resume"] if epochs > 1 else []
        done = command(*RUN, "--epochs", epochs, "--output", "parts", *resume)
        assert done.code == 0
        assert len(Path("parts/history.csv").read_text().splitlines()) == epochs + 1
    assert_same_run("whole", "parts")
    assert contents("whole") == contents("parts")
    assert "none given" in done.out
    assert "Not the document's settings: --epochs 3, --batch-size 20" in done.out


def test_augmented_runs_resume_to_the_same_bits(command, images):
    run = (*RUN, "--augment", "--limit", 60)
    assert command(*run, "--epochs", 2, "--output", "whole").code == 0
    assert command(*run, "--epochs", 1, "--output", "parts").code == 0
    assert command("cifar10", "--resume", "--epochs", 2, "--output", "parts").code == 0
    assert_same_run("whole", "parts")
    assert command(*RUN, "--limit", 60, "--epochs", 2, "--output", "plain").code == 0
    assert Path("whole/history.csv").read_text() != Path("plain/history.csv").read_text()


def test_without_its_data_a_recipe_says_what_to_put_where(command, monkeypatch, tmp_path):
    def offline(title, file):
        raise cache.DownloadError("Network is unreachable")

    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "download", offline)
    refused(
        command(*RUN),
        "CIFAR-10 is not there and cannot be downloaded (Network is unreachable): put cifar-10-binary.tar.gz",
        f"cifar-10-python.tar.gz or cifar10.npz into {tmp_path / 'cache'}",
    )
    assert list(tmp_path.iterdir()) == []
