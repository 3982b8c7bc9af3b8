"""Random numbers: those of the session's seed, a draw of its own for each call, or of a seed that is given."""

from collections import Counter
from typing import Any

import numpy as np

from ... import functions as F
from ...randomness import Stream, checked_seed, set_seed
from .values import held, tensor, type_of, whole

_calls: Counter[int] = Counter()  # of draws with each seed of their own


class SeedGenerator:
    """Keras's source of seeds: each draw with it is another, and a new one with the same seed repeats them."""

    def __init__(self, seed: int | None = None, name: str | None = None, **_: Any) -> None:
        self.stream = Stream(None if seed is None else int(seed))

    def generator(self) -> np.random.Generator:
        """Return a generator of the next draw."""
        return _of(*self.stream.draw())

    def next(self, ordered: bool = True) -> Any:
        """Return the next seed: two whole numbers."""
        return held(self.generator().integers(0, 2**31, 2).astype(np.uint32))


def _of(seed: int, number: int, step: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, number << 32 | step]))


def generator(seed: Any = None) -> np.random.Generator:
    """Return a generator for one call: of the session's seed, or of a seed given; then each call draws anew."""
    if isinstance(seed, SeedGenerator):
        return seed.generator()
    if seed is None:
        return _of(*Stream().draw())
    seed = checked_seed(int(whole(seed)))
    _calls[seed] += 1
    return _of(seed, 0, _calls[seed])


def restart(seed: int) -> None:
    """Fix every random number that follows: of layers, of data, of functions."""
    _calls.clear()
    set_seed(int(seed))


def normal(
    shape: Any = (), mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", seed: Any = None, name: Any = None
) -> Any:
    """Return normally distributed numbers."""
    drawn = generator(seed).standard_normal(whole(shape), np.float32).astype(type_of(dtype), copy=False)
    return _scaled(drawn, mean, stddev)


def _scaled(drawn: np.ndarray, mean: Any, stddev: Any) -> Any:
    if isinstance(mean, int | float) and isinstance(stddev, int | float):
        return held(drawn if (mean, stddev) == (0, 1) else (drawn * stddev + mean).astype(drawn.dtype))
    return tensor(drawn) * tensor(stddev, drawn.dtype) + tensor(mean, drawn.dtype)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", seed: Any = None, name: Any = None
) -> Any:
    """Return normally distributed numbers, drawn again where they lie more than two deviations off."""
    source = generator(seed)
    drawn = source.standard_normal(whole(shape))
    while (outside := np.abs(drawn) > 2).any():
        drawn = np.where(outside, source.standard_normal(drawn.shape), drawn)
    return _scaled(drawn.astype(type_of(dtype)), mean, stddev)


def uniform(
    shape: Any = (), minval: Any = 0, maxval: Any = None, dtype: Any = "float32", seed: Any = None, name: Any = None
) -> Any:
    """Return numbers from `minval` up to `maxval`, which is not among them: 1 if it is not given."""
    wanted = type_of(dtype)
    if wanted.kind in "iu":
        return held(generator(seed).integers(int(minval), int(maxval), whole(shape)).astype(wanted))
    drawn = generator(seed).random(whole(shape), np.float32).astype(wanted, copy=False)
    low, high = float(minval), 1.0 if maxval is None else float(maxval)
    return held(drawn if (low, high) == (0, 1) else (drawn * (high - low) + low).astype(wanted))


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Return whole numbers from `minval` up to `maxval`, which is not among them."""
    return uniform(shape, minval, maxval, dtype, seed)


def shuffle(value: Any, seed: Any = None, name: str | None = None) -> Any:
    """Return x with its rows in a random order."""
    x = tensor(value)
    return x[generator(seed).permutation(len(x))]


def categorical(logits: Any, num_samples: Any, dtype: Any = "int64", seed: Any = None, name: str | None = None) -> Any:
    """Return class numbers drawn for each row of logits, `num_samples` of them."""
    scores = np.asarray(logits, np.float64)
    noise = generator(seed).gumbel(size=(len(scores), whole(num_samples), scores.shape[-1]))
    return held((scores[:, None] + noise).argmax(-1).astype(type_of(dtype)))


def binomial(shape: Any, p: float = 0.0, dtype: Any = "float32", seed: Any = None) -> Any:
    """Return 1 with the probability p, else 0."""
    return held((generator(seed).random(whole(shape)) < p).astype(type_of(dtype)))


def gamma(
    shape: Any, alpha: Any, beta: Any = None, dtype: Any = "float32", seed: Any = None, name: str | None = None
) -> Any:
    """Return numbers of gamma distributions of shape α and rate β, `shape` of each."""
    a, b = np.broadcast_arrays(np.asarray(alpha, np.float64), np.asarray(1.0 if beta is None else beta, np.float64))
    size = np.ravel(whole(shape)).astype(int)
    return held((generator(seed).standard_gamma(a, (*size, *a.shape)) / b).astype(type_of(dtype)))


def poisson(shape: Any, lam: Any, dtype: Any = "float32", seed: Any = None, name: str | None = None) -> Any:
    """Return numbers of Poisson distributions of mean λ, `shape` of each."""
    mean = np.asarray(lam, np.float64)
    return held(
        generator(seed).poisson(mean, (*np.ravel(whole(shape)).astype(int), *mean.shape)).astype(type_of(dtype))
    )


def dropout(x: Any, rate: Any, noise_shape: Any = None, seed: Any = None, name: str | None = None) -> Any:
    """Return x with a share of its elements 0, chosen at random, and the others 1/(1 − rate) times as large."""
    x, rate = tensor(x), float(rate)
    kept = generator(seed).random(x.shape if noise_shape is None else whole(noise_shape)) >= rate
    return F.multiply(x, (kept / (1 - rate)).astype(x.dtype))
