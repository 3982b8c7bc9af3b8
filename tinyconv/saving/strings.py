"""The lengths of strings in HDF5 attributes, looked at before the library believes them.

A string of variable length is, in an attribute, 16 bytes: its length, and where its text lies in the file. HDF5 makes
room for as many bytes as the length says, 4 GB if it says so, before it looks for them. So the headers of the objects
whose attributes are read are read here first (HDF5 file format specification 3.0, IV.A.1 and IV.A.2.m).
"""

from collections.abc import Iterator
from math import prod
from struct import error as CutShort
from struct import unpack_from
from typing import BinaryIO

ATTRIBUTE, DENSE, CONTINUED = 0x0C, 0x15, 0x10  # kinds of messages in a header
VARIABLE = 9  # the class of a datatype whose values lie elsewhere
BLOCKS = 1000  # more than the header of any object of Keras's has


def longest_strings(file: BinaryIO, address: int) -> dict[str, int]:
    """Return, of each attribute of variable length in the object header at `address`, the lengths' sum.

    Raises ValueError for a header that is not understood.
    """
    try:
        return {name: total for message in _attributes(file, address) for name, total in _total(message)}
    except CutShort as error:
        raise ValueError(f"a header is cut short: {error}") from None


def _block(file: BinaryIO, address: int, size: int) -> bytes:
    if not (0 <= address < 1 << 62 and size < 1 << 28):
        raise ValueError(f"a header has a part of {size} bytes at {address}")
    file.seek(address)
    return file.read(size)


def _attributes(file: BinaryIO, address: int) -> Iterator[bytes]:
    """Yield the messages of attributes in an object's header, of either version."""
    start = _block(file, address, 64)
    if start[:1] == b"\x01":
        size, prefix = unpack_from("<I", start, 8)[0], 8
        waiting = [(address + 16, size)]
    elif start[:4] == b"OHDR":
        flags = start[5]
        at = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size, prefix = int.from_bytes(start[at : at + width], "little"), 6 if flags & 4 else 4
        waiting = [(address + at + width, size)]
    else:
        raise ValueError("there is no header where one should be")
    for _ in range(BLOCKS):
        if not waiting:
            return
        block = _block(file, *waiting.pop())
        at = 4 if block[:4] == b"OCHK" else 0
        end = len(block) - at  # whose last 4 bytes are a checksum
        while at + prefix <= (end if block[:4] == b"OCHK" else len(block)):
            if prefix == 8:
                kind, length = unpack_from("<HH", block, at)
            else:
                kind, length = unpack_from("<BH", block, at)
            message = block[at + prefix : at + prefix + length]
            at += prefix + length
            if kind == ATTRIBUTE:
                yield message
            elif kind == CONTINUED:
                waiting.append(unpack_from("<QQ", message))
            elif kind == DENSE and message[-8:] != b"\xff" * 8 and len(message) >= 18:
                heap = unpack_from("<Q", message, 4 if message[1] & 1 else 2)[0]
                if heap != (1 << 64) - 1:
                    raise ValueError("its attributes are kept apart from it, as Keras does not do")
    raise ValueError("a header has no end")


def _total(message: bytes) -> Iterator[tuple[str, int]]:
    """Yield an attribute's name and the sum of its strings' lengths, if they are of variable length."""
    version = message[0] if message else 0
    if version not in (1, 2, 3):
        raise ValueError(f"an attribute has version {version}, which is not known")
    name, kind, space = unpack_from("<HHH", message, 2)
    at = 9 if version == 3 else 8
    padded = (lambda length: (length + 7) & ~7) if version == 1 else (lambda length: length)
    text = message[at : at + name].split(b"\0")[0].decode("utf-8", "replace")
    datatype = at + padded(name)
    if datatype < len(message) and message[datatype] & 15 != VARIABLE:
        return
    dataspace = datatype + padded(kind)
    data = dataspace + padded(space)
    rank = message[dataspace + 1] if dataspace + 1 < len(message) else 0
    first = dataspace + (8 if message[dataspace] == 1 else 4)
    count = prod(unpack_from(f"<{rank}Q", message, first)) if rank else 1
    if count * 16 > len(message) - data:
        raise ValueError(f"attribute {text} says that it has {count} values, and has no room for them")
    yield text, sum(unpack_from("<I", message, data + 16 * number)[0] for number in range(count))
