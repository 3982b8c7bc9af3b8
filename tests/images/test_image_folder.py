"""image_dataset_from_directory beside live Keras: files, their order, labels, classes, parts, messages and pixels."""

import re
from itertools import islice

import numpy as np
import pytest
from image_kinds import encoded, huge_png, kinds, late_png, noise
from PIL import Image

import tinyconv as tc

read = tc.utils.image_dataset_from_directory
TOLERANCE = 2e-6 * 255  # both compute in float32


@pytest.fixture
def folder(tmp_path):
    """A folder of classes and files whose order matters, with things that are no images."""
    names = [
        *("b/10.png", "b/2.png", "b/1.PNG", "b/deep/3.png", "b/deep-er/4.png", "b/deep/x/5.png"),
        *("a/z.png", "a/Z.png", "a/é.png", "c d/one.png", "a/notes.txt", "top.png"),
    ]
    picture = encoded(Image.fromarray(noise(12, 10, 3)), "PNG")
    for name in names:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    (tmp_path / "data" / "empty").mkdir()
    return tmp_path / "data"


def both(keras, capsys, directory, **given):
    """Return what both engines make of a folder, after comparing what they print."""
    capsys.readouterr()
    theirs = keras.utils.image_dataset_from_directory(directory, **given)
    printed = capsys.readouterr().out
    ours = read(directory, **given)
    assert capsys.readouterr().out == printed
    return ours, theirs


@pytest.mark.parametrize(
    "given",
    [
        dict(shuffle=False),
        dict(shuffle=True, seed=5),
        dict(shuffle=False, class_names=["b", "a"]),
        dict(shuffle=False, labels=None),
        dict(shuffle=True, seed=1, labels=None),
        dict(shuffle=False, labels=list(range(11))),
        dict(shuffle=True, seed=9, labels=[3, 1, 2, 0, 0, 1, 2, 3, 0, 1, 1]),
        dict(shuffle=False, validation_split=0.25, subset="training"),
        dict(shuffle=False, validation_split=0.25, subset="validation"),
        dict(shuffle=True, seed=3, validation_split=0.4, subset="training"),
        dict(shuffle=True, seed=3, validation_split=0.4, subset="validation"),
    ],
    ids=str,
)
def test_files_labels_and_classes_are_keras_s(keras, capsys, folder, given):
    for label_mode in ("int", "categorical"):
        ours, theirs = both(keras, capsys, str(folder), label_mode=label_mode, **given)
        assert ours.file_paths == list(theirs.file_paths)
        assert ours.class_names == theirs.class_names
        if given.get("labels", "inferred") is None:
            assert ours.targets is None
        elif not given["shuffle"]:  # else the order of the batches is each engine's own
            labels = np.concatenate([labels.numpy() for _, labels in theirs])
            assert ours.targets.dtype == labels.dtype
            assert np.array_equal(ours.targets, labels)


def test_labels_stay_with_shuffled_files(folder):
    plain = read(folder, shuffle=False)
    shuffled = read(folder, shuffle=True, seed=2)
    labels = dict(zip(plain.file_paths, plain.targets.tolist(), strict=True))
    assert [labels[path] for path in shuffled.file_paths] == shuffled.targets.tolist()
    assert shuffled.file_paths != plain.file_paths


def test_keras_14416_tf_50124_a_list_of_labels_goes_by_the_sorted_paths(keras, tmp_path):
    """Pixels tell which file is meant: each file's are its own number, and the list gives the same numbers."""
    names = ["1.png", "10.png", "2.png", "B.png", "a.png", "sub/0.png", "sub/9.png", "sub2/5.png"]
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (number,) * 3).save(tmp_path / name)
    for shuffle in (False, True):
        ours = read(tmp_path, labels=list(range(8)), image_size=(4, 4), batch_size=3, shuffle=shuffle, seed=4)
        for _ in range(2):
            for images, labels in ours:
                assert images[:, 0, 0, 0].tolist() == labels.tolist()
    theirs = keras.utils.image_dataset_from_directory(tmp_path, labels=list(range(8)), image_size=(4, 4), shuffle=False)
    assert [images.numpy()[:, 0, 0, 0].tolist() for images, _ in theirs] == [list(range(8))]


