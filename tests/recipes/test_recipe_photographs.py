"""The recipes on folders of photographs: networks, data, options; resumed to the bit, augmented or not."""

import json
from pathlib import Path

import numpy as np
import photographs
import pytest
from PIL import Image
from run_checks import assert_same_run, contents, refused

import tinyconv as tc
from tinyconv.recipes import BY_NAME
from tinyconv.recipes.config import fresh

TOTALS = {
    ("cats-dogs",): 5_046_369,
    ("practicum",): 9_494_561,
    ("intel",): 6_454_534,
    ("intel", "--variant", "summary"): 6_454_534,
    ("intel", "--variant", "code"): 6_456_326,
    ("vgg16-cats-dogs",): 33_605_442,
    ("cifar10",): 477_994,
}
PHOTOGRAPHS = [name for name, recipe in BY_NAME.items() if recipe.photographs]
SMALL = ("--batch-size", 4, "--verbose", 0)


@pytest.fixture
def pets(tmp_path):
    return photographs.make(tmp_path / "pets", ("cats", "dogs"))


@pytest.fixture
def scenes(tmp_path):
    return photographs.make(tmp_path / "scenes", BY_NAME["intel"].class_names, train=4, validation=2)


@pytest.fixture
def small(monkeypatch):
    """Let the recipes have a small network."""
    for name in PHOTOGRAPHS:
        monkeypatch.setitem(BY_NAME, name, photographs.small(BY_NAME[name]))


def loaded(name, folder, **options):
    recipe = BY_NAME[name]
    return recipe.load(fresh(recipe, {"data": str(folder), **options}))


@pytest.mark.parametrize(("arguments", "total"), TOTALS.items())
def test_summary_prints_the_documents_totals(command, arguments, total):
    done = command(*arguments, "--summary")
    assert done.code == 0
    assert f"Total params: {total:,}" in done.out
    if len(arguments) == 1:
        assert BY_NAME[arguments[0]].parameters == total


def test_settings():
    kinds = {
        name: (type(recipe.optimizer(0.1)).__name__, recipe.learning_rate, recipe.batch_size, recipe.loss.name)
        for name, recipe in BY_NAME.items()
        if recipe.photographs
    }
    assert kinds == {
        "cats-dogs": ("RMSprop", 0.001, 32, "binary_crossentropy"),
        "practicum": ("RMSprop", 0.001, 20, "binary_crossentropy"),
        "intel": ("Adam", 0.001, 16, "categorical_crossentropy"),
        "vgg16-cats-dogs": ("Adam", 1e-6, 256, "categorical_crossentropy"),
    }
    metrics = BY_NAME["intel"].metrics()
    assert metrics[0] == "accuracy"
    assert metrics[1].k == 2
    assert BY_NAME["vgg16-cats-dogs"].epochs == 20
    assert BY_NAME["cats-dogs"].epochs == 1


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_recipe_without_its_data_says_how_they_must_look(command, tmp_path, name):
    classes = BY_NAME[name].class_names
    places = ", ".join(f"DIR/{part}/{each}" for part in ("train", "validation") for each in classes)
    refused(command(name), f"{name} trains on photographs of your own: give --data DIR, with images in {places}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_looks_otherwise_is_refused(command, tmp_path):
    folder = photographs.make(tmp_path / "pets", ("cats", "birds"))
    done = command("cats-dogs", "--data", "pets")
    refused(done, f"cats-dogs needs photographs in {folder}/train/cats, {folder}/train/dogs, ")
    assert done.err.endswith(f"there is no folder {folder}/train/dogs\n")
    refused(command("cats-dogs", "--data", "nowhere"), f"there is no folder {tmp_path / 'nowhere'}/train/cats")
    for part in ("train", "validation"):
        (folder / part / "dogs").mkdir()
    refused(command("cats-dogs", "--data", folder, "--limit", 20), "--limit 20: cats-dogs has 8 training images")
    for place in folder.rglob("*.png"):
        place.unlink()
    refused(command("cats-dogs", "--data", folder), f"no images found in {folder}/train")
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mnist", "--data", "DIR"], "mnist trains on no photographs of a folder; leave --data out"),
        (["mnist", "--augment"], "--augment: mnist trains on its images as they are; leave --augment out"),
        (["mnist", "--variant", "code"], "--variant code: mnist has no variants: leave --variant out"),
        (["intel", "--variant", "x", "--summary"], "--variant x: intel knows summary and code"),
        (["mnist", "--early-stop", "0"], "--early-stop: needs a whole number from 1 up, got 0"),
        (["intel", "--data", ""], "--data: needs the name of a folder, got ''"),
    ],
)
def test_options_that_make_no_sense_are_refused(command, tmp_path, arguments, message):
    refused(command(*arguments), message)
    assert list(tmp_path.iterdir()) == []


