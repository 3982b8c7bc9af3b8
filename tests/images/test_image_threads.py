"""Reading ahead: no thread outlives its epoch, however that ends; caches; parts of a batch; and models that train."""

import errno
import gc
import os
import threading

import numpy as np
import pytest
from image_kinds import huge_png, kinds, noise
from PIL import Image

import tinyconv as tc
from tinyconv.data.images.samples import in_threads

read = tc.utils.image_dataset_from_directory


@pytest.fixture
def folder(tmp_path):
    """Two classes of 12 images each."""
    for kind in ("dark", "light"):
        (tmp_path / "data" / kind).mkdir(parents=True)
        for number in range(12):
            pixels = noise(20 + number, 24, 3) // 2 + (120 if kind == "light" else 0)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "data" / kind / f"{number}.png")
    return tmp_path / "data"


def flow(folder, **given):
    moves = dict(rotation_range=30, zoom_range=0.2, horizontal_flip=True, rescale=1 / 255)
    generator = tc.preprocessing.image.ImageDataGenerator(**moves)
    return generator.flow_from_directory(folder, target_size=(16, 16), class_mode="binary", batch_size=5, **given)


def model(dropout=0.0):
    layers = [tc.layers.Conv2D(4, 3, activation="relu"), tc.layers.Flatten(), tc.layers.Dropout(dropout)]
    built = tc.Sequential([tc.Input((16, 16, 3)), *layers, tc.layers.Dense(1, activation="sigmoid")])
    built.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return built


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    gc.collect()
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("tinyconv-images")]
    for thread in threads:  # one that was told to end may need a moment
        thread.join(60)
    assert [thread.name for thread in threads if thread.is_alive()] == []


def test_threads_work_ahead_and_no_further():
    asked, begun, six_begun = [], [], threading.Event()

    def groups():
        for group in range(10):
            asked.append(group)
            yield [2 * group, 2 * group + 1]

    def make(number):
        begun.append(number)
        if len(begun) == 6:
            six_begun.set()
        return np.zeros(1)

    made = in_threads(make, groups(), workers=3, ahead=2)
    next(made)
    assert asked == [0, 1, 2]
    assert six_begun.wait(60)
    made.close()
    assert asked == [0, 1, 2]
    assert sorted(begun) == list(range(6))


def test_threads_keep_to_the_switches_around_the_caller():
    def kernels(number):
        return tc.kernels.host().__name__

    with tc.backend("reference"):
        given = [future.result() for futures in in_threads(kernels, [[0, 1]], 2, 1) for future in futures]
        batches = tc.data.source_dataset.as_dataset(Numbers(kernels)).epoch(0)
        assert given == ["tinyconv.kernels.reference"] * 2
        assert [batch.x for batch in batches] == ["tinyconv.kernels.reference"] * 3


def test_what_was_given_is_finished_after_the_last_group_and_dropped_when_left_early():
    """One thread, held up by the first number, has begun nothing else when the others' fate is settled."""
    begun, go_on = threading.Event(), threading.Event()

    def make(number):
        begun.set()
        assert go_on.wait(60)
        return number

    def let_go():
        begun.wait(60)
        go_on.set()

    threading.Thread(target=let_go).start()
    (given,) = in_threads(make, [[0, 1, 2]], 1, 1)
    assert [future.result() for future in given] == [0, 1, 2]

    begun.clear()
    go_on.clear()
    made = in_threads(make, [[0, 1, 2], [3]], 1, 0)
    first, *others = next(made)
    assert begun.wait(60)
    others[-1].add_done_callback(lambda future: go_on.set())  # once the last one is dropped, the first may end
    made.close()
    assert first.result() == 0
    assert [future.cancelled() for future in others] == [True, True]


class Numbers:
    """Three batches by number, made by two threads."""

    workers, use_multiprocessing = 2, False

    def __init__(self, make):
        self.make = make

    def __len__(self):
        return 3

    def __getitem__(self, number):
        return (self.make(number),)


