"""Images in another size: enlarged by whole factors. Padding and cropping are `pad` and indexing, in `shape.py`.

Each is one array expression, which serves NumPy and CuPy alike.
"""

from typing import Any

import numpy as np

from ..tensor import Formula, Function, Tensor, as_tensor
from .reduction import sum_in_double
from .resampling import resize

Pair = tuple[int, int]


class UpSample2DNearest(Function):
    """Each cell of an image repeated in a block of a×b."""

    formula = Formula(
        "y[n, i·a + p, j·b + q, c] = x[n,i,j,c] for p < a, q < b",
        "dx[n,i,j,c] = Σ dy[n, i·a + p, j·b + q, c] over p, q",
    )

    def __init__(self, size: Pair) -> None:
        self.size = size

    def forward(self, x: Any) -> Any:
        n, h, w, c = x.shape
        a, b = self.size
        y = np.empty_like(x, shape=(n, h, a, w, b, c))
        y[...] = x[:, :, None, :, None]
        return y.reshape(n, h * a, w * b, c)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        n, h, w, c = dy.shape
        a, b = self.size
        return (sum_in_double(dy.reshape(n, h // a, a, w // b, b, c), (2, 4)),)


class UpSample2DBilinear(Function):
    """Images enlarged by s in either direction, linear in between the cells.

    The enlarged cell o of an axis has its centre over o′ = (o + ½)/s − ½ (half-pixel centres) and lies by the share f
    between two cells; those beyond the edge are those at the edge: TensorFlow's `tf.image.resize`. Source: Press et
    al., Numerical Recipes, 3rd ed., section 3.6.1.
    """

    formula = Formula(
        "y[o] = (1 − f)·x[⌊o′⌋] + f·x[⌊o′⌋ + 1] along each axis, o′ = (o + ½)/s − ½, f = o′ − ⌊o′⌋",
        "dx[⌊o′⌋] += (1 − f)·dy[o], dx[⌊o′⌋ + 1] += f·dy[o] along each axis",
    )

    def __init__(self, size: Pair) -> None:
        self.size = size

    def forward(self, x: Any) -> Any:
        return _stretch(_stretch(x, 1, self.size[0]), 2, self.size[1])

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (_gather(_gather(dy, 2, self.size[1]), 1, self.size[0]),)


Phase = tuple[slice, slice, slice, float]


def _phases(factor: int) -> list[Phase]:
    """Return what each of the `factor` cells is made of that one cell of an axis becomes.

    For each: the cells that mix with a neighbour, their neighbours, those that stay alone, and the neighbours' share.
    """
    phases: list[Phase] = []
    for phase in range(factor):
        offset = (phase + 0.5) / factor - 0.5
        if offset < 0:
            phases.append((slice(1, None), slice(None, -1), slice(None, 1), -offset))
        elif offset > 0:
            phases.append((slice(None, -1), slice(1, None), slice(-1, None), offset))
        else:
            phases.append((slice(0), slice(0), slice(None), 0.0))
    return phases


def _stretch(x: Any, axis: int, factor: int) -> Any:
    """Return x with one axis, 1 or 2, `factor` times as long."""
    outer, length, rest = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    y = np.empty_like(x, shape=(*outer, length, factor, *rest))
    before = (slice(None),) * axis
    for phase, (mixed, neighbours, alone, share) in enumerate(_phases(factor)):
        y[(*before, mixed, phase)] = (1 - share) * x[(*before, mixed)] + share * x[(*before, neighbours)]
        y[(*before, alone, phase)] = x[(*before, alone)]
    return y.reshape(*outer, length * factor, *rest)


def _gather(dy: Any, axis: int, factor: int) -> Any:
    """Return the gradient of what `_stretch` took."""
    outer, length, rest = dy.shape[:axis], dy.shape[axis] // factor, dy.shape[axis + 1 :]
    dy = dy.reshape(*outer, length, factor, *rest)
    dx = np.zeros_like(dy, shape=(*outer, length, *rest))
    before = (slice(None),) * axis
    for phase, (mixed, neighbours, alone, share) in enumerate(_phases(factor)):
        dx[(*before, mixed)] += (1 - share) * dy[(*before, mixed, phase)]
        dx[(*before, neighbours)] += share * dy[(*before, mixed, phase)]
        dx[(*before, alone)] += dy[(*before, alone, phase)]
    return dx


BY_FACTORS = {"nearest": UpSample2DNearest, "bilinear": UpSample2DBilinear}
INTERPOLATIONS = (*BY_FACTORS, "bicubic", "lanczos3", "lanczos5")


def upsample2d(x: Any, size: Pair = (2, 2), interpolation: str = "nearest") -> Tensor:
    """Enlarge images x (n,h,w,c) by whole factors, down and across: "nearest" repeats cells, "bilinear" goes between.

    See `UpSample2DNearest` and `UpSample2DBilinear`; the other INTERPOLATIONS are those of `resize`.
    """
    x = as_tensor(x)
    if interpolation in BY_FACTORS:
        return BY_FACTORS[interpolation](size)(x)
    return resize(x, (x.shape[1] * size[0], x.shape[2] * size[1]), interpolation)