def test_images_are_prepared_as_the_documents_have_them(pets, scenes):
    """Against the files themselves, and against what `prepare` makes of them."""
    for name, folder, classes in (("cats-dogs", pets, 2), ("intel", scenes, 6), ("vgg16-cats-dogs", pets, 2)):
        recipe, data = BY_NAME[name], loaded(name, folder)
        side = recipe.image_shape[0]
        method = Image.Resampling.BILINEAR if name.startswith("vgg16") else Image.Resampling.NEAREST
        batch = next(data.validation.epoch(0))
        with Image.open(data.validation.filepaths[0]) as image:
            pixels = np.asarray(image.resize((side, side), method), np.float32)
        expected = pixels[..., ::-1] if name.startswith("vgg16") else pixels / np.float32(255)
        np.testing.assert_allclose(batch.x[0], expected, rtol=1e-6)
        np.testing.assert_allclose(recipe.prepare(pixels[None])[0], expected, rtol=1e-6)
        labels = [recipe.class_names.index(Path(path).parent.name) for path in data.validation.filepaths]
        whole = np.concatenate([each.y for each in data.validation.epoch(0)])
        targets = np.array(labels) if recipe.loss.name == "binary_crossentropy" else np.eye(classes)[labels]
        np.testing.assert_array_equal(whole, targets)


def test_augmentation_varies_training_images_alone_and_each_epoch_anew(pets):
    plain, varied = loaded("cats-dogs", pets), loaded("cats-dogs", pets, augment=True)

    def images(part, epoch):
        return np.concatenate([batch.x for batch in part.epoch(epoch)])

    np.testing.assert_array_equal(images(plain.validation, 0), images(varied.validation, 0))
    np.testing.assert_array_equal(images(varied.validation, 0), images(varied.validation, 3))
    assert not np.array_equal(images(plain.training, 0), images(varied.training, 0))
    assert not np.array_equal(images(varied.training, 0), images(varied.training, 1))
    np.testing.assert_array_equal(images(varied.training, 1), images(varied.training, 1))
    again = loaded("cats-dogs", pets, augment=True)
    np.testing.assert_array_equal(images(varied.training, 1), images(again.training, 1))
    other = loaded("cats-dogs", pets, augment=True, seed=1)
    assert not np.array_equal(images(varied.training, 1), images(other.training, 1))


def test_a_limit_takes_from_every_class(scenes):
    data = loaded("intel", scenes, limit=12)
    assert data.counts == (12, 12)
    assert np.bincount(data.training.classes).tolist() == [2] * 6
    assert len(set(data.training.filepaths)) == 12
    assert loaded("intel", scenes, limit=6).counts == (6, 6)


