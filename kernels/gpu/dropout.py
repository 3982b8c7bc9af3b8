"""Dropout and noise on the GPU, and their random numbers: formulas and shapes in `reference/dropout.py`.

A thread draws one block of the generator, four words, from its position alone, and uses them at once.
"""

import math
from typing import Any

import cupy
import numpy as np

from .launch import launch


def random_bits(count: int, seed: int, stream: int, step: int, first: int = 0) -> cupy.ndarray:
    """Return `count` words (uint32) of Philox 4×32-10 for a seed, stream and step, from word number `first` on."""
    words = cupy.empty((count,), np.uint32)
    _launch("random_bits", np.dtype(np.float32), (words,), (seed, stream, step), first, count)
    return words


def dropout(
    x: cupy.ndarray, rate: float, seed: int, stream: int, step: int, first: int = 0
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Return (y, keep): drawn, compared, scaled and written in one pass over `x`."""
    y = cupy.empty(x.shape, x.dtype)
    keep = cupy.empty(x.shape, np.uint8)
    threshold = np.uint32(math.ceil(rate * 2.0**24))  # u ≥ rate, with u a multiple of 2⁻²⁴, said in whole numbers
    arrays = x, y, keep, threshold, 1.0 / (1.0 - rate)
    _launch("dropout", x.dtype, arrays, (seed, stream, step), first, x.size)
    return y, keep


def dropout_backward(dy: cupy.ndarray, keep: cupy.ndarray, rate: float) -> cupy.ndarray:
    """Return dx = dy / (1 − rate) where `keep`, else 0."""
    return _dropout_backward(dy, keep, dy.dtype.type(1.0 / (1.0 - rate)))


def gaussian_noise(x: cupy.ndarray, stddev: float, seed: int, stream: int, step: int, first: int = 0) -> cupy.ndarray:
    """Return x + stddev·z, z standard normal: drawn, scaled and added in one pass over `x`."""
    y = cupy.empty(x.shape, x.dtype)
    _launch("gaussian_noise", x.dtype, (x, y, float(stddev)), (seed, stream, step), first, x.size)
    return y


def _launch(
    name: str, dtype: np.dtype, arguments: tuple[Any, ...], draw: tuple[int, int, int], first: int, size: int
) -> None:
    """Launch a kernel on the blocks of a draw that have the words `first` … `first` + `size` − 1."""
    seed, stream, step = draw
    words = np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32), np.uint32(stream), np.uint32(step)
    block, skipped = divmod(first, 4)
    launch("dropout.cu", name, dtype, -(-(skipped + size) // 4), (*arguments, *words, block, skipped, size))


_dropout_backward = cupy.ElementwiseKernel(
    "T dy, uint8 keep, T scale", "T dx", "dx = keep ? dy * scale : (T)0", "tinyconv_dropout_backward"
)
