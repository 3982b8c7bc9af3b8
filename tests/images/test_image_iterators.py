"""ImageDataGenerator's flow and flow_from_directory beside live Keras: files, orders, parts, batches, pixels."""

import inspect

import numpy as np
import pytest
from image_kinds import kinds, late_png, noise
from PIL import Image

import tinyconv as tc
from tinyconv.preprocessing.iterators import NumpyArrayIterator

Ours = tc.preprocessing.image.ImageDataGenerator


@pytest.fixture(scope="module")
def Theirs(keras):
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    return ImageDataGenerator


@pytest.fixture
def folder(tmp_path):
    """Three classes of 7, 4 and 5 images of several sizes, deeper ones among them."""
    names = [f"{kind}/{kind}.{number}.png" for kind, count in (("ant", 7), ("bee", 4)) for number in range(count)]
    names += ["cow/z.jpg", "cow/Z.bmp", "cow/in/a.png", "cow/in-between/b.tif", "cow/c.ppm"]
    for number, name in enumerate(names):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(12 + number, 30 - number, 3)).save(path)
    return tmp_path / "data"


def both(theirs, capsys, directory, split=0.0, rescale=None, **given):
    """Return both engines' iterators, after comparing what they print and what they know of the files."""
    capsys.readouterr()
    judge = theirs(validation_split=split, rescale=rescale).flow_from_directory(directory, **given)
    printed = capsys.readouterr().out
    ours = Ours(validation_split=split, rescale=rescale).flow_from_directory(directory, **given)
    assert capsys.readouterr().out == printed
    assert ours.filenames == judge.filenames
    assert ours.filepaths == judge.filepaths
    assert ours.class_indices == judge.class_indices
    assert np.array_equal(ours.classes, judge.classes)
    assert (ours.samples, ours.n, ours.num_classes) == (judge.samples, judge.n, judge.num_classes)
    assert ours.image_shape == judge.image_shape
    assert len(ours) == len(judge)
    return ours, judge


def same(ours, theirs):
    """Assert that two batches are the same arrays."""
    assert type(ours) is type(theirs)
    for one, other in zip(ours, theirs, strict=True) if isinstance(ours, tuple | list) else [(ours, theirs)]:
        if isinstance(one, list):
            same(one, other)
        else:
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)


@pytest.mark.parametrize("method", ["flow", "flow_from_directory"])
def test_arguments_are_keras_s(Theirs, method):
    extra = {"damaged", "cache", "workers"}
    ours, theirs = (inspect.signature(getattr(engine, method)).parameters for engine in (Ours, Theirs))
    assert [name for name in ours if name not in extra] == list(theirs)
    assert all(ours[name].default == one.default for name, one in theirs.items())
    assert all(ours[name].kind == inspect.Parameter.KEYWORD_ONLY for name in extra & set(ours))


@pytest.mark.parametrize("class_mode", ["categorical", "sparse", "input", None])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_three_epochs_are_keras_s(Theirs, capsys, folder, class_mode, shuffle):
    given = dict(target_size=(9, 11), batch_size=6, class_mode=class_mode, shuffle=shuffle, seed=42)
    ours, theirs = both(Theirs, capsys, str(folder), rescale=1 / 255, **given)
    for _ in range(8):
        assert ours.batch_index == theirs.batch_index
        same(next(ours), next(theirs))


@pytest.mark.parametrize("subset", ["training", "validation"])
@pytest.mark.parametrize("split", [0.25, 0.5, 0.9])
def test_subsets_are_keras_s(Theirs, capsys, folder, subset, split):
    ours, theirs = both(Theirs, capsys, str(folder), split, subset=subset, shuffle=False, target_size=(5, 5))
    same(next(ours), next(theirs))


def test_classes_in_an_order_of_one_s_own(Theirs, capsys, folder):
    both(Theirs, capsys, str(folder), classes=["cow", "ant"], class_mode="binary")


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"])
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
def test_pixels_are_keras_s(Theirs, capsys, folder, interpolation, color_mode):
    for name, data in kinds().items():
        if color_mode == "grayscale" or name != "grey16.png":  # Keras clips it in colour
            (folder / "bee" / name).write_bytes(data)
    for size in ((16, 21), (33, 8)):
        given = dict(interpolation=interpolation, color_mode=color_mode, target_size=size, shuffle=False)
        same(*map(next, both(Theirs, capsys, str(folder), **given)))
    same(*map(next, both(Theirs, capsys, str(folder), **given, keep_aspect_ratio=True)))


def test_photographs_are_keras_s(Theirs, capsys, photographs):
    directory = str(photographs / "cats_dogs" / "validation")
    given = dict(target_size=(150, 150), class_mode="binary", seed=7, batch_size=40)
    ours, theirs = both(Theirs, capsys, directory, rescale=1 / 255, **given)
    for _ in range(2):
        same(next(ours), next(theirs))


def test_channels_may_come_first(Theirs, folder):
    ours, theirs = (
        engine(data_format="channels_first").flow_from_directory(folder, target_size=(8, 10), shuffle=False)
        for engine in (Ours, Theirs)
    )
    assert ours.image_shape == (3, 8, 10)
    same(next(ours), next(theirs))


