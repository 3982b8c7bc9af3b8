"""The MNIST that ships with the package is the original, byte for byte, and says so when it is not."""

import gzip
from hashlib import sha256

import numpy as np
import pytest

from tinyconv.datasets import mnist

# Of the original IDX files, uncompressed, as published and as many projects list them.
ORIGINALS = {
    "train-images-idx3-ubyte": (47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "train-labels-idx1-ubyte": (60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "t10k-images-idx3-ubyte": (7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "t10k-labels-idx1-ubyte": (10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}


@pytest.fixture(scope="module")
def data():
    return mnist.load_data()


def test_file_holds_the_original_idx_files():
    whole = gzip.decompress(mnist.PATH.read_bytes())
    start = 0
    for name, (length, digest) in ORIGINALS.items():
        assert sha256(whole[start : start + length]).hexdigest() == digest, name
        start += length
    assert start == len(whole)


def test_file_is_at_most_twelve_megabytes():
    assert mnist.PATH.stat().st_size <= 12_000_000


def test_arrays_are_the_files_values(data):
    whole = gzip.decompress(mnist.PATH.read_bytes())
    start = 0
    for array, header, (length, _) in zip((*data[0], *data[1]), (16, 8, 16, 8), ORIGINALS.values(), strict=True):
        assert array.tobytes() == whole[start + header : start + length]
        start += length


def test_shapes_dtypes_and_landmarks(data):
    (x_train, y_train), (x_test, y_test) = data
    assert (x_train.shape, x_test.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert (y_train.shape, y_test.shape) == ((60000,), (10000,))
    for array in (x_train, y_train, x_test, y_test):
        assert array.dtype == np.uint8
        assert array.flags.c_contiguous
        assert array.flags.writeable
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert x_train.mean() == pytest.approx(33.318421, abs=1e-6)  # 0.1306604762738429 * 255, as often quoted


def test_each_call_gives_arrays_of_its_own(data):
    (again, _), _ = mnist.load_data()
    again[:] = 0
    assert data[0][0].any()


def test_missing_file(monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "PATH", tmp_path / "mnist.gz")
    with pytest.raises(FileNotFoundError, match=r"^.*mnist\.gz is missing: reinstall tinyconv$"):
        mnist.load_data()


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "longer"])
def test_damaged_file(monkeypatch, tmp_path, damage):
    packed = bytearray(mnist.PATH.read_bytes())
    if damage == "flipped":
        packed[len(packed) // 2] ^= 1
    changed = {"empty": b"", "cut": packed[:-1], "flipped": packed, "longer": packed + b"\0"}[damage]
    (tmp_path / "mnist.gz").write_bytes(changed)
    monkeypatch.setattr(mnist, "PATH", tmp_path / "mnist.gz")
    with pytest.raises(ValueError, match=r"^.*mnist\.gz is damaged: SHA-256 .*: reinstall tinyconv$"):
        mnist.load_data()
