"""CIFAR-10, CIFAR-100 and Fashion-MNIST from the files in the cache folder: .npz, and the authors' own."""

import gzip
import pickle
import tarfile
from hashlib import sha256

import numpy as np
import pytest
from cifar_files import believed, drawn, python2_pickle, tar_gz, write_binary, write_python

import tinyconv as tc
from tinyconv.datasets import cifar10, cifar100, fashion_mnist
from tinyconv.datasets.pickled import byte_array, read_pickle

COUNTS = [4, 4, 4, 4, 4, 6]


def rgb(planes):
    """Images (n, 32, 32, 3) of planes (n, 3072), pixel by pixel as CIFAR's page says."""
    return np.stack([planes[:, k * 1024 : (k + 1) * 1024].reshape(-1, 32, 32) for k in range(3)], axis=-1)


def check(batches):
    """Assert that what is loaded are these batches; the last is the test set."""
    (x, y), (x_test, y_test) = tc.datasets.cifar10.load_data()
    train = batches[:-1]
    np.testing.assert_array_equal(x, rgb(np.concatenate([pixels for pixels, _ in train])))
    np.testing.assert_array_equal(y[:, 0], np.concatenate([labels for _, labels in train]))
    np.testing.assert_array_equal(x_test, rgb(batches[-1][0]))
    np.testing.assert_array_equal(y_test[:, 0], batches[-1][1])
    for array in (x, y, x_test, y_test):
        assert array.dtype == np.uint8
        assert array.flags.c_contiguous
        assert array.flags.writeable


@pytest.mark.parametrize(
    ("write", "name"), [(write_python, "cifar-10-python.tar.gz"), (write_binary, "cifar-10-binary.tar.gz")]
)
def test_cifar10_from_the_authors_archives(monkeypatch, tmp_path, write, name):
    batches = list(drawn(COUNTS))
    write(tmp_path / name, batches)
    believed(monkeypatch, tmp_path, 20, 6)
    check(batches)


def test_pickles_are_read_as_python_reads_them():
    """Python's own unpickler is the judge, on what Python 2 and Python 3 make."""
    pixels, labels = next(drawn([7]))
    old = python2_pickle(pixels, labels)
    judged = pickle.loads(old, encoding="bytes")
    found = read_pickle(old)
    assert found["labels"] == judged[b"labels"] == labels.tolist()
    assert found["batch_label"] == judged[b"batch_label"].decode()
    np.testing.assert_array_equal(byte_array(found["data"]), judged[b"data"])
    for protocol in range(3, pickle.HIGHEST_PROTOCOL + 1):
        plain = {
            "a": [1, -2, 70_000, 2**40, 1.5, None, True],
            "b": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
            "c": "ü",
        }
        plain |= {"d": [[]], "e": {}, "f": list(range(3000)), "g": "x" * 300}
        assert read_pickle(pickle.dumps(plain, protocol)) == plain


def test_cifar10_from_an_npz(monkeypatch, tmp_path):
    batches = list(drawn(COUNTS))
    x, y = (np.concatenate([batch[k] for batch in batches[:-1]]) for k in range(2))
    believed(monkeypatch, tmp_path, 20, 6)
    for y_shape, kind in ((-1, np.uint8), ((-1, 1), np.int64)):
        arrays = dict(x_train=rgb(x), y_train=y.astype(kind).reshape(y_shape))
        arrays |= dict(x_test=rgb(batches[-1][0]), y_test=batches[-1][1].astype(kind).reshape(y_shape))
        for save in (np.savez, np.savez_compressed):
            save(tmp_path / "cifar10.npz", **arrays)
            check(batches)
    np.savez(tmp_path / "cifar10.npz", **{**arrays, "x_train": np.asfortranarray(rgb(x))})
    check(batches)


