"""The look that every picture shares: colors, type sizes, and how wide words are. Lengths are pixels, type is points.

matplotlib is imported inside the functions, so that importing this module costs nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib.util import find_spec

DPI = 128  # a power of two: pixels / DPI inches is exact, so a page has exactly the pixels it asked for
MARGIN = 28

PAPER = "#ffffff"
INK = "#1f2328"
MUTED = "#6e7781"
FAINT = "#d8dee4"
EMPTY = "#eaeef2"
BLUE = "#2166ac"
ORANGE = "#d9730d"
RED = "#c62828"

SEQUENTIAL = "magma"  # zero is black
DIVERGING = "RdBu_r"  # negative blue, zero white, positive red
GRAY = "gray"
ERRORS = "Oranges"
RIGHT = "#d3e3f3"  # the diagonal of a confusion matrix: a pale blue

TITLE = 13.0
HEADING = 10.0
BODY = 9.0
SMALL = 7.5
TINY = 6.0


def need_matplotlib() -> None:
    """Raise ModuleNotFoundError, in words, where matplotlib is not installed: it draws all pictures."""
    if find_spec("matplotlib") is None:
        raise ModuleNotFoundError("pictures are drawn by matplotlib: pip install matplotlib", name="matplotlib")


@functools.cache
def text_width(words: str, size: float, weight: str = "normal") -> float:
    """Width of one line of text of `size` points."""
    need_matplotlib()
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(size=size, weight=weight)
    width, _, _ = TextToPath().get_text_width_height_descent(words, font, ismath=False)
    return float(width) * DPI / 72


def fit_size(lines: Iterable[str], size: float, width: float) -> float:
    """The largest type size, at most `size` and at least TINY, at which no line is wider than `width`."""
    widest = max(text_width(line, size) for line in lines)
    return size if widest <= width else max(TINY, size * width / widest)


def cut(words: str, size: float, width: float) -> str:
    """The words, or as many of their first characters as fit in `width` before an ellipsis."""
    if text_width(words, size) <= width:
        return words
    kept = words
    while kept and text_width(f"{kept}…", size) > width:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def wrap(words: str, size: float, width: float) -> list[str]:
    """Break one line between words into lines of at most `width` (a longer word stands alone)."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def short(number: float) -> str:
    """A number in three digits, or whole from 1,000 to ten million, with a true minus sign."""
    words = f"{number:,.0f}" if 1000 <= abs(number) < 1e7 else f"{number:.3g}"
    return words.replace("-", "−")
