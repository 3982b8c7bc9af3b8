"""Initial values of weights, with Keras's names, arguments and defaults.

An initialiser is called with a shape and, if need be, a dtype. Variance scaling draws with variance scale/n, where n
counts a unit's inputs (fan_in), outputs (fan_out) or their mean (fan_avg). For a kernel of shape (…, in, out), fan_in =
in·Π(…) and fan_out = out·Π(…). Sources: Glorot & Bengio 2010 (AISTATS); He et al. 2015 (ICCV); LeCun et al. 1998
(Efficient BackProp).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod, sqrt
from typing import Any, ClassVar, Self

import numpy as np

from . import registry
from .config import floatx
from .names import look_up, snake_case
from .randomness import Stream, uniform
from .tensor import as_array

Shape = tuple[int, ...]

# The standard deviation of a standard normal truncated at ±2: the spread that truncation takes is given back.
TRUNCATED_DEVIATION = 0.87962566103423978


class Initializer:
    """Base of all initialisers; its attributes, but the stream of random numbers, are its configuration."""

    seed: int | None
    stream: Stream

    def __call__(self, shape: Shape, dtype: str | None = None) -> np.ndarray:
        """Return an array of `shape` and `dtype`, which is that of new weights if it is left out."""
        return self.values(shape, dtype or floatx())

    def values(self, shape: Shape, dtype: str) -> np.ndarray:
        """Return an array of `shape` and `dtype`: what each initialiser defines."""
        raise NotImplementedError(f"{type(self).__name__} draws nothing")

    def draw(self) -> tuple[int, int, int]:
        """Return the stream's next draw; with a seed of its own always the first, so that each call gives the same."""
        seed, number, step = self.stream.draw()
        return seed, number, step if self.seed is None else 0

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initialiser."""
        return {name: value for name, value in vars(self).items() if name != "stream"}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the initialiser that `get_config` described."""
        return registry.from_config(cls, config)


_blank = ContextVar("blank", default=False)


@contextmanager
def blank() -> Iterator[None]:
    """Leave weights that are made inside the `with` block zero, whatever their initialisers would draw.

    For a model that is to load its weights, or only to be looked at: zeros take neither time nor, until they are
    written, memory.
    """
    token = _blank.set(True)
    try:
        yield
    finally:
        _blank.reset(token)


def first_values(initializer: Callable[..., Any], shape: Shape, dtype: str) -> np.ndarray:
    """Return what a new weight holds: what `initializer` draws, or zeros inside `blank`."""
    if _blank.get():
        return np.zeros(shape, dtype)
    values: np.ndarray = as_array(initializer(shape, dtype), dtype)
    if values.shape != shape:
        raise ValueError(f"an initialiser was asked for the shape {shape} and made {values.shape}")
    return values


class Zeros(Initializer):
    """All 0."""

    def values(self, shape: Shape, dtype: str) -> np.ndarray:
        return np.zeros(shape, dtype)


class Ones(Initializer):
    """All 1."""

    def values(self, shape: Shape, dtype: str) -> np.ndarray:
        return np.ones(shape, dtype)


class Constant(Initializer):
    """All `value`."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def values(self, shape: Shape, dtype: str) -> np.ndarray:
        return np.full(shape, self.value, dtype)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 beside it."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def values(self, shape: Shape, dtype: str) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"Identity starts a matrix, as the kernel of Dense is, got the shape {shape}")
        return self.gain * np.eye(*shape, dtype=dtype)


class RandomUniform(Initializer):
    """Uniform between `minval` and `maxval`."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed
        self.stream = Stream(seed)

    def values(self, shape: Shape, dtype: str) -> np.ndarray:
        return uniform(shape, self.draw(), lambda values: self.minval + (self.maxval - self.minval) * values, dtype)


class RandomNormal(Initializer):
    """Normal with `mean` and standard deviation `stddev`, by inversion of the distribution function."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed
        self.stream = Stream(seed)

    def values(self, shape: Shape, dtype: str) -> np.ndarray:
        return uniform(shape, self.draw(), lambda values: self.mean + self.stddev * _normal(values), dtype)


class TruncatedNormal(RandomNormal):
    """Normal, but values further than two `stddev` from `mean` are drawn again."""

    def values(self, shape: Shape, dtype: str) -> np.ndarray:
        return uniform(shape, self.draw(), lambda values: self.mean + self.stddev * _truncated(values), dtype)


class Orthogonal(Initializer):
    """`gain` times a random matrix (…·in, out) whose columns, or rows if they are fewer, are orthonormal.

    It is the Q of the QR decomposition of normal numbers, the diagonal of R made positive, so that each such matrix is
    equally likely. Source: Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks"; Mezzadri 2007, "How to generate random matrices from the classical compact groups".
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain, self.seed = gain, seed
        self.stream = Stream(seed)

    def values(self, shape: Shape, dtype: str) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal starts weights of at least two axes, got the shape {shape}")
        rows, columns = prod(shape[:-1]), shape[-1]
        drawn = uniform((max(rows, columns), min(rows, columns)), self.draw(), _normal)
        q, r = np.linalg.qr(drawn)
        q *= np.where(np.diag(r) < 0, -1.0, 1.0)
        return (self.gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype)


