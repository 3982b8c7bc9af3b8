"""Random numbers from one seed, the same on every backend: Philox 4×32-10, a function of (seed, stream, step, element).

Every consumer owns a stream and counts its own steps: an initialiser draws once, a dropout layer once for each training
step, shuffling once for each epoch. Nothing depends on what else was drawn, so a resumed run continues exactly.
Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
"""

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from threading import Lock

import numpy as np

from . import kernels

PIECE = 1 << 16  # numbers that are made at once: in double precision, all of a large layer's would take much memory
SHUFFLE = 0  # the stream of `permutation`; consumers made by `Stream()` count from 1

_seed: int | None = None
_choosing = Lock()  # so that two threads that are the first to draw choose one seed
_numbers = itertools.count(1)  # of the streams that are yet to be made
_repeat = ContextVar("repeat", default=False)
_first_sample = ContextVar("first_sample", default=0)


def set_seed(seed: int) -> None:
    """Fix every random number that follows: initial weights, shuffling, dropout. `seed` is in 0 … 2⁶⁴ − 1."""
    global _seed, _numbers
    _seed, _numbers = checked_seed(seed), itertools.count(1)


def checked_seed(seed: int) -> int:
    """Return `seed` as a Python int after checking that it is one that the generator takes, on every backend."""
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**64:
        raise ValueError(f"seed must be an integer in 0 … 2**64 - 1, got {seed!r}")
    return int(seed)


def seed() -> int:
    """Return the session's seed; drawn from the system's entropy if `set_seed` was not called."""
    global _seed
    if _seed is None:
        with _choosing:
            if _seed is None:
                _seed = secrets.randbits(64)
    return _seed


class Stream:
    """A sequence of draws that nobody else uses. `Stream(seed)` with a seed of its own repeats for the same seed."""

    def __init__(self, own_seed: int | None = None) -> None:
        if own_seed is None:
            self.seed, self.number = seed(), next(_numbers)
        else:
            self.seed, self.number = checked_seed(own_seed), 1
        self.step = 0

    def draw(self) -> tuple[int, int, int]:
        """Return (seed, stream, step) of the next draw and count it, unless draws repeat (`repeat_draws`)."""
        step = self.step
        if not _repeat.get():
            self.step += 1
        return self.seed, self.number, step


@contextmanager
def repeat_draws() -> Iterator[None]:
    """Let every stream repeat its next draw inside the `with` block, so that a random function becomes a fixed one.

    Layers that keep averages of what they see leave them alone, too: afterwards all is as if nothing had been called.
    Other threads go on drawing.
    """
    token = _repeat.set(True)
    try:
        yield
    finally:
        _repeat.reset(token)


def draws_repeat() -> bool:
    """Return whether this thread is inside `repeat_draws`."""
    return _repeat.get()


@contextmanager
def first_sample(index: int) -> Iterator[None]:
    """Say that batches inside the `with` block are a part of larger ones, which starts with their sample `index`.

    What is drawn for a sample is then what the whole batch would have drawn for it: one that is cut into shards, for
    several machines, trains as if it were whole.
    """
    if not isinstance(index, int | np.integer) or index < 0:
        raise ValueError(f"the index of a batch's first sample is an integer of at least 0, got {index!r}")
    token = _first_sample.set(int(index))
    try:
        yield
    finally:
        _first_sample.reset(token)


def first_element(shape: tuple[int, ...]) -> int:
    """Return the place in the whole batch of the first element of a part of `shape` (n,…): see `first_sample`."""
    return _first_sample.get() * prod(shape[1:])


def uniform(
    shape: tuple[int, ...],
    draw: tuple[int, int, int],
    change: Callable[[np.ndarray], np.ndarray] = lambda values: values,
    dtype: str = "float64",
    first: int = 0,
) -> np.ndarray:
    """Return numbers of `shape`, uniform in (0, 1): 53 bits from two Philox words each, plus half a step.

    `change` maps them, in float64 and PIECE at a time, to other numbers, which are then rounded to `dtype`. They are
    the draw's numbers from number `first` on.
    """
    count = prod(shape)
    numbers = np.empty(count, dtype)
    for at in range(0, count, PIECE):
        words = kernels.host().random_bits(2 * min(PIECE, count - at), *draw, 2 * (first + at))
        pairs = words.astype(np.uint64).reshape(-1, 2)
        bits = (pairs[:, 0] << np.uint64(21)) ^ (pairs[:, 1] >> np.uint64(11))
        numbers[at : at + PIECE] = change((bits + 0.5) * 2.0**-53)
    return numbers.reshape(shape)


def permutation(count: int, step: int, own_seed: int | None = None) -> np.ndarray:
    """Return 0 … count − 1 in a random order that `step` and the session's seed, or one's own, determine."""
    of = seed() if own_seed is None else checked_seed(own_seed)
    words = kernels.host().random_bits(2 * count, of, SHUFFLE, step).astype(np.uint64).reshape(count, 2)
    return np.argsort((words[:, 0] << np.uint64(32)) | words[:, 1], kind="stable")
