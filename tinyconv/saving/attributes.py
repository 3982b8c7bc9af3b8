"""The attributes of HDF5 objects that are strings, read without the library.

What HDF5 does with a damaged attribute goes from making room for 4 GB to reading memory that is not its own. So the
headers of the objects whose attributes are asked for, and the heaps that their strings lie in, are read here, every
step within the bytes of the file (HDF5 file format specification 3.0, sections III.E, IV.A.1 and IV.A.2.m).
"""

from collections.abc import Iterator
from math import prod
from struct import error as CutShort
from struct import unpack_from
from typing import BinaryIO

ATTRIBUTE, DENSE, CONTINUED = 0x0C, 0x15, 0x10  # kinds of messages in a header
SHARED = 2  # the flag of a message that is only a reference to one elsewhere
FIXED, VARIABLE = 3, 9  # the classes of datatypes that are strings of one length, and whose values lie in a heap
NULL = 2  # the kind of a dataspace without values
BLOCKS = 1000  # more than the header of any object of Keras's has


def string_attributes(file: BinaryIO, address: int) -> dict[str, list[bytes] | None]:
    """Return, by name, the values of each attribute in the object header at `address`; None for what is no string.

    Raises ValueError for a header or a heap that is not understood.
    """
    heaps: dict[int, dict[int, bytes]] = {}
    found: dict[str, list[bytes] | None] = {}
    try:
        for message in _attributes(file, address):
            name, values = _read(message, file, heaps)
            if name in found:
                raise ValueError(f"there are two attributes {name}")
            found[name] = values
    except CutShort as error:
        raise ValueError(f"a header or a heap is cut short: {error}") from None
    return found


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
            kind, length, flags = unpack_from("<HHB" if prefix == 8 else "<BHB", block, at)
            message = block[at + prefix : at + prefix + length]
            at += prefix + length
            if kind == ATTRIBUTE:
                if flags & SHARED:
                    raise ValueError("an attribute is kept elsewhere, as Keras does not do")
                yield message
            elif kind == CONTINUED:
                waiting.append(unpack_from("<QQ", message))
            elif kind == DENSE and message[-8:] != b"\xff" * 8 and len(message) >= 18:
                heap = unpack_from("<Q", message, 4 if message[1] & 1 else 2)[0]
                if heap != (1 << 64) - 1:
                    raise ValueError("its attributes are kept apart from it, as Keras does not do")
    raise ValueError("a header has no end")


def _read(message: bytes, file: BinaryIO, heaps: dict[int, dict[int, bytes]]) -> tuple[str, list[bytes] | None]:
    """Return an attribute's name and its values, None if they are no strings."""
    version, flags = unpack_from("<BB", message)
    if version not in (1, 2, 3):
        raise ValueError(f"an attribute has version {version}, which is not known")
    name, kind, space = unpack_from("<HHH", message, 2)
    at = 9 if version == 3 else 8
    padded = (lambda length: (length + 7) & ~7) if version == 1 else (lambda length: length)
    text = message[at : at + name].split(b"\0")[0].decode("utf-8", "replace")
    if version > 1 and flags:
        raise ValueError(f"attribute {text} has its type elsewhere, as Keras does not do")
    datatype = at + padded(name)
    if kind < 8:
        raise ValueError(f"attribute {text} has no type")
    form, strings, width = unpack_from("<BB2xI", message, datatype)
    dataspace = datatype + padded(kind)
    values = dataspace + padded(space)
    count = _count(message, dataspace)
    if form & 15 not in (FIXED, VARIABLE) or (form & 15 == VARIABLE and strings & 15 != 1):
        return text, None if count else []  # Keras writes a list of no names as one of no numbers
    width = 16 if form & 15 == VARIABLE else width
    if count * max(width, 1) > len(message) - values:
        raise ValueError(f"attribute {text} says that it has {count} values, and has no room for them")
    if form & 15 == FIXED:
        parts = [message[values + width * number : values + width * (number + 1)] for number in range(count)]
        return text, [part.rstrip(b"\0") for part in parts]
    places = [unpack_from("<IQI", message, values + 16 * k) for k in range(count)]
    return text, [_in_heap(text, place, file, heaps) for place in places]


def _count(message: bytes, dataspace: int) -> int:
    """Return the number of values in a dataspace."""
    version, rank, _, kind = unpack_from("<4B", message, dataspace)
    if version not in (1, 2):
        raise ValueError(f"a dataspace has version {version}, which is not known")
    if version == 2 and kind == NULL:
        return 0
    return prod(unpack_from(f"<{rank}Q", message, dataspace + (8 if version == 1 else 4)))


def _in_heap(name: str, place: tuple[int, int, int], file: BinaryIO, heaps: dict[int, dict[int, bytes]]) -> bytes:
    """Return the string at `place`: its length, the address of a heap, and the number of an object in that."""
    length, address, number = place
    if length == 0:
        return b""
    if address not in heaps:
        heaps[address] = _heap(file, address)
    found = heaps[address].get(number)
    if found is None or len(found) < length:
        room = "no" if found is None else f"{len(found):,}"
        raise ValueError(f"attribute {name} says that it has {length:,} bytes, the file stores {room} of them")
    return found[:length].split(b"\0")[0]


def _heap(file: BinaryIO, address: int) -> dict[int, bytes]:
    """Return the objects of the global heap collection at `address` by number."""
    signature, version, size = unpack_from("<4sB3xQ", _block(file, address, 16))
    if signature != b"GCOL" or version != 1:
        raise ValueError("there is no heap of strings where one should be")
    block = _block(file, address, size)
    if len(block) < size:
        raise ValueError("a heap of strings is cut short")
    objects: dict[int, bytes] = {}
    at = 16
    while at + 16 <= size:
        number, length = unpack_from("<H6xQ", block, at)
        if number == 0:  # the free space at the end
            break
        at += 16
        if number in objects or length > size - at:
            raise ValueError("a heap of strings is damaged")
        objects[number] = block[at : at + length]
        at += (length + 7) & ~7
    return objects
