"""Archives as CIFAR's authors publish them, with images of one's own, and a place that takes them for the originals."""

import io
import tarfile
from hashlib import sha256

import numpy as np

from tinyconv.datasets import cifar, cifar10, cifar100

PARTS = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]


def text(word):
    """A short string of Python 2's."""
    return b"U" + bytes([len(word)]) + word.encode()


def python2_pickle(pixels, labels, key="labels"):
    """What Python 2's cPickle made of {"batch_label": …, key: [labels], "data": pixels (n, 3072) uint8}, protocol 2."""
    raw = pixels.tobytes()
    shape = b"".join(b"J" + int(n).to_bytes(4, "little") for n in pixels.shape) + b"\x86"
    kind = b"cnumpy\ndtype\nq\x0a" + text("u1") + b"K\x00K\x01\x87Rq\x0b(K\x03" + text("|") + b"NNN"
    kind += 2 * b"J\xff\xff\xff\xff"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85"
        + text("b")
        + b"\x87Rq\x09(K\x01"
        + shape
        + kind
        + b"K\x00tb\x89T"
        + len(raw).to_bytes(4, "little")
        + raw
        + b"tb"
    )
    listed = b"]q\x05(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    label = text("batch_label") + b"q\x02" + text("training batch 1 of 5") + b"q\x03"
    return b"\x80\x02}q\x01(" + label + text(key) + b"q\x04" + listed + text("data") + b"q\x06" + array + b"u."


def tar_gz(path, members):
    """Write an archive of {name: bytes}."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def drawn(counts, classes=10):
    """Planes (n, 3072) and labels (n,) for each of the six files of CIFAR-10."""
    rng = np.random.default_rng(5)
    block = rng.integers(0, 256, 3072, np.uint8)
    for count in counts:
        pixels = np.tile(block, (count, 1))
        pixels[:, :1100] += rng.integers(0, 256, (count, 1), np.uint8)  # all of red, some of green
        yield pixels, rng.integers(0, classes, count, np.uint8)


def write_python(path, batches):
    members = {
        f"cifar-10-batches-py/{part}": python2_pickle(*batch) for part, batch in zip(PARTS, batches, strict=True)
    }
    tar_gz(path, members)


def write_binary(path, batches):
    members = {
        f"cifar-10-batches-bin/{part}.bin": np.column_stack([labels, pixels]).tobytes()
        for part, (pixels, labels) in zip(PARTS, batches, strict=True)
    }
    tar_gz(path, members)


def believed(monkeypatch, folder, train, test):
    """Let the archives in `folder` be taken for CIFAR's own, with so many images."""
    monkeypatch.setenv("TINYCONV_DATA", str(folder))
    monkeypatch.setattr(cifar, "COUNTS", {"train": train, "test": test})

    def own(file):
        path = folder / file.place
        return file._replace(sha256=sha256(path.read_bytes()).hexdigest()) if path.exists() else file

    source = cifar10.SOURCE
    monkeypatch.setattr(cifar10, "SOURCE", source._replace(binary=own(source.binary), pickled=own(source.pickled)))
    monkeypatch.setattr(cifar100, "BINARY", own(cifar100.BINARY))
    monkeypatch.setattr(cifar100, "PICKLED", own(cifar100.PICKLED))
