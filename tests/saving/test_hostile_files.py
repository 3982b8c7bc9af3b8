"""Files that want to do harm: each is refused by one error that names it, and nothing else happens."""

import io
import json
import random
import resource
import threading
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers as L
from tinyconv.saving.hdf5 import FileError

REAL = Path(__file__).parents[3] / "shared" / "keras_files"


def small():
    model = tc.Sequential([tc.Input((6, 6, 1)), L.Conv2D(2, 3), L.BatchNormalization(), L.Flatten(), L.Dense(2)])
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((1, 6, 6, 1)), np.ones((1, 2)))
    return model


def refused(path, *parts):
    with pytest.raises(FileError) as raised:
        tc.load_model(path)
    for part in (path.name, *parts):
        assert part in str(raised.value)


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def saved(tmp_path):
    model = small()
    model.save(tmp_path / "a.keras")
    model.save(tmp_path / "a.h5")
    return tmp_path


def archive_of(path, found, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in found:
            archive.writestr(name, content)


def test_archives(saved):
    path, held = saved / "b.keras", members(saved / "a.keras")
    with pytest.warns(UserWarning, match="Duplicate"):
        archive_of(path, [*held.items(), ("config.json", b"{}")])
    refused(path, "twice")
    outside = saved / "outside"
    archive_of(path, [*held.items(), ("../outside", b"x"), (str(outside), b"x"), ("assets/x.py", b"raise SystemExit")])
    tc.load_model(path)
    assert not outside.exists()
    assert not (saved.parent / "outside").exists()
    archive_of(path, [("metadata.json", held["metadata.json"])])
    refused(path, "lacks config.json, model.weights.h5")
    bomb = {**held, "config.json": b" " * (1 << 27)}
    archive_of(path, bomb.items(), compression=zipfile.ZIP_DEFLATED)
    refused(path, "config.json", "134,217,728 bytes")
    archive_of(path, {**held, "config.json": b'{"class_name": ' + b"[" * 100_000}.items())
    refused(path, "config.json", "nested too deep")
    archive_of(path, {**held, "config.json": b"[]"}.items())
    refused(path, "config.json", "JSON object")
    path.write_bytes(b"PK\x03\x04")
    refused(path)
    path.write_bytes(b"")
    refused(path)


def nested(depth):
    """Return a model within a model within …"""
    description = {"class_name": "Sequential", "config": {"name": "m", "layers": []}}
    for _ in range(depth):
        description = {"class_name": "Sequential", "config": {"name": "m", "layers": [description]}}
    return description


DESCRIPTIONS = {
    "deep": nested(200),
    "huge": {"class_name": "Sequential", "config": [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 1 << 40], "name": "i"}},
        {"class_name": "Dense", "config": {"name": "d", "units": 1 << 20}},
    ]},
    "no config": {"class_name": "Dense"},
    "a layer": {"class_name": "Dense", "config": {"units": 3}},
    "wrong types": {"class_name": "Functional", "config": {"layers": [{"class_name": "Dense", "config": 7}]}},
    "no such layer": {"class_name": "Functional", "config": {"name": "m", "layers": [], "input_layers": ["x", 0, 0],
                                                            "output_layers": ["y", 0, 0]}},
    "loop": {"class_name": "Functional", "config": {"name": "m", "layers": [
        {"class_name": "Dense", "name": "a", "config": {"name": "a", "units": 1}, "inbound_nodes": [[["b", 0, 0, {}]]]},
        {"class_name": "Dense", "name": "b", "config": {"name": "b", "units": 1}, "inbound_nodes": [[["a", 0, 0, {}]]]},
    ], "input_layers": [["a", 0, 0]], "output_layers": [["b", 0, 0]]}},
    "an import": {"module": "os", "class_name": "system", "registered_name": "system", "config": {"command": "x"}},
}  # fmt: skip


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_descriptions(name, saved):
    path, held = saved / "b.keras", members(saved / "a.keras")
    archive_of(path, {**held, "config.json": json.dumps(DESCRIPTIONS[name]).encode()}.items())
    refused(path, "config.json")


def test_links_and_claims(saved):
    def changed(change):
        path = saved / "b.h5"
        path.write_bytes((saved / "a.h5").read_bytes())
        with h5py.File(path, "r+") as file:
            group = file["model_weights/dense/dense"]
            change(group)
        return path

    def replaced(group, link):
        del group["kernel"]
        group["kernel"] = link

    def empty(group, shape, **options):
        del group["kernel"]
        group.create_dataset("kernel", shape, np.float32, **options)

    refused(changed(lambda group: replaced(group, h5py.SoftLink("/model_weights"))), "SoftLink")
    refused(changed(lambda group: replaced(group, h5py.ExternalLink("x.h5", "/a"))), "ExternalLink")
    refused(changed(lambda group: empty(group, (32, 2))), "dense/kernel", "the file stores 0")
    refused(changed(lambda group: empty(group, (1 << 30, 2), chunks=(1 << 10, 2))), "dense/kernel", "the file stores 0")
    refused(changed(lambda group: empty(group, (32, 2), external=[("/etc/hostname", 0, 256)])), "other files")
    refused(changed(lambda group: group.file.attrs.__setitem__("model_config", 7)), "model_config", "string")