@pytest.mark.parametrize("given", [dict(), dict(seed=3), dict(shuffle=False), dict(batch_size=4, seed=1)], ids=str)
def test_flow_is_keras_s(Theirs, given):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 255, (10, 6, 5, 3)).astype("float32"), np.arange(10)
    weights, other = rng.uniform(size=10), rng.normal(size=(10, 2))
    for images, targets, weighted in ((x, None, None), (x, y, None), (x, y, weights), ([x, other], y, weights)):
        ours, theirs = (
            engine(rescale=0.5).flow(images, targets, sample_weight=weighted, **given) for engine in (Ours, Theirs)
        )
        assert len(ours) == len(theirs)
        if given.get("shuffle", True) and "seed" not in given:
            continue  # the orders are each engine's own
        for _ in range(5):
            same(next(ours), next(theirs))


def test_keras_10571_generators_validate_on_the_first_part_fit_on_the_last(Theirs):
    x, y = np.arange(10, dtype="float32").reshape(10, 1, 1, 1), np.arange(10) % 2
    for subset, first in (("validation", 0), ("training", 4)):
        ours, theirs = (
            engine(validation_split=0.4).flow(x, y, subset=subset, shuffle=False) for engine in (Ours, Theirs)
        )
        same(next(ours), next(theirs))
        assert next(ours)[0].ravel()[0] == first
    from tinyconv.data.arrays import split
    from tinyconv.data.dataset import Batch

    assert split(Batch(x, y), 0.4)[1].x.ravel().tolist() == [6, 7, 8, 9]


def test_subsets_of_sorted_targets_are_refused(Theirs):
    x, y = np.zeros((10, 2, 2, 1)), np.repeat([0, 1], 5)
    for engine in (Ours, Theirs):
        with pytest.raises(ValueError, match="different"):
            engine(validation_split=0.3).flow(x, y, subset="training")
    assert len(Ours(validation_split=0.3).flow(x, y, subset="training", ignore_class_split=True).x) == 7


def test_keras_17443_binary_means_two_classes(folder):
    with pytest.raises(ValueError, match=r'class_mode="binary" is for 2 classes, got 3: \[\'ant\', \'bee\', \'cow\'\]'):
        Ours().flow_from_directory(folder, class_mode="binary")
    with pytest.raises(ValueError, match='label_mode="binary" is for 2 classes, got 3'):
        tc.utils.image_dataset_from_directory(folder, label_mode="binary")


def test_tf_46595_hidden_folders_are_no_classes(folder, capsys):
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / "ant" / ".ipynb_checkpoints").mkdir()
    (folder / "ant" / ".ipynb_checkpoints" / "x.png").write_bytes((folder / "ant" / "ant.0.png").read_bytes())
    found = Ours().flow_from_directory(folder)
    assert capsys.readouterr().out == "Found 16 images belonging to 3 classes.\n"
    assert found.class_indices == {"ant": 0, "bee": 1, "cow": 2}


@pytest.mark.parametrize("seed", [None, 5])
def test_keras_1551_every_epoch_has_a_new_order_that_the_seed_determines(folder, seed):
    def orders(make):
        tc.set_seed(11)
        iterator = make()
        return [np.concatenate([batch.y for batch in iterator.epoch(number)]).ravel().tolist() for number in range(4)]

    def flow():
        return Ours().flow(np.zeros((40, 2, 2, 1)), np.arange(40), batch_size=7, seed=seed)

    def read():
        labels = list(range(14))
        return tc.utils.image_dataset_from_directory(folder, labels, batch_size=3, image_size=(4, 4), seed=seed)

    found = orders(flow)
    assert len({tuple(order) for order in found}) == 4
    assert all(sorted(order) == list(range(40)) for order in found)
    assert orders(flow) == found
    found = orders(read)
    assert len({tuple(order) for order in found}) == 4
    assert orders(read) == found
    assert orders(lambda: Ours().flow(np.zeros((40, 2, 2, 1)), np.arange(40), shuffle=False))[0] == list(range(40))


def test_images_and_their_masks_are_transformed_alike():
    x = np.random.default_rng(0).uniform(0, 255, (9, 8, 8, 1)).astype("float32")
    moves = dict(rotation_range=40, width_shift_range=0.2, zoom_range=0.3, horizontal_flip=True)
    images, masks = (Ours(**moves).flow(x, batch_size=4, seed=6) for _ in range(2))
    for _ in range(6):
        assert np.array_equal(next(images), next(masks))


@pytest.mark.parametrize("seed", [None, 6])
def test_what_is_drawn_for_an_image_goes_by_its_number_and_the_batches_before(seed):
    """Of batches of 4 and of 2, the epochs with as many batches before them have the same images, in the same order."""
    x = np.random.default_rng(0).uniform(0, 255, (8, 6, 6, 1)).astype("float32")
    tc.set_seed(1)
    fours = Ours(rotation_range=40, horizontal_flip=True).flow(x, np.arange(8), batch_size=4, seed=seed)
    tc.set_seed(1)
    twos = Ours(rotation_range=40, horizontal_flip=True).flow(x, np.arange(8), batch_size=2, seed=seed)

    def epoch(data, number):
        batches = list(data.epoch(number))
        return [np.concatenate([getattr(batch, name) for batch in batches]) for name in "xy"]

    for one, other in ((0, 0), (2, 1), (4, 2)):
        for ours, theirs in zip(epoch(fours, one), epoch(twos, other), strict=True):
            assert np.array_equal(ours, theirs)
    assert not np.array_equal(epoch(fours, 1)[1], epoch(twos, 1)[1])


