"""Files that pose as data sets: nothing in them is run, none fills the memory, each is refused in one line."""

import gzip
import io
import os
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
from cifar_files import believed, drawn, python2_pickle, tar_gz, write_binary, write_python

from tinyconv.datasets import cifar, cifar10
from tinyconv.datasets.archives import npz_arrays, tar_members, unpacked
from tinyconv.datasets.pickled import byte_array, read_pickle, whole_numbers

COUNTS = [4, 4, 4, 4, 4, 6]
NEEDED = {"a": ((2, 2),)}


class Deadly:
    """Pickles as a call of os.mkdir."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_never_run(tmp_path, protocol):
    data = pickle.dumps({"labels": [1], "data": Deadly(str(tmp_path / "made"))}, protocol)
    try:
        value = read_pickle(data)["data"]
    except ValueError:
        pass
    else:
        with pytest.raises(ValueError, match="an array was expected"):
            byte_array(value)
    assert not (tmp_path / "made").exists()
    pickle.loads(data)
    assert (tmp_path / "made").exists(), "it would have been"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle",
        b"\x80\x02}.trailing"[:3],
        b"0.",  # pops from an empty stack
        b"R.",
        b"b.",
        b"u.",
        b"h\x07.",
        b"]K\x01K\x02s.",
        b"}(]K\x01u.",  # a list as a key
        b"K\x01K\x02a.",
        b"K\x01K\x02b.",
        b"Pid\n.",  # a persistent id
        b"\x82\x01.",  # of copyreg's registry
        b"(ios\nsystem\n.",
        b"T\xff\xff\xff\x7fabc.",  # a string of 2 GB, of which 3 bytes are there
        b"\x8d" + b"\xff" * 7 + b"\x7f" + b"abc.",
        b"I" + b"9" * 10_000 + b"\n.",
        b"](NNt\x85K\x01s.",
        b"}(NNtK\x01s.",  # a tuple as a key
        b"}((NNtK\x01u.",
        b"}NK\x01s.",
        b"NN\x93.",
        b"\x8c\xc8" + b"a" * 200 + b"\x8c\x01b\x93.",
    ],
)
def test_what_is_no_pickle_of_data(data):
    with pytest.raises(ValueError, match="it is no pickle of plain data"):
        read_pickle(data)


def test_a_pickle_that_grows_by_sharing_takes_no_memory():
    """Forty lists of lists, each twice in the next: 2⁴⁰ elements, if anybody copied them."""
    get = [b"h" + bytes([k]) for k in range(41)]
    put = [b"q" + bytes([k]) for k in range(41)]
    levels = b"".join(b"](" + 2 * get[k] + b"e" + put[k + 1] + b"\x85" for k in range(40))
    value = read_pickle(b"(]" + put[0] + levels + b"l.")
    assert len(value[-1][0]) == 2
    assert value[-1][0][0] is value[-1][0][1] is value[-2][0]


def test_texts_and_tuples_that_double_take_neither_memory_nor_time():
    """A name that is put before itself, forty times, and a tuple that holds itself twice, as a key."""
    text = b"(\x8c\x01aq\x00"
    twice = [b"h" + bytes([k]) + b"h" + bytes([k]) for k in range(40)]
    again, pairs = (
        text + b"".join(each + code + b"q" + bytes([k + 1]) for k, each in enumerate(twice))
        for code in (b"\x93", b"\x86")
    )
    with pytest.raises(ValueError, match="it names a function by something else than two short texts"):
        read_pickle(again + b"t.")
    for key in (b"}h\x28Ns.", b"}(h\x28Nu."):
        with pytest.raises(ValueError, match="it has a tuple as a key"):
            read_pickle(pairs + key)
    value = read_pickle(pairs + b"t.")[-1]
    with pytest.raises(ValueError, match="a list of whole numbers was expected"):
        whole_numbers(value)
    with pytest.raises(ValueError, match="a list of whole numbers was expected"):
        whole_numbers([1, value])
    with pytest.raises(ValueError, match="an array was expected: it calls another function"):
        byte_array(read_pickle(pairs + b"h\x28)Rt.")[-1])
    assert whole_numbers([3, 1]) == [3, 1]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"_reconstruct", b"fromfile"),
        lambda data: data.replace(b"u1", b"O8"),
        lambda data: data.replace(b"cnumpy\ndtype", b"cposix\nsystem"),
        lambda data: data.replace(b"J\x00\x0c\x00\x00", b"J\xff\xff\xff\x7f"),  # a shape that the bytes do not fill
        lambda data: data.replace(b"\x89T", b"\x88T"),  # columns first
    ],
)
def test_arrays_that_are_none(change):
    data = python2_pickle(*next(drawn([3])))
    assert change(data) != data
    with pytest.raises(ValueError, match="an array was expected"):
        byte_array(read_pickle(change(data))["data"])


def test_an_archive_that_is_another_is_refused_before_it_is_opened(monkeypatch, tmp_path):
    path = tmp_path / "cifar-10-python.tar.gz"
    write_python(path, drawn(COUNTS))
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    monkeypatch.setattr(cifar, "tar_members", None)
    with pytest.raises(
        ValueError, match=r"cifar-10-python.tar.gz is damaged, or another file: SHA-256 .* needs 6d958be"
    ):
        cifar10.load_data()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-2000]), "is damaged, or not what it should be"),
        (lambda path: path.write_bytes(b""), "is damaged, or not what it should be"),
        (lambda path: path.write_bytes(gzip.compress(b"no tar")), "is damaged, or not what it should be"),
        (lambda path: tar_gz(path, {"other": b"abc"}), "it has no cifar-10-batches-bin/data_batch_1.bin"),
        (lambda path: write_binary(path, drawn([4, 4, 4, 4, 3, 6])), "has 19 train images and 19 labels, needs 20"),
        (lambda path: write_binary(path, drawn(COUNTS, 12)), "labels must be whole numbers from 0 to 9"),
    ],
)
def test_archives_of_other_content(monkeypatch, tmp_path, damage, message):
    path = tmp_path / "cifar-10-binary.tar.gz"
    write_binary(path, drawn(COUNTS))
    damage(path)
    believed(monkeypatch, tmp_path, 20, 6)
    with pytest.raises(ValueError, match=message) as raised:
        cifar10.load_data()
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)


def test_links_in_a_tar_are_not_followed(tmp_path):
    path = tmp_path / "links.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, kind in (("symbolic", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    for name in ("symbolic", "hard", "pipe"):
        with open(path, "rb") as file, pytest.raises(ValueError, match=f"{name} is no plain file"):
            tar_members(file, [name], 10**6)
    assert [each.name for each in tmp_path.iterdir()] == ["links.tar.gz"]


def test_a_gzip_bomb_stops_at_the_limit():
    bomb = io.BytesIO(gzip.compress(bytes(20_000_000)))
    with pytest.raises(ValueError, match="it unpacks to more than 1,000,000 bytes"):
        unpacked(bomb, 1_000_000)


def npz(path, **entries):
    """Write an .npz of raw entries."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content)


