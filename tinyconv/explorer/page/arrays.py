"""Arrays as elements of a page: little-endian numbers, split into byte planes, deflated, in base64.

The planes are the first bytes of all numbers, then all second bytes, …: exponents beside exponents, so that they
deflate better. A page holds each array once, however often it is referred to.
"""

from base64 import b64decode, b64encode
from hashlib import blake2b
from typing import Any
from zlib import compress, decompress

import numpy as np

DTYPES = {name: np.dtype(name).newbyteorder("<") for name in ("float32", "int32", "uint8")}


class Packed:
    """An array as a page has it: the name of its dtype, its shape, and its numbers as text."""

    def __init__(self, array: np.ndarray) -> None:
        self.dtype = dtype_of(array)
        self.shape = array.shape
        raw = np.ascontiguousarray(array, DTYPES[self.dtype])
        planes = raw.reshape(-1).view(np.uint8).reshape(-1, raw.dtype.itemsize).T.tobytes()
        self.key = blake2b(planes, digest_size=16, person=self.dtype.encode()).digest()
        self.text = b64encode(compress(planes, 9)).decode()

    def element(self, name: str) -> str:
        """Return the element of a page that holds the array."""
        shape = ",".join(map(str, self.shape))
        return (
            f'<script type="application/octet-stream" id="{name}" data-dtype="{self.dtype}" data-shape="{shape}">'
            f"{self.text}</script>"
        )


def dtype_of(array: np.ndarray) -> str:
    """Return the name of the dtype that holds the numbers of an array on a page, by the kind of its own."""
    if array.dtype.kind in "fc":
        return "float32"
    return "uint8" if array.dtype in (np.bool_, np.uint8) else "int32"


def unpacked(dtype: str, shape: tuple[int, ...], text: str) -> np.ndarray:
    """Return the array that an element holds."""
    planes = np.frombuffer(decompress(b64decode(text)), np.uint8).reshape(DTYPES[dtype].itemsize, -1)
    return np.ascontiguousarray(planes.T).view(DTYPES[dtype]).reshape(shape)


class Elements:
    """The arrays of a page by their names, "a0", "a1" …: one name for one content."""

    def __init__(self) -> None:
        self.names: dict[Any, str] = {}
        self.texts: list[str] = []

    def add(self, packed: Packed, shaped: bool = False) -> str:
        """Return the name of an array, which is added unless one of the same numbers is there.

        That one may have another shape, a flattened one's, unless `shaped` says that the shape is read there.
        """
        key = (packed.key, packed.shape) if shaped else packed.key
        if key not in self.names:
            self.names[key] = f"a{len(self.texts)}"
            self.texts.append(packed.element(self.names[key]))
            self.names.setdefault(packed.key, self.names[key])
        return self.names[key]
