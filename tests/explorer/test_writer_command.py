"""`python -m tinyconv.explore` on runs and on whole models: what it writes, and how it refuses in one line."""

import errno
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from test_writer_page import read

import tinyconv as tc
from tinyconv import train
from tinyconv.datasets import mnist
from tinyconv.explorer import __main__ as exploring
from tinyconv.explorer import exploring as pages
from tinyconv.recipes.opening import open_run

pytestmark = pytest.mark.usefixtures("without_keras")


def few_images():
    """Return a small MNIST of noise."""
    draw = np.random.default_rng(0)
    return [
        (draw.integers(0, 256, (n, 28, 28), dtype=np.uint8), (np.arange(n) % 10).astype(np.uint8)) for n in (40, 12)
    ]


@pytest.fixture(scope="module", autouse=True)
def small_mnist():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "load_data", few_images)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a short run."""
    folder = tmp_path_factory.mktemp("runs") / "fc"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.pictures, "draw", lambda *given: [])
        options = ["--epochs", "1", "--batch-size", "20", "--verbose", "0", "--output", str(folder)]
        assert train.main(["mnist-fc", *options]) == 0
    return folder


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """Run the command in an empty folder; return its code, and what it printed."""
    monkeypatch.chdir(tmp_path)

    def called(*arguments):
        capsys.readouterr()
        try:
            code = exploring.main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


def refused(outcome, *words):
    code, out, err = outcome
    assert (code, out, err.count("\n")) == (2, "", 1), outcome
    assert err.startswith("tinyconv.explore: ")
    assert all(word in err for word in words), err


@pytest.fixture
def image(tmp_path):
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (30, 20, 3), dtype=np.uint8)).save(tmp_path / "image.png")
    return tmp_path / "image.png"


def small_network(**compiled):
    tc.set_seed(0)
    model = tc.Sequential([tc.Input((6, 6, 3)), tc.layers.Flatten(), tc.layers.Dense(4, activation="softmax")])
    if compiled:
        model.compile(**compiled)
    return model


def test_a_run(run, command, tmp_path):
    code, out, err = command(run, "--index", 11, "--steps", "0,1", "--budget", "2")
    assert (code, out, err) == (0, "explorer.html\n", "")
    manifest, _ = read(tmp_path / "explorer.html")
    assert manifest["title"] == "mnist-fc: sample 11, label 1"
    assert manifest["labels"] == [1]
    assert manifest["classes"] == list(map(str, range(10)))
    # The run's optimizer, in its state: two updates were made.
    assert manifest["optimizer"]["name"] == "Adam"
    assert manifest["optimizer"]["iterations"] == [2, 3]
    before = manifest["updates"][0]["steps"][0]["slots"]["momentum"][0]
    _, arrays = read(tmp_path / "explorer.html")
    assert arrays[before].any()
    assert (tmp_path / "explorer.html").stat().st_size <= 2_000_000


def test_an_image_is_resized_with_a_word_and_explained_for_the_predicted_class(run, command, image, tmp_path):
    code, out, err = command(run, "--image", image, "--steps", "0", "--output", "page.html")
    assert (code, out) == (0, "page.html\n")
    assert err == f"tinyconv.explore: {image} of 30×20 is resized to 28×28\n"
    manifest, _ = read(tmp_path / "page.html")
    opened = open_run(run)
    pixels = opened.recipe.prepare(exploring.read_images(opened.recipe, [image]))
    assert manifest["labels"] == [int(opened.model.predict(pixels, verbose=0).argmax())]
    assert command(run, "--image", image, "--steps", "0", "--label", "4")[0] == 0
    assert read(tmp_path / "explorer.html")[0]["labels"] == [4]


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_a_whole_model_without_a_run(command, image, tmp_path, loss):
    small_network(optimizer="sgd", loss=loss).save(str(tmp_path / "own.keras"))
    code, _, err = command("own.keras", "--image", image, "--label", "2", "--steps", "0")
    assert code == 0
    assert "30×20 is resized to 6×6" in err
    assert "divided by 255, as the model has no Rescaling layer" in err
    manifest, _ = read(tmp_path / "explorer.html")
    assert manifest["labels"] == [2]
    assert manifest["title"] == "own: image.png, label 2"


def test_refusals(run, command, image, tmp_path):
    refused(command(run, "--index", "12"), "there are 12 test images")
    refused(command(run, "--label", "10"), "needs a class, 0 to 9")
    refused(command(run, "--image", image, "--label", "ship"), "needs a class")
    refused(command(run, "--image", "none.png"), "none.png")
    refused(command(run, "--budget", "0.01"), "nothing fits into a budget of 0.01 MB")
    refused(command(run, "--budget", "0"), "needs a number above 0")
    refused(command(run, "--steps", "10,1"), "needs numbers that rise")
    refused(command(run, "--index", "1", "--image", image), "not allowed with")
    refused(command(run, "--steps", "0", "--output", tmp_path / "none" / "page.html"), "No such file or directory")
    refused(command("nothing"), "nothing is not there")
    refused(command("nothing.keras"), "nothing.keras is not there")
    small_network().save(str(tmp_path / "plain.keras"))
    refused(command("plain.keras"), "give an image with --image")
    refused(command("plain.keras", "--image", image), "was not compiled")
    small_network(optimizer="sgd", loss="mse").save(str(tmp_path / "own.keras"))
    (tmp_path / "bad.keras").write_bytes((tmp_path / "own.keras").read_bytes()[:500])
    refused(command("bad.keras", "--image", image), "bad.keras")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_bytes((run / "config.json").read_bytes())
    refused(command("run"), "last.weights.h5 is not there")
    assert not list(tmp_path.glob("*.html"))


def test_a_full_disk_leaves_nothing(run, command, tmp_path, monkeypatch):
    def full(path, text):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("tinyconv.explorer.page.write.replace_file", full)
    refused(command(run, "--steps", "0"), "explorer.html: No space left on device")
    assert not list(tmp_path.iterdir())


def test_python_refuses_with_value_errors():
    x, y = np.ones((1, 6, 6, 3), np.float32), np.eye(4, dtype=np.float32)[[1]]
    with pytest.raises(ValueError, match="compile the model first"):
        tc.explore(small_network(), x, y)
    model = small_network(optimizer="sgd", loss="categorical_crossentropy")
    with pytest.raises(ValueError, match=r"\(6, 6, 3\)|6, 6, 3"):
        tc.explore(model, x[:, :5], y)
    with pytest.raises(ValueError, match="as many"):
        tc.explore(model, x, np.concatenate([y, y]))
    with pytest.raises(ValueError, match="steps must be whole numbers"):
        tc.explore(model, x, y, steps=(1, 0))
    with pytest.raises(ValueError, match="nothing fits into a budget"):
        tc.explore(model, x, y, steps=(0,), budget=0.001)
    sparse = small_network(optimizer="sgd", loss="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"0 … 3, got 7"):
        tc.explore(sparse, x, np.array([7]))
    waiting = tc.Sequential([tc.layers.Flatten(), tc.layers.Dense(4)])
    waiting.compile("sgd", "mse")
    assert tc.explore(waiting, x, y, steps=(0,)).html  # it is built as `fit` builds it


def test_the_door_is_a_module_and_the_function_a_function():
    done = subprocess.run([sys.executable, "-m", "tinyconv.explore", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "RUN_OR_MODEL" in done.stdout
    assert tc.explore is pages.explore