class VarianceScaling(Initializer):
    """Numbers of variance `scale`/n, where n is what `mode` says: "fan_in", "fan_out" or "fan_avg".

    `distribution` is "truncated_normal", "untruncated_normal" or "uniform".
    """

    MODES: ClassVar[dict[str, Callable[[float, float], float]]] = {
        "fan_in": lambda fan_in, fan_out: fan_in,
        "fan_out": lambda fan_in, fan_out: fan_out,
        "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
    }

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        if scale <= 0:
            raise ValueError(f"scale must be positive, got {scale}")
        look_up("mode", mode, self.MODES)
        look_up("distribution", distribution, dict.fromkeys(("truncated_normal", "untruncated_normal", "uniform")))
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed
        self.stream = Stream(seed)

    def values(self, shape: Shape, dtype: str) -> np.ndarray:
        variance = self.scale / max(1.0, self.MODES[self.mode](*fans(shape)))
        deviation, limit, truncated = sqrt(variance), sqrt(3 * variance), sqrt(variance) / TRUNCATED_DEVIATION
        change = {
            "uniform": lambda values: limit * (2 * values - 1),
            "truncated_normal": lambda values: truncated * _truncated(values),
            "untruncated_normal": lambda values: deviation * _normal(values),
        }[self.distribution]
        return uniform(shape, self.draw(), change, dtype)


class _Named(VarianceScaling):
    """A variance scaling whose settings are in its name; only the seed is left to choose."""

    settings: ClassVar[tuple[float, str, str]]

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(*self.settings, seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initialiser."""
        return {"seed": self.seed}


class GlorotUniform(_Named):
    """Variance scaling 1/fan_avg, uniform: Keras's default for kernels."""

    settings = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Named):
    """Variance scaling 1/fan_avg, truncated normal."""

    settings = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Named):
    """Variance scaling 2/fan_in, uniform: for ReLU."""

    settings = (2.0, "fan_in", "uniform")


class HeNormal(_Named):
    """Variance scaling 2/fan_in, truncated normal: for ReLU."""

    settings = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Named):
    """Variance scaling 1/fan_in, uniform."""

    settings = (1.0, "fan_in", "uniform")


class LecunNormal(_Named):
    """Variance scaling 1/fan_in, truncated normal."""

    settings = (1.0, "fan_in", "truncated_normal")


def fans(shape: Shape) -> tuple[float, float]:
    """Return (fan_in, fan_out) of a weight of `shape` (…, in, out); a vector has its length as both."""
    if len(shape) < 2:
        return (float(prod(shape)),) * 2
    field = prod(shape[:-2])
    return float(field * shape[-2]), float(field * shape[-1])


def _normal(values: np.ndarray, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Turn uniform numbers into standard normal ones whose distribution function lies in (low, high), by inversion."""
    from scipy.special import ndtri

    return ndtri(low + (high - low) * values)


def _truncated(values: np.ndarray) -> np.ndarray:
    """Turn uniform numbers into standard normal ones within ±2."""
    from scipy.special import ndtr

    return _normal(values, ndtr(-2.0), ndtr(2.0))


# As Keras also calls them.
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
constant, identity, ones, orthogonal, zeros = Constant, Identity, Ones, Orthogonal, Zeros
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
glorot_normal, glorot_uniform, variance_scaling = GlorotNormal, GlorotUniform, VarianceScaling
he_normal, he_uniform, lecun_normal, lecun_uniform = HeNormal, HeUniform, LecunNormal, LecunUniform

INITIALIZERS: dict[str, type[Initializer]] = {
    snake_case(kind.__name__): kind
    for kind in (
        Zeros,
        Ones,
        Constant,
        Identity,
        Orthogonal,
        RandomUniform,
        RandomNormal,
        TruncatedNormal,
        VarianceScaling,
        GlorotUniform,
        GlorotNormal,
        HeUniform,
        HeNormal,
        LecunUniform,
        LecunNormal,
    )
}
# Names for `get`: with those of Keras 1, which Keras 3 still knows.
NAMES: dict[str, type[Initializer]] = {
    **INITIALIZERS,
    "normal": RandomNormal,
    "one": Ones,
    "uniform": RandomUniform,
    "zero": Zeros,
}
registry.add_kind("initializer", "keras.initializers", Initializer, NAMES)


def get(identifier: Any) -> Any:
    """Return an initialiser by name ("glorot_uniform"), from its description, a class, or the given object.

    Any function of (shape, dtype) to an array may be given.
    """
    return registry.made("initializer", identifier)


def serialize(initializer: Any) -> Any:
    """Return the description of an initializer, see `registry.serialize`."""
    return registry.serialize(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the initializer that `serialize`, or Keras, has described; `custom_objects` has one's own by name."""
    return registry.made_with("initializer", config, custom_objects)