@pytest.mark.parametrize("trouble", [MemoryError("no memory"), OSError(errno.EIO, "Input/output error")])
def test_the_machine_s_trouble_is_not_the_file_s(folder, monkeypatch, trouble):
    def fail(*_, **__):
        raise trouble

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(type(trouble), match=str(trouble.args[-1])):
        tc.utils.image_dataset_from_directory(folder, image_size=(8, 8))


def test_labels_are_whole_numbers(folder):
    count = len(tc.utils.image_dataset_from_directory(folder, labels=None).file_paths)
    with pytest.raises(ValueError, match=r"labels must be integers, the numbers of classes, got 0\.7"):
        tc.utils.image_dataset_from_directory(folder, labels=[0.7] * count)


def test_an_epoch_that_is_left_early_ends_its_threads(folder):
    for _ in read(folder, batch_size=2, image_size=(8, 8)):
        break
    next(iter(flow(folder)))
    found = flow(folder)
    next(found)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_error_in_a_thread_or_in_the_step_ends_them(folder, monkeypatch, error):
    data = flow(folder)

    def fails(index):
        raise error("in the thread")

    monkeypatch.setattr(data, "image", fails)
    with pytest.raises(error, match="in the thread"):
        model().fit(data, verbose=0)
    with pytest.raises(error, match="in the step"):
        model().fit(flow(folder), verbose=0, callbacks=[Raising(error("in the step"))])


class Raising(tc.callbacks.Callback):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def on_train_batch_end(self, batch, logs=None):
        raise self.error