def test_a_string_that_says_it_is_long(saved):
    """HDF5 makes room for what an attribute says, before it looks for it."""
    path = saved / "b.h5"
    content = bytearray((saved / "a.h5").read_bytes())
    with h5py.File(saved / "a.h5") as file:
        length = len(file.attrs["training_config"])
    at = content.index(b"training_config\0")
    where = content.index(length.to_bytes(4, "little"), at)
    content[where : where + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content[: -(32 + 16)])
    started = time.process_time()
    refused(path, "training_config", "4,294,967,295 bytes")
    assert time.process_time() - started < 5


def test_two_savers_leave_one_file(saved):
    models = [small() for _ in range(3)]
    path = saved / "c.keras"
    threads = [threading.Thread(target=lambda model=model: [model.save(path) for _ in range(10)]) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = tc.load_model(path).get_weights()
    assert any(all(map(np.array_equal, kept, model.get_weights())) for model in models)
    assert not list(saved.glob("*.partial"))


def damaged(content, number):
    """Return the file's bytes with a few of them changed, or its end cut off."""
    rng = random.Random(number)
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at = rng.randrange(len(changed))
        how = rng.randrange(16)
        if how < 6:
            changed[at] = rng.randrange(256)
        elif how < 12:
            changed[at] ^= 1 << rng.randrange(8)
        elif how < 15:
            changed[at : at + 8] = rng.choice([b"\xff", b"\0"]) * len(changed[at : at + 8])
        else:
            del changed[max(at, 1) :]
    return bytes(changed)


@pytest.mark.filterwarnings("ignore")  # of NumPy, about the numbers
@pytest.mark.parametrize("count", [60, pytest.param(1700, marks=pytest.mark.slow)])
@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
def test_damaged_files(ending, count, saved):
    """Only errors of tinyconv, in time (of the processor), in bounds, and nothing written elsewhere."""
    model = small()
    path, target = saved / f"a{ending}", saved / f"b{ending}"
    if ending == ".weights.h5":
        model.save_weights(path)
    content = path.read_bytes()
    content = content if ending == ".keras" else content[: -(32 + 16)]  # without the seal: Keras sets none
    before = set(saved.iterdir()) | {target}
    named = True
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # which other tests may have left high
    for number in range(count):
        target.write_bytes(damaged(content, number))
        started = time.process_time()
        try:
            model.load_weights(target) if ending == ".weights.h5" else tc.load_model(target)
        except FileError as error:
            named = named and str(target) in str(error)
        assert time.process_time() - started < 5, f"case {number}"
    assert named
    assert set(saved.iterdir()) == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 1 << 20, "kilobytes"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of NumPy, about the numbers
@pytest.mark.skipif(not REAL.is_dir(), reason="the files of others lie beside the checkout, in ../shared/keras_files")
@pytest.mark.parametrize("name", ["keras1.2", "keras3.10", "keras3.11", "tfkeras2.4"])
def test_damaged_files_of_others(name, tmp_path):
    source = next(REAL.glob(f"{name}*"))
    content, target, named = source.read_bytes(), tmp_path / f"a{source.suffix}", True
    for number in range(100):
        target.write_bytes(damaged(content[:8192], number) + content[8192:] if number % 2 else damaged(content, number))
        started = time.process_time()
        try:
            tc.load_model(target)
        except FileError as error:
            named = named and str(target) in str(error)
        assert time.process_time() - started < 5, f"case {number}"
    assert named
    assert list(tmp_path.iterdir()) == [target]


def test_a_learning_rate_that_is_none(tmp_path):
    model = small()
    model.optimizer._learning_rate = float("nan")
    for name in ("a.keras", "a.h5", "a.weights.h5"):
        other = small()
        before = other.get_weights()
        model.save_weights(tmp_path / name) if "weights" in name else model.save(tmp_path / name)
        if "weights" in name:
            with pytest.raises(FileError, match=rf"{name}: .*learning_rate"):
                other.load_weights(tmp_path / name)
        else:
            refused(tmp_path / name, "learning_rate")
        assert all(map(np.array_equal, other.get_weights(), before))


def test_an_hdf5_file_of_something_else(tmp_path):
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        file["x"] = np.ones(3)
    (tmp_path / "a.h5").write_bytes(image.getvalue())
    refused(tmp_path / "a.h5", "weights alone")
