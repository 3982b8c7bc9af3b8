"""Dropout and noise on the CPU, and their random numbers: formulas and shapes in `reference/dropout.py`.

Each chunk draws its own numbers from their position alone, so that neither the mask nor the result depends on the
number of threads. The numbers of a chunk stay in the first-level cache: only `y` and `keep` are written to memory.
"""

import math

import numpy as np
from numba import prange

from .compile import elementwise, jit, parallel_jit
from .mapped import mapped
from .memory import empty

CHUNK = 4096  # elements; a multiple of the 4 words of a block, so that chunks begin with one

WORD = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)


def random_bits(count: int, seed: int, stream: int, step: int, first: int = 0) -> np.ndarray:
    """Return `count` words (uint32) of Philox 4×32-10 for a seed, stream and step, from word number `first` on."""
    skipped = first % 4
    words = np.empty(-(-(skipped + count) // 4) * 4, np.uint32)
    _random_words(words, first // 4, seed & 0xFFFFFFFF, seed >> 32, stream, step)
    return words[skipped : skipped + count]


def dropout(
    x: np.ndarray, rate: float, seed: int, stream: int, step: int, first: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return (y, keep): drawn, compared, scaled and written in one pass over `x`."""
    y = empty(x.shape, x.dtype)
    keep = empty(x.shape, np.uint8)
    threshold = math.ceil(rate * 2.0**24)  # u ≥ rate, with u a multiple of 2⁻²⁴, said in whole numbers
    scale = x.dtype.type(1.0 / (1.0 - rate))
    key = seed & 0xFFFFFFFF, seed >> 32
    _dropout(x.reshape(-1), y.reshape(-1), keep.reshape(-1), threshold, scale, *key, stream, step, first)
    return y, keep


def dropout_backward(dy: np.ndarray, keep: np.ndarray, rate: float) -> np.ndarray:
    """Return dx = dy / (1 − rate) where `keep`, else 0."""
    return mapped(_dropout_backward, dy, keep, scalars=(dy.dtype.type(1.0 / (1.0 - rate)),))


def gaussian_noise(x: np.ndarray, stddev: float, seed: int, stream: int, step: int, first: int = 0) -> np.ndarray:
    """Return x + stddev·z, z standard normal: drawn, scaled and added in one pass over `x`."""
    return mapped(_gaussian_noise, x, scalars=(stddev, seed & 0xFFFFFFFF, seed >> 32, stream, step, first))


@jit
def _random_words(words: np.ndarray, block: int, key_0: int, key_1: int, stream: int, step: int) -> None:
    """Fill `words` (uint32, a multiple of 4) with the words of the blocks `block`, `block` + 1, …

    All arithmetic is on 64-bit lanes that hold 32-bit words, which is the form of the vector instructions' 32×32→64
    product, and never overflows.
    """
    for j in range(words.size // 4):
        number = np.uint64(block + j)
        c0 = number & WORD
        c1 = number >> HALF
        c2 = np.uint64(step)
        c3 = np.uint64(stream)
        k0 = np.uint64(key_0)
        k1 = np.uint64(key_1)
        for _ in range(10):
            p0 = c0 * MULTIPLIER_0
            p1 = c2 * MULTIPLIER_1
            c0 = (p1 >> HALF) ^ c1 ^ k0
            c1 = p1 & WORD
            c2 = (p0 >> HALF) ^ c3 ^ k1
            c3 = p0 & WORD
            k0 = (k0 + WEYL_0) & WORD
            k1 = (k1 + WEYL_1) & WORD
        words[4 * j] = c0
        words[4 * j + 1] = c1
        words[4 * j + 2] = c2
        words[4 * j + 3] = c3


@parallel_jit
def _dropout(
    x: np.ndarray,
    y: np.ndarray,
    keep: np.ndarray,
    threshold: int,
    scale: float,
    key_0: int,
    key_1: int,
    stream: int,
    step: int,
    first: int,
) -> None:
    zero = x.dtype.type(0)
    skipped = first % 4
    for chunk in prange(-(-x.size // CHUNK)):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        x_part, y_part, keep_part = x[part], y[part], keep[part]
        blocks = np.empty(-(-(skipped + x_part.size) // 4) * 4, np.uint32)
        _random_words(blocks, first // 4 + chunk * (CHUNK // 4), key_0, key_1, stream, step)
        words = blocks[skipped:]
        for i in range(x_part.size):
            kept = (words[i] >> np.uint32(8)) >= np.uint32(threshold)
            keep_part[i] = kept
            y_part[i] = x_part[i] * scale if kept else zero


@elementwise
def _dropout_backward(dy: np.ndarray, keep: np.ndarray, dx: np.ndarray, scale: float) -> None:
    zero = dy.dtype.type(0)
    for i in prange(dy.size):
        dx[i] = dy[i] * scale if keep[i] != 0 else zero


@parallel_jit
def _gaussian_noise(
    x: np.ndarray, y: np.ndarray, stddev: float, key_0: int, key_1: int, stream: int, step: int, first: int
) -> None:
    number = x.dtype.type
    skipped = first % 4
    for chunk in prange(-(-x.size // CHUNK)):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        x_part, y_part = x[part], y[part]
        words = np.empty(-(-(skipped + x_part.size) // 4) * 4, np.uint32)
        _random_words(words, first // 4 + chunk * (CHUNK // 4), key_0, key_1, stream, step)
        for pair in range(skipped // 2 * 2, skipped + x_part.size, 2):
            radius = stddev * math.sqrt(-2.0 * math.log((words[pair] + 0.5) * 2.0**-32))
            angle = 2.0 * math.pi * ((words[pair + 1] + 0.5) * 2.0**-32)
            i = pair - skipped  # -1 where `first` is the second of its pair
            if i >= 0:
                y_part[i] = x_part[i] + number(radius * math.cos(angle))
            if i + 1 < x_part.size:
                y_part[i + 1] = x_part[i + 1] + number(radius * math.sin(angle))
