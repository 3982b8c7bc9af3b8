"""Pooling: one number for each window of each channel (Goodfellow et al. 2016, "Deep Learning", section 9.3).

Windows may overlap, or leave gaps between them. A pooling window has dilation (1, 1). Padding counts for nothing: it
never is a maximum and never is part of an average.
"""

import numpy as np

from ..window import Pair, Window
from .taps import crop, pad, taps


def max_pool2d(x: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest cell of each window of `x` (n,h,w,c), and where it was.

        y[n,p,q,c]     = max_{i,j} x̃[n, p·s_h + i, q·s_w + j, c]         x̃: x in a frame of −∞
        index[n,p,q,c] = i·kw + j of that cell

    Both are (n,oh,ow,c), `index` of the window's `argmax_dtype`. Among equals the first in row-major order wins; NaN
    counts as the largest. Raises ValueError when the window is larger than an unpadded image.
    """
    _, height, width, _ = x.shape
    image = height, width
    cells = np.stack([cells for _, _, cells in taps(pad(x, window, -np.inf), window, image)])
    index = cells.argmax(axis=0)
    y = np.take_along_axis(cells, index[None], axis=0)[0]
    # A window of nothing but −∞ must not go to a cell of the frame: the first cell inside the image wins it.
    index = np.where(np.isneginf(y), inside(window, image).argmax(axis=0), index)
    return y, index.astype(window.argmax_dtype)


def max_pool2d_backward(dy: np.ndarray, index: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) from `dy` and `index` (n,oh,ow,c); `image` is (h, w).

    The maximum's derivative is 1 at the winner and 0 elsewhere, so each window hands its dy to its winner; a cell that
    wins several overlapping windows receives the sum:

        dx̃[n, p·s_h + i, q·s_w + j, c] += dy[n,p,q,c]   where index[n,p,q,c] = i·kw + j
    """
    padded = frame(dy, window, image)
    for i, j, cells in taps(padded, window, image):
        cells += np.where(index == i * window.size[1] + j, dy, 0.0)
    return crop(padded, window, image).astype(dy.dtype)


def average_pool2d(x: np.ndarray, window: Window) -> np.ndarray:
    """Return y (n,oh,ow,c), the mean of each window of `x` (n,h,w,c) over its cells inside the image.

        y[n,p,q,c] = (1/N[p,q]) Σ_{i,j} x̃[n, p·s_h + i, q·s_w + j, c]     x̃: x in a frame of zeros

    N[p,q] is the number of cells of the window at (p, q) that are inside the image, kh·kw but at a padded border. The
    sum is taken in double.
    Raises ValueError when the window is larger than an unpadded image.
    """
    n, height, width, channels = x.shape
    image = height, width
    y = np.zeros((n, *window.output(*image), channels))
    for _, _, cells in taps(pad(x, window, 0.0), window, image):
        y += cells
    return (y / inside(window, image).sum(axis=0)).astype(x.dtype)


def average_pool2d_backward(dy: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) from `dy` (n,oh,ow,c); `image` is (h, w).

    Each window hands dy/N to each of its cells: dx̃[n, p·s_h + i, q·s_w + j, c] += dy[n,p,q,c] / N[p,q].
    """
    padded = frame(dy, window, image)
    share = dy / inside(window, image).sum(axis=0, dtype=dy.dtype)
    for _, _, cells in taps(padded, window, image):
        cells += share
    return crop(padded, window, image).astype(dy.dtype)


def global_average_pool2d(x: np.ndarray) -> np.ndarray:
    """Return y (n,c), the mean of each channel of `x` (n,h,w,c) over the image (Lin et al. 2014, section 3.2).

    The sum is taken in double.
    """
    return x.mean(axis=(1, 2), dtype=np.float64).astype(x.dtype)


def global_average_pool2d_backward(dy: np.ndarray, image: Pair) -> np.ndarray:
    """Return dx (n,h,w,c) with dx[n,p,q,c] = dy[n,c] / (h·w), from `dy` (n,c); `image` is (h, w)."""
    h, w = image
    n, channels = dy.shape
    return np.broadcast_to((dy / (h * w))[:, None, None, :], (n, h, w, channels)).copy()


def inside(window: Window, image: Pair) -> np.ndarray:
    """Return (kh·kw,1,oh,ow,1) booleans: whether each tap, at each position, is on a cell of the h×w image."""
    cells = pad(np.ones((1, *image, 1), bool), window, False)
    return np.stack([cells for _, _, cells in taps(cells, window, image)])


def frame(dy: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Return zeros for the padded images' gradient, with the batch and channels of `dy` (n,oh,ow,c), in double."""
    return pad(np.zeros((len(dy), *image, dy.shape[3])), window, 0.0)
