"""Train and validation folders: every image in one of them, none lost, none overwritten, and once more the same."""

import os
import re
from pathlib import Path

import pytest

import tinyconv as tc
from tinyconv.split_folder import main


@pytest.fixture
def source(tmp_path):
    """20 cats and 10 dogs, each file with a content of its own, in folders of their classes."""
    for kind, count in (("cats", 20), ("dogs", 10)):
        for number in range(count):
            path = tmp_path / "all" / kind / f"{number // 5}" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{kind} {number}")
    (tmp_path / "all" / "cats" / "notes.txt").write_text("no image")
    return tmp_path / "all"


def content(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(Path(folder).rglob("*.jpg"))}


def test_each_class_is_split_by_its_share(source, tmp_path):
    counts = tc.utils.split_folder(source, tmp_path / "split", validation=0.3)
    assert counts == {"train": {"cats": 14, "dogs": 7}, "validation": {"cats": 6, "dogs": 3}}
    train, validation = content(tmp_path / "split" / "train"), content(tmp_path / "split" / "validation")
    assert (len(train), len(validation)) == (21, 9)
    assert {**train, **validation} == content(source)


def test_the_seed_draws(source, tmp_path):
    folders = [tmp_path / name for name in "abc"]
    for folder, seed in zip(folders, (0, 0, 1), strict=True):
        tc.utils.split_folder(source, folder, seed=seed)
    a, b, c = map(content, folders)
    assert a == b
    assert a != c


def test_numbered_names_become_folders(tmp_path, capsys):
    (tmp_path / "flat").mkdir()
    for number in range(10):
        (tmp_path / "flat" / f"cat.{number}.jpg").write_text(f"cat {number}")
        (tmp_path / "flat" / f"dog.{number}.jpg").write_text(f"dog {number}")
    assert main([str(tmp_path / "flat"), str(tmp_path / "new"), "--validation", "0.2"]) == 0
    made = capsys.readouterr()
    assert made.out == (
        f"{tmp_path}/new/train: 16 images (cat 8, dog 8)\n{tmp_path}/new/validation: 4 images (cat 2, dog 2)\n"
    )
    found = content(tmp_path / "new")
    assert all(name.split("/")[1] == text.split()[0] for name, text in found.items())
    assert len(found) == 20


def test_links_take_no_space(source, tmp_path):
    tc.utils.split_folder(source, tmp_path / "split", link=True)
    for path in (tmp_path / "split").rglob("*.jpg"):
        assert path.stat().st_nlink == 2
    assert len(content(tmp_path / "split")) == 30


def test_a_split_that_was_broken_off_goes_on(source, tmp_path):
    def stopping(pairs):
        yield from pairs[:7]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tc.utils.split_folder(source, tmp_path / "split", progress=stopping)
    assert len(content(tmp_path / "split")) == 7
    seen = []
    tc.utils.split_folder(source, tmp_path / "split", progress=lambda pairs: seen.append(len(pairs)) or pairs)
    tc.utils.split_folder(source, tmp_path / "whole")
    assert content(tmp_path / "split") == content(tmp_path / "whole")
    assert seen == [23]


def test_no_image_is_in_both_parts(source, tmp_path):
    tc.utils.split_folder(source, tmp_path / "split", 0.3)
    before = content(tmp_path / "split")
    with pytest.raises(FileExistsError, match="exists, of another split: choose another destination"):
        tc.utils.split_folder(source, tmp_path / "split", 0.5, seed=1)
    assert content(tmp_path / "split") == before


def test_nothing_is_overwritten(source, tmp_path, capsys):
    tc.utils.split_folder(source, tmp_path / "split")
    victim = next((tmp_path / "split").rglob("*.jpg"))
    victim.write_text("the user's own")
    before = content(tmp_path / "split")
    with pytest.raises(FileExistsError, match=r"exists and is not .*: nothing is overwritten"):
        tc.utils.split_folder(source, tmp_path / "split")
    assert content(tmp_path / "split") == before
    with pytest.raises(SystemExit) as ended:
        main([str(source), str(tmp_path / "split")])
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith(f"tinyconv.split_folder: {victim} exists and is not")
    assert message.count("\n") == 1


def test_a_copy_that_fails_leaves_no_part_of_a_file(source, tmp_path, monkeypatch):
    def full(path, partial):
        Path(partial).write_text("half")
        raise OSError(28, "No space left on device", partial)

    monkeypatch.setattr("shutil.copy2", full)
    with pytest.raises(OSError, match="No space left"):
        tc.utils.split_folder(source, tmp_path / "split")
    assert not [path for path in (tmp_path / "split").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}", "{}/new"], "the destination .* lies in the source"),
        (["{}", "{}"], "the destination .* lies in the source"),
        (["{}/none", "{}/../new"], "all/none: No such file or directory"),
        (["{}/cats/0", "{}/../new"], "no images found in .*: it needs a folder for each class, or names such as"),
        (["{}", "{}/../new", "--validation", "1.2"], "validation must be between 0 and 1, got 1.2"),
        (
            ["{}", "{}/../new", "--validate", "0.2"],
            "unrecognized arguments: --validate 0.2: did you mean --validation?",
        ),
    ],
)
def test_refusals_are_one_line(source, capsys, arguments, message):
    with pytest.raises(SystemExit) as ended:
        main([each.format(source) for each in arguments])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("tinyconv.split_folder: ")
    assert said.count("\n") == 1
    assert re.search(message, said)
    assert not os.path.exists(source / "new")


def test_the_photographs_are_split_and_read_again(photographs, tmp_path):
    tc.utils.split_folder(photographs / "cats_dogs" / "validation", tmp_path / "new", validation=0.25, link=False)
    found = tc.utils.image_dataset_from_directory(tmp_path / "new" / "train", shuffle=False, image_size=(20, 20))
    assert (found.samples, found.class_names) == (150, ["cats", "dogs"])