def test_both_parts_at_once(keras, capsys, folder):
    ours, theirs = both(keras, capsys, str(folder), seed=8, validation_split=0.3, subset="both")
    assert [part.file_paths for part in ours] == [list(part.file_paths) for part in theirs]
    assert ours[0].shuffle
    assert not ours[1].shuffle


def test_photographs_in_binary(keras, capsys, photographs):
    directory = str(photographs / "cats_dogs" / "validation")
    ours, theirs = both(keras, capsys, directory, shuffle=False, label_mode="binary", image_size=(20, 20))
    assert ours.file_paths == list(theirs.file_paths)
    assert len(ours) == len(theirs) == 7
    labels = [labels.numpy() for _, labels in theirs]
    assert np.array_equal(ours.targets, np.concatenate(labels))
    assert ours.targets.shape == (200, 1)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(
            ("intel", dict(interpolation=way, image_size=(64, 180)))
            for way in ("nearest", "bicubic", "area", "gaussian", "mitchellcubic")
        ),
        ("intel", dict(interpolation="lanczos3", image_size=(99, 200))),
        ("intel", dict(interpolation="lanczos5", color_mode="grayscale")),
        ("intel", dict(image_size=(150, 150))),
        ("cats_dogs", dict(image_size=(100, 100))),
        ("cats_dogs", dict(image_size=(150, 150), color_mode="grayscale")),
        ("cats_dogs", dict(image_size=(50, 50), crop_to_aspect_ratio=True)),
        ("cats_dogs", dict(image_size=(150, 100), pad_to_aspect_ratio=True)),
    ],
    ids=str,
)
def test_photographs_have_keras_s_pixels(judge, photographs, name, given):
    given = dict(directory=str(photographs / name / "validation"), shuffle=False, batch_size=50, **given)
    ours, theirs = read(**given), judge.utils.image_dataset_from_directory(**given)
    for (x, y), (images, labels) in zip(islice(ours, 2), theirs.take(2), strict=True):
        assert x.dtype == np.float32
        assert np.abs(x - images.numpy()).max() < TOLERANCE
        assert np.array_equal(y, labels.numpy())


def test_transparent_photographs(judge, photographs, tmp_path):
    (tmp_path / "one").mkdir()
    for path in sorted((photographs / "cats_dogs" / "validation" / "cats").glob("*.jpg"))[:3]:
        image = Image.open(path).convert("RGBA")
        image.putalpha(image.getchannel("G"))
        image.save(tmp_path / "one" / f"{path.stem}.png")
    given = dict(directory=tmp_path, shuffle=False, color_mode="rgba", image_size=(80, 90))
    ((x, _),), ((images, _),) = read(**given), judge.utils.image_dataset_from_directory(**given)
    assert x.shape == (3, 80, 90, 4)
    assert np.abs(x - images.numpy()).max() < TOLERANCE


def test_tf_46595_hidden_folders_and_files_are_no_data(folder):
    before = read(folder, shuffle=False)
    for place in (folder, folder / "a"):
        (place / ".ipynb_checkpoints").mkdir()
        (place / ".ipynb_checkpoints" / "z-checkpoint.png").write_bytes((folder / "a" / "z.png").read_bytes())
        (place / "._z.png").write_bytes(b"Mac OS X")
    after = read(folder, shuffle=False)
    assert after.class_names == before.class_names == ["a", "b", "c d", "empty"]
    assert after.file_paths == before.file_paths