def test_damaged_files_are_skipped_or_refused(folder, capsys):
    (folder / "ant" / "ant.0.png").write_bytes(b"")
    (folder / "ant" / "ant.9.png").write_bytes(late_png())
    with pytest.warns(UserWarning, match=r"skipped 1 file of .*: ant/ant\.0\.png is empty"):
        found = Ours().flow_from_directory(folder, shuffle=False, batch_size=8)
    assert capsys.readouterr().out == "Found 16 images belonging to 3 classes.\n"
    assert "ant/ant.0.png" not in found.filenames
    with pytest.warns(UserWarning, match=r"skipped a file: .*ant\.9\.png is damaged"):
        assert [len(next(found)[0]) for _ in range(2)] == [7, 8]
    with pytest.raises(ValueError, match=r"ant\.0\.png is empty"):
        Ours().flow_from_directory(folder, damaged="refuse")


def test_batches_by_number_and_the_end_of_an_epoch(folder):
    found = Ours().flow_from_directory(folder, batch_size=6, seed=1, target_size=(4, 4))
    walked = [next(found) for _ in range(3)]
    found.reset()
    again = [next(found) for _ in range(3)]
    fresh = Ours().flow_from_directory(folder, batch_size=6, seed=1, target_size=(4, 4))
    for number, batch in enumerate(walked):
        same(fresh[number], batch)
    same(fresh[-1], walked[-1])
    fresh.on_epoch_end()
    for number, batch in enumerate(again):
        same(fresh[number], batch)
    with pytest.raises(IndexError, match="batch 3 of 3"):
        fresh[3]
    next(fresh)
    fresh.reset()
    assert fresh.batch_index == 0


def test_for_goes_on_where_next_has_stopped(folder):
    one, other = (Ours().flow_from_directory(folder, batch_size=6, seed=1, target_size=(4, 4)) for _ in range(2))
    same(next(one), next(other))
    for number, batch in enumerate(one):
        same(batch, next(other))
        if number == 6:
            break
    same(next(one), next(other))


def test_transformed_images_are_saved_on_request(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    given = dict(
        save_to_dir=out, save_prefix="seen", save_format="png", shuffle=False, target_size=(6, 6), batch_size=5
    )
    x, _ = next(Ours(horizontal_flip=True).flow_from_directory(folder, **given))
    assert sorted(path.name for path in out.iterdir()) == [f"seen_{number}_0.png" for number in range(5)]
    saved = tc.utils.img_to_array(tc.utils.load_img(out / "seen_3_0.png"))
    assert np.array_equal(saved, tc.utils.img_to_array(tc.utils.array_to_img(x[3])))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(class_mode="int"), "class_mode must be one of"),
        (dict(color_mode="bgr"), "color_mode must be"),
        (dict(subset="test"), "subset must be"),
        (dict(classes=["ant", "dog"]), r"no folder for the classes \['dog'\]"),
        (dict(subset="validation"), "no images found in"),
        (dict(target_size=5.5), "target_size must be a positive integer or two"),
        (dict(interpolation="lanczos3"), "interpolation must be one of"),
        (dict(keep_aspect_ratio="yes"), "keep_aspect_ratio must be True or False"),
        (dict(save_to_dir="nowhere"), "save_to_dir must be a folder, and there is none: nowhere"),
        (dict(save_to_dir=".", save_format="text"), "save_format must be a kind of image file, .* got 'text'"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(folder, given, message):
    with pytest.raises(ValueError, match=message):
        Ours().flow_from_directory(folder, **given)


def test_arrays_that_do_not_fit_are_refused():
    x = np.zeros((5, 4, 4, 3))
    for given, message in (
        (dict(x=x[0], y=None), "x must be images with four axes"),
        (dict(x=x, y=[1, 2]), "there are 5 images and 2 in y"),
        (dict(x=x, y=np.zeros(5), sample_weight=[1]), "there are 5 images and 1 in sample_weight"),
        (dict(x=[x, np.zeros(4)], y=None), "there are 5 images and 4 in x"),
        (dict(x=x, y=None, subset="test"), "subset must be"),
        (dict(x=x, y=None, save_to_dir="nowhere"), "save_to_dir must be a folder"),
    ):
        with pytest.raises(ValueError, match=message):
            Ours().flow(**given)
    with pytest.raises(ValueError, match=r"data_format must be .channels_last., .channels_first. or None, got .first"):
        NumpyArrayIterator(x, None, Ours(), data_format="first")
    with pytest.warns(UserWarning, match=r"images have 1, 3 or 4 channels, got 2 \(axis 3\)"):
        Ours().flow(x[..., :2])
