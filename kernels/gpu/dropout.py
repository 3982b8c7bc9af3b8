"""Dropout and noise on the GPU, and their random numbers: formulas and shapes in `reference/dropout.py`.

A thread draws one block of the generator, four words, from its position alone, and uses them at once.
"""

import math

import cupy
import numpy as np

from .launch import launch


def random_bits(count: int, seed: int, stream: int, step: int) -> cupy.ndarray:
    """Return the first `count` words (uint32) of Philox 4×32-10 for a seed, stream and step."""
    words = cupy.empty((count,), np.uint32)
    args = words, *_draw(seed, stream, step), count
    launch("dropout.cu", "random_bits", np.dtype(np.float32), -(-count // 4), args)
    return words


def dropout(x: cupy.ndarray, rate: float, seed: int, stream: int, step: int) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return (y, keep): drawn, compared, scaled and written in one pass over `x`."""
    y = cupy.empty(x.shape, x.dtype)
    keep = cupy.empty(x.shape, np.uint8)
    threshold = np.uint32(math.ceil(rate * 2.0**24))  # u ≥ rate, with u a multiple of 2⁻²⁴, said in whole numbers
    args = x, y, keep, threshold, 1.0 / (1.0 - rate), *_draw(seed, stream, step), x.size
    launch("dropout.cu", "dropout", x.dtype, -(-x.size // 4), args)
    return y, keep


def dropout_backward(dy: cupy.ndarray, keep: cupy.ndarray, rate: float) -> cupy.ndarray:
    """Return dx = dy / (1 − rate) where `keep`, else 0."""
    return _dropout_backward(dy, keep, dy.dtype.type(1.0 / (1.0 - rate)))


def gaussian_noise(x: cupy.ndarray, stddev: float, seed: int, stream: int, step: int) -> cupy.ndarray:
    """Return x + stddev·z, z standard normal: drawn, scaled and added in one pass over `x`."""
    y = cupy.empty(x.shape, x.dtype)
    args = x, y, float(stddev), *_draw(seed, stream, step), x.size
    launch("dropout.cu", "gaussian_noise", x.dtype, -(-x.size // 4), args)
    return y


def _draw(seed: int, stream: int, step: int) -> tuple[np.uint32, ...]:
    """Return the key's two words, the stream and the step."""
    return np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32), np.uint32(stream), np.uint32(step)


_dropout_backward = cupy.ElementwiseKernel(
    "T dy, uint8 keep, T scale", "T dx", "dx = keep ? dy * scale : (T)0", "tinyconv_dropout_backward"
)
