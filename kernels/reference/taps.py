"""What sliding a window means: pad the image, then visit the window's taps one by one.

A tap is one of the kh·kw places in a window. Under the tap (i, j), the output position (p, q) sees the padded image's
cell (p·s_h + i·d_h, q·s_w + j·d_w), with s the strides and d the dilation: a strided slice, which NumPy gives as a
view. Convolution and pooling are a few lines each on top of this (Dumoulin & Visin 2016, "A guide to convolution
arithmetic for deep learning", sections 2, 3 and 5.1).
"""

from collections.abc import Iterator

import numpy as np

from ..window import Pair, Window


def pad(x: np.ndarray, window: Window, value: float) -> np.ndarray:
    """Return the images `x` (n,h,w,c) in a frame of `value` that is as wide as the window's padding."""
    vertical, horizontal = window.pads(x.shape[1], x.shape[2])
    return np.pad(x, ((0, 0), vertical, horizontal, (0, 0)), constant_values=value)


def crop(padded: np.ndarray, window: Window, image: Pair) -> np.ndarray:
    """Undo `pad`: the h×w images inside the frame, with `image` = (h, w)."""
    (top, _), (left, _) = window.pads(*image)
    return np.ascontiguousarray(padded[:, top : top + image[0], left : left + image[1], :])


def taps(padded: np.ndarray, window: Window, image: Pair) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (i, j, cells) for each tap in row-major order, `image` being (h, w) before padding.

    `cells` (n,oh,ow,c) is a view of `padded`: what the tap sees at every output position. Writing to it writes there.
    """
    oh, ow = window.output(*image)
    (sh, sw), (dh, dw) = window.strides, window.dilation
    for i in range(window.size[0]):
        for j in range(window.size[1]):
            top, left = i * dh, j * dw
            yield i, j, padded[:, top : top + (oh - 1) * sh + 1 : sh, left : left + (ow - 1) * sw + 1 : sw, :]