@pytest.mark.parametrize("augment", [[], ["--augment"]])
def test_resumed_runs_equal_unbroken_ones(command, small, scenes, augment):
    """With ReduceLROnPlateau, which has halved the rate on the way, and dropout."""
    run = ("intel", "--data", scenes, *SMALL, *augment)
    assert command(*run, "--epochs", 5, "--output", "whole").code == 0
    assert command(*run, "--epochs", 1, "--output", "parts").code == 0
    for epochs in (2, 4, 5):
        done = command("intel", "--resume", "--output", "parts", "--epochs", epochs)
        assert done.code == 0, done.err
    assert_same_run("whole", "parts")
    assert contents("whole") == contents("parts")
    rates = [float(line.rsplit(",", 1)[1]) for line in Path("whole/history.csv").read_text().splitlines()[1:]]
    assert rates[0] == 0.001
    assert rates[-1] < 0.0005


def test_photographs_may_lie_elsewhere_when_a_run_is_resumed(command, small, pets, tmp_path):
    run = ("cats-dogs", "--data", "pets", *SMALL, "--augment")
    assert command(*run, "--epochs", 2, "--output", "whole").code == 0
    assert command(*run, "--epochs", 1, "--output", "parts").code == 0
    assert json.loads(Path("parts/config.json").read_text())["data"] == str(pets)
    pets.rename(tmp_path / "moved")
    refused(
        command("cats-dogs", "--resume", "--output", "parts", "--epochs", 2), f"there is no folder {pets}/train/cats"
    )
    done = command("cats-dogs", "--resume", "--output", "parts", "--epochs", 2, "--data", "moved")
    assert done.code == 0, done.err
    assert_same_run("whole", "parts")


def test_what_a_resumed_run_may_not_change(command, small, pets):
    run = ("cats-dogs", "--data", pets, *SMALL, "--epochs", 1)
    assert command(*run).code == 0
    refused(
        command("cats-dogs", "--resume", "--augment"), "--augment differs from the saved run's none in runs/cats-dogs"
    )
    path = Path("runs/cats-dogs/config.json")
    path.write_text(path.read_text().replace('"augment": null', '"augment": 3'))
    refused(command("cats-dogs", "--resume"), "is damaged: augment needs true or null, got 3")


def test_early_stopping_ends_a_run_where_the_unbroken_one_ends(command, small, pets):
    """A rate so small that nothing gets better: after the first epoch, two without progress end the run."""
    run = ("cats-dogs", "--data", pets, *SMALL, "--learning-rate", 1e-30, "--early-stop", 2)
    assert command(*run, "--epochs", 9, "--output", "whole").code == 0
    epochs = len(Path("whole/history.csv").read_text().splitlines()) - 1
    assert 3 <= epochs < 9
    assert command(*run, "--epochs", 2, "--output", "parts").code == 0
    assert command("cats-dogs", "--resume", "--epochs", 9, "--output", "parts").code == 0
    assert_same_run("whole", "parts")
    before = contents("whole")
    done = command("cats-dogs", "--resume", "--output", "whole")
    assert done.code == 0
    assert "training time" not in done.out
    assert contents("whole") == before
    assert "--early-stop 2" in done.out
    assert command("cats-dogs", "--resume", "--output", "whole", "--early-stop", 4).code == 0
    assert len(Path("whole/history.csv").read_text().splitlines()) - 1 > epochs


