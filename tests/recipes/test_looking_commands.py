"""`python -m tinyconv.visualize` and `python -m tinyconv.predict` on runs: what they show, and how they refuse."""

import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from run_checks import Outcome, load_once

import tinyconv as tc
from tinyconv import predict, train
from tinyconv.datasets import mnist
from tinyconv.recipes import BY_NAME, RECIPES, opening, pictures, run_pictures
from tinyconv.recipes.config import Config
from tinyconv.recipes.pictures import shown, takes_bgr
from tinyconv.recipes.training import Answers, probabilities
from tinyconv.visualize import __main__ as visualizing
from tinyconv.visualize import activations as draw_activations
from tinyconv.visualize import save

ANSWERS = {"curves.png", "predictions.png", "mistakes.png", "confusion.png", "precision_recall.png", "model.png"}
LAYERS = {
    *("filters.png", "activations.png", "sparsity.png", "convolution.png", "saliency.png", "grad_cam.png"),
    *("activations/01-conv2d.png", "activations/02-conv2d_1.png", "exciting/01-conv2d.png", "exciting/02-conv2d_1.png"),
}


@pytest.fixture(scope="module", autouse=True)
def unpacked_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "load_data", load_once)
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder of a short run of a recipe, made when first asked for."""
    made = {}

    def run(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name) / "run"
            options = ["--limit", "60", "--batch-size", "30", "--epochs", "2", "--verbose", "0"]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(train.pictures, "draw", lambda *given: [])
                patch.setattr("tinyconv.recipes.mnist_sgd.STEPS", 3)
                assert train.main([name, *options, "--output", str(made[name])]) == 0
        return made[name]

    return run


@pytest.fixture
def command(capsys):
    """Run the main function of a command line with arguments."""

    def run(main, *arguments):
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ending:
            code = ending.code
        said = capsys.readouterr()
        errors = [line for line in said.err.splitlines(True) if not line.startswith("tinyconv: compiling")]
        return Outcome(code, said.out, "".join(errors))

    return run


def refused(outcome, *words):
    assert outcome.code == 2, outcome
    assert outcome.err.count("\n") == 1, outcome.err
    for word in words:
        assert word in outcome.err


def pictures_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*.png")}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mnist", ANSWERS | LAYERS), ("mnist-fc", ANSWERS | {"templates.png", "hidden_units.png", "saliency.png"})],
)
def test_every_picture_of_a_run(runs, command, monkeypatch, tmp_path, name, expected):
    monkeypatch.setattr(run_pictures, "EXCITED", 4)
    outcome = command(visualizing.main, runs(name), "--output", tmp_path / "pictures")
    assert (outcome.code, outcome.err) == (0, "")
    assert pictures_in(tmp_path / "pictures") == expected
    assert outcome.out.splitlines() == [str(tmp_path / "pictures" / line) for line in map(_name, outcome.out.split())]
    assert {_name(line) for line in outcome.out.split()} == expected
    for path in (tmp_path / "pictures").rglob("*.png"):
        with Image.open(path) as image:
            assert min(image.size) >= 100
            assert np.asarray(image.convert("L"), np.float64).std() > 4, f"{path} is blank"


def _name(line):
    return line.partition("/pictures/")[2]


def test_pictures_without_the_data_are_those_that_need_none(runs, command, monkeypatch, tmp_path):
    def missing(*_):
        raise FileNotFoundError("the images are not there: put them where they belong")

    weights = runs("mnist") / "best.weights.h5"
    monkeypatch.setattr(mnist, "load_data", missing)
    monkeypatch.setattr(run_pictures, "EXCITED", 2)
    outcome = command(visualizing.main, weights, "--output", tmp_path)
    assert outcome.code == 0
    assert outcome.err.count("\n") == 1
    assert "put them where they belong" in outcome.err
    exciting = {"exciting/01-conv2d.png", "exciting/02-conv2d_1.png"}
    assert pictures_in(tmp_path) == {"curves.png", "model.png", "filters.png"} | exciting


def test_pictures_of_one_image(runs, command, tmp_path):
    Image.fromarray(np.uint8(load_once()[1][0][3])).resize((90, 80)).save(tmp_path / "zero.jpg")
    outcome = command(visualizing.main, runs("mnist"), "--image", tmp_path / "zero.jpg", "--output", tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    names = {"activations.png", "sparsity.png", "convolution.png", "saliency.png", "grad_cam.png"}
    names |= {"activations/01-conv2d.png", "activations/02-conv2d_1.png"}
    assert pictures_in(tmp_path) == {f"zero-{name}" for name in names}


def test_templates_are_redrawn_while_mnist_sgd_trains(runs):
    steps = sorted(path.name for path in (runs("mnist-sgd") / "templates").iterdir())
    assert steps == ["step-00000.png", "step-00003.png", "step-00006.png"]


def test_an_opened_run_is_the_network_that_was_trained(runs):
    opened = opening.open_run(runs("mnist-sgd"))
    assert (opened.recipe.name, opened.config.limit, opened.config.epochs) == ("mnist-sgd", 60, 2)
    assert len(opened.history["loss"]) == 2
    x = opened.recipe.load(opened.config).test[0][:7]
    p = probabilities(opened.model, x, 7)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    fresh = BY_NAME["mnist-sgd"].build()
    fresh.load_weights(str(runs("mnist-sgd") / "last.weights.h5"))
    logits = fresh.predict(x, verbose=0).astype(np.float64)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(p, expected / expected.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6)


def test_predict_prints_the_top_classes_with_bars(runs, command, tmp_path):
    digit = load_once()[1][0][0]
    for name in ("seven.png", "again.bmp"):
        Image.fromarray(digit).save(tmp_path / name)
    outcome = command(predict.main, runs("mnist"), tmp_path / "seven.png", tmp_path / "again.bmp", "--top", 3)
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == str(tmp_path / "seven.png")
    assert lines[4] == str(tmp_path / "again.bmp")
    assert lines[1:4] == lines[5:8]
    opened = opening.open_run(runs("mnist"))
    p = opened.model.predict(digit[np.newaxis, ..., np.newaxis], verbose=0)[0]
    for line, k in zip(lines[1:4], np.argsort(-p), strict=False):
        assert line.split()[0] == str(k)
        assert line.endswith(f"{100 * p[k]:.1f} %")


def test_bars_are_as_long_as_probable(monkeypatch):
    assert [len(predict.bar(share)) for share in (0, 0.5, 1)] == [0, 20, 40]
    assert predict.bar(1 / 16) == "██▌"
    assert predict.bar(1 / 64 + 1 / 320) == "▊"
    lines = predict.lines(np.array([0.1, 0.7, 0.2]), ("cat", "elephant", "dog"), 2)
    assert [line.split()[0] for line in lines] == ["elephant", "dog"]
    assert len({len(line) for line in lines}) == 1
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert predict.bar(0.5) == "#" * 20


def test_a_broken_image_is_named_and_the_others_are_answered(runs, command, tmp_path):
    good, broken, empty = tmp_path / "good.png", tmp_path / "broken.png", tmp_path / "empty.jpg"
    Image.fromarray(load_once()[1][0][0]).save(good)
    broken.write_bytes(good.read_bytes()[:60])
    empty.touch()
    (tmp_path / "words.png").write_text("not an image")
    files = [broken, empty, tmp_path / "words.png", tmp_path / "nowhere.png", good]
    outcome = command(predict.main, runs("mnist"), *files)
    assert outcome.code == 2
    assert outcome.out.splitlines()[0] == str(good)
    assert len(outcome.err.splitlines()) == 4
    for line, file in zip(outcome.err.splitlines(), files, strict=False):
        assert line.startswith("tinyconv.predict: ")
        assert str(file) in line
    for file in files[:4]:
        refused(command(visualizing.main, runs("mnist"), "--image", file, "--output", tmp_path), str(file))


@pytest.mark.parametrize("module", [predict, visualizing], ids=["predict", "visualize"])
def test_what_is_no_run_is_refused_in_one_line(runs, command, tmp_path, module):
    more = [tmp_path / "image.png"] if module is predict else []
    refused(command(module.main, tmp_path / "nowhere", *more), "is not there: name the folder of a run")
    refused(command(module.main, tmp_path, *more), "holds no run")
    (tmp_path / "model.txt").touch()
    refused(command(module.main, tmp_path / "model.txt", *more), "is no .weights.h5 file")
    (tmp_path / "bad.weights.h5").write_bytes(b"words")
    refused(command(module.main, tmp_path / "bad.weights.h5", *more), str(tmp_path / "bad.weights.h5"))
    tc.zoo.mnist_fc().save_weights(str(tmp_path / "own.weights.h5"))
    refused(command(module.main, tmp_path / "own.weights.h5", *more), "does not say which network it is of")
    for note in ({"epoch": 1}, {"epoch": 1, "history": {}, "config": {"recipe": "yours"}}):
        tc.zoo.mnist_fc().save_weights(str(tmp_path / "note.weights.h5"), note=note)
        refused(command(module.main, tmp_path / "note.weights.h5", *more), str(tmp_path / "note.weights.h5"))


@pytest.mark.parametrize("option", ["--imge", "--tpo", "--outptu"])
def test_a_mistyped_option_is_answered_by_the_nearest(runs, command, tmp_path, option):
    module = predict if option == "--tpo" else visualizing
    meant = {"--imge": "--image", "--tpo": "--top", "--outptu": "--output"}[option]
    refused(command(module.main, runs("mnist"), tmp_path / "a.png", option, "3"), f"did you mean {meant}?")


def test_missing_packages_are_named_in_one_line(runs, tmp_path):
    Image.fromarray(load_once()[1][0][0]).save(tmp_path / "digit.png")
    for package, arguments, words in (
        ("matplotlib", ["visualize", str(runs("mnist")), "--output", str(tmp_path)], "pip install matplotlib"),
        ("PIL", ["predict", str(runs("mnist")), str(tmp_path / "digit.png")], "pip install pillow"),
    ):
        script = f"import sys; sys.modules[{package!r}] = None; import runpy; sys.argv = {['', *arguments[1:]]!r}; "
        script += f"runpy.run_module('tinyconv.{arguments[0]}', run_name='__main__')"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert words in done.stderr


def test_a_figure_without_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match="pip install matplotlib"):
        draw_activations(np.ones((3, 3, 2)), "maps")


def test_a_red_pixel_tells_which_networks_take_bgr():
    own = BY_NAME["cifar10"]
    assert not takes_bgr(own)
    assert not takes_bgr(BY_NAME["mnist"])
    turned = replace(own, prepare=lambda images: images[..., ::-1])
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(shown(turned, turned.prepare(images)), images)


def test_photographs_lie_where_the_run_or_the_option_says(runs, command, monkeypatch, tmp_path):
    copied = shutil.copytree(runs("mnist"), tmp_path / "copy")
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "data": "photographs"}))
    seen = []

    def load(config):
        seen.append(Path(config.data).name)
        raise ValueError("there are none")

    monkeypatch.setattr(run_pictures, "EXCITED", 1)
    monkeypatch.setitem(BY_NAME, "mnist", replace(BY_NAME["mnist"], load=load))
    for more in ([], ["--data", "others"]):
        outcome = command(visualizing.main, copied, *more, "--output", tmp_path / "pictures")
        assert outcome.code == 0
        assert "there are none" in outcome.err
    assert seen == ["photographs", "others"]


def test_photographs_which_come_class_by_class_are_shown_of_all_classes():
    images = np.random.default_rng(0).random((240, 32, 32, 3), dtype=np.float32)
    labels = np.repeat(np.arange(10), 24)
    found = Answers(np.full((240, 10), 0.1), labels, images, np.arange(240))
    for photographs in (False, True):
        _, figure = next(pictures.of_answers(replace(BY_NAME["cifar10"], photographs=photographs), found))
        page = figure.axes[0]
        named = {text.get_text().split(":")[0] for text in page.texts if text.get_text().startswith("true ")}
        assert len(page.images) == 100
        assert len(named) == (9 if photographs else 4)  # the first class is what all are taken for


def test_nothing_half_written_is_left(runs, tmp_path):
    with pytest.raises(OSError, match="cannot write the file"):
        save(draw_activations(np.ones((3, 3, 2)), "maps"), tmp_path / "nowhere" / "maps.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("recipe", [each for each in RECIPES if each.photographs], ids=lambda recipe: recipe.name)
def test_a_photograph_is_read_as_training_reads_it(tmp_path, recipe):
    draw = np.random.default_rng(4)
    for part, each in product(("train", "validation"), recipe.class_names):
        folder = tmp_path / part / each
        folder.mkdir(parents=True)
        Image.fromarray(draw.integers(0, 256, (190, 230, 3), dtype=np.uint8)).save(folder / "one.png")
    config = Config(recipe.name, 1, 1, 0.1, 0, data=str(tmp_path))
    batch = next(iter(recipe.load(config).validation.epoch(0)))
    images = opening.read_images(recipe, [tmp_path / "validation" / recipe.class_names[0] / "one.png"])
    np.testing.assert_allclose(recipe.prepare(images), batch.x[:1], atol=1e-6)


def test_a_whole_model_in_a_runs_folder_is_opened(runs, command, tmp_path):
    folder = shutil.copytree(runs("mnist"), tmp_path / "copy")
    opened = opening.open_run(folder)
    opened.model.save(str(folder / "whole.keras"))
    whole = opening.open_run(folder / "whole.keras")
    x = opened.recipe.load(opened.config).test[0][:5]
    np.testing.assert_array_equal(probabilities(whole.model, x, 5), probabilities(opened.model, x, 5))
    shutil.copy(folder / "whole.keras", tmp_path / "alone.keras")
    refused(command(visualizing.main, tmp_path / "alone.keras"), "lies in no run's folder")
    (folder / "bad.keras").write_bytes(b"words")
    refused(command(visualizing.main, folder / "bad.keras"), str(folder / "bad.keras"))
    tc.zoo.mnist_sgd().save(str(folder / "other.keras"))
    refused(command(visualizing.main, folder / "other.keras"), "takes (None, 784) and gives (None, 10)")


def test_predict_says_that_training_diverged(command, tmp_path, monkeypatch):
    run = SimpleNamespace(model=None, recipe=SimpleNamespace(prepare=lambda images: images))
    monkeypatch.setattr(predict, "open_run", lambda path: run)
    monkeypatch.setattr(predict, "read_images", lambda recipe, files: None)
    monkeypatch.setattr(predict, "probabilities", lambda model, images, size: np.full((1, 10), np.nan))
    code, out, error = command(predict.main, tmp_path, tmp_path / "a.png")
    assert (code, out) == (2, "")
    assert "a.png with NaN" in error
    assert "diverged" in error
