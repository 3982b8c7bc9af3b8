"""Maps: an array of a recording of which a page may hold only some of the maps along its last axis.

Those that are kept are evenly spaced: all, every 2nd, every 4th, … So an array of which fewer are kept has none that
another of as many maps lacks: with channel k of a convolution's output there is channel k of its kernel.
"""

from math import inf, prod

import numpy as np

from .arrays import Packed

Kept = tuple[int, ...] | None  # the places along the last axis; None: all

SMALL = 256  # numbers: an array of no more is always whole
STRETCH = 8  # one map alone may have so many times as many numbers as an array may have


def spaced(shape: tuple[int, ...], most: float) -> Kept:
    """Return which maps to keep so that an array has at most so many numbers: the most that are evenly spaced.

    One map is kept if it has no more than `STRETCH` times as many, else none. A small array is whole anyway.
    """
    if prod(shape) <= max(most, SMALL) or not shape:
        return None
    maps = shape[-1]
    one = prod(shape) // maps
    step = 1
    while step < maps and -(-maps // step) * one > most:
        step *= 2
    return tuple(range(0, maps, step)) if step < maps or one <= STRETCH * most else ()


class Maps:
    """An array, as many maps of it as a page may ever hold, and which they are.

    `share` is how many numbers this one may have, of those that a page's arrays may have; ∞: all that it has. Packed it
    is once for each choice. `helper` says that the page knows its shape from the element alone; an array that is kept
    `like` another, of this shape, has the same maps of it.
    """

    def __init__(
        self,
        array: np.ndarray,
        most: float,
        share: float = 1.0,
        helper: bool = False,
        like: tuple[int, ...] | None = None,
    ) -> None:
        self.share, self.helper = share, helper
        self.shape = array.shape if like is None else like
        self._held = self.kept(most)
        held = array if self._held is None else array[..., list(self._held)]
        self._array = np.array(held, np.float32 if array.dtype.kind == "f" else None)
        self._packed: dict[Kept, Packed] = {}

    def kept(self, most: float) -> Kept:
        """Return the maps that are kept where arrays may have so many numbers."""
        return None if self.share == inf else spaced(self.shape, self.share * most)

    def packed(self, most: float) -> Packed | None:
        """Return them as an element of a page, None if none is kept."""
        kept = self.kept(most)
        if kept == ():
            return None
        if kept not in self._packed:
            places = None if kept is None else [(self._held or range(self.shape[-1])).index(k) for k in kept]
            self._packed[kept] = Packed(self._array if places is None else self._array[..., places])
        return self._packed[kept]
