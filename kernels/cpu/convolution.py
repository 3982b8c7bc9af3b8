"""Two-dimensional convolution: picks the algorithm by shape. Formulas: `kernels/reference/convolution.py`.

Four algorithms compute it, each in a module of its own: `im2col` can do anything; `pointwise` is what becomes of it
under a 1×1 window; `direct` is for few channels, and `winograd` for 3×3 at stride 1. `docs/performance.md` has the
measurements behind the choice.
"""

from math import ceil

import numpy as np
from numba import prange

from ..algorithm import wanted_algorithm
from ..window import SHUT, SQUARES, Pair, Window
from . import direct, im2col, pointwise, winograd
from .activation import relu_backward
from .compile import parallel_jit
from .pooling import max_pool2d, max_pool2d_backward

Gradient = np.ndarray | None

# The bias's gradient is summed in this many parts, added in order: the bits do not depend on the number of threads.
PARTS = 16

# Up to this many channels the image is as good as free to read, and nothing is gained by writing patches of it.
FEW = 8

# Tiles of 3×3 outputs are taken where they need less than this share of the products of tiles of 4×4.
MUCH = 0.8

SIDES = {"winograd": 4, "winograd-3x3": 3, "winograd-2x2": 2}  # of a tile of outputs
POOLED = {name: side for name, side in SIDES.items() if side % 2 == 0}  # tiles that squares of 2×2 fill


def chosen(dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> str:
    """Return the algorithm for a kernel of `shape` (kh,kw,c/groups,k) on images of `image` = (h, w).

    With less than 3×3 outputs, a Winograd tile's 36 products are no fewer than the definition's. Tiles of 3×3 are for
    outputs that they fill so much better than tiles of 4×4 that fewer products remain: 3×3, 5×5, 6×6 and 9×9. What is
    im2col's to do goes by "pointwise" where that can be.
    """
    wanted, asked = wanted_algorithm(), (dtype, shape, window, groups, image)
    able = {"direct": direct.can, **dict.fromkeys(SIDES, winograd.can)}
    if wanted == "auto":
        outputs = window.output(*image)
        if winograd.can(*asked) and min(outputs) >= 3:
            return "winograd-3x3" if _products(outputs, 3) < MUCH * _products(outputs, 4) else "winograd"
        if direct.can(*asked) and shape[2] <= FEW:
            return "direct"
    elif wanted in able and able[wanted](*asked):
        return wanted
    return "pointwise" if pointwise.can(*asked) else "im2col"


def _products(outputs: Pair, side: int) -> int:
    """Return how many products an image takes, a pair of channels, in tiles of side×side outputs."""
    oh, ow = outputs
    return ceil(oh / side) * ceil(ow / side) * (side + 2) ** 2


def conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, window: Window, groups: int, relu: bool) -> np.ndarray:
    """Return y (n,oh,ow,k) of images `x` (n,h,w,c), kernel `w` (kh,kw,c/groups,k) and bias `b` (k,) or None.

    With `relu`, max(y, 0) in the same pass.
    """
    bias = np.zeros(w.shape[3], x.dtype) if b is None else b
    floor = 0.0 if relu else -np.inf
    algorithm = chosen(x.dtype, w.shape, window, groups, x.shape[1:3])
    if algorithm in SIDES:
        return winograd.conv2d(x, w, bias, window, floor, SIDES[algorithm])
    if algorithm == "direct":
        return direct.conv2d(x, w, bias, window, floor)
    if algorithm == "pointwise":
        return pointwise.conv2d(x, w, bias, window, floor)
    return im2col.conv2d(x, w, bias, window, groups, floor)


def conv2d_backward(
    dy: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    y: np.ndarray | None,
    window: Window,
    groups: int,
    needs: tuple[bool, bool, bool],
) -> tuple[Gradient, Gradient, Gradient]:
    """Return dx, dw and db, each None unless `needs` it; `y` is the result where it was rectified, else None."""
    image = x.shape[1:3]
    algorithm = chosen(x.dtype, w.shape, window, groups, image)
    if algorithm in SIDES:
        return _backward_by_winograd(dy, y, None, x, w, window, needs, SIDES[algorithm])
    if algorithm == "direct" and not needs[0]:
        dw, db = direct.conv2d_backward(dy, y, None, x, window)
        return None, dw if needs[1] else None, db if needs[2] else None
    if y is not None:
        dy = relu_backward(dy, y)
    return (
        conv2d_backward_input(dy, w, window, groups, image) if needs[0] else None,
        conv2d_backward_kernel(dy, x, window, groups) if needs[1] else None,
        conv2d_backward_bias(dy) if needs[2] else None,
    )