def test_a_damaged_photograph_is_named_and_left_out(command, small, pets):
    (pets / "train/cats/cats.0.png").write_bytes((pets / "train/cats/cats.0.png").read_bytes()[:200])
    (pets / "validation/dogs/dogs.1.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="skipped") as warned:
        done = command("cats-dogs", "--data", pets, *SMALL, "--epochs", 1)
    assert done.code == 0
    assert "15 images to train on, 9 to validate on" in done.out
    said = " ".join(str(each.message) for each in warned)
    assert "cats/cats.0.png" in said
    assert "dogs/dogs.1.png is empty" in said


def test_photographs_that_show_their_damage_late(command, small, pets):
    """One alone in its batch is left out; where none can be read, a line says so."""

    def damage(path):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] + bytes(64) + data[len(data) // 2 + 64 :])

    damage(pets / "validation/dogs/dogs.4.png")  # alone in the second batch
    run = "cats-dogs", "--data", pets, *SMALL[2:], "--epochs", 1, "--batch-size"
    with pytest.warns(UserWarning, match=r"skipped a file: .*dogs\.4\.png is damaged"):
        assert command(*run, 9).code == 0
    for path in pets.glob("train/*/*.png"):
        damage(path)
    with pytest.warns(UserWarning, match="skipped"):
        done = command(*run, 4, "--output", pets / "out")
    (line,) = done.err.splitlines()
    assert done.code == 2
    assert "train: none of the 16 files can be read: " in line
    assert "holds the run's beginning, before epoch 1; continue with: " in line


def test_one_output_is_two_probabilities():
    from tinyconv.recipes.training import classes, probabilities

    model = tc.Sequential([tc.Input((3,)), tc.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    x = np.random.default_rng(2).normal(size=(5, 3)).astype("float32")
    p = probabilities(model, x, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(p[:, 1], model.predict(x)[:, 0], rtol=1e-6)
    np.testing.assert_array_equal(classes(np.array([0.0, 1.0, 1.0])), [0, 1, 1])
    np.testing.assert_array_equal(classes(np.array([[0.0], [1.0]])), [0, 1])
    np.testing.assert_array_equal(classes(np.eye(4)), range(4))


def test_pictures_choose_from_images_evenly_spread(monkeypatch, scenes):
    from tinyconv.recipes import training

    monkeypatch.setattr(training, "MOST_SHOWN", 5)
    recipe = photographs.small(BY_NAME["intel"])
    config = fresh(recipe, {"data": str(scenes), "batch_size": 4})
    data = recipe.load(config)
    found = training.answers(training.build(recipe, config), data.test, 4)
    assert found.p.shape == (12, 6)
    assert found.labels.tolist() == sorted([*range(6)] * 2)
    assert found.shown.tolist() == [0, 3, 6, 9]
    whole = np.concatenate([batch.x for batch in data.test.epoch(0)])
    np.testing.assert_array_equal(found.images, whole[found.shown])


def test_lr_find_suggests_a_rate_and_trains_nothing(command, small, pets):
    done = command("cats-dogs", "--data", pets, "--batch-size", 4, "--lr-find", "--augment")
    assert done.code == 0, done.err
    *_, line = done.out.splitlines()
    assert line.startswith("cats-dogs: ")
    assert " learning rates from 1e-06 to " in line
    assert "the loss fall" in line
    assert line.endswith("(the document has 0.001); runs/cats-dogs/learning_rates.png shows it")
    assert sorted(contents("runs/cats-dogs")) == ["learning_rates.png"]
    with Image.open("runs/cats-dogs/learning_rates.png") as picture:
        assert min(picture.size) >= 300
    message = "runs/cats-dogs holds learning_rates.png, which the run would overwrite: give another --output"
    refused(command("cats-dogs", "--data", pets, "--batch-size", 4, "--lr-find"), message)
    refused(command("cats-dogs", "--resume", "--lr-find"), "--lr-find tests a network before it is trained")
    assert command("cats-dogs", "--data", pets, *SMALL, "--epochs", 1).code == 0, "a run may start beside the picture"


def test_the_run_of_a_variant_is_opened_with_its_network(tmp_path):
    from tinyconv.recipes import checkpoint
    from tinyconv.recipes.opening import open_run

    recipe = BY_NAME["intel"].variants["code"]
    config, model = fresh(recipe, {"variant": "code"}), recipe.build()
    checkpoint.save_weights(tmp_path / "last.weights.h5", model, config, {})
    opened = open_run(tmp_path / "last.weights.h5")
    assert opened.recipe is recipe
    assert opened.model.count_params() == 6_456_326
    np.testing.assert_array_equal(opened.model.get_weights()[0], model.get_weights()[0])