def npy(shape, kind="'|u1'", data=b"\x01\x02\x03\x04"):
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy((2, 2))[:9], "is damaged"),
        (npy((2, 2), data=b"\x01"), "a ends after 1 of 4 bytes"),
        (npy((10**6, 10**6)), r"a must be whole numbers of shape \(2, 2\), got uint8 of \(1000000, 1000000\)"),
        (npy((2, 2), "'<f4'"), "a must be whole numbers"),
        (npy((2, 2), "'|O'", pickle.dumps(Deadly("made"))), "a must be whole numbers of shape .*, got object"),
        (npy((2, 2), "'<i2'", b"\x00\x01" * 4), "a must be from 0 to 255, got 256 to 256"),
        (npy("__import__('os').mkdir('made')"), "is damaged"),
        (b"no array", "is damaged"),
    ],
)
def test_hostile_npz(monkeypatch, tmp_path, content, message):
    monkeypatch.chdir(tmp_path)
    npz(tmp_path / "a.npz", a=content)
    with pytest.raises(ValueError, match=message):
        npz_arrays(tmp_path / "a.npz", NEEDED)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_npz_that_is_none(tmp_path):
    path = tmp_path / "a.npz"
    npz(path, b=npy((2, 2)))
    with pytest.raises(ValueError, match=r"a\.npz is damaged, or not what it should be: it has no array a"):
        npz_arrays(path, NEEDED)
    path.write_bytes(b"PK no zip")
    with pytest.raises(ValueError, match=r"a\.npz is damaged"):
        npz_arrays(path, NEEDED)
    npz(path, a=npy((2, 2)))
    np.testing.assert_array_equal(npz_arrays(path, NEEDED)["a"], [[1, 2], [3, 4]])