def test_classes_in_names(tmp_path, capsys):
    for name in ("dog.1.png", "cat.0.png", "dog.0.png", "cat.10.png", "cat.9.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    found = read(tmp_path, shuffle=False)
    assert capsys.readouterr().out == "Found 5 files belonging to 2 classes.\n"
    assert found.class_names == ["cat", "dog"]
    assert [path.rpartition("/")[2] for path in found.file_paths] == [
        *("cat.0.png", "cat.10.png", "cat.9.png", "dog.0.png", "dog.1.png")
    ]
    assert found.targets.tolist() == [0, 0, 0, 1, 1]


def test_links_stay_in_the_folder_unless_asked(keras, capsys, folder, tmp_path):
    outside = tmp_path / "elsewhere"
    (outside / "inner").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(outside / "inner" / "far.png")
    (folder / "a" / "near.png").symlink_to(folder / "b" / "2.png")
    (folder / "a" / "linked").symlink_to(outside)
    ours, theirs = both(keras, capsys, str(folder), shuffle=False)  # a link to a folder below a class is passed over
    assert ours.file_paths == list(theirs.file_paths)
    (folder / "b" / "far.png").symlink_to(outside / "inner" / "far.png")
    with pytest.raises(ValueError, match=r"far\.png is a link to .*, outside .*: follow_links=True reads it"):
        read(folder)
    ours, theirs = both(keras, capsys, str(folder), shuffle=False, follow_links=True)
    assert ours.file_paths == list(theirs.file_paths)
    (folder / "b" / "far.png").unlink()
    (folder / "other").symlink_to(outside)
    with pytest.raises(ValueError, match=r"other is a link to .*, outside .*: follow_links=True reads it"):
        read(folder)
    assert read(folder, follow_links=True).class_names == ["a", "b", "c d", "empty", "other"]


def test_links_in_a_circle_end(folder):
    before = read(folder, shuffle=False).file_paths
    (folder / "b" / "again").symlink_to(folder / "b")
    (folder / "b" / "deep" / "up").symlink_to(folder)
    found = read(folder, shuffle=False, follow_links=True).file_paths
    assert set(before) <= set(found)
    assert len(found) < 4 * len(before)


BAD = {
    "empty.jpg": (b"", "is empty"),
    "cut.jpg": (kinds()["rgb.jpg"][:-200], "is damaged"),
    "cut.png": (kinds()["rgb.png"][:-30], "is damaged"),
    "text.png": (b"not an image", "is no image"),
    "bomb.png": (huge_png(40_000, 40_000), "is too large"),
}


@pytest.fixture
def hostile(folder):
    for name, (data, _) in BAD.items():
        (folder / "a" / name).write_bytes(data)
    for name, data in kinds().items():
        (folder / "b" / name).write_bytes(data)
    (folder / "c d" / "gone.png").symlink_to(folder / "c d" / "nowhere.png")
    return folder


def test_damaged_files_are_skipped_named_and_counted(hostile, capsys):
    with pytest.warns(UserWarning, match=r"skipped 6 files of .*: a/bomb\.png is too large .*; and 1 more") as warned:
        found = read(hostile, shuffle=False)
    assert len(warned) == 1
    assert capsys.readouterr().out == f"Found {10 + len(kinds())} files belonging to 4 classes.\n"
    assert set(found.skipped) == {*(f"a/{name}" for name in BAD), "c d/gone.png"}
    assert found.skipped["c d/gone.png"] == "cannot be opened: No such file or directory"
    for name, (_, reason) in BAD.items():
        assert found.skipped[f"a/{name}"].startswith(reason)
    assert not any(path.rpartition("/")[2] in BAD for path in found.file_paths)
    assert sum(len(x) for x, _ in found) == found.samples == len(found.file_paths)


def test_damaged_files_are_refused_on_request(hostile):
    with pytest.raises(ValueError, match=r'^6 files of .*: a/bomb.png is too large.*: damaged="skip" leaves such'):
        read(hostile, damaged="refuse")
    with pytest.raises(ValueError, match='damaged must be "skip" or "refuse"'):
        read(hostile, damaged="ignore")


def test_keras_15047_an_empty_image_is_named(hostile):
    with pytest.raises(ValueError, match=r"a/empty\.jpg is empty"):
        read(hostile, damaged="refuse")


def test_damage_that_shows_late_is_left_out_of_its_batch(folder):
    (folder / "a" / "late.png").write_bytes(late_png())
    found = read(folder, shuffle=False, batch_size=4)
    with pytest.warns(UserWarning, match=r"skipped a file: .*late\.png is damaged"):
        first = [len(x) for x, _ in found]
    assert first == [3, 4, 3]
    assert [len(x) for x, _ in found] == first  # and no second warning
    with pytest.raises(ValueError, match=r"late\.png is damaged"):
        list(read(folder, shuffle=False, damaged="refuse"))
    assert list(found.skipped) == ["a/late.png"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(label_mode="binary"), 'label_mode="binary" is for 2 classes, got 4'),
        (dict(label_mode="one-hot"), "label_mode must be"),
        (dict(color_mode="bgr"), "color_mode must be"),
        (dict(interpolation="lanczos"), "interpolation must be one of"),
        (dict(image_size=(10, 0)), "image_size must be a positive integer or two"),
        (dict(batch_size=None), "batch_size must be a positive integer, got None"),
        (dict(labels=[0, 1]), "labels has 2 numbers and .* 11 images"),
        (dict(labels="folders"), 'labels must be "inferred", None or a list'),
        (dict(labels=[0] * 11, class_names=["a"]), 'class names are for labels="inferred"'),
        (dict(labels=[5] * 11, label_mode="categorical"), "1 different labels must be 0 to 0"),
        (dict(class_names=["a", "dogs"]), r"no folder for the classes \['dogs'\], it has \['a', 'b', 'c d', 'empty'\]"),
        (dict(class_names=["empty"]), "no images found in"),
        (dict(validation_split=0.2), "validation_split and subset go together"),
        (dict(subset="training"), "validation_split and subset go together"),
        (dict(validation_split=0.2, subset="test", seed=1), "subset must be"),
        (dict(validation_split=1.5, subset="training"), "validation_split must be between 0 and 1"),
        (dict(validation_split=0.2, subset="training"), "needs a seed"),
        (dict(validation_split=0.01, subset="validation", seed=1), "leaves none for validation"),
        (dict(crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "exclude each other"),
        (dict(data_format="first"), "data_format must be"),
        (dict(seed=-1), "seed must be an integer"),
        (dict(workers=0), "workers must be a positive integer"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(folder, given, message):
    with pytest.raises(ValueError, match=message) as raised:
        read(folder, **given)
    assert "\n" not in str(raised.value)


def test_what_tensorflow_s_datasets_have_is_answered(folder):
    data = read(folder)
    with pytest.raises(AttributeError, match="'ImageFolder' object has no attribute 'prefetch': leave it out"):
        data.prefetch(1)
    with pytest.raises(AttributeError, match=r"no attribute 'map': begin the model with a layer, such as Rescaling"):
        data.map(lambda x, y: (x / 255, y))
    with pytest.raises(AttributeError, match=r"no attribute 'xyzzy'$"):
        data.xyzzy()
    assert not hasattr(data.shard(0, 2), "cardinality")


def test_channels_may_come_first(folder):
    """By the argument, and by the session's layout."""
    last, first = read(folder, shuffle=False), read(folder, shuffle=False, data_format="channels_first")
    tc.config.set_image_data_format("channels_first")
    session = read(folder, shuffle=False)
    tc.config.set_image_data_format("channels_last")
    for (x, _), (y, _), (z, _) in zip(last, first, session, strict=True):
        np.testing.assert_array_equal(y, x.transpose(0, 3, 1, 2))
        np.testing.assert_array_equal(z, y)
        assert y.flags.c_contiguous


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "none"))):
        read(tmp_path / "none")
    with pytest.raises(ValueError, match="no images found in"):
        read(tmp_path)