def test_an_early_stop_ends_them(folder):
    class Stopping(tc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    built = model()
    built.fit(flow(folder), epochs=3, verbose=0, callbacks=[Stopping()])
    assert built.optimizer.iterations == 1


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("seed", [None, 3])
def test_batches_do_not_depend_on_threads_nor_on_what_was_read_before(folder, workers, seed):
    def made(workers, walk):
        tc.set_seed(5)
        data = flow(folder, seed=seed, workers=workers)
        return [batch.x for number in walk for batch in data.epoch(number)]

    there = made(1, [2])
    for ours, theirs in zip(made(workers, [0, 2])[-len(there) :], there, strict=True):
        assert np.array_equal(ours, theirs)


def test_epochs_of_so_many_steps_end_their_threads_with_the_training(folder):
    built = model()
    built.fit(flow(folder), steps_per_epoch=2, epochs=2, verbose=0)
    assert built.optimizer.iterations == 4
    assert built.predict(flow(folder, shuffle=False), steps=2, verbose=0).shape == (10, 1)


def test_shares_of_a_batch_make_the_whole_one(folder):
    for whole in (read(folder, batch_size=5, image_size=(8, 8), seed=1), flow(folder, seed=1)):
        parts = [whole.shard(rank, 3) for rank in range(3)]
        assert [len(part) for part in parts] == [len(whole)] * 3
        for batch, *shares in zip(whole.epoch(1), *(part.epoch(1) for part in parts), strict=True):
            assert np.array_equal(np.concatenate([share.x for share in shares]), batch.x)
            assert np.array_equal(np.concatenate([share.y for share in shares]), batch.y)
            assert [share.first for share in shares] == [0, *np.cumsum([len(share.x) for share in shares])[:-1]]
    with pytest.raises(ValueError, match=r"rank must be in 0 … 2, got 3"):
        whole.shard(3, 3)


def test_fit_evaluate_and_predict_take_folders(folder):
    tc.set_seed(0)
    built = model()
    data = read(folder, batch_size=6, image_size=(16, 16), label_mode="binary")
    history = built.fit(data, epochs=6, verbose=0, validation_data=read(folder, image_size=(16, 16), shuffle=False))
    assert history.history["accuracy"][-1] > 0.7
    plain = read(folder, batch_size=7, image_size=(16, 16), shuffle=False)
    x = np.concatenate([images for images, _ in plain])
    assert np.allclose(built.predict(plain, verbose=0), built.predict(x, verbose=0), atol=1e-6)
    images_alone = read(folder, batch_size=7, image_size=(16, 16), shuffle=False, label_mode=None)
    assert np.allclose(built.predict(images_alone, verbose=0), built.predict(x, verbose=0), atol=1e-6)
    loss = built.evaluate(plain, verbose=0)
    assert np.allclose(loss, built.evaluate(x, plain.targets, verbose=0), rtol=1e-5)


def test_a_second_fit_goes_on_and_a_resumed_one_repeats_the_bits(folder):
    """Two epochs at once are two times one epoch, and are those of a model that takes up the second one alone."""

    def trained(*spans, start=None):
        tc.set_seed(4)
        built = model(dropout=0.3)
        data = flow(folder)
        for first, last in spans:
            built.fit(data, initial_epoch=first, epochs=last, verbose=0)
        return [weight.copy() for weight in built.get_weights()]

    whole = trained((0, 2))
    for one, other in zip(whole, trained((0, 1), (1, 2)), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("cache", ["memory", "folder"])
def test_caches_give_the_same_bits_and_read_no_files(folder, tmp_path, cache):
    where = "memory" if cache == "memory" else tmp_path / "kept" / "here"
    for make in (
        lambda **given: read(folder, image_size=(9, 8), batch_size=4, seed=2, **given),
        lambda **given: flow(folder, seed=2, **given),
    ):
        plain, kept = make(), make(cache=where)
        expected = [batch.x for number in range(2) for batch in plain.epoch(number)]
        found = [batch.x for batch in kept.epoch(0)]
        if cache == "folder":
            kept = make(cache=where)  # as another run does
        hidden = folder.parent / "moved"
        if cache == "memory":
            folder.rename(hidden)
        found += [batch.x for batch in kept.epoch(1)]
        if cache == "memory":
            hidden.rename(folder)
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one, other)


def test_a_cached_folder_notices_changes_and_damage(folder, tmp_path, monkeypatch):
    def first():
        return next(iter(read(folder, shuffle=False, image_size=(8, 8), cache=tmp_path / "kept")))[0]

    before = first()
    calls = []
    import tinyconv.data.images.folder as module

    inner = module.read_image
    monkeypatch.setattr(module, "read_image", lambda *given: calls.append(given[0]) or inner(*given))
    assert np.array_equal(first(), before)
    assert calls == []
    kept = sorted((tmp_path / "kept").iterdir())
    assert len(kept) == 24
    kept[0].write_bytes(kept[0].read_bytes()[:100])
    kept[1].write_bytes(b"")
    assert np.array_equal(first(), before)
    assert len(calls) == 2
    Image.fromarray(noise(50, 50, 3)).save(folder / "dark" / "0.png")
    os.utime(folder / "dark" / "0.png", (1, 1))
    assert not np.array_equal(first()[0], before[0])
    assert len(calls) == 3
    assert not list((tmp_path / "kept").glob("*.partial"))
    monkeypatch.setattr("PIL.__version__", "1.1.7")  # another decoder may give other pixels
    first()
    assert len(calls) == 3 + 24


def test_a_cache_that_cannot_be_written_says_so(folder, tmp_path, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="cannot keep an image in the cache: No space left"):
        list(read(folder, image_size=(8, 8), cache=tmp_path / "kept"))
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_hostile_folder_trains(folder, capsys):
    """Truncated, empty, mislabelled, huge, animated, 16-bit, CMYK and transparent images."""
    good = kinds()
    for name, data in good.items():
        (folder / "dark" / name).write_bytes(data)
    bad = {
        "cut.jpg": good["rgb.jpg"][:-200],
        "empty.png": b"",
        "text.jpg": b"GIF no",
        "huge.png": huge_png(60_000, 60_000),
    }
    for name, data in bad.items():
        (folder / "light" / name).write_bytes(data)
    built = model()
    with pytest.warns(UserWarning, match="skipped 4 files") as warned:
        data = read(folder, batch_size=8, image_size=(16, 16), label_mode="binary")
    for name in bad:
        assert f"light/{name} " in str(warned[0].message)
    assert set(data.skipped) == {f"light/{name}" for name in bad}
    history = built.fit(data, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    with pytest.warns(UserWarning, match="skipped 4 files"):
        flowing = flow(folder)
    assert np.isfinite(built.fit(flowing, epochs=1, verbose=0).history["loss"]).all()
    assert flowing.samples == 24 + len([name for name in good if not name.endswith("gif")])
