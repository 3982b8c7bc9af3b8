"""`tf.random`: numbers of the session's seed, or of one that is given."""

from typing import Any

from ..operations import drawing
from ..vocabulary import missing, public

normal, uniform, truncated_normal = drawing.normal, drawing.uniform, drawing.truncated_normal
shuffle, categorical, gamma, poisson = drawing.shuffle, drawing.categorical, drawing.gamma, drawing.poisson
set_seed = set_random_seed = drawing.restart


class Generator:
    """A source of random numbers of its own."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = drawing.SeedGenerator(seed)

    @classmethod
    def from_seed(cls, seed: int, alg: Any = None) -> "Generator":
        """Return a source that draws the same numbers for the same seed."""
        return cls(seed)

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> "Generator":
        """Return a source of the session's seed."""
        return cls()

    def normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", name: Any = None) -> Any:
        """Return normally distributed numbers."""
        return normal(shape, mean, stddev, dtype, self.seed)

    def uniform(self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", name: Any = None) -> Any:
        """Return numbers from `minval` up to `maxval`, which is not among them."""
        return uniform(shape, minval, maxval, dtype, self.seed)


def get_global_generator() -> Generator:
    """Return a source of the session's seed."""
    return Generator()


__all__ = public(globals())
__getattr__ = missing("tensorflow.random", globals())
