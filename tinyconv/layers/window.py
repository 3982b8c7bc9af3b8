"""What layers with a window share: its arguments, and lengths of images, which may be open."""

from collections.abc import Callable, Sequence

from ..arguments import pair
from ..kernels import Window

Pair = tuple[int, int]


def window_of(
    argument: str,
    size: int | Sequence[int],
    strides: int | Sequence[int],
    padding: str,
    dilation_rate: int | Sequence[int] = 1,
) -> Window:
    """Return the window that a layer's arguments describe; `argument` is the name of the one for its size."""
    padding = padding.lower() if isinstance(padding, str) else padding
    return Window(pair(argument, size), pair("strides", strides), padding, pair("dilation_rate", dilation_rate))


def output_lengths(
    output: Callable[[int, int], Pair], h: int | None, w: int | None, fitting: Pair = (1, 1)
) -> tuple[int | None, int | None]:
    """Return `output(h, w)`, open where `h` or `w` is; `fitting` are lengths to measure the other one with."""
    found = output(fitting[0] if h is None else h, fitting[1] if w is None else w)
    return None if h is None else found[0], None if w is None else found[1]


def known(what: str, length: int | None) -> int:
    """Return a length of an input's shape that weights are made for; refuse one that is open."""
    if length is None:
        raise ValueError(f"its number of {what} is open, and weights are made for a number: give Input that number")
    return length