@pytest.mark.parametrize("mode", ["fine", "coarse"])
def test_cifar100(monkeypatch, tmp_path, mode):
    (pixels, fine), (test_pixels, test_fine) = drawn([9, 5], 100)
    coarse, test_coarse = fine // 5, test_fine // 5
    for place in ("binary", "python", "npz"):
        folder = tmp_path / place
        folder.mkdir()
        if place == "binary":
            records = np.column_stack([coarse, fine, pixels]), np.column_stack([test_coarse, test_fine, test_pixels])
            members = zip(("train", "test"), records, strict=True)
            members = {f"cifar-100-binary/{part}.bin": record.tobytes() for part, record in members}
            tar_gz(folder / "cifar-100-binary.tar.gz", members)
        elif place == "python":
            pickles = [
                python2_pickle(planes, labels, f"{mode}_labels")
                for planes, labels in ((pixels, (fine, coarse)), (test_pixels, (test_fine, test_coarse)))
                for labels in [labels[mode == "coarse"]]
            ]
            members = {f"cifar-100-python/{part}": each for part, each in zip(("train", "test"), pickles, strict=True)}
            tar_gz(folder / "cifar-100-python.tar.gz", members)
        else:
            labels = dict(y_train_fine=fine, y_train_coarse=coarse, y_test_fine=test_fine, y_test_coarse=test_coarse)
            np.savez(folder / "cifar100.npz", x_train=rgb(pixels), x_test=rgb(test_pixels), **labels)
        believed(monkeypatch, folder, 9, 5)
        (x, y), (x_test, y_test) = cifar100.load_data(mode)
        np.testing.assert_array_equal(x, rgb(pixels))
        np.testing.assert_array_equal(x_test, rgb(test_pixels))
        np.testing.assert_array_equal(y[:, 0], fine if mode == "fine" else coarse)
        np.testing.assert_array_equal(y_test[:, 0], test_fine if mode == "fine" else test_coarse)
    with pytest.raises(ValueError, match="label_mode must be"):
        cifar100.load_data("both")


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(header + array.tobytes(), 1)


def test_fashion_mnist(monkeypatch, tmp_path):
    rng = np.random.default_rng(3)
    shapes = {"x_train": (5, 28, 28), "y_train": (5,), "x_test": (3, 28, 28), "y_test": (3,)}
    arrays = {name: rng.integers(0, 10, shape, np.uint8) for name, shape in shapes.items()}
    monkeypatch.setattr(fashion_mnist, "SHAPES", shapes)
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    (tmp_path / "fashion-mnist").mkdir()
    files = {}
    for name, file in fashion_mnist.FILES.items():
        (tmp_path / file.place).write_bytes(idx(arrays[name]))
        files[name] = file._replace(sha256=sha256(idx(arrays[name])).hexdigest())
    monkeypatch.setattr(fashion_mnist, "FILES", files)

    def check():
        (x, y), (x_test, y_test) = tc.datasets.fashion_mnist.load_data()
        for name, array in dict(x_train=x, y_train=y, x_test=x_test, y_test=y_test).items():
            np.testing.assert_array_equal(array, arrays[name])
            assert array.dtype == np.uint8
            assert array.flags.writeable

    check()
    for file in files.values():
        (tmp_path / file.place).unlink()
    np.savez(tmp_path / "fashion_mnist.npz", **arrays)
    check()


def test_names_of_classes_are_as_many_as_there_are():
    assert len(cifar10.CLASSES) == len(set(cifar10.CLASSES)) == cifar10.SOURCE.classes
    assert len(fashion_mnist.CLASSES) == len(set(fashion_mnist.CLASSES)) == 10


@pytest.mark.slow
def test_whole_archive_gives_what_keras_gives(keras, monkeypatch, tmp_path):
    """60,000 images in the authors' archive for Python, read by Keras, which unpickles, and by tinyconv."""
    path = tmp_path / "cifar-10-python.tar.gz"
    write_python(path, drawn([10_000] * 6))
    believed(monkeypatch, tmp_path, 50_000, 10_000)
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.setattr("keras.src.datasets.cifar10.get_file", lambda **given: str(tmp_path))
    for ours, theirs in zip(cifar10.load_data(), keras.datasets.cifar10.load_data(), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.shape == other.shape
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
