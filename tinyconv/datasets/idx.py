"""The IDX format of MNIST and Fashion-MNIST (http://yann.lecun.com/exdb/mnist).

00 00 08 (unsigned bytes), the number of axes, the length of each axis as a big-endian 32-bit integer, then the values
in row-major order.
"""

from math import prod

import numpy as np


def idx_array(data: np.ndarray, start: int) -> np.ndarray:
    """Return the array of the IDX file that starts at byte `start` of `data` (bytes,) uint8, as a view."""
    axes = int(data[start + 3])
    values = start + 4 + 4 * axes
    shape = tuple(int(length) for length in data[start + 4 : values].copy().view(">u4"))
    return data[values : values + prod(shape)].reshape(shape)
