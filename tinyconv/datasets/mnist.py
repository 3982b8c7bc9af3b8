"""MNIST: 70,000 handwritten digits of 28×28 pixels, shipped whole with the package.

`mnist.gz` holds the four original files (see `idx`), one after the other: training images, training labels, test
images, test labels. Their 54,950,048 bytes are cut into four equal parts, each a gzip member of its own, so that four
threads unpack them side by side; `gzip -dc mnist.gz` gives back the whole. `NOTICE` has the origin, the licence and the
SHA-256 of each original file.
"""

from itertools import accumulate
from pathlib import Path

import numpy as np

from .idx import idx_array

PATH = Path(__file__).with_name("mnist.gz")
SHA256 = "19b967a96fef48e914ae59f91900bd6797f2d6992aad263369e04c67ee10589d"
MEMBERS = (2812217, 2791441, 2819327, 2834168)  # their lengths in the file
PART = 13_737_512  # bytes of each, unpacked
PIECE = 4096  # packed bytes that are unpacked at a time
GZIP = 31  # zlib's word for a window of 32 KiB behind gzip's header

Arrays = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Arrays, Arrays]:
    """Return ((x_train, y_train), (x_test, y_test)), all uint8, in the original order.

    Images are (60000, 28, 28) and (10000, 28, 28), 0 background to 255 ink; labels (60000,) and (10000,), 0 to 9. The
    file's SHA-256 is checked first. Raises FileNotFoundError when it is missing and ValueError when it is damaged.
    """
    unpacked = _unpack(_verified(PATH))
    arrays = []
    start = 0
    for _ in range(4):
        array = idx_array(unpacked, start)
        start += 4 + 4 * array.ndim + array.size
        arrays.append(array)
    x_train, y_train, x_test, y_test = arrays
    return (x_train, y_train), (x_test, y_test)


def _verified(path: Path) -> bytes:
    """Return the bytes of the file at `path` after comparing their SHA-256."""
    from hashlib import sha256

    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: reinstall tinyconv") from None
    digest = sha256(packed).hexdigest()
    if digest != SHA256:
        raise ValueError(f"{path} is damaged: SHA-256 {digest[:12]}…, needs {SHA256[:12]}…: reinstall tinyconv")
    return packed


def _unpack(packed: bytes) -> np.ndarray:
    """Return what the gzip members in `packed` hold, joined: (bytes,) uint8."""
    # Imported here because a Python built without zlib should fail when MNIST is asked for, not at import.
    import zlib
    from concurrent.futures import ThreadPoolExecutor

    unpacked = np.empty((len(MEMBERS), PART), np.uint8)

    def unpack(member: memoryview, part: np.ndarray) -> None:
        """Fill a part piece by piece: all its bytes at once would be there twice."""
        stream, filled = zlib.decompressobj(GZIP), 0
        for start in range(0, len(member), PIECE):
            found = stream.decompress(member[start : start + PIECE])
            part[filled : filled + len(found)] = np.frombuffer(found, np.uint8)
            filled += len(found)

    members = [memoryview(packed)[end - length : end] for end, length in zip(accumulate(MEMBERS), MEMBERS, strict=True)]
    with ThreadPoolExecutor(len(members)) as pool:
        list(pool.map(unpack, members, unpacked))
    return unpacked.reshape(-1)
