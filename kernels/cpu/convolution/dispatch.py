"""Two-dimensional convolution by the algorithm that suits its shape, with ReLU and 2×2 pooling in the same pass.

Formulas: `kernels/reference/convolution.py`. The package's docstring has the map of the algorithms.
"""

from functools import lru_cache
from math import ceil

import numpy as np
from numba import prange

from ...algorithm import wanted_algorithm
from ...shared import Ceiling, Needs
from ...window import NO_GRADIENT, POOL_2X2, Pair, Window
from ..activation import relu_backward
from ..compile import parallel_jit
from ..epilogue import Epilogue, for_bias, for_scale
from ..pooling import max_pool2d, max_pool2d_backward
from . import direct, im2col, implicit, pointwise, winograd

Gradient = np.ndarray | None
Gradients = tuple[Gradient, Gradient, Gradient]

# The bias's gradient is summed in this many parts, added in order: the bits do not depend on the number of threads.
PARTS = 16

# Up to this many channels the image is as good as free to read, and nothing is gained by writing patches of it.
MAX_DIRECT_CHANNELS = 8

# Winograd's tiles of 3×3 outputs are taken where they need less than this share of the products of tiles of 4×4.
MAX_SMALL_TILE_SHARE = 0.8

# Winograd's algorithms, by the side of their tiles of outputs. Squares of 2×2 fill the tiles of even sides alone.
TILE_SIDES = {"winograd": 4, "winograd-3x3": 3, "winograd-2x2": 2}


