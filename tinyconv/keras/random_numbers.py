"""`keras.random`: numbers of a `SeedGenerator`, of the session's seed, or of a seed, which gives the same each time."""

from typing import Any

import numpy as np

from ..config import floatx
from .operations import drawing, held
from .operations.drawing import SeedGenerator
from .vocabulary import missing, public


def _source(seed: Any) -> Any:
    return SeedGenerator(int(seed)) if isinstance(seed, int | np.integer) else seed


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return normally distributed numbers."""
    return drawing.normal(shape, mean, stddev, dtype or floatx(), _source(seed))


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers from `minval` up to `maxval`, which is not among them."""
    return drawing.uniform(shape, minval, maxval, dtype or floatx(), _source(seed))


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return normally distributed numbers, none more than two deviations off."""
    return drawing.truncated_normal(shape, mean, stddev, dtype or floatx(), _source(seed))


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Return whole numbers from `minval` up to `maxval`, which is not among them."""
    return drawing.randint(shape, minval, maxval, dtype, _source(seed))


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Return class numbers drawn for each row of logits."""
    return drawing.categorical(logits, num_samples, dtype, _source(seed))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """Return x with its parts along an axis in a random order."""
    order = drawing.generator(_source(seed)).permutation(np.shape(x)[axis])
    return drawing.tensor(x)[(*(slice(None),) * axis, order)]


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Return x with a share of its elements 0, chosen at random, and the others 1/(1 − rate) times as large."""
    return drawing.dropout(inputs, rate, noise_shape, _source(seed))


def gamma(shape: Any, alpha: float, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers of the gamma distribution of shape α and rate 1."""
    return held(drawing.generator(_source(seed)).standard_gamma(alpha, shape).astype(dtype or floatx()))


def beta(shape: Any, alpha: float, beta: float, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers of the beta distribution of α and β."""
    return held(drawing.generator(_source(seed)).beta(alpha, beta, shape).astype(dtype or floatx()))


def binomial(shape: Any, counts: int, probabilities: float, dtype: Any = None, seed: Any = None) -> Any:
    """Return how many of `counts` trials succeed."""
    drawn = drawing.generator(_source(seed)).binomial(counts, probabilities, shape)
    return drawing.held(drawn.astype(dtype or floatx()))


__all__ = public(globals())
__getattr__ = missing("keras.random", globals())