def conv2d_pooled(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, window: Window, groups: int, relu: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest of each 2×2 square of `conv2d`'s result, and its place, SHUT where no gradient passes.

    Where the algorithm allows, the squares never leave the registers.
    """
    bias = np.zeros(w.shape[3], x.dtype) if b is None else b
    floor = 0.0 if relu else -np.inf
    algorithm = chosen(x.dtype, w.shape, window, groups, x.shape[1:3])
    if algorithm in POOLED:
        return winograd.conv2d_pooled(x, w, bias, window, floor, POOLED[algorithm])
    if algorithm == "direct":
        return direct.conv2d_pooled(x, w, bias, window, floor)
    y, place = max_pool2d(conv2d(x, w, b, window, groups, relu), SQUARES)
    return y, (np.where(y > 0, place, SHUT) if relu else place).astype(np.uint8)


def conv2d_pooled_backward(
    dy: np.ndarray,
    place: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    window: Window,
    groups: int,
    needs: tuple[bool, bool, bool],
) -> tuple[Gradient, Gradient, Gradient]:
    """Return dx, dw and db, each None unless `needs` it, from `dy` and the `place` (n,oh/2,ow/2,k) of each."""
    algorithm = chosen(x.dtype, w.shape, window, groups, x.shape[1:3])
    if algorithm in POOLED:
        return _backward_by_winograd(dy, None, place, x, w, window, needs, POOLED[algorithm])
    if algorithm == "direct" and not needs[0]:
        dw, db = direct.conv2d_backward(dy, None, place, x, window)
        return None, dw if needs[1] else None, db if needs[2] else None
    dy = max_pool2d_backward(dy, place.astype(np.uint16), SQUARES, window.output(*x.shape[1:3]))
    return conv2d_backward(dy, x, w, None, window, groups, needs)


def conv2d_backward_input(dy: np.ndarray, w: np.ndarray, window: Window, groups: int, image: Pair) -> Gradient:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k); `image` is (h, w)."""
    algorithm = chosen(dy.dtype, w.shape, window, groups, image)
    if algorithm in SIDES:
        return winograd.conv2d_backward(dy, None, None, None, w, window, image, SIDES[algorithm])[0]
    if algorithm == "pointwise":
        return pointwise.conv2d_backward_input(dy, w, window, image)
    return im2col.conv2d_backward_input(dy, w, window, groups, image)


def conv2d_backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window, groups: int) -> Gradient:
    """Return dw (kh,kw,c/groups,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c)."""
    shape = (*window.size, x.shape[3] // groups, dy.shape[3])
    image = x.shape[1:3]
    algorithm = chosen(x.dtype, shape, window, groups, image)
    if algorithm in SIDES:
        return winograd.conv2d_backward(dy, None, None, x, None, window, image, SIDES[algorithm])[1]
    if algorithm == "direct":
        return direct.conv2d_backward(dy, None, None, x, window)[0]
    if algorithm == "pointwise":
        return pointwise.conv2d_backward_kernel(dy, x, window)
    return im2col.conv2d_backward_kernel(dy, x, window, groups)


def conv2d_backward_bias(dy: np.ndarray) -> np.ndarray:
    """Return db (k,) = Σ dy over n, h, w, in double."""
    partial = np.zeros((PARTS, dy.shape[3]))
    _sum_rows(dy.reshape(-1, dy.shape[3]), partial)
    return partial.sum(axis=0).astype(dy.dtype)


def _backward_by_winograd(
    dy: np.ndarray,
    y: np.ndarray | None,
    place: np.ndarray | None,
    x: np.ndarray,
    w: np.ndarray,
    window: Window,
    needs: tuple[bool, bool, bool],
    side: int,
) -> tuple[Gradient, Gradient, Gradient]:
    given = x if needs[1] else None, w if needs[0] else None
    dx, dw, db = winograd.conv2d_backward(dy, y, place, *given, window, x.shape[1:3], side)
    return dx, dw, db if needs[2] else None


@parallel_jit
def _sum_rows(rows: np.ndarray, partial: np.ndarray) -> None:
    """Add up the rows (m,k) in partial (parts, k), one part a thread."""
    parts, k = partial.shape
    for number in prange(parts):
        for row in range(number * len(rows) // parts, (number + 1) * len(rows) // parts):
            for t in range(k):
                partial[number, t] += rows[row, t]
