"""Files whose damage shows only when they are decoded: what training, measuring and predicting make of them."""

import warnings

import numpy as np
import pytest
from image_kinds import late_png, noise
from PIL import Image

import tinyconv as tc

read = tc.utils.image_dataset_from_directory
SKIPPED = "skipped a file: .*late\\.png is damaged"


@pytest.fixture
def folder(tmp_path):
    """Two classes of 4 and 5 images, the last of which is damaged in the middle."""
    for kind, count in (("dark", 4), ("light", 4)):
        (tmp_path / kind).mkdir()
        for number in range(count):
            Image.fromarray(noise(9 + number, 12, 3)).save(tmp_path / kind / f"{number}.png")
    (tmp_path / "light" / "late.png").write_bytes(late_png())
    return tmp_path


def ours(folder, **given):
    return read(folder, image_size=(8, 8), batch_size=4, label_mode="binary", shuffle=False, **given)


def flow(folder, **given):
    generator = tc.preprocessing.image.ImageDataGenerator()
    return generator.flow_from_directory(
        folder, target_size=(8, 8), class_mode="binary", batch_size=4, shuffle=False, **given
    )


def model():
    tc.clear_session()
    tc.set_seed(3)
    built = tc.Sequential([tc.Input((8, 8, 3)), tc.layers.Flatten(), tc.layers.Dense(1, activation="sigmoid")])
    built.compile(tc.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return built


@pytest.mark.parametrize("make", [ours, flow])
def test_predict_keeps_its_rows_with_the_files(folder, make):
    """A row that is missing would give every later file the answer of the next: so the file is refused, by name."""
    data, built = make(folder), model()
    refusal = r"light.late\.png is damaged: .*: take the file out of the folder"
    for given in (data, data.shard(1, 2), tc.data.Dataset.shard(data, 1, 2)):
        with pytest.raises(ValueError, match=refusal):
            built.predict(given, verbose=0)
    with pytest.raises(ValueError, match=refusal):
        built.predict(data, verbose=0, steps=3)
    assert built.predict(data, verbose=0, steps=2).shape == (8, 1)
    with pytest.warns(UserWarning, match=SKIPPED):  # the dataset itself still leaves the file out
        built.evaluate(data, verbose=0)
    assert list(data.skipped) == ["light/late.png"]
    (folder / "light" / "late.png").unlink()
    whole = make(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(built.predict(whole, verbose=0)) == len(whole.files.names) == 8


@pytest.mark.parametrize("make", [ours, flow])
def test_a_damaged_file_alone_in_its_batch_changes_nothing(folder, make):
    """Training and measuring are those of the two whole batches; the empty one counts as an update."""
    with pytest.warns(UserWarning, match=SKIPPED):
        batches = [batch for batch in make(folder).epoch(0) if len(batch.x)]
    assert [len(batch.x) for batch in batches] == [4, 4]
    wanted, found = model(), model()
    for _ in range(2):
        for batch in batches:
            wanted.train_on_batch(batch.x, batch.y)
            wanted.optimizer.iterations += batch is batches[-1]
    data = make(folder)
    with pytest.warns(UserWarning, match=SKIPPED) as warned:
        found.fit(data, epochs=2, verbose=0, class_weight={0: 1.0, 1: 1.0})
    assert len(warned) == 1
    assert found.optimizer.iterations == 2 * len(data) == 6
    for one, other in zip(found.get_weights(), wanted.get_weights(), strict=True):
        assert np.array_equal(one, other)
    x, y = (np.concatenate([getattr(batch, name) for batch in batches]) for name in "xy")
    assert np.allclose(found.evaluate(data, verbose=0), found.evaluate(x, y, verbose=0), rtol=1e-6)


def test_going_through_the_images_passes_over_an_empty_batch(folder):
    data = flow(folder)
    with pytest.warns(UserWarning, match=SKIPPED):
        seen = [next(data)[0] for _ in range(3)]
    assert [len(x) for x in seen] == [4, 4, 4]
    assert np.array_equal(seen[0], seen[2])
    with pytest.warns(UserWarning, match=SKIPPED):
        assert [len(x) for x, _ in ours(folder)] == [4, 4]


@pytest.mark.parametrize("make", [ours, flow])
def test_a_folder_of_which_nothing_can_be_read_is_refused(folder, make):
    for path in folder.glob("*/*.png"):
        path.write_bytes(late_png())
    data = make(folder)
    with pytest.warns(UserWarning, match="skipped"), pytest.raises(ValueError, match="none of the 9 files can be read"):
        model().fit(data, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="none of the 9 files can be read"):
        next(iter(data))
