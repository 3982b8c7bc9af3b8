"""3×3 convolution at stride 1 by a quarter of the multiplications: Winograd's F(4×4, 3×3), and its transpose.

A tile of 4×4 outputs sees 6×6 cells of the image: 144 products by definition, 36 after the transforms of
`transforms.py`, which has the derivation. With `side` 3 or 2 it is F(3×3, 3×3), 25 products for 81, for outputs that
tiles of 4×4 do not fill, or F(2×2, 3×3), 16 for 36, which rounds less.
Over many channels the products become, at each point, a matrix product over the channels. In the letters of that
page, with v = Bᵀ x B and u = G w Gᵀ,

    forward             m = v · u               (tiles, c)·(c, k)       y = Aᵀ m A + b
    kernel gradient     du = vᵀ · (A dy Aᵀ)     (c, tiles)·(tiles, k)   dw = Gᵀ du G
    input gradient      dv = (A dy Aᵀ) · uᵀ     (tiles, k)·(k, c)       dx = Σ_tiles B dv Bᵀ

so that both gradients share one transform of dy. Only for float32, where the error is 1e-6 of the result's norm, in a
kernel's gradient up to 3e-6: whoever asks for float64 asks for exactness.

The modules: `transforms.py` has the transforms of one tile, `tiles.py` those of many, at edges too, `filters.py` those
of the kernel. `fused.py` takes a block of tiles through all steps while it is in cache; `nonfused.py`, for layers so
wide that a transformed kernel does not fit beside it, takes all tiles through one step after the other; `few_tiles.py`,
for one image, cuts the kernel up instead.
"""

from types import ModuleType

import numpy as np

from ....window import Pair, Window
from ...epilogue import Epilogue
from ...memory import empty, zeros
from ...vectors import LANES
from . import few_tiles, fused, nonfused
from .filters import channels_swapped, filter_gradient, transformed_filter
from .tiles import NO_BYTES, NO_NUMBERS

# Bytes of a transformed kernel up to which it may be read again for each block of tiles.
MAX_FUSED_BYTES = 4 * 1024 * 1024


def supports(dtype: np.dtype, shape: tuple[int, ...], window: Window, groups: int, image: Pair) -> bool:
    """Return whether this package can do it: 3×3 at stride 1, and whole vectors of channels on either side."""
    return (
        dtype == np.float32
        and window.size == (3, 3)
        and window.strides == window.dilation == (1, 1)
        and groups == 1
        and shape[2] % LANES == shape[3] % LANES == 0
    )


def conv2d(x: np.ndarray, w: np.ndarray, epilogue: Epilogue, window: Window, side: int) -> np.ndarray:
    """Return x ∗ w (n,oh,ow,k), finished by the epilogue, of images `x` (n,h,w,c) and the kernel `w` (3,3,c,k)."""
    oh, ow = window.output(*x.shape[1:3])
    y = empty((len(x), oh, ow, w.shape[3]), x.dtype)
    _convolve(x, w, epilogue, y, NO_BYTES, window, (oh, ow), side)
    return y


def conv2d_pooled(
    x: np.ndarray, w: np.ndarray, epilogue: Epilogue, window: Window, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest of each 2×2 square of what `conv2d` returns, and its argmax: both (n,oh/2,ow/2,k)."""
    oh, ow = window.output(*x.shape[1:3])
    y = empty((len(x), oh // 2, ow // 2, w.shape[3]), x.dtype)
    argmax = empty(y.shape, np.uint8)
    _convolve(x, w, epilogue, y, argmax.reshape(-1), window, (oh // 2 * 2, ow // 2 * 2), side)
    return y, argmax


def _convolve(
    x: np.ndarray,
    w: np.ndarray,
    epilogue: Epilogue,
    y: np.ndarray,
    argmax: np.ndarray,
    window: Window,
    outputs: Pair,
    side: int,
) -> None:
    """Fill y, and with it `argmax` if it is not empty, from `outputs` rows and columns of outputs."""
    n, h, width, c = x.shape
    k = w.shape[3]
    (top, _), (left, _) = window.pads(h, width)
    geometry = n, h, width, c, *outputs, k, top, left
    few = few_tiles.serves(geometry, side)
    kernel = w.reshape(-1) if few else transformed_filter(w, side)
    method = few_tiles if few else _method(c, k, side)
    method.forward(x.reshape(-1), kernel, epilogue, y.reshape(-1), argmax, geometry, (0,) * side)


def conv2d_backward(
    dy: np.ndarray,
    y: np.ndarray | None,
    argmax: np.ndarray | None,
    x: np.ndarray | None,
    w: np.ndarray | None,
    window: Window,
    image: Pair,
    side: int,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray]:
    """Return dx (n,h,w,c), dw (3,3,c,k) and db (k,) from `dy` (n,oh,ow,k); `image` is (h, w).

    With `y`, the result behind a ReLU, dy counts only where y > 0. With `argmax`, what `conv2d_pooled` returned, dy is
    (n,oh/2,ow/2,k), and each number belongs to one output of a 2×2 square. Without the images `x` there is no dw,
    without the kernel `w` no dx.
    """
    n, oh, ow, k = dy.shape
    if argmax is not None:
        oh, ow = 2 * oh, 2 * ow
    c = w.shape[2] if w is not None else x.shape[3] if x is not None else 0
    (top, _), (left, _) = window.pads(*image)
    geometry = n, *image, c, oh, ow, k, top, left
    method, size = _method(c, k, side), (side + 2) ** 2 * c * k
    parts = method.parts(geometry, side)
    dx = dw = None
    u = partial = NO_NUMBERS
    if w is not None:
        dx = empty((n, *image, c), dy.dtype)
        swapped = channels_swapped(w) if method is nonfused else np.ascontiguousarray(w.transpose(0, 1, 3, 2))
        u = transformed_filter(swapped, side)
    if x is not None:
        partial = (empty if method is nonfused and n else zeros)((parts * size,), dy.dtype)
    y, x_, dx_ = (NO_NUMBERS if array is None else array.reshape(-1) for array in (y, x, dx))
    argmax = NO_BYTES if argmax is None else argmax.reshape(-1)
    sums = method.backward(dy.reshape(-1), argmax, y, x_, dx_, u, partial, parts, geometry, (0,) * side)
    if x is not None:
        dw = filter_gradient(partial, parts, c, k, side)
    return dx, dw, sums.sum(axis=0).astype(dy.dtype)


def _method(c: int, k: int, side: int) -> ModuleType:
    """Return the module for so many channels in and out: `fused`, or `nonfused` if the transformed kernel is large."""
    return nonfused if (side + 2) ** 2 * c * k * 4 > MAX_FUSED_BYTES else fused
