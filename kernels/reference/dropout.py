"""Dropout and noise, and the random numbers they draw.

The generator is Philox 4×32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3",
Supercomputing '11). It has no state: it scrambles a counter with a key, so the numbers of any step, stream and element
are computed directly, in any order, and every backend draws the same.
"""

import numpy as np

WORD = 0xFFFFFFFF  # the 32 bits of one word


def random_bits(count: int, seed: int, stream: int, step: int, first: int = 0) -> np.ndarray:
    """Return `count` random 32-bit words (uint32) of a seed's stream at a step, from word number `first` on.

    0 ≤ seed < 2⁶⁴; 0 ≤ stream, step < 2³². The key is (seed mod 2³², ⌊seed / 2³²⌋); the counter of block j, which gives
    the words 4j … 4j + 3, is (j mod 2³², ⌊j / 2³²⌋, step, stream).
    """
    skipped = first % 4
    block = first // 4 + np.arange(-(-(skipped + count) // 4), dtype=np.uint64)
    counter = np.empty((len(block), 4), np.uint64)
    counter[:, 0] = block & WORD
    counter[:, 1] = block >> 32
    counter[:, 2] = step
    counter[:, 3] = stream
    return philox(counter, (seed & WORD, seed >> 32)).reshape(-1)[skipped : skipped + count]


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Return the words (blocks,4) that Philox 4×32-10 makes of `counter` (blocks,4) under a `key` of two words.

    Each of the ten rounds multiplies two words by constants, to 64 bits, swaps the products' halves about, and mixes in
    the other two words and the key, which moves on from round to round by fixed steps (a Weyl sequence).
    """
    c0, c1, c2, c3 = counter.astype(np.uint64).T
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & WORD, (p0 >> 32) ^ c3 ^ k1, p0 & WORD
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def dropout(
    x: np.ndarray, rate: float, seed: int, stream: int, step: int, first: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return (y, keep): `x` with a share `rate` of its elements set to 0, the others scaled up; 0 ≤ rate < 1.

        keep_i = 1 if u_i ≥ rate else 0            u_i = ⌊bits_i / 2⁸⌋ / 2²⁴, uniform on [0, 1)
        y_i    = x_i / (1 − rate) if keep_i else 0

    The scale leaves the expected value as it was ("inverted" dropout; Srivastava et al. 2014, section 10). i counts
    the elements in row-major order, from `first` on: a part of an array draws what the whole would draw there. bits are
    `random_bits`. `keep` is uint8, with the shape of `x`.
    """
    uniform = (random_bits(x.size, seed, stream, step, first) >> 8) * 2.0**-24
    keep = (uniform >= rate).reshape(x.shape).astype(np.uint8)
    return np.where(keep, x * x.dtype.type(1.0 / (1.0 - rate)), 0.0), keep


def dropout_backward(dy: np.ndarray, keep: np.ndarray, rate: float) -> np.ndarray:
    """Return dx = dy / (1 − rate) where `keep`, else 0."""
    return np.where(keep, dy * dy.dtype.type(1.0 / (1.0 - rate)), 0.0)


def gaussian_noise(x: np.ndarray, stddev: float, seed: int, stream: int, step: int, first: int = 0) -> np.ndarray:
    """Return y_i = x_i + stddev·z_i, z independent and normal with mean 0 and variance 1.

    Two words make two such numbers (Box & Muller 1958), in double:

        z_2j = √(−2·ln u)·cos 2πv,  z_2j+1 = √(−2·ln u)·sin 2πv,  u = (bits_2j + ½) / 2³²,  v = (bits_2j+1 + ½) / 2³²

    i counts the elements in row-major order, from `first` on; bits are `random_bits`.
    """
    skipped = first % 2
    count = -(-(skipped + x.size) // 2) * 2
    u, v = (random_bits(count, seed, stream, step, first - skipped).reshape(-1, 2).T + 0.5) * 2.0**-32
    radius, angle = np.sqrt(-2.0 * np.log(u)), 2.0 * np.pi * v
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[skipped : skipped + x.size]
    return x + (stddev * z).reshape(x.shape).astype(x.dtype)
