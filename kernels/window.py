"""Window: the geometry of a sliding window, settled once."""

from dataclasses import dataclass

import numpy as np

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A sliding window over an image's height and width.

    `size`, `strides` and `dilation` are (vertical, horizontal) pairs of positive ints; `padding` is "valid" or "same".
    Along one axis of `n` cells, a window of `k` cells with dilation `d` spans `(k − 1)·d + 1` cells, and

        valid:  output = ⌊(n − span) / stride⌋ + 1, no padding
        same:   output = ⌈n / stride⌉, padding = max(0, (output − 1)·stride + span − n), half of it before (rounded
                down) and the rest after

    which is the rule of TensorFlow and Keras (`tf.nn.convolution`, section "padding").
    """

    size: Pair
    strides: Pair = (1, 1)
    padding: str = "valid"
    dilation: Pair = (1, 1)

    def __post_init__(self) -> None:
        for field in ("size", "strides", "dilation"):
            pair = getattr(self, field)
            fits = isinstance(pair, tuple | list) and len(pair) == 2
            if not fits or any(not isinstance(cell, int) or cell < 1 for cell in pair):
                raise ValueError(f"{field} must be two positive integers, got {pair}")
        if self.padding not in ("valid", "same"):
            raise ValueError(f'padding must be "valid" or "same", got {self.padding!r}')

    @property
    def span(self) -> Pair:
        """Height and width that the window covers in the image, dilation included."""
        return (self.size[0] - 1) * self.dilation[0] + 1, (self.size[1] - 1) * self.dilation[1] + 1

    @property
    def argmax_dtype(self) -> np.dtype:
        """The type that numbers the window's cells: uint16, int64 where there are more than 65,536."""
        return np.dtype(np.uint16 if self.size[0] * self.size[1] <= 2**16 else np.int64)

    def output(self, h: int, w: int) -> Pair:
        """Number of window positions along the height and the width of an `h`×`w` image.

        Raises ValueError when the window is larger than the image and nothing is padded.
        """
        if self.padding == "same":
            return -(-h // self.strides[0]), -(-w // self.strides[1])
        span = self.span
        if span[0] > h or span[1] > w:
            raise ValueError(
                f"a window of {span[0]}×{span[1]} is larger than the image of {h}×{w}; "
                'use a smaller window or padding="same"'
            )
        return (h - span[0]) // self.strides[0] + 1, (w - span[1]) // self.strides[1] + 1

    def pads(self, h: int, w: int) -> tuple[Pair, Pair]:
        """Padding of an `h`×`w` image: ((top, bottom), (left, right))."""
        if self.padding == "valid":
            return (0, 0), (0, 0)
        pads = []
        for cells, out, stride, span in zip((h, w), self.output(h, w), self.strides, self.span, strict=True):
            total = max(0, (out - 1) * stride + span - cells)
            pads.append((total // 2, total - total // 2))
        return pads[0], pads[1]


# Pooling as most networks do it, and some kernels in one pass with the convolution before: disjoint squares of 2×2.
POOL_2X2 = Window((2, 2), (2, 2))

# What stands for a square's argmax, 0 … 3, where its largest value hands no gradient on because a ReLU cut it off.
NO_GRADIENT = 4