def choose_algorithm(dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> str:
    """Return the algorithm for a kernel of `shape` (kh,kw,c/groups,k) on images of `image` = (h, w).

    With less than 3×3 outputs, a Winograd tile's 36 products are no fewer than the definition's. Tiles of 3×3 are for
    outputs that they fill so much better than tiles of 4×4 that fewer products remain: 3×3, 5×5, 6×6 and 9×9. Where
    "im2col" is asked for or all that is left, 1×1 windows go by "pointwise", which is im2col without patches. All other
    windows go by "implicit", which writes none in memory, where there are channels enough.
    """
    return _choose(wanted_algorithm(), dtype, shape, window, groups, image)


@lru_cache(4096)
def _choose(wanted: str, dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> str:
    asked = dtype, shape, window, groups, image
    able = {
        "direct": direct.supports,
        "implicit": implicit.supports,
        **dict.fromkeys(TILE_SIDES, winograd.supports),
    }
    if wanted == "auto":
        outputs = window.output(*image)
        if winograd.supports(*asked) and min(outputs) >= 3:
            share = _winograd_products(outputs, 3) / _winograd_products(outputs, 4)
            return "winograd-3x3" if share < MAX_SMALL_TILE_SHARE else "winograd"
        if direct.supports(*asked) and shape[2] <= MAX_DIRECT_CHANNELS:
            return "direct"
        if not pointwise.supports(*asked) and implicit.supports(*asked):
            return "implicit"
    elif wanted in able and able[wanted](*asked):
        return wanted
    return "pointwise" if pointwise.supports(*asked) else "im2col"


def _winograd_products(outputs: Pair, side: int) -> int:
    """Return how many products an image takes, for a channel in and one out, in tiles of side×side outputs."""
    oh, ow = outputs
    return ceil(oh / side) * ceil(ow / side) * (side + 2) ** 2


def conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, window: Window, groups: int, relu: bool) -> np.ndarray:
    """Return y (n,oh,ow,k) of images `x` (n,h,w,c), kernel `w` (kh,kw,c/groups,k) and bias `b` (k,) or None.

    With `relu`, max(y, 0) in the same pass.
    """
    return _convolved(x, w, for_bias(w.shape[3], x.dtype, b, relu), window, groups)


def conv2d_scaled(
    x: np.ndarray, w: np.ndarray, scale_and_shift: np.ndarray, window: Window, groups: int, ceiling: Ceiling
) -> np.ndarray:
    """Return the convolution (n,oh,ow,k), without a bias, scaled, moved and rectified in the same pass.

    Rows of `scale_and_shift` (2,k) are the scale and the shift; see `ceiling` in `scale_shift`.
    """
    return _convolved(x, w, for_scale(scale_and_shift, ceiling), window, groups)


def _convolved(x: np.ndarray, w: np.ndarray, epilogue: Epilogue, window: Window, groups: int) -> np.ndarray:
    """Return x ∗ w (n,oh,ow,k), finished by the epilogue."""
    algorithm = choose_algorithm(x.dtype, w.shape, window, groups, x.shape[1:3])
    if algorithm in TILE_SIDES:
        return winograd.conv2d(x, w, epilogue, window, TILE_SIDES[algorithm])
    if algorithm == "direct":
        return direct.conv2d(x, w, epilogue, window)
    if algorithm == "pointwise":
        return pointwise.conv2d(x, w, epilogue, window)
    if algorithm == "implicit":
        return implicit.conv2d(x, w, epilogue, window)
    return im2col.conv2d(x, w, epilogue, window, groups)


def conv2d_pooled(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, window: Window, groups: int, relu: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return (y, argmax), both (n,oh/2,ow/2,k): the largest of each 2×2 square of `conv2d`'s result, and which it was.

    `argmax` (uint8) is 0 … 3, or with `relu` NO_GRADIENT. Where the algorithm can, the squares never leave registers.
    """
    epilogue = for_bias(w.shape[3], x.dtype, b, relu)
    algorithm = choose_algorithm(x.dtype, w.shape, window, groups, x.shape[1:3])
    side = TILE_SIDES.get(algorithm)
    if side is not None and side % 2 == 0:
        return winograd.conv2d_pooled(x, w, epilogue, window, side)
    if algorithm == "direct":
        return direct.conv2d_pooled(x, w, epilogue, window)
    y, argmax = max_pool2d(conv2d(x, w, b, window, groups, relu), POOL_2X2)
    return y, (np.where(y > 0, argmax, NO_GRADIENT) if relu else argmax).astype(np.uint8)


def conv2d_backward(
    dy: np.ndarray, x: np.ndarray, w: np.ndarray, y: np.ndarray | None, window: Window, groups: int, needs: Needs
) -> Gradients:
    """Return dx, dw and db, each None unless `needs` it; `y` is the result where it was rectified, else None."""
    found = _backward_in_one_pass(dy, y, None, x, w, window, groups, needs)
    if found is not None:
        return found
    if y is not None:
        dy = relu_backward(dy, y)
    return (
        conv2d_backward_input(dy, w, window, groups, x.shape[1:3]) if needs[0] else None,
        conv2d_backward_kernel(dy, x, window, groups) if needs[1] else None,
        conv2d_backward_bias(dy) if needs[2] else None,
    )


def conv2d_pooled_backward(
    dy: np.ndarray, argmax: np.ndarray, x: np.ndarray, w: np.ndarray, window: Window, groups: int, needs: Needs
) -> Gradients:
    """Return dx, dw and db, each None unless `needs` it, from `dy` and `argmax`, both (n,oh/2,ow/2,k)."""
    found = _backward_in_one_pass(dy, None, argmax, x, w, window, groups, needs)
    if found is not None:
        return found
    dy = max_pool2d_backward(dy, argmax.astype(np.uint16), POOL_2X2, window.output(*x.shape[1:3]))
    return conv2d_backward(dy, x, w, None, window, groups, needs)


def _backward_in_one_pass(
    dy: np.ndarray,
    y: np.ndarray | None,
    argmax: np.ndarray | None,
    x: np.ndarray,
    w: np.ndarray,
    window: Window,
    groups: int,
    needs: Needs,
) -> Gradients | None:
    """Return dx, dw and db by an algorithm that undoes pooling and ReLU while it reads dy, or None if none can."""
    image = x.shape[1:3]
    algorithm = choose_algorithm(x.dtype, w.shape, window, groups, image)
    side = TILE_SIDES.get(algorithm)
    if side is not None and (argmax is None or side % 2 == 0):
        given = x if needs[1] else None, w if needs[0] else None
        dx, dw, db = winograd.conv2d_backward(dy, y, argmax, *given, window, image, side)
    elif algorithm == "direct" and not needs[0]:
        dx, (dw, db) = None, direct.conv2d_backward(dy, y, argmax, x, window)
    else:
        return None
    return dx, dw if needs[1] else None, db if needs[2] else None


def conv2d_backward_input(dy: np.ndarray, w: np.ndarray, window: Window, groups: int, image: Pair) -> Gradient:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,k); `image` is (h, w)."""
    algorithm = choose_algorithm(dy.dtype, w.shape, window, groups, image)
    if algorithm in TILE_SIDES:
        return winograd.conv2d_backward(dy, None, None, None, w, window, image, TILE_SIDES[algorithm])[0]
    if algorithm == "pointwise":
        return pointwise.conv2d_backward_input(dy, w, window, image)
    if algorithm == "implicit" and implicit.supports_backward_input(w.shape, window, image):
        return implicit.conv2d_backward_input(dy, w, window, image)
    return im2col.conv2d_backward_input(dy, w, window, groups, image)


def conv2d_backward_kernel(dy: np.ndarray, x: np.ndarray, window: Window, groups: int) -> Gradient:
    """Return dw (kh,kw,c/groups,k) from `dy` (n,oh,ow,k) and the images `x` (n,h,w,c)."""
    shape = (*window.size, x.shape[3] // groups, dy.shape[3])
    image = x.shape[1:3]
    algorithm = choose_algorithm(x.dtype, shape, window, groups, image)
    if algorithm in TILE_SIDES:
        return winograd.conv2d_backward(dy, None, None, x, None, window, image, TILE_SIDES[algorithm])[1]
    if algorithm == "direct":
        return direct.conv2d_backward(dy, None, None, x, window)[0]
    if algorithm == "pointwise":
        return pointwise.conv2d_backward_kernel(dy, x, window)
    if algorithm == "implicit":
        return implicit.conv2d_backward_kernel(dy, x, window)
    return im2col.conv2d_backward_kernel(dy, x, window, groups)


def conv2d_backward_bias(dy: np.ndarray) -> np.ndarray:
    """Return db (k,) = Σ dy over n, h, w, in double."""
    partial = np.zeros((PARTS, dy.shape[3]))
    _sum_rows(dy.reshape(-1, dy.shape[3]), partial)
    return partial.sum(axis=0).astype(dy.dtype)


@parallel_jit
def _sum_rows(rows: np.ndarray, partial: np.ndarray) -> None:
    """Add up the rows (m,k) in partial (parts,k), one part a thread."""
    parts, k = partial.shape
    for number in prange(parts):
        for row in range(number * len(rows) // parts, (number + 1) * len(rows) // parts):
            for t in range(k):
                partial[number, t] += rows[row, t]
