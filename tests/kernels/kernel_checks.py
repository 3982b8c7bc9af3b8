"""What the tests of the kernels have in common: how close is equal, what a gradient is, which windows are awkward."""

from dataclasses import dataclass

import numpy as np
from hypothesis import settings

from tinyconv.kernels import Window

# More elements than any kernel handles in one piece, and no round number.
LARGE = 40_001

# Random shapes, but the same ones at every run.
RANDOM = settings(max_examples=60, deadline=None, derandomize=True, database=None)

# Of a single number, and of an array's largest one: where terms cancel, a sum is only as exact as its terms.
TOLERANCE = {
    np.dtype(np.float32): {"relative": 1e-5, "absolute": 3e-6},
    np.dtype(np.float64): {"relative": 1e-12, "absolute": 1e-14},
}


def assert_close(got, wanted, dtype=None):
    """`got` has the shape of `wanted`, the numbers up to rounding, `dtype` (or `wanted`'s), and is C-contiguous.

    What is wanted must not be all zeros, as any multiple of it would pass.
    """
    dtype = np.dtype(dtype or wanted.dtype)
    assert got.dtype == dtype
    assert got.shape == wanted.shape
    assert got.flags.c_contiguous
    if wanted.size == 0:
        return
    size = np.abs(wanted[np.isfinite(wanted)]).max()
    assert size > 0
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(got, wanted, rtol=tolerance["relative"], atol=tolerance["absolute"] * size)


def assert_gradient(forward, backward, x, rng, step=1e-5):
    """`backward` turns a cotangent dy of `forward(x)` into the gradient dx that central differences measure.

    Along a random direction v and under a random cotangent, Σ dy·(f(x + εv) − f(x − εv)) / 2ε = Σ dx·v. The right-hand
    side is of the order of ‖dx‖, which the tolerance refers to: 10⁻⁷ of it, in float64.
    """
    assert x.dtype == np.float64
    dy = rng.standard_normal(forward(x).shape)
    direction = rng.standard_normal(x.shape)
    dx = backward(dy)
    assert dx.shape == x.shape
    assert dx.dtype == x.dtype
    difference = forward(x + step * direction) - forward(x - step * direction)
    measured = np.sum(dy * difference) / (2 * step)
    assert abs(measured) > 0
    assert abs(measured - np.sum(dx * direction)) <= 1e-7 * np.linalg.norm(dx)


def away_from_zero(rng, shape, dtype=np.float64):
    """Random numbers of both signs, none nearer to 0 than 0.1."""
    x = rng.standard_normal(shape)
    return (x + np.copysign(0.1, x)).astype(dtype)


def without_ties(rng, shape, dtype=np.float64):
    """Random numbers, none of them 0, no two of them nearer to each other than 0.002."""
    count = int(np.prod(shape))
    return ((rng.permutation(count) - count / 2 + 0.25) * 0.002).reshape(shape).astype(dtype)


@dataclass(frozen=True)
class Case:
    """A window on images, named for what is awkward about it."""

    name: str
    images: tuple[int, int, int, int]  # n, h, w, c
    window: Window
    outputs: int = 4  # channels that a convolution makes
    groups: int = 1

    def __str__(self):
        return self.name

    @property
    def image(self):
        return self.images[1:3]

    @property
    def result(self):
        """Shape of the result of pooling."""
        return (self.images[0], *self.window.output(*self.image), self.images[3])


WINDOWS = [
    Case("textbook", (2, 6, 7, 3), Window((3, 3))),
    Case("odd sizes", (3, 7, 5, 3), Window((3, 2), (1, 2)), 5),
    Case("one pixel", (2, 1, 1, 3), Window((1, 1)), 2),
    Case("one pixel in padding", (2, 1, 1, 2), Window((3, 3), padding="same"), 3),
    Case("one channel", (2, 8, 8, 1), Window((5, 5), padding="same"), 3),
    Case("window = image", (3, 5, 4, 2), Window((5, 4)), 6),
    Case("window larger than image", (2, 2, 3, 2), Window((5, 7), padding="same"), 3),
    Case("a row", (2, 4, 9, 2), Window((1, 7)), 3),
    Case("without overlap", (2, 6, 8, 3), Window((2, 2), (2, 2))),
    Case("overlap", (2, 9, 8, 2), Window((3, 3), (2, 2))),
    Case("strides of two kinds", (2, 9, 10, 3), Window((3, 2), (1, 3)), 2),
    Case("stride > window", (2, 8, 9, 3), Window((2, 2), (3, 3)), 2),
    Case("stride > window, same", (2, 8, 9, 3), Window((1, 2), (3, 4), "same"), 2),
    Case("even padding", (2, 5, 7, 3), Window((3, 3), (2, 2), "same")),
    Case("uneven padding", (2, 6, 8, 3), Window((3, 3), (2, 2), "same")),
    Case("even window, same", (2, 5, 6, 2), Window((4, 2), padding="same"), 3),
    Case("batch of one", (1, 7, 6, 3), Window((3, 3)), 2),
    Case("batch of 37", (37, 5, 6, 2), Window((3, 3), padding="same"), 3),
    Case("empty batch", (0, 5, 6, 2), Window((3, 3)), 3),
    Case("many channels", (3, 6, 7, 33), Window((3, 3), padding="same"), 65),
    Case("wide image", (1, 19, 70, 2), Window((3, 3)), 17),
]
