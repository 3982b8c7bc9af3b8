"""Strings in attributes, read without HDF5: what h5py reads; damaged, an error of one line, where HDF5 may crash."""

import io

import h5py
import numpy as np
import pytest

import tinyconv as tc
from tinyconv.saving import hdf5
from tinyconv.saving.attributes import string_attributes

ATTRIBUTES = {
    "text": "Größe ×",
    "empty": "",
    "long": "x" * 60_000,
    "bytes": np.bytes_(b"tensorflow"),
    "one": ["conv2d/kernel:0"],
    "names": np.array([b"a", b"bcd", b"ef"]),
    "strings": ["conv2d", "größer", ""],
    "table": np.array([[b"a", b"b"], [b"c", b"dd"]]),
    "none": np.zeros(0, "S1"),
    "no_space": h5py.Empty("S4"),
    "number": 3,
    "numbers": np.arange(4.0),
    "lists": np.array([np.arange(2), np.arange(3)], object),
}


def file_with(attributes, libver):
    image = io.BytesIO()
    with h5py.File(image, "w", libver=libver) as root:
        for number in range(2):  # headers are continued when the second object follows
            group = root.require_group("group")
            for name, value in list(attributes.items())[number::2]:
                if name == "lists":
                    group.attrs.create(name, value, dtype=h5py.vlen_dtype(np.int32))
                else:
                    group.attrs[name] = value
            root.create_group(f"other{number}")
        address = h5py.h5o.get_info(group.id).addr
    return image, address


def as_bytes(value):
    if isinstance(value, h5py.Empty):
        return []
    return [each.encode() if isinstance(each, str) else bytes(each) for each in np.asarray(value).ravel()]


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_what_h5py_reads(libver):
    names = list(ATTRIBUTES)
    for part in (names[:7], names[7:]):  # HDF5 keeps more than eight elsewhere, if it may
        image, address = file_with({name: ATTRIBUTES[name] for name in part}, libver)
        found = string_attributes(image, address)
        assert set(found) == set(part)
        with h5py.File(image) as root:
            for name, values in found.items():
                if name in ("number", "numbers", "lists"):
                    assert values is None
                else:
                    assert values == as_bytes(root["group"].attrs[name]), name


def test_what_keras_does_not_do_is_refused():
    image, address = file_with({f"a{number}": "b" for number in range(20)}, "latest")
    with pytest.raises(ValueError, match="kept apart"):
        string_attributes(image, address)
    image = io.BytesIO()
    with h5py.File(image, "w") as root:
        root["type"] = h5py.string_dtype()
        root.attrs.create("a", "b", dtype=root["type"])
        address = h5py.h5o.get_info(root.id).addr
    with pytest.raises(ValueError, match=r"attribute a has its type elsewhere|kept elsewhere"):
        string_attributes(image, address)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_every_damaged_byte_of_headers_and_heaps(libver):
    """An error that says what, or a string; never more than that."""
    image, address = file_with({"one": "abc", "names": ["a", "bcdefghi"], "fixed": np.bytes_(b"xyz")}, libver)
    content = image.getvalue()
    heap = content.index(b"GCOL")
    said = set()
    for at in [*range(address, address + 600), *range(heap, heap + 120)]:
        for mask in (0x01, 0x80, 0xFF):
            changed = bytearray(content)
            changed[at % len(content)] ^= mask
            try:
                string_attributes(io.BytesIO(changed), address)
            except ValueError as error:
                said.add(str(error).partition(" ")[0])
    assert len(said) >= 3
    for end in range(address, len(content), 7):
        try:
            string_attributes(io.BytesIO(content[:end]), address)
        except ValueError as error:
            said.add(str(error))
    assert any("cut short" in each for each in said)


def test_a_model_whose_heap_is_damaged_is_refused(tmp_path):
    """With each of these HDF5 2.0 reads past its memory, or finds nothing."""
    model = tc.Sequential([tc.Input((3,)), tc.layers.Dense(2)])
    model.save(tmp_path / "a.h5")
    content = (tmp_path / "a.h5").read_bytes()[: -(32 + len(hdf5.SEAL))]
    heap = content.rindex(b"GCOL")
    for at, value in [(0, 7), (4, 9), (11, 255), (16, 77), (24, 250), (29, 255), (31, 255)]:
        changed = bytearray(content)
        changed[heap + at] ^= value
        (tmp_path / "b.h5").write_bytes(changed)
        with pytest.raises(hdf5.FileError, match=r"b\.h5") as raised:
            tc.load_model(tmp_path / "b.h5")
        assert "\n" not in str(raised.value)
